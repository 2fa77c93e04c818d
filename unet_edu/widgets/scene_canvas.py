"""What a widget needs to hold a drawing: the traits that scene_canvas.js binds, and a few toy pictures to draw on."""

from __future__ import annotations

import numpy as np
import traitlets

from unet_edu.widgets.base import Bounded, Choice, pack

TOOLS = ["cell", "crystal", "erase", "stamp_cell", "stamp_crystal"]
LAMPS = ["left", "top_left", "top", "top_right", "right", "bottom_right", "bottom", "bottom_left"]
SIDE = 64  # pixels; the scene has no other size
TOYS = 4  # pictures in the state of each widget: noise does not compress, so each costs 4 KB of the page


class SceneControls(traitlets.HasTraits):
    """The part of a widget that draws: mix it in before `Widget`.

    It brings `TOYS` toy pictures; `widget._toys = pack_toys(data)` sets others.
    """

    tool = Choice(TOOLS, "what the pen does")
    radius = Bounded(6, 1, 14, "size of pen and stamp, pixels")
    noise = Bounded(35, 0, 200, "standard deviation at middle grey, thousandths of full white")
    light = Bounded(50, 0, 100, "unevenness of the light, percent of the most that the toy pictures have")
    lamp = Choice(LAMPS, "the brighter side")
    _toys = traitlets.Dict(help="toy pictures and their masks, see pack_toys").tag(sync=True)

    @traitlets.default("_toys")
    def _first_toys(self):
        return pack_toys()


def pack_toys(data=None) -> dict:
    """Pictures to draw on, for the state: by default the first `TOYS` of `ToyCells(**data.SCORED)`.

    data: (image (1, 64, 64) float in 0..1, mask (64, 64) int) pairs.
    Raises ValueError for a picture of another size.
    """
    if data is None:
        from unet_edu.data import SCORED, ToyCells

        held_out = ToyCells(**SCORED)
        data = [held_out[i] for i in range(TOYS)]
    images, masks = zip(*data, strict=True)
    for image in images:
        if np.shape(image) != (1, SIDE, SIDE):
            raise ValueError(f"picture {np.shape(image)}: the scene takes (1, {SIDE}, {SIDE})")
    grey = np.rint(np.stack(images) * 255).astype(np.uint8)
    return {"count": len(grey), "images": pack(grey), "masks": pack(np.stack(masks).astype(np.uint8))}
