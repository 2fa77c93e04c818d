"""The training film: recorded runs to scrub through, one that goes well and others that show how it goes wrong."""

from __future__ import annotations

import numpy as np
import traitlets

from unet_edu.widgets.base import Bounded, Widget, inline, pack, style

LEVELS = 63  # steps of a map's grey; one character of base64 each
MOST = 8  # reels in one film
LAST = 47  # the last moment that a reel may have
NEEDED = ("title", "width", "size", "n_train", "epochs", "batch_size", "max_lr", "seed", "batch_norm", "smooth")


def pack_bits(values: np.ndarray, bits: int) -> str:
    """Whole numbers below 2 ** bits as base64, `bits` bits each, the highest first.

    Where `bits` divides 6, equal neighbours give equal characters, which a web server's gzip packs well.
    """
    flat = np.asarray(values, np.uint8).reshape(-1)
    if flat.size and flat.max() >> bits:
        raise ValueError(f"{flat.max()} does not fit {bits} bits: 0 to {(1 << bits) - 1} do")
    return pack(np.packbits(np.unpackbits(flat[:, None], axis=1)[:, 8 - bits :]))


def digits(values, n: int = 4) -> list[float]:
    """Numbers with `n` significant digits, which is what a page shows of them at most."""
    return [float(f"{value:.{n}g}") for value in values]


class TrainingFilm(Widget):
    """Scrub through recorded runs: the loss so far, predicted masks, one filter and one feature map.

    Args:
        reels: what `unet_edu.film.shoot` returned, of runs watched on the same pictures; the first is what the others
            are compared with.
        data: the held-out `unet_edu.data.ToyCells` that they watched; the first pictures are shown.
        reel: which reel, counted from 0. moment: which of its moments. smooth: steps that the curve averages over.
        compare: draw the first reel's curve behind, and name its scores.

    Raises:
        ValueError: reels that do not fit the data, or too many of them.
        traitlets.TraitError: a value out of its range.
        TypeError: an unknown argument.
    """

    _esm = inline("training_film.js")
    _css = style()

    reel = Bounded(0, 0, MOST - 1, "which reel")
    moment = Bounded(0, 0, LAST, "which of its moments")
    smooth = Bounded(1, 1, 32, "steps that the loss curve averages over")
    compare = traitlets.Bool(True, help="show the first reel behind").tag(sync=True)
    images = traitlets.Unicode(help="grey values, uint8 (shown, H, W), base64").tag(sync=True)
    masks = traitlets.Unicode(help="class of each pixel, two bits each (shown, H, W), base64").tag(sync=True)
    shape = traitlets.List(traitlets.Int(), help="shown, height, width, map height, map width").tag(sync=True)
    reels = traitlets.List(traitlets.Dict(), help="what each run left").tag(sync=True)

    def __init__(self, reels, data, **traits):
        reels = list(reels)
        if not 1 <= len(reels) <= MOST:
            raise ValueError(f"{len(reels)} reels: a film holds 1 to {MOST}")
        shown = reels[0].masks.shape[1]
        images, masks = (np.stack(part) for part in zip(*(data[i] for i in range(shown)), strict=True))
        for i, reel in enumerate(reels):
            if reel.masks.shape[1:] != masks.shape or reel.maps.shape[1:] != reels[0].maps.shape[1:]:
                raise ValueError(
                    f"reel {i} holds masks {reel.masks.shape[1:]} and maps {reel.maps.shape[1:]}; the data have masks "
                    f"{masks.shape}, the first reel maps {reels[0].maps.shape[1:]}: film all on the same pictures"
                )
            missing = [name for name in NEEDED if name not in reel.settings]
            if missing:
                raise ValueError(f"reel {i} does not say its {', '.join(missing)}: make it with unet_edu.film.shoot")
            if len(reel.steps) > LAST + 1:
                raise ValueError(f"reel {i} has {len(reel.steps)} moments: a film holds {LAST + 1}; film fewer")
        self._last = max(len(reel.steps) for reel in reels) - 1
        self._count = len(reels)
        super().__init__(
            images=pack(np.rint(images[:, 0] * 255).astype(np.uint8)),
            masks=pack_bits(masks, 2),
            shape=[int(side) for side in (*masks.shape, *reels[0].maps.shape[1:])],
            reels=[strip(reel) for reel in reels],
            **traits,
        )

    @traitlets.validate("reel", "moment")
    def _there(self, proposal):
        name = proposal.trait.name
        last = self._count - 1 if name == "reel" else self._last
        if proposal.value > last:
            raise traitlets.TraitError(f"{name}={proposal.value} is outside 0 to {last}: not in this film")
        return proposal.value


def strip(reel) -> dict:
    """One reel as the page needs it."""
    return {
        "settings": {key: value for key, value in reel.settings.items() if isinstance(value, (str, int, float))},
        "steps": [int(step) for step in reel.steps],
        "loss": digits(reel.loss),
        "lr": digits(reel.lr),
        "answers": pack_bits(reel.masks, 2),
        "filters": pack(reel.filters.astype(np.float32)),
        "maps": pack_bits(np.rint(reel.maps * (LEVELS / 255)), 6),
        "peaks": digits(reel.peaks),
        "iou": [[None if score is None else float(f"{score:.4f}") for score in scores] for scores in reel.iou],
        "stopped": reel.stopped,
    }
