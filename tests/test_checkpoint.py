"""Checkpoints: whole or not at all, numbers only, and every unfit file refused in words with nothing changed."""

import os

import pytest
import torch

from unet_edu import checkpoint as ckpt
from unet_edu.checkpoint import CheckpointError, read, write
from unet_edu.data import ToyCells
from unet_edu.model import UNet
from unet_edu.train import fit

DATA = ToyCells(6, 32)
SMALL = {"epochs": 2, "batch_size": 3, "max_lr": 0.05, "progress": False, "device": "cpu"}


def network(width=2, seed=0, **options):
    torch.manual_seed(seed)
    return UNet(1, 3, width=width, **options)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run.pt"
    fit(network(), DATA, checkpoint=path, **SMALL)
    return path


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path):
    write(tmp_path / "a.pt", {"x": torch.arange(3), "name": "n", "list": [1, 2.5, None, {"k": True}]})
    state = read(tmp_path / "a.pt")
    assert state["x"].tolist() == [0, 1, 2]
    assert state["list"] == [1, 2.5, None, {"k": True}]
    assert os.listdir(tmp_path) == ["a.pt"]


@pytest.mark.parametrize("broken", ["torch.save", "os.fsync", "os.replace"])
def test_a_failure_at_any_point_leaves_the_old_checkpoint(tmp_path, monkeypatch, broken):
    path = tmp_path / "a.pt"
    write(path, {"x": torch.ones(1000)})
    old = path.read_bytes()

    def full_disk(state, file=None):
        if broken == "torch.save":
            file.write(b"PK half of a file")
        raise OSError("No space left on device")

    monkeypatch.setattr(broken, full_disk)
    with pytest.raises(OSError, match="No space"):
        write(path, {"x": torch.zeros(1000)})
    monkeypatch.undo()
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["a.pt"]


def test_an_interrupt_while_writing_leaves_the_old_checkpoint(saved, monkeypatch):
    old = saved.read_bytes()

    def stopped(state, file):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("torch.save", stopped)
    history = fit(network(), DATA, checkpoint=saved, **SMALL)
    assert history.interrupted
    assert saved.read_bytes() == old
    assert os.listdir(saved.parent) == ["run.pt"]


def test_a_missing_folder_is_named_before_the_first_step(tmp_path):
    steps = []
    with pytest.raises(CheckpointError, match="nowhere does not exist: make it first"):
        fit(network(), DATA, checkpoint=tmp_path / "nowhere" / "a.pt", loss=lambda z, t: steps.append(1), **SMALL)
    assert not steps


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("pwned",))


def spoil(path, how):
    whole = path.read_bytes()
    if how == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "bits":
        middle = len(whole) // 2
        path.write_bytes(
            whole[:middle] + bytes(255 - b for b in whole[middle : middle + 4000]) + whole[middle + 4000 :]
        )
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not a checkpoint")
    elif how == "weights":
        torch.save(network().state_dict(), path)
    elif how == "code":
        torch.save({"format": ckpt.FORMAT, "model": Evil()}, path)
    elif how == "newer":
        torch.save({**read(path), "format": "unet_edu.train 99"}, path)
    elif how == "lacking":
        state = read(path)
        del state["optimizer"], state["format"]
        write(path, state)
    elif how == "gone":
        path.unlink()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "cut off or damaged"),
        ("bits", "cut off or damaged"),
        ("empty", "no checkpoint"),
        ("text", "no checkpoint"),
        ("weights", r"not written by fit.*load_state_dict"),
        ("code", "can run code"),
        ("newer", r"'unet_edu\.train 99'.*reads"),
        ("lacking", "lacks optimizer"),
        ("gone", "no checkpoint at"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_and_the_network_untouched(saved, how, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spoil(saved, how)
    model = network(seed=5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=words):
        fit(model, DATA, resume=saved, **SMALL)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("model", "data", "settings", "words"),
    [
        (network(3), DATA, {}, r"inc\.double_conv\.0\.weight is \(2, 1, 3, 3\) there and \(3, 1, 3, 3\)"),
        (network(bilinear=True), DATA, {}, "another network.*bilinear"),
        (network(), DATA, {"epochs": 3}, "epochs=2, this run has epochs=3"),
        (network(), DATA, {"max_lr": 0.1}, r"max_lr=0\.05, this run has max_lr=0\.1"),
        (network(), DATA, {"seed": 1}, "seed=0, this run has seed=1"),
        (network(), DATA, {"batch_size": 2}, "batch_size=3, this run has batch_size=2"),
        (network(), ToyCells(6, 32, seed=1), {}, "data=.*this run has data=.*same data"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_with_both_values(saved, model, data, settings, words):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=words):
        fit(model, data, resume=saved, **{**SMALL, **settings})
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
