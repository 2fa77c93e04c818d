"""The epoch film: what a network answers for a few held-out pictures after each epoch of its training."""

from __future__ import annotations

import numpy as np
import traitlets

from unet_edu.widgets.base import Bounded, Widget, inline, pack, style


def pack_classes(maps: np.ndarray) -> str:
    """Class maps of classes 0 to 3 as base64, four pixels a byte, the first in the lowest two bits."""
    flat = maps.astype(np.uint8).reshape(-1)
    if flat.size and flat.max() > 3:
        raise ValueError(f"class {flat.max()}: a film holds classes 0 to 3")
    fours = np.concatenate([flat, np.zeros(-flat.size % 4, np.uint8)]).reshape(-1, 4)
    return pack(fours[:, 0] | fours[:, 1] << 2 | fours[:, 2] << 4 | fours[:, 3] << 6)


class EpochFilm(Widget):
    """Scrub through the predictions that a run recorded, beside the image and its mask.

    Args:
        frames: class indices (epochs + 1, N, H, W); the first frame is the untrained network.
        data: the `unet_edu.data.ToyCells` whose first N items the frames answer.
        settings: how the network was trained: seed, width, n_train, size, epochs, batch_size and max_lr.
        epoch: the frame that is shown. picture: which of the N pictures.

    Raises:
        ValueError: frames that do not fit the data or the settings.
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
    """

    _esm = inline("epoch_film.js")
    _css = style()

    epoch = Bounded(1, 0, 63, "epochs of training so far")
    picture = Bounded(0, 0, 15, "which picture")
    images = traitlets.Unicode(help="grey values, uint8 (N, H, W), base64").tag(sync=True)
    masks = traitlets.Unicode(help="class of each pixel, two bits each (N, H, W), base64").tag(sync=True)
    frames = traitlets.Unicode(help="predicted class, two bits each (epochs + 1, N, H, W), base64").tag(sync=True)
    shape = traitlets.List(traitlets.Int(), help="epochs + 1, N, height, width").tag(sync=True)
    settings = traitlets.Dict(help="how the network was trained").tag(sync=True)

    def __init__(self, frames, data, settings, **traits):
        frames = np.asarray(frames)
        items = [data[i] for i in range(frames.shape[1])] if frames.ndim == 4 else []
        if not items or frames.shape[2:] != items[0][1].shape or frames.shape[0] != settings["epochs"] + 1:
            raise ValueError(
                f"frames {frames.shape}: expected (epochs + 1, N, H, W) with {settings['epochs']} epochs and pictures "
                f"of {data.size[0]} x {data.size[1]} pixels"
            )
        images, masks = (np.stack(part) for part in zip(*items, strict=True))
        super().__init__(
            images=pack(np.rint(images[:, 0] * 255).astype(np.uint8)),
            masks=pack_classes(masks),
            frames=pack_classes(frames),
            shape=[int(side) for side in frames.shape],
            settings={**settings, "data_seed": data.seed, "held_out": data.held_out},
            **traits,
        )

    @traitlets.validate("epoch", "picture")
    def _there(self, proposal):
        name, held = proposal.trait.name, dict(zip(("epoch", "picture"), self.shape, strict=False))
        if proposal.value >= held.get(name, 64):
            raise traitlets.TraitError(f"{name}={proposal.value} is outside 0 to {held[name] - 1}: not in this film")
        return proposal.value
