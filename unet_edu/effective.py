"""What a pixel of a feature map does see: the input gradient, next to the theoretical receptive field.

Source: Luo, Li, Urtasun, Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks"
(2016): the gradient of one pixel of a map with respect to the image tells how much each input pixel moves it.
Deviations: theirs is a mean over many images and random weights; here it is one image and the network as it is, so
ReLU and max pooling have chosen their paths. Channels of the pixel are summed before the gradient is taken, and a
gradient's sign is dropped.
"""

import base64
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unet_edu.model import UNet
from unet_edu.receptive import STAGES, receptive_field, stage_size
from unet_edu.stages import run_stages

STEPS = 15  # in which `field_table` stores a map
LARGE = 40  # pixels: a wider map is stored in blocks of 2 x 2
SHARE = 0.9  # of the gradient: how few pixels hold it


def effective_field(
    model: UNet, image: Tensor | np.ndarray, stage: str, row: int, col: int, channel: int | None = None
) -> np.ndarray:
    """How much each pixel of `image` moves one pixel of a stage: the size of that gradient, float64 (H, W).

    image: (channels, H, W), as `data.draw` gives it. The pixel's channels are summed, or `channel` alone is taken; the
    gradient's magnitudes are summed over the channels of the image. The model is run in eval mode and left as it was.
    Raises ValueError for an unknown stage or a pixel or channel that the map does not have.
    """
    return effective_fields(model, image, stage, [(row, col)], channel)[0]


def effective_fields(model, image, stage, pixels: Sequence[tuple[int, int]], channel=None) -> np.ndarray:
    """`effective_field` of many `pixels`, (row, col) pairs, in one forward pass: float64 (N, H, W)."""
    weight = next(model.parameters())
    image = torch.as_tensor(image).to(weight)[None].clone().requires_grad_()
    height, width = (stage_size(stage, size) for size in image.shape[2:])
    said = _run(model, image, stage)
    if channel is not None and not 0 <= channel < said.shape[1]:
        raise ValueError(f"channel {channel}: {stage} has {said.shape[1]}, numbered 0 to {said.shape[1] - 1}")
    total = said.sum(1) if channel is None else said[:, channel]
    maps = []
    for row, col in pixels:
        for name, value, size in (("row", row, height), ("col", col, width)):
            if not 0 <= value < size:
                raise ValueError(f"{name} {value}: {stage} has {size} at this image, numbered 0 to {size - 1}")
        (gradient,) = torch.autograd.grad(total[0, row, col], image, retain_graph=True)
        maps.append(gradient[0].abs().sum(0).double().cpu().numpy())
    return np.stack(maps)


def _run(model, image, stage) -> Tensor:
    """The map that leaves `stage`, with its graph."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.enable_grad():
            return run_stages(model, image)[stage]
    finally:
        for module, training in modes.items():
            module.training = training


def held_by(field: np.ndarray, share: float = SHARE) -> int:
    """The least number of pixels that together hold `share` of a map; 0 for a map of zeros."""
    if not 0 < share <= 1:
        raise ValueError(f"share {share}: take a part of the whole, above 0 and up to 1, e.g. {SHARE}")
    ordered = np.sort(field, axis=None)[::-1].cumsum()
    if ordered[-1] == 0:
        return 0
    return int(np.searchsorted(ordered, share * ordered[-1] * (1 - 1e-12)) + 1)


def central_share(field: np.ndarray, row: tuple[int, int], col: tuple[int, int]) -> float:
    """Share of a map within the middle third of a box from row[0] to row[1] and col[0] to col[1], ends included.

    The box may reach beyond the map, as a receptive field does beyond an image. 0 for a map of zeros.
    """

    def third(first, last):
        middle, half = (first + last) / 2, (last - first + 1) / 6
        return slice(max(0, math.ceil(middle - half)), max(0, math.floor(middle + half) + 1))

    total = field.sum()
    return float(field[third(*row), third(*col)].sum() / total) if total else 0.0


def positions(size: int, count: int) -> list[int]:
    """Up to `count` pixels spread evenly over a map of `size`, none twice."""
    return sorted({int((i + 0.5) * size / count) for i in range(count)})


def field_table(model: UNet, image: np.ndarray, count: int = 3) -> dict:
    """What a widget needs to show `effective_field` without a kernel: `count` x `count` pixels of every stage.

    The channels of a pixel are summed, but of the logits the largest is taken.

    image: (1, H, W) in 0..1. Returns {"height", "width", "image": in steps of 1/255, "steps", "stages": {stage:
    {"rows", "cols": the positions; and for each pixel, row by row, in a list: "boxes": [row, column, rows, columns,
    block], all that is stored, counted in blocks of block x block pixels; "area": how few pixels hold 90 %; "central":
    the share in the middle third of the theoretical field; "peak": the largest gradient; and "maps": the boxes one
    after the other, one byte a block, its mean / the largest mean in `steps`}}}. Bytes are base64 text, about 20 KB in
    all when compressed.
    """
    height, width = image.shape[1:]
    table = {"height": height, "width": width, "steps": STEPS, "image": _pack(image[0] * 255), "stages": {}}
    for stage in STAGES:
        rows, cols = (positions(stage_size(stage, size), count) for size in (height, width))
        pixels = [(row, col) for row in rows for col in cols]
        told, maps = {"rows": rows, "cols": cols, "boxes": [], "area": [], "central": [], "peak": []}, []
        if stage == "logits":  # the sum of all logits hardly depends on the image: take the one that wins
            won = _run(model, torch.as_tensor(image).to(next(model.parameters()))[None], stage)[0].argmax(0)
            fields = [effective_field(model, image, stage, row, col, int(won[row, col])) for row, col in pixels]
        else:
            fields = effective_fields(model, image, stage, pixels)
        for (row, col), field in zip(pixels, fields, strict=True):
            down, across = (
                receptive_field(stage, at, size, model.bilinear) for at, size in ((row, height), (col, width))
            )
            box, levels = _coarse(field)
            told["boxes"].append(box)
            maps.append(levels)
            told["area"].append(held_by(field))
            told["peak"].append(float(f"{field.max():.3g}"))
            told["central"].append(round(central_share(field, down[2:], across[2:]), 4))
        table["stages"][stage] = told | {"maps": _pack(np.concatenate(maps))}
    return table


def _coarse(field: np.ndarray) -> tuple[list[int], np.ndarray]:
    """The box of a map that is not 0 after rounding to `STEPS`, and its values; in blocks of 2 x 2 if it is large."""
    height, width = field.shape
    for block in (1, 2):
        whole = np.pad(field, ((0, -height % block), (0, -width % block)))
        blocks = whole.reshape(whole.shape[0] // block, block, -1, block).mean((1, 3))
        levels = np.round(STEPS * blocks / (blocks.max() or 1))
        rows, cols = np.flatnonzero(levels.any(1)), np.flatnonzero(levels.any(0))
        if not len(rows):
            return [0, 0, 0, 0, 1], levels[:0].ravel()
        box = [int(n) for n in (rows[0], cols[0], rows[-1] - rows[0] + 1, cols[-1] - cols[0] + 1, block)]
        if max(box[2:4]) <= LARGE:
            break
    return box, levels[box[0] : box[0] + box[2], box[1] : box[1] + box[3]].ravel()


def _pack(values) -> str:
    """Numbers 0..255 as base64 text, one byte each."""
    return base64.b64encode(np.round(values).astype(np.uint8).tobytes()).decode("ascii")
