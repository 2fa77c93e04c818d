"""The live network: a trained U-Net that answers a drawing as the pen moves, stage by stage."""

from __future__ import annotations

from unet_edu.widgets.base import Bounded, Choice, inline, style
from unet_edu.widgets.live_network import LiveNetwork
from unet_edu.widgets.scene_canvas import SceneControls
from unet_edu.widgets.xray import XRay


class LiveUNet(SceneControls, XRay, LiveNetwork):
    """Draw, and see every stage of a U-Net answer; fade its skips, and see what they are worth.

    Arguments and errors: see `LiveNetwork`. The traits are what the widget's controls set.
    """

    _esm = inline("live_unet.js")
    _css = style()

    view = Choice(["mask", "class_0", "class_1", "class_2", "nothing"], "what is laid over the drawing")
    threshold = Bounded(50, 0, 100, "probability from which a pixel counts, percent")
    skip_inc = Bounded(100, 0, 100, "gate of the skip from inc to up4, percent")
    skip_down1 = Bounded(100, 0, 100, "gate of the skip from down1 to up3, percent")
    skip_down2 = Bounded(100, 0, 100, "gate of the skip from down2 to up2, percent")
    skip_down3 = Bounded(100, 0, 100, "gate of the skip from down3 to up1, percent")
