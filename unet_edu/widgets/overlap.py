"""The overlap lab: one disc against another, and what pixel accuracy, IoU and Dice make of the same mistake.

Source: none; the scores are those of ``unet_edu.metrics``.
"""

from __future__ import annotations

from unet_edu.widgets.base import Bounded, Widget, inline, style


class OverlapLab(Widget):
    """A true disc in the middle of a square image and a predicted one beside it; sizes and shifts in pixels.

    A pixel belongs to a disc if its centre is nearer than the radius to the centre pixel; radius 0 is an empty mask.

    Raises:
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
    """

    _esm = inline("overlap.js")
    _css = style()

    column_shift = Bounded(6, -32, 32, "prediction to the right of the mask, pixels")
    row_shift = Bounded(3, -32, 32, "prediction below the mask, pixels")
    radius = Bounded(12, 0, 32, "radius of the prediction, pixels")
    true_radius = Bounded(10, 0, 32, "radius of the mask, pixels")
    side = Bounded(64, 32, 192, "side of the image, pixels")
