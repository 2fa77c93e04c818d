"""The skip-alignment lab: decoder map meets skip at any image size, made equal in four ways, with the shift of each.

Source: Ronneberger et al. (2015), figure 1, for cropping the skip; the padded layout best known in PyTorch for `F.pad`.
Deviation: no convolution runs between pooling and up-sampling, so that both maps show one content.
"""

from __future__ import annotations

import numpy as np
import traitlets

from unet_edu.shapes import Stage, unet_trace
from unet_edu.widgets.base import Bounded, Choice, Widget, inline, pack, style

SIDE = 32  # cells of the corner that travels with the page: 17 are drawn, and a crop looks up to 9 further back


def edges() -> np.ndarray:
    """A feature map without a network: a toy picture through one 3x3 edge filter and ReLU, float (62, 62)."""
    from unet_edu.data import draw

    image = draw(67)[0][0]
    sobel = (image[:-2] + 2 * image[1:-1] + image[2:])[:, :-2] - (image[:-2] + 2 * image[1:-1] + image[2:])[:, 2:]
    return np.maximum(sobel, 0)


def corner(feature_map) -> np.ndarray:
    """The lower right 32 x 32 cells of a feature map, as whole numbers from 0 to 255 (its largest value there).

    Raises:
        ValueError: not two axes, too small, not finite, below 0, or the same everywhere.
    """
    cells = np.asarray(feature_map, dtype=np.float64)
    if cells.ndim != 2:
        raise ValueError(f"feature_map has shape {cells.shape}; give one channel, two axes: (height, width)")
    if min(cells.shape) < SIDE:
        raise ValueError(f"feature_map is {cells.shape[0]} x {cells.shape[1]}; give at least {SIDE} x {SIDE} cells")
    cells = cells[-SIDE:, -SIDE:]
    if not np.isfinite(cells).all():
        raise ValueError("feature_map holds nan or inf; record a finite map")
    if cells.min() < 0:
        raise ValueError(f"feature_map holds {cells.min():.3g}; a skip comes after a ReLU, so give values of 0 or more")
    if cells.min() == cells.max():
        raise ValueError(f"feature_map is {cells.max():.3g} in its whole lower right corner; choose a livelier channel")
    return np.rint(255 * cells / cells.max()).astype(np.uint8)


class SkipAlignmentLab(Widget):
    """One level of a U-Net where the skip and the decoder map must become equal, drawn at the lower right corner.

    Args:
        feature_map: one channel of a skip, (height, width), at least 32 x 32 and not negative; its lower right corner
            is drawn. Left out: a toy picture through an edge filter.
        source: what the map is, as the end of the sentence "The map is ...".
        height, width: the image, pixels, 16 to 600.
        level: "up1" (the lowest) to "up4" (full size).
        way: "pad", "crop", "interpolate" or "pad_input".
        up: "transposed" or "bilinear".
        axis: along which the shift is drawn, "height" or "width".
        position: the skip cell looked at; beyond the end it means the last.

    Raises:
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
        ValueError: a feature map that cannot be drawn.
    """

    _esm = inline("skip_alignment.js")
    _css = style()

    height = Bounded(75, 16, 600, "image height, pixels")
    width = Bounded(101, 16, 600, "image width, pixels")
    level = Choice(["up4", "up3", "up2", "up1"], "the decoder stage")
    way = Choice(["pad", "crop", "interpolate", "pad_input"], "how the two maps become equal")
    up = Choice(["transposed", "bilinear"], "how the decoder map is doubled")
    axis = Choice(["width", "height"], "along which axis the shift is drawn")
    position = Bounded(599, 0, 599, "skip cell looked at; beyond the end, the last")
    source = traitlets.Unicode(help="what the map is").tag(sync=True)
    _cells = traitlets.Unicode().tag(sync=True)

    def __init__(self, feature_map=None, source=None, **traits):
        if source is None:
            by_hand = "a toy picture through one 3 × 3 edge filter and ReLU, computed without a network"
            source = by_hand if feature_map is None else "one channel that the notebook passed in"
        cells = corner(edges() if feature_map is None else feature_map)
        super().__init__(source=source, **traits)
        self._cells = pack(cells)

    @classmethod
    def keys_shown(cls) -> list[str]:
        """Return the names that a reader may set."""
        return ["feature_map", *super().keys_shown()]

    @property
    def stage(self) -> Stage:
        """What the padded network does at this level: up-sampled size, `F.pad` list, size of the output."""
        trace = unet_trace(self.height, self.width, bilinear=self.up == "bilinear")
        return next(stage for stage in trace if stage.name == self.level)
