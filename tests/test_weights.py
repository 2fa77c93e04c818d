"""The weights that ship against their cards, and the command that makes them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import unet_edu
from unet_edu import weights
from unet_edu.data import CLASSES, ToyCells, stack
from unet_edu.export import held_out_bytes, live_files
from unet_edu.metrics import confusion_matrix, iou, mean_foreground
from unet_edu.stages import run_stages
from unet_edu.train import Recipe, evaluate
from unet_edu.weights import card, pretrained
from unet_edu.weights.make import RECIPES, make, told

ROOT = Path(__file__).resolve().parents[1]
widths = pytest.mark.parametrize("width", weights.WIDTHS)
TINY = Recipe(width=2, size=32, n_train=4, n_watched=2, n_held_out=4, epochs=1, batch_size=2)


@widths
@pytest.mark.parametrize("pictures", ["held_out", "live"])
def test_the_weights_are_as_good_as_their_card_says(width, pictures):
    claim = card(width)[pictures]
    data = ToyCells(claim["n"], 64, {"held_out": 0, "live": 1}[pictures], held_out=True)
    assert claim["pictures"] == f"ToyCells({claim['n']}, 64, {data.seed}, held_out=True)"
    found = told(evaluate(pretrained(width), data, device="cpu", amp=False))
    for name in ("mean_iou", "mean_dice", "accuracy"):
        assert found[name] == pytest.approx(claim[name], abs=2e-4), name  # processors round differently
    for name in ("iou", "dice"):
        assert found[name] == pytest.approx(claim[name], abs=2e-4), name


def test_the_live_network_reaches_093_and_that_of_chapter_10_090_on_256_unseen_pictures():
    for width, least in ((8, 0.93), (16, 0.90)):
        claim = card(width)["held_out"]
        assert claim["n"] == 256
        assert claim["mean_iou"] >= least


@widths
def test_the_card_says_how_the_weights_were_made(width):
    facts = card(width)
    assert facts["parameters"] == sum(p.numel() for p in pretrained(width).parameters())
    assert facts["classes"] == list(CLASSES)
    assert Recipe(**facts["recipe"]) == RECIPES[width]
    assert facts["command"] == "make weights"
    assert facts["train"] == f"ToyCells({RECIPES[width].n_train}, 64, {facts['seed']})"
    assert re.fullmatch(r"2\.\d+\.\d+(\+\w+)?", facts["torch"])
    assert not re.search(r"20\d\d-\d\d", json.dumps(facts))  # the weights don't age
    assert "\nweights:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_width_16_is_the_recipe_of_chapter_10():
    assert RECIPES[16] == Recipe()


@widths
def test_a_trained_network_is_ready_to_use(width):
    net = pretrained(width)
    assert not net.training
    assert (net.n_channels, net.n_classes, net.bilinear, net.width) == (1, 3, False, width)
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    assert (weights.weights_path(width)).stat().st_size < {8: 1_100_000, 16: 4_000_000}[width]


@pytest.mark.parametrize("width", [64, 0, "8", None, True, [8]])
def test_another_width_is_refused_with_those_there_are(width):
    with pytest.raises(ValueError, match=r"width .*there are trained networks of width 8 and 16"):
        pretrained(width)
    with pytest.raises(ValueError, match=r"8 and 16"):
        card(width)


def test_importing_the_package_imports_no_torch_and_its_pretrained_is_that_of_weights():
    code = "import sys, unet_edu; assert unet_edu.pretrained; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    ours, theirs = unet_edu.pretrained().state_dict(), pretrained(8).state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert unet_edu.pretrained(16).width == 16


@widths
def test_weights_are_read_as_numbers_never_as_code(width, monkeypatch):
    seen, plain = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: seen.append(k.get("weights_only")) or plain(*a, **k))
    pretrained(width)
    assert seen == [True]


def test_making_weights_again_gives_the_same_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    cards = [make(2, tmp_path / name, TINY) for name in "ab"]
    assert cards[0] == cards[1]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["width-2.json", "width-2.pt"]
    for name in ("width-2.json", "width-2.pt"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    state = torch.load(tmp_path / "a" / "width-2.pt", weights_only=True)
    assert {x.dtype for x in state.values()} == {torch.float16, torch.int64}
    assert cards[0]["held_out"]["n"] == 4


# What the page of the live network reads


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    assert live_files(folder) == [folder / "unet.onnx", folder / "held_out.bin"]
    return folder


def test_the_held_out_file_is_what_its_description_says(live):
    content = (live / "held_out.bin").read_bytes()
    assert content[:8] == b"unet-edu"
    n, height, width, n_classes = np.frombuffer(content, "<u4", 4, offset=8)
    assert (n, height, width, n_classes) == (64, 64, 64, len(CLASSES))
    assert len(content) == 24 + 2 * 64 * 64 * 64
    images, masks = np.frombuffer(content, np.uint8, offset=24).reshape(2, n, height, width)
    wanted = stack(ToyCells(64, seed=1, held_out=True))
    assert np.array_equal(images.astype(np.float32) / np.float32(255), wanted[0][:, 0])  # not a bit is lost
    assert np.array_equal(masks, wanted[1])


def test_the_live_files_are_the_same_bytes_each_time(live, tmp_path):
    assert [path.read_bytes() for path in live_files(tmp_path)] == [
        p.read_bytes() for p in (live / "unet.onnx", live / "held_out.bin")
    ]
    assert held_out_bytes() == (live / "held_out.bin").read_bytes()


def test_the_live_file_is_the_pretrained_network_and_scores_what_its_card_says(live):
    running = onnxruntime.InferenceSession(live / "unet.onnx", providers=["CPUExecutionProvider"])
    net, gates, matrix = pretrained(), np.ones(4, np.float32), 0
    for i, (image, mask) in enumerate(ToyCells(64, seed=1, held_out=True)):
        (logits,) = running.run(["logits"], {"image": image[None], "gates": gates})
        matrix = matrix + confusion_matrix(torch.from_numpy(logits), torch.from_numpy(mask)[None])
        if i < 4:
            with torch.no_grad():
                ours = run_stages(net, torch.from_numpy(image)[None])
            theirs = running.run(None, {"image": image[None], "gates": gates})
            assert all(np.abs(a.numpy() - b).max() < 1e-4 for a, b in zip(ours.values(), theirs, strict=True))
    assert mean_foreground(iou(matrix)) == pytest.approx(card()["live"]["mean_iou"], abs=2e-4)
