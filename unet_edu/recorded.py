"""What the live network answers, recorded: a page shows it where a browser cannot run the network itself.

Source: `run_stages` with open gates on the scene that the canvas starts with and on its toy pictures.
Deviation: numbers are rounded to 256 levels between the least and the largest of their map's stage.
"""

import base64
from pathlib import Path

import numpy as np
import torch

from unet_edu.data import ToyCells, stack
from unet_edu.effective import field_table
from unet_edu.stages import run_stages

PICTURES = 4  # of ToyCells(64, seed=1, held_out=True): those that the canvas offers
START = Path(__file__).with_name("start_scene.bin")  # what the canvas shows first: 64 x 64 grey bytes


def recorded(model) -> dict:
    """Masks and probabilities of the canvas's first scene and of `PICTURES` toy pictures, and all stages of the scene.

    model: a UNet(1, n_classes), in eval mode. Returns plain values for JSON, bytes as base64: "pictures", a list of
    {"image": grey values, "mask": class of each pixel, "probabilities": class by class in steps of 1/255, "stages":
    of the first, a list of {"name", "shape", "low", "step", "data"}: value = low + step * byte}; and "fields": see
    `effective.field_table`, of the first toy picture.
    Raises ValueError for a model in train mode: its BatchNorm would answer with the statistics of these pictures.
    """
    if model.training:
        raise ValueError("model is in train mode, where BatchNorm uses these very pictures; call model.eval() first")
    toys, _ = stack(ToyCells(64, seed=1, held_out=True), range(PICTURES))
    start = np.frombuffer(START.read_bytes(), np.uint8).reshape(1, 1, 64, 64) / np.float32(255)
    images = np.concatenate([start, toys])
    with torch.no_grad():
        stages = run_stages(model, torch.from_numpy(images))
    grey = torch.from_numpy(images * 255).round()
    probabilities = stages["logits"].softmax(dim=1)
    pictures = [
        {"image": text(image), "mask": text(logits.argmax(dim=0)), "probabilities": text((255 * part).round())}
        for image, logits, part in zip(grey, stages["logits"], probabilities, strict=True)
    ]
    pictures[0]["stages"] = [levels(name, maps[0]) for name, maps in stages.items()]
    return {"pictures": pictures, "fields": field_table(model, toys[0])}


def levels(name: str, maps: torch.Tensor) -> dict:
    """One stage's maps (C, H, W) in 256 levels."""
    low, high = float(maps.min()), float(maps.max())
    step = (high - low) / 255 or 1.0
    data = ((maps - low) / step).round()
    return {"name": name, "shape": list(maps.shape), "low": low, "step": step, "data": text(data)}


def text(values: torch.Tensor) -> str:
    """Whole numbers 0..255 as base64 text, one byte each."""
    return base64.b64encode(values.numpy().astype(np.uint8).tobytes()).decode("ascii")
