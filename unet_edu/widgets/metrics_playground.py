"""The metrics playground: a prediction of three classes to distort and to paint, and what each score makes of it.

Source: none; the scores are those of ``unet_edu.metrics`` and ``unet_edu.losses``. A step of erosion or dilation looks
at a pixel and its four neighbours; outside the picture is background.
"""

from __future__ import annotations

import re

import traitlets

from unet_edu.widgets.base import Bounded, Choice, Widget, inline, style

PIXELS = 32 * 32


class MetricsPlayground(Widget):
    """A mask of cells and crystals, 32 x 32 pixels, beside a prediction of it that is spoilt and painted.

    In this order: objects lost, objects of the wrong class, erosion, dilation, shift, painted pixels on top.

    Args:
        painted: run lengths in reading order, "u40c3" (u untouched, b background, c cell, x crystal), or "none".

    Raises:
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
    """

    _esm = inline("metrics_playground.js")
    _css = style()

    column_shift = Bounded(2, -12, 12, "prediction to the right of the mask, pixels")
    row_shift = Bounded(1, -12, 12, "prediction below the mask, pixels")
    erode = Bounded(0, 0, 6, "times that the prediction is eroded")
    dilate = Bounded(0, 0, 6, "times that it is dilated, after the erosion")
    lost = Bounded(1, 0, 6, "how many of the smallest objects the prediction lacks")
    mistaken = Bounded(0, 0, 6, "how many of the largest objects have the wrong class")
    size = Bounded(7, 0, 10, "size of all objects, tenths")
    confidence = Bounded(90, 34, 99, "probability of the predicted class at every pixel, percent")
    scene = Choice(["both", "cells", "nothing"], "objects of the mask")
    pen = Choice(["cell", "crystal", "background", "untouched"], "what a stroke paints")
    brush = Bounded(2, 1, 6, "side of the pen, pixels")
    painted = traitlets.Unicode("none", help="painted pixels, as run lengths").tag(sync=True)

    @traitlets.validate("painted")
    def _pixels(self, proposal):
        code = proposal.value
        runs = re.fullmatch(r"([ubcx][1-9]\d{0,3})+", code, re.ASCII)
        if code != "none" and not runs:
            raise traitlets.TraitError(
                f"painted={code!r}: write runs of a letter and a length, 'u40c3' is 40 untouched pixels, then 3 of "
                "a cell (u untouched, b background, c cell, x crystal), or 'none'"
            )
        if runs and (total := sum(map(int, re.findall(r"\d+", code)))) > PIXELS:
            raise traitlets.TraitError(f"painted={code!r}: {total} pixels, but the picture has {PIXELS}; shorten a run")
        return code
