"""The state of a widget that holds an X-ray (xray.js): the stage, channel and pixel looked at, and the gradients.

The names and bounds are those of `XRAY_BOUNDS` in xray.js.
"""

from __future__ import annotations

import traitlets

from unet_edu.receptive import STAGES
from unet_edu.widgets.base import Bounded, Choice


class XRay(traitlets.HasTraits):
    """To be inherited beside `Widget`, `class LiveUNet(XRay, Widget)`; a number beyond a map counts as its last."""

    stage = Choice(list(STAGES), "the stage looked at")
    channel = Bounded(0, 0, 2047, "its channel")
    map_row = Bounded(32, 0, 511, "row of the pixel looked at, in the stage's own map")
    map_column = Bounded(32, 0, 511, "column of the pixel looked at")
    gradient = traitlets.Bool(False, help="show the recorded input gradient").tag(sync=True)
