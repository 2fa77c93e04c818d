"""The live network in a small form, for the landing page: a canvas, a few tools, and the mask as the pen moves."""

from __future__ import annotations

from unet_edu.widgets.base import inline, style
from unet_edu.widgets.live_network import LiveNetwork
from unet_edu.widgets.scene_canvas import SceneControls


class LiveSketch(SceneControls, LiveNetwork):
    """Draw, and see the mask that a U-Net answers. Arguments and errors: see `LiveUNet`."""

    _esm = inline("live_sketch.js")
    _css = style()
