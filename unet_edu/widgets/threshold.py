"""The threshold lab: how far one grey value can go in separating objects from background, and where it stops."""

from __future__ import annotations

import numpy as np
import traitlets

from unet_edu.widgets.base import Bounded, Choice, Widget, inline, pack, style


class ThresholdLab(Widget):
    """Call every pixel on one side of a grey value an object, and compare with the mask of the toy pictures.

    Args:
        data: a few pictures of one size, as `unet_edu.data.ToyCells` gives them; by default 6 held-out ones.
        picture: which of them is shown.
        threshold: grey value, in steps of 1/255.
        objects: "brighter" than the threshold, or "darker" (at or below it).

    Raises:
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
    """

    _esm = inline("threshold.js")
    _css = style()

    picture = Bounded(1, 0, 15, "which picture")
    threshold = Bounded(149, 0, 255, "grey value")
    objects = Choice(["brighter", "darker"], "which side of the threshold is called object")
    images = traitlets.Unicode(help="grey values, uint8 (N, H, W), base64").tag(sync=True)
    masks = traitlets.Unicode(help="class of each pixel, uint8 (N, H, W), base64").tag(sync=True)
    seeds = traitlets.List(traitlets.Int(), help="the seed that draws each picture").tag(sync=True)
    shape = traitlets.List(traitlets.Int(), help="height and width, pixels").tag(sync=True)

    def __init__(self, data=None, **traits):
        if data is None:
            from unet_edu.data import ToyCells

            data = ToyCells(6, held_out=True)
        images, masks = (np.stack(part) for part in zip(*(data[i] for i in range(len(data))), strict=True))
        super().__init__(
            images=pack(np.rint(images[:, 0] * 255).astype(np.uint8)),
            masks=pack(masks.astype(np.uint8)),
            seeds=[int(data.picture_seed(i)) for i in range(len(data))],
            shape=[int(side) for side in masks.shape[1:]],
            **traits,
        )

    @traitlets.validate("picture")
    def _there(self, proposal):
        if proposal.value >= len(self.seeds or range(16)):
            raise traitlets.TraitError(f"picture={proposal.value}: this lab has {len(self.seeds)}, numbered from 0")
        return proposal.value
