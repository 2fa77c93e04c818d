"""What the live network answers, recorded: a page shows it before, or where, a browser does not run the network itself.

Source: `run_stages` with open gates on the scene that the canvas starts with, on its toy pictures, and on all 64
pictures that a score is taken on.
Deviation: numbers are rounded to 256 levels between the least and the largest of their map's stage.
"""

import base64
from pathlib import Path

import numpy as np
import torch

from unet_edu.data import SCORED, ToyCells, stack
from unet_edu.effective import field_table
from unet_edu.metrics import confusion_matrix, iou, mean_foreground
from unet_edu.stages import run_stages

PICTURES = 4  # of `ToyCells(**SCORED)`: those that the canvas offers
START = Path(__file__).with_name("start_scene.bin")  # what the canvas shows first: 64 x 64 grey bytes


def recorded(model) -> dict:
    """Masks and probabilities of the canvas's first scene and of `PICTURES` toy pictures, and all stages of the scene.

    model: a UNet(1, n_classes), in eval mode. Returns plain values for JSON, bytes as base64: "pictures", a list of
    {"image": grey values, "mask": class of each pixel, "probabilities": class by class in steps of 1/255, "stages":
    of the first, a list of {"name", "shape", "low", "step", "data"}: value = low + step * byte}; "fields": see
    `effective.field_table`, of the first toy picture; and "score": {"iou": one for each class, "mean_iou": of the
    classes that are not background}, in one confusion matrix over all pictures of `data.SCORED`.
    Raises ValueError for a model in train mode: its BatchNorm would answer with the statistics of these pictures.
    """
    if model.training:
        raise ValueError("model is in train mode, where BatchNorm uses these very pictures; call model.eval() first")
    held_out, masks = stack(ToyCells(**SCORED))
    toys = held_out[:PICTURES]
    start = np.frombuffer(START.read_bytes(), np.uint8).reshape(1, 1, 64, 64) / np.float32(255)
    images = np.concatenate([start, toys])
    with torch.no_grad():
        stages = run_stages(model, torch.from_numpy(images))
        matrix = confusion_matrix(model(torch.from_numpy(held_out)), torch.from_numpy(masks))
    score = {"iou": iou(matrix).tolist(), "mean_iou": mean_foreground(iou(matrix))}
    grey = torch.from_numpy(images * 255).round()
    probabilities = stages["logits"].softmax(dim=1)
    pictures = [
        {"image": text(image), "mask": text(logits.argmax(dim=0)), "probabilities": text((255 * part).round())}
        for image, logits, part in zip(grey, stages["logits"], probabilities, strict=True)
    ]
    pictures[0]["stages"] = [levels(name, maps[0]) for name, maps in stages.items()]
    return {"pictures": pictures, "fields": field_table(model, toys[0]), "score": score}


def levels(name: str, maps: torch.Tensor) -> dict:
    """One stage's maps (C, H, W) in 256 levels."""
    low, high = float(maps.min()), float(maps.max())
    step = (high - low) / 255 or 1.0
    data = ((maps - low) / step).round()
    return {"name": name, "shape": list(maps.shape), "low": low, "step": step, "data": text(data)}


def text(values: torch.Tensor) -> str:
    """Whole numbers 0..255 as base64 text, one byte each."""
    return base64.b64encode(values.numpy().astype(np.uint8).tobytes()).decode("ascii")
