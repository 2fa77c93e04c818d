"""Pictures into batches: everything in two tensors, dealt anew each epoch in an order that the seed fixes.

Source: none; what a torch `DataLoader` with `shuffle=True, drop_last=True` does, for data that fit in memory.
Deviation: the order of an epoch depends on seed and epoch alone, so a resumed run needs no history to go on alike.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

Data = Sequence | tuple[np.ndarray | Tensor, np.ndarray | Tensor]


def as_tensors(data: Data) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W) float32 and masks (N, H, W), from pairs or from two arrays.

    Raises ValueError for no pictures, sizes that differ, wrong axes, nan or inf; TypeError for images of integers.
    """
    if isinstance(data, tuple) and len(data) == 2 and hasattr(data[0], "ndim"):
        images, masks = (torch.as_tensor(part) for part in data)
    else:
        if len(data) == 0:
            raise ValueError("0 pictures: give at least one (image, mask) pair")
        pairs = [data[i] for i in range(len(data))]
        for i, (image, mask) in enumerate(pairs):
            if image.shape != pairs[0][0].shape or mask.shape != pairs[0][1].shape:
                raise ValueError(
                    f"picture {i} is {tuple(image.shape)} with a mask {tuple(mask.shape)}, picture 0 "
                    f"{tuple(pairs[0][0].shape)} with {tuple(pairs[0][1].shape)}: crop or resize all to one size"
                )
        images, masks = (torch.stack([torch.as_tensor(part) for part in column]) for column in zip(*pairs, strict=True))
    if images.ndim != 4:
        raise ValueError(f"images {tuple(images.shape)} have {images.ndim} axes, expected 4: (N, C, H, W)")
    if len(images) == 0 or len(images) != len(masks):
        raise ValueError(f"{len(images)} images and {len(masks)} masks: give one mask per image, and at least one")
    if not images.is_floating_point():
        raise TypeError(f"images are {images.dtype}: bring them to 0..1, as images.float() / 255 does for bytes")
    images = images.float()
    if not images.isfinite().all():
        bad = int((~images.isfinite()).flatten(1).any(1).nonzero()[0])
        raise ValueError(f"picture {bad} holds nan or inf: one such pixel spoils the whole batch; replace or drop it")
    return images, masks


def deal(n: int, batch_size: int, seed: int, epoch: int) -> Iterator[Tensor]:
    """Picture numbers in batches of exactly `batch_size`, in an order that depends on seed and epoch alone."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1_000_003 * seed + epoch))
    return iter(order[: n - n % batch_size].split(batch_size))
