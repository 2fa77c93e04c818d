"""What a skip is worth: four networks, the same pictures and steps, and as many seeds as it takes to see the spread.

Source: none; `skips.json` beside this file holds the raw numbers of every run, and `make ablations` makes them anew.
Deviation from a single table of best scores: each number is a mean over seeds and comes with its spread.

A seed sets training pictures, first weights and order; the held-out pictures are the same for all. So two variants can
be compared seed by seed, as `paired` does, and that says more than two means.
All train for the same few steps: a network that learns slowly is judged here before it is done. Nothing imports torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

RAW = Path(__file__).with_name("skips.json")
VARIANTS = {
    "concat": "UNet: skips concatenated, transposed convolutions",
    "none": "NoSkipUNet: no skips, transposed convolutions",
    "add": "AddUNet: skips added, transposed convolutions",
    "bilinear": "UNet(bilinear=True): skips concatenated, bilinear up-sampling",
}


@dataclass(frozen=True)
class Summary:
    """One variant over its seeds: the mean foreground IoU on held-out pictures, 0..1, and what the network costs."""

    variant: str
    n_seeds: int
    mean: float
    sd: float  # standard deviation between seeds, with n - 1
    least: float
    most: float
    iou: list[float]  # per class, mean over seeds
    parameters: int
    step_ms: float  # processor time of one training step on one thread, median


@dataclass(frozen=True)
class Paired:
    """How much more IoU one variant has than another with the same seed: mean and spread over the seeds."""

    n_seeds: int
    mean: float
    sd: float
    higher: int  # seeds in which the first is above the second


def raw(path: Path | None = None) -> dict:
    """The file as it is: settings, command and versions, and under "runs" one entry per variant and seed.

    path: another file of that form; that of the package if left out.
    """
    return json.loads(Path(path or RAW).read_text(encoding="utf-8"))


def summary(data: dict | None = None) -> dict[str, Summary]:
    """Variant -> `Summary`, in the order of `VARIANTS`; of `raw()` unless other data of that form are given."""
    data = data or raw()
    found = {}
    for name in VARIANTS:
        runs = [run for run in data["runs"] if run["variant"] == name]
        scores = [run["mean_iou"] for run in runs]
        found[name] = Summary(
            variant=name,
            n_seeds=len(runs),
            mean=mean(scores),
            sd=stdev(scores),
            least=min(scores),
            most=max(scores),
            iou=[mean(column) for column in zip(*(run["iou"] for run in runs), strict=True)],
            parameters=runs[0]["parameters"],
            step_ms=data["step_time"]["ms"][name],
        )
    return found


def paired(one: str, other: str, data: dict | None = None) -> Paired:
    """`one` minus `other`, seed by seed. Raises ValueError for a name that is not one of `VARIANTS`."""
    data = data or raw()
    for name in (one, other):
        if name not in VARIANTS:
            raise ValueError(f"variant {name!r}: take one of {', '.join(VARIANTS)}")
    scores = {(run["variant"], run["seed"]): run["mean_iou"] for run in data["runs"]}
    gains = [score - scores[other, seed] for (name, seed), score in scores.items() if name == one]
    return Paired(len(gains), mean(gains), stdev(gains), sum(gain > 0 for gain in gains))
