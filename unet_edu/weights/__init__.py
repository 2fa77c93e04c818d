"""Networks that are already trained: they come with the package, and loading one needs no network and no patience.

Source: `make weights`, that is `unet_edu.weights.make`, which trains them anew; the card beside each file of
weights says on which data, with which settings, and how well it did on pictures that it had never seen.
Deviation from a bare `torch.save` of a trained network: weights are stored in float16, half the size. The card's scores
are those of the weights as they are stored.
"""

import json
from pathlib import Path

import torch

from unet_edu.data import CLASSES
from unet_edu.model import UNet

FOLDER = Path(__file__).parent
WIDTHS = (8, 16)  # the live network of the book, and the network of chapter 10


def pretrained(width: int = 8) -> UNet:
    """A trained `UNet(1, 3, width=width)` for pictures like those of `data.draw`, in eval mode, on the CPU.

    width 8: small and trained for long, for a page that answers as you draw. width 16: what chapter 10 trains.
    It reads images (B, 1, H, W) of 0..1 and tells the classes of `data.CLASSES` apart.
    Raises ValueError, with the widths there are, for another one.
    """
    path = weights_path(width)
    model = UNet(1, len(CLASSES), width=width)
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state)  # copies into float32
    return model.eval()


def card(width: int = 8) -> dict:
    """The card of `pretrained(width)`: data, settings, seeds, command, versions and scores. Errors as there."""
    return json.loads(weights_path(width).with_suffix(".json").read_text(encoding="utf-8"))


def weights_path(width: int) -> Path:
    """Where the weights are; ValueError for a width that there is not."""
    if isinstance(width, bool) or width not in WIDTHS:
        there = " and ".join(map(str, WIDTHS))
        raise ValueError(f"width {width!r}: there are trained networks of width {there}; train others with fit(...)")
    return FOLDER / f"width-{width}.pt"
