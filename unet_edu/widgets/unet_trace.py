"""The whole network drawn as a U: the size of every map, what ``F.pad`` adds, and what each stage costs.

Source: Ronneberger et al. (2015), figure 1, for the drawing; ``unet_edu.model.UNet`` for the network.
"""

from __future__ import annotations

import traitlets

from unet_edu.shapes import Stage, unet_trace
from unet_edu.widgets.base import Bounded, Choice, Widget, inline, style

STAGES = ["inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4", "outc"]


class UNetTrace(Widget):
    """Every stage of ``UNet(n_channels, n_classes, bilinear, width=channels)`` for one image of `height` x `width`.

    Heights and widths are in pixels. Sizes, padding, parameters and memory are computed in the page.

    Raises:
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
    """

    _esm = inline("unet_trace.js")
    _css = style()

    height = Bounded(96, 16, 600, "image height, pixels")
    width = Bounded(101, 16, 600, "image width, pixels")
    channels = Bounded(64, 4, 64, "channels of the first level, the network's `width`")
    n_channels = Bounded(3, 1, 8, "channels of the image")
    n_classes = Bounded(2, 1, 8, "channels of the output, one score each")
    bilinear = traitlets.Bool(False, help="up-sample without weights, not by transposed convolution").tag(sync=True)
    stage = Choice(STAGES, "the stage looked at")

    @traitlets.default("stage")
    def _a_stage_that_pads(self):
        return "up4"

    @property
    def trace(self) -> list[Stage]:
        """The stages that are drawn, as `unet_edu.shapes.unet_trace` gives them."""
        return unet_trace(self.height, self.width, self.n_channels, self.n_classes, self.channels, self.bilinear)
