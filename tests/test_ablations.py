"""The raw numbers on skips: whole, alike for all variants, repeatable, and rightly summed up."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from unet_edu import ablations
from unet_edu.ablations import VARIANTS, paired, raw, summary
from unet_edu.ablations.run import SEEDS, build, main, step_times, train_one
from unet_edu.train import Recipe

ROOT = Path(__file__).resolve().parents[1]
TINY = Recipe(width=2, size=32, n_train=8, n_held_out=4, epochs=1, batch_size=4)


def scores(variant):
    return np.array([run["mean_iou"] for run in raw()["runs"] if run["variant"] == variant])


def test_every_variant_has_every_seed_once():
    runs = [(run["variant"], run["seed"]) for run in raw()["runs"]]
    assert sorted(runs) == sorted((variant, seed) for variant in VARIANTS for seed in range(SEEDS))
    assert SEEDS >= 5


def test_all_variants_had_chapter_10s_recipe_and_the_same_number_of_steps():
    data = raw()
    assert data["recipe"] == asdict(Recipe())
    assert data["command"] == "make ablations"
    assert "\nablations:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert data["variants"] == VARIANTS
    assert {len(run["loss"]) for run in data["runs"]} == {24}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_parameters_are_those_of_the_network(variant):
    counted = sum(p.numel() for p in build(variant, 0, Recipe().width).parameters())
    assert {run["parameters"] for run in raw()["runs"] if run["variant"] == variant} == {counted}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_summary_is_what_the_raw_numbers_give(variant):
    said, found = summary()[variant], scores(variant)
    assert said.n_seeds == len(found) == SEEDS
    assert said.mean == pytest.approx(found.mean())
    assert said.sd == pytest.approx(found.std(ddof=1))
    assert (said.least, said.most) == (found.min(), found.max())
    assert np.mean(said.iou[1:]) == pytest.approx(said.mean)  # the mean leaves the background out
    assert said.step_ms == raw()["step_time"]["ms"][variant] > 0


def test_a_pair_is_compared_seed_by_seed():
    gains = scores("concat") - scores("none")
    found = paired("concat", "none")
    assert (found.mean, found.sd) == (pytest.approx(gains.mean()), pytest.approx(gains.std(ddof=1)))
    assert (found.n_seeds, found.higher) == (SEEDS, (gains > 0).sum())
    with pytest.raises(ValueError, match="variant 'sum': take one of concat, none, add, bilinear"):
        paired("concat", "sum")


def test_the_summary_of_known_numbers():
    runs = [
        {"variant": v, "seed": s, "mean_iou": x, "iou": [1, x, x], "parameters": 7}
        for v in VARIANTS
        for s, x in enumerate((0.5, 0.7) if v == "concat" else (0.6, 0.6))
    ]
    data = {"runs": runs[::-1], "step_time": {"ms": dict.fromkeys(VARIANTS, 3.0)}}
    found = summary(data)["concat"]
    assert asdict(found) == {
        "variant": "concat",
        "n_seeds": 2,
        "mean": pytest.approx(0.6),
        "sd": pytest.approx(0.02**0.5),
        "least": 0.5,
        "most": 0.7,
        "iou": [1, pytest.approx(0.6), pytest.approx(0.6)],
        "parameters": 7,
        "step_ms": 3.0,
    }
    assert asdict(paired("concat", "add", data)) == {
        "n_seeds": 2,
        "mean": pytest.approx(0),
        "sd": pytest.approx(0.02**0.5),
        "higher": 1,
    }


def test_a_run_can_be_repeated():
    """The first losses to a hundredth; the score to 0.03, since rounding differs between processors and grows."""
    before = next(run for run in raw()["runs"] if (run["variant"], run["seed"]) == ("bilinear", 0))
    again = train_one("bilinear", 0)
    assert again["loss"][:3] == pytest.approx(before["loss"][:3], rel=0.01)
    assert again["mean_iou"] == pytest.approx(before["mean_iou"], abs=0.03)
    assert again["parameters"] == before["parameters"]


def test_reading_the_numbers_imports_no_torch():
    code = "import sys; from unet_edu import ablations; ablations.summary(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# The command, on a small scale


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("unet_edu.ablations.run.Recipe", lambda: TINY)
    monkeypatch.setattr("unet_edu.ablations.run.ROUNDS", 1)


def test_the_command_writes_what_the_summary_reads(small, tmp_path, capsys):
    path = tmp_path / "skips.json"
    main(["--seeds", "2", "--out", str(path)])
    data = raw(path)
    assert [(run["variant"], run["seed"]) for run in data["runs"]] == [(v, s) for s in range(2) for v in VARIANTS]
    assert summary(data)["none"].n_seeds == 2
    assert data.keys() == raw().keys()
    assert data["runs"][0].keys() == raw()["runs"][0].keys()
    assert len({run["held_out_loss"] for run in data["runs"]}) == 8  # no two networks are the same
    assert "bilinear  seed 1: mean IoU" in capsys.readouterr().out


def test_a_broken_off_command_goes_on_and_ends_alike(small, tmp_path):
    whole, broken = tmp_path / "whole.json", tmp_path / "broken.json"
    main(["--seeds", "2", "--out", str(whole)])
    data = raw(whole)
    broken.write_text(json.dumps({**data, "runs": data["runs"][:3]}))
    main(["--seeds", "2", "--out", str(broken), "--resume"])

    def untimed(path):
        return [{key: value for key, value in run.items() if key != "seconds"} for run in raw(path)["runs"]]

    assert untimed(broken) == untimed(whole)
    broken.write_text(json.dumps({**data, "torch": "1.0"}))
    with pytest.raises(SystemExit, match=r"made with torch '1\.0', now it is .*start afresh"):
        main(["--seeds", "2", "--out", str(broken), "--resume"])


def test_one_seed_has_no_spread_and_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--seeds", "1"])
    assert "--seeds 1: a spread needs at least 2" in capsys.readouterr().err


def test_variants_start_alike_and_seeds_differ():
    one, two, other = (build("none", seed, 2).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["inc.double_conv.0.weight"], other["inc.double_conv.0.weight"])
    encoders = [build(variant, 1, 2).inc.double_conv[0].weight for variant in VARIANTS]
    assert all(torch.equal(encoders[0], weight) for weight in encoders)


def test_steps_are_timed_in_turn():
    times = step_times(TINY, rounds=2)
    assert list(times) == list(VARIANTS)
    assert all(0 < ms < 1000 for ms in times.values())
    assert ablations.RAW.exists()
