"""Train every variant with every seed and write down all that came out: `make ablations`.

Source: the recipe of chapter 10, `unet_edu.train.Recipe`, unchanged and alike for all four networks.
Deviation from it: float32 and one thread, whatever the machine has, so that a run can be repeated elsewhere. Rounding
still differs between processors, and 216 large steps make much of it: expect a repeated score within a few hundredths
there, and the same digits on the same kind of machine.

One run takes about half a minute of one core. Times are processor time, so that other programs hardly count.
"""

import argparse
import json
import platform
import time
from dataclasses import asdict
from pathlib import Path
from statistics import mean, median

import torch

from unet_edu import losses
from unet_edu.ablations import RAW, VARIANTS
from unet_edu.data import CLASSES, ToyCells, stack
from unet_edu.device import own_random_state
from unet_edu.files import whole_file
from unet_edu.model import UNet
from unet_edu.train import Recipe, evaluate, fit, some_threads
from unet_edu.variants import AddUNet, NoSkipUNet

SEEDS = 5
ROUNDS = 30  # steps of each variant that are timed
CPU = torch.device("cpu")


def build(variant: str, seed: int, width: int) -> UNet:
    """The untrained network of one run."""
    with own_random_state(CPU, seed):
        if variant == "add":
            return AddUNet(1, len(CLASSES), width=width)
        if variant == "none":
            return NoSkipUNet(1, len(CLASSES), width=width)
        return UNet(1, len(CLASSES), bilinear=variant == "bilinear", width=width)


def train_one(variant: str, seed: int, recipe: Recipe | None = None) -> dict:
    """One run, as `skips.json` holds it: IoU per class, Dice, losses (means of a quarter of an epoch), cost."""
    recipe = recipe or Recipe()
    with some_threads(1):
        pictures = stack(ToyCells(recipe.n_train, recipe.size, seed))
        model = build(variant, seed, recipe.width)
        start = time.process_time()
        settings = {"epochs": recipe.epochs, "batch_size": recipe.batch_size, "max_lr": recipe.max_lr, "seed": seed}
        history = fit(model, pictures, **settings, device=CPU, amp=False, progress=False)
        seconds = time.process_time() - start
        scores = evaluate(model, ToyCells(recipe.n_held_out, recipe.size, 0, held_out=True), amp=False)
    stride = max(1, len(history.loss) // (4 * recipe.epochs))
    return {
        "variant": variant,
        "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "iou": scores.iou,
        "mean_iou": scores.mean_iou,
        "mean_dice": scores.mean_dice,
        "accuracy": scores.accuracy,
        "held_out_loss": scores.loss,
        "loss": [round(mean(history.loss[i : i + stride]), 5) for i in range(0, len(history.loss), stride)],
        "seconds": round(seconds, 2),
    }


def step_times(recipe: Recipe | None = None, rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds of processor time of one training step of each variant, on one thread: the median of `rounds`.

    The variants take turns, so that whatever else the machine does falls on all of them alike.
    """
    recipe = recipe or Recipe()
    images, masks = (torch.as_tensor(part) for part in stack(ToyCells(recipe.batch_size, recipe.size)))
    spent = {variant: [] for variant in VARIANTS}
    with some_threads(1):
        models = {v: build(v, 0, recipe.width).to(memory_format=torch.channels_last) for v in VARIANTS}
        steps = {v: torch.optim.SGD(m.parameters(), 0.01, momentum=0.9, nesterov=True) for v, m in models.items()}
        for _ in range(rounds + 3):
            for variant, model in models.items():
                start = time.process_time()
                losses.cross_entropy(model(images), masks).backward()
                steps[variant].step()
                steps[variant].zero_grad()
                spent[variant].append(1000 * (time.process_time() - start))
    return {variant: round(median(times[3:]), 2) for variant, times in spent.items()}  # the first rounds warm up


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m unet_edu.ablations.run", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many, from 0; {SEEDS} if left out")
    parser.add_argument("--out", type=Path, default=RAW, help="the file to write; the one in the package if left out")
    parser.add_argument("--resume", action="store_true", help="keep the runs that the file already holds")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error(f"--seeds {options.seeds}: a spread needs at least 2")
    data = begin(Recipe())
    if options.resume and options.out.exists():
        data = resumed(options.out, data)
    done = {(run["variant"], run["seed"]) for run in data["runs"]}
    data["step_time"]["ms"] = data["step_time"]["ms"] or step_times()
    print("ms per step:", data["step_time"]["ms"], flush=True)
    for seed in range(options.seeds):
        for variant in VARIANTS:
            if (variant, seed) in done:
                continue
            run = train_one(variant, seed)
            data["runs"].append(run)
            with whole_file(options.out) as file:  # after each run, so that a break costs one
                file.write((json.dumps(data, indent=1) + "\n").encode())
            print(f"{variant:9} seed {seed}: mean IoU {run['mean_iou']:.4f}, {run['seconds']} s", flush=True)


def begin(recipe: Recipe) -> dict:
    """The file before the first run: what is fixed."""
    return {
        "command": "make ablations",
        "variants": VARIANTS,
        "recipe": asdict(recipe),
        "train": f"ToyCells({recipe.n_train}, {recipe.size}, seed), fit(..., seed=seed)",
        "held_out": f"ToyCells({recipe.n_held_out}, {recipe.size}, 0, held_out=True)",
        "precision": "float32",
        "threads": 1,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "units": "seconds: processor time of fit on one thread; loss: means over a quarter of an epoch",
        "step_time": {
            "how": f"processor time of one step, batch {recipe.batch_size}, one thread; median of {ROUNDS}, the "
            "variants taking turns in one process",
            "ms": {},
        },
        "runs": [],
    }


def resumed(path: Path, data: dict) -> dict:
    """What an earlier, broken-off run wrote; exits, with the reason, if it had other settings or versions."""
    before = json.loads(path.read_text(encoding="utf-8"))
    changed = {"runs", "step_time"}
    for key in data.keys() - changed:
        if before.get(key) != data[key]:
            raise SystemExit(f"{path} was made with {key} {before.get(key)!r}, now it is {data[key]!r}: start afresh")
    return before


if __name__ == "__main__":
    main()
