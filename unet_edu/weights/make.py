"""Train the networks that come with the package, and write their weights and cards: `make weights`.

Source: `unet_edu.train.default_run`. Width 16 is that run as it is. Width 8 is drawn in a page as the pen moves, so it
is a quarter of the size, and gets eight times the pictures, twice the epochs and a tenth of the weight decay.
Deviation from it: float32 and one thread, so that the same torch on the same kind of processor gives the same bytes.

The pictures of the card decided nothing. The settings of width 8 were compared on others, `CHOSEN_ON`, with seed 0:

    n_train 288,   6 epochs: mean foreground IoU 0.885
    n_train 1152, 10 epochs: 0.937; with max_lr 0.5, 0.935
    n_train 2304, 12 epochs: 0.942; with weight_decay 5e-5, 0.940; with none, 0.936

With the default weight decay of 5e-4 the last of these runs let its deep stages die: no picture changed what down3,
down4 and up1 said, and the mask came from the shallow ones alone. With 5e-5 every channel of every stage is in use.
"""

import argparse
import json
import platform
from dataclasses import asdict
from pathlib import Path

import torch

from unet_edu.data import CLASSES, SCORED, ToyCells
from unet_edu.files import whole_file
from unet_edu.model import UNet
from unet_edu.train import Recipe, Scores, default_run, evaluate
from unet_edu.weights import FOLDER

RECIPES = {8: Recipe(width=8, n_train=2304, epochs=12, weight_decay=5e-5), 16: Recipe()}
SEED = 0
CHOSEN_ON = "ToyCells(256, 64, 2, held_out=True)"


def make(width: int, folder: Path | None = None, recipe: Recipe | None = None) -> dict:
    """Train the network of that width, write width-N.pt and width-N.json into `folder`, and return the card.

    The folder is that of the package and the recipe that of `RECIPES`, unless others are given.
    """
    folder, recipe = folder or FOLDER, recipe or RECIPES[width]
    run = default_run(SEED, recipe, device="cpu", amp=False, threads=1, progress=False)
    state = {name: x.half() if x.is_floating_point() else x for name, x in run.model.state_dict().items()}
    stored = UNet(1, len(CLASSES), width=width)
    stored.load_state_dict(state)  # the card speaks of the weights as they are read back
    held_out, live = ToyCells(recipe.n_held_out, recipe.size, 0, held_out=True), ToyCells(**SCORED)
    facts = {
        "network": f"UNet(1, {len(CLASSES)}, width={width})",
        "parameters": sum(p.numel() for p in stored.parameters()),
        "stored_as": "float16",
        "classes": list(CLASSES),
        "command": "make weights",
        "recipe": asdict(recipe),
        "seed": SEED,
        "train": f"ToyCells({recipe.n_train}, {recipe.size}, {SEED})",
        "settings_chosen_on": CHOSEN_ON if width == 8 else "see unet_edu.train.Recipe",
        "precision": "float32",
        "threads": 1,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "held_out": {
            "pictures": f"ToyCells({len(held_out)}, {recipe.size}, 0, held_out=True)",
            "n": len(held_out),
            **told(evaluate(stored, held_out, amp=False)),
        },
        "live": {
            "pictures": "ToyCells(64, 64, 1, held_out=True)",
            "n": len(live),
            **told(evaluate(stored, live, amp=False)),
        },
    }
    with whole_file(folder / f"width-{width}.pt") as file:
        torch.save({name: x.contiguous() for name, x in state.items()}, file)
    with whole_file(folder / f"width-{width}.json") as file:
        file.write((json.dumps(facts, indent=1) + "\n").encode())
    return facts


def told(scores: Scores) -> dict:
    """The scores that a card holds."""
    return {
        "mean_iou": scores.mean_iou,
        "mean_dice": scores.mean_dice,
        "accuracy": scores.accuracy,
        "loss": scores.loss,
        "iou": dict(zip(CLASSES, scores.iou, strict=True)),
        "dice": dict(zip(CLASSES, scores.dice, strict=True)),
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m unet_edu.weights.make", description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, choices=list(RECIPES), help="one of them; both if left out")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder to write to; the package if left out")
    options = parser.parse_args(arguments)
    for width in [options.width] if options.width else RECIPES:
        facts = make(width, options.out)
        print(f"width {width}: mean foreground IoU {facts['held_out']['mean_iou']:.4f}", flush=True)


if __name__ == "__main__":
    main()
