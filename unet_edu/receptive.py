"""Which pixels of the image a pixel of any stage can see: the theoretical receptive field, on plain whole numbers.

One axis at a time, in pixels. Walked backwards through the network of `unet_edu.model`: a pair of 3x3 convolutions
reads 2 pixels further on each side, a pooled pixel reads 2, an up-sampled one reads 1 (or 2 neighbours, when bilinear),
and where a skip is joined on, the pixel sees whatever either of the two maps sees.
Source: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill (2019).
Deviation: no closed formula, since odd sizes and `align_corners=True` have none; every pixel is followed on its own.
"""

from typing import NamedTuple

from unet_edu.shapes import _flag, _whole, max_pool2d_size, skip_padding

STAGES = ("inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4", "logits")
LEVELS = (0, 1, 2, 3, 4, 3, 2, 1, 0, 0)  # how often each stage's map was halved


class ReceptiveField(NamedTuple):
    """The input pixels that one pixel of a map can depend on, along one axis; both ends are included."""

    first: int  # inside the image
    last: int
    reach_first: int  # as if the image went on for ever: below 0 before it, from `size` on behind it
    reach_last: int

    @property
    def size(self):
        """Pixels of the image that it sees."""
        return self.last - self.first + 1

    @property
    def reach(self):
        """Pixels that it would see in an image without edges."""
        return self.reach_last - self.reach_first + 1


def stage_size(stage, size):
    """How many pixels the map of `stage` has where the image has `size`, per axis."""
    if stage not in STAGES:
        raise ValueError(f"stage {stage!r}: must be one of {', '.join(STAGES)}")
    _whole("size", size, 16, "four poolings leave 0 pixels; use at least")
    for _ in range(LEVELS[STAGES.index(stage)]):
        size = max_pool2d_size(size, 2)
    return size


def receptive_field(stage, index, size, bilinear=False):
    """What pixel `index` of the map that leaves `stage` can see of an image of `size` pixels, per axis.

    Returns a `ReceptiveField`. `bilinear` is the network's own: up-sampling with `align_corners=True`.
    Raises ValueError for an unknown stage, a size below 16 or an index outside the map, TypeError for a wrong type.
    """
    pixels = stage_size(stage, size)
    _whole("index", index, 0)
    _flag("bilinear", bilinear)
    if index >= pixels:
        raise ValueError(f"index {index}: {stage} has {pixels} pixels at size {size}, numbered 0 to {pixels - 1}")
    at = STAGES.index(stage)
    sizes = [stage_size(name, size) for name in STAGES[:5]]
    walk = _encoder if at <= 4 else _decoder
    inside = walk(LEVELS[at], index, index, sizes, bilinear, _within)
    return ReceptiveField(*inside, *walk(LEVELS[at], index, index, sizes, bilinear, _anywhere))


def _within(first, last, size):
    """Keep to the pixels that a map of `size` has: beyond them is padding, which says nothing of the image."""
    return max(first, 0), min(last, size - 1)


def _anywhere(first, last, size):
    """The same for an image without edges."""
    return first, last


def _encoder(level, first, last, sizes, bilinear, keep):
    """Pixels `first` to `last` of the map that leaves `level` downwards, and as its skip -> pixels of the image."""
    first, last = keep(first - 2, last + 2, sizes[level])  # two 3x3 convolutions
    if level == 0:
        return first, last
    return _encoder(level - 1, 2 * first, 2 * last + 1, sizes, bilinear, keep)  # each pooled pixel stands for two


def _decoder(level, first, last, sizes, bilinear, keep):
    """Pixels `first` to `last` of the map that comes up to `level` -> pixels of the image."""
    if level == 4:
        return _encoder(level, first, last, sizes, bilinear, keep)
    first, last = keep(first - 2, last + 2, sizes[level])
    skip = _encoder(level, first, last, sizes, bilinear, keep)
    small = sizes[level + 1]
    before, _ = skip_padding(2 * small, sizes[level])
    first, last = keep(first - before, last - before, 2 * small)  # what F.pad put in saw nothing
    if bilinear:  # pixel i is read at i * (small - 1) / (2 * small - 1), between two neighbours
        first, last = first * (small - 1) // (2 * small - 1), -(-last * (small - 1) // (2 * small - 1))
    else:  # stamp i // 2 of the transposed convolution
        first, last = first // 2, last // 2
    below = _decoder(level + 1, first, last, sizes, bilinear, keep)
    return min(skip[0], below[0]), max(skip[1], below[1])
