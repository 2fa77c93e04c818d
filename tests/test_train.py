"""Training: the promised result in the promised time, repeatable, resumable, and stopped early when it can't work."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import jaccard_score
from torch import nn

from unet_edu.batches import as_tensors, deal
from unet_edu.data import ToyCells, stack
from unet_edu.losses import cross_entropy, cross_entropy_and_dice
from unet_edu.model import UNet
from unet_edu.train import NonFiniteLoss, Recipe, default_run, evaluate, fit, predict

DATA = ToyCells(8, 32)
HELD_OUT = ToyCells(3, 32, held_out=True)
SMALL = {"epochs": 3, "batch_size": 3, "max_lr": 0.05, "progress": False, "device": "cpu"}
TINY = Recipe(width=2, size=32, n_train=4, n_watched=2, n_held_out=4, epochs=1, batch_size=2)


def network(seed=0, width=2):
    torch.manual_seed(seed)
    return UNet(1, 3, width=width)


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# The run that the book shows


@pytest.mark.alone
def test_the_default_run_reaches_090_in_20_seconds():
    for _ in range(2):  # once more if another program had the cores: two threads then wait for each other
        seen = []
        run = default_run(threads=2, progress=False, on_epoch=lambda epoch, *_, seen=seen: seen.append(epoch))
        if run.seconds <= 20:
            break
    assert run.scores.mean_iou >= 0.90
    assert run.seconds <= 20
    assert sum(map(sum, run.scores.matrix)) == 256 * 64 * 64  # all held-out pixels were scored
    assert seen == [entry["epoch"] for entry in run.history.epochs] == list(range(1, run.recipe.epochs + 1))
    watched = [entry["held_out"]["mean_iou"] for entry in run.history.epochs]
    assert watched[-1] > watched[0]


def test_same_seed_gives_the_same_run_and_another_seed_another():
    one, two, other = (default_run(seed, TINY, progress=False, device="cpu") for seed in (3, 3, 4))
    assert same(one.model, two.model)
    assert one.history.loss == two.history.loss
    assert one.scores == two.scores
    assert one.history.loss != other.history.loss


def test_threads_are_set_for_the_run_only():
    before = torch.get_num_threads()
    inside = []
    default_run(
        0, TINY, threads=1, progress=False, device="cpu", on_epoch=lambda *_: inside.append(torch.get_num_threads())
    )
    assert inside == [1]
    assert torch.get_num_threads() == before


# What fit returns


def test_history_holds_every_step_and_epoch():
    model = network()
    history = fit(model, DATA, HELD_OUT, **SMALL)
    assert len(history.loss) == len(history.lr) == 3 * (8 // 3)
    assert [entry["epoch"] for entry in history.epochs] == [1, 2, 3]
    assert [entry["step"] for entry in history.epochs] == [2, 4, 6]
    assert history.epochs[-1]["loss"] == pytest.approx(np.mean(history.loss[-2:]))
    assert history.epochs[-1]["held_out"]["mean_iou"] == evaluate(model, HELD_OUT).mean_iou
    assert 0 < history.epochs[0]["seconds"] < history.epochs[-1]["seconds"] <= history.seconds
    assert not history.interrupted
    assert not model.training


def test_each_step_is_reported_in_train_mode_and_looking_changes_nothing():
    seen, watched, alone = [], network(), network()

    def look(step, model, history):
        seen.append((step, model.training, len(history.loss), history.loss[-1]))
        evaluate(model.eval(), HELD_OUT)  # leaves eval mode behind, which fit puts right

    history = fit(watched, DATA, on_step=look, **SMALL)
    fit(alone, DATA, **SMALL)
    assert seen == [(step, True, step, loss) for step, loss in enumerate(history.loss, 1)]
    assert same(watched, alone)
    assert not watched.training


def test_the_rate_climbs_to_its_peak_and_falls_to_nothing():
    lr = fit(network(), DATA, **{**SMALL, "epochs": 20}).lr
    peak = int(np.argmax(lr))
    assert lr[0] == pytest.approx(0.05 / 25)
    assert max(lr) == pytest.approx(0.05, rel=0.05)
    assert peak == pytest.approx(0.15 * len(lr), abs=1)
    assert np.diff(lr[: peak + 1]).min() > 0 > np.diff(lr[peak:]).max()
    assert lr[-1] < 1e-4


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_run_of_one_or_two_steps_works(epochs):
    assert len(fit(network(), DATA, **{**SMALL, "epochs": epochs, "batch_size": 99}).loss) == epochs


def test_it_learns():
    history = fit(network(width=4), DATA, **{**SMALL, "epochs": 25})
    assert np.mean(history.loss[-5:]) < 0.7 * np.mean(history.loss[:5])


def test_an_epoch_shows_each_picture_once_and_orders_differ():
    epochs = [torch.cat(list(deal(12, 4, seed, epoch))) for seed in (0, 1) for epoch in (1, 2)]
    assert all(sorted(order.tolist()) == list(range(12)) for order in epochs)
    assert len({tuple(order.tolist()) for order in epochs}) == 4
    assert [len(batch) for batch in deal(8, 3, 0, 1)] == [3, 3]


def test_pairs_and_arrays_train_alike():
    one, two = network(), network()
    fit(one, DATA, **SMALL)
    fit(two, stack(DATA), **SMALL)
    assert same(one, two)


def test_the_callers_random_state_is_left_alone():
    model = UNetWithDropout()
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    fit(model, DATA, **{**SMALL, "epochs": 1})
    default_run(5, TINY, progress=False, device="cpu")
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("amp", [False, torch.bfloat16, torch.float16])
def test_every_precision_trains_on_the_cpu(amp):
    model = network()
    history = fit(model, DATA, loss=cross_entropy_and_dice, amp=amp, **SMALL)
    assert all(map(math.isfinite, history.loss))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not same(model, network())


def test_the_memory_format_is_the_callers_choice_and_changes_no_shape():
    model = network(width=4)
    fit(model, DATA, memory_format=torch.contiguous_format, amp=False, **SMALL)
    weight = model.inc.double_conv[3].weight
    assert weight.is_contiguous()
    other = network(width=4)
    fit(other, DATA, amp=False, **SMALL)
    assert other.inc.double_conv[3].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(model(torch.zeros(1, 1, 32, 32)), other(torch.zeros(1, 1, 32, 32)), atol=1e-2, rtol=1e-2)


def test_progress_shows_a_bar_and_quiet_shows_nothing(capfd):
    fit(network(), DATA, **SMALL)
    assert capfd.readouterr() == ("", "")
    fit(network(), DATA, **{**SMALL, "progress": True})
    shown = capfd.readouterr().err
    assert "6/6" in shown
    assert "loss=" in shown


# Scores


def test_evaluate_agrees_with_sklearn_and_with_predict():
    model = network()
    fit(model, DATA, **SMALL)
    model.train()
    scores = evaluate(model, HELD_OUT, batch_size=2, amp=False)
    assert model.training
    images, masks = stack(HELD_OUT)
    predicted = predict(model, images, amp=False)
    assert predicted.shape == masks.shape
    truth = jaccard_score(masks.ravel(), predicted.ravel(), average=None, labels=range(3), zero_division=0)
    np.testing.assert_allclose([v or 0 for v in scores.iou], truth)
    assert scores.accuracy == pytest.approx((predicted.numpy() == masks).mean())
    model.eval()
    with torch.no_grad():
        expected = F.cross_entropy(model(torch.from_numpy(images)), torch.from_numpy(masks)).item()
    assert scores.loss == pytest.approx(expected, rel=1e-5)


def test_scores_do_not_depend_on_the_batches():
    model = network()
    one, three = (evaluate(model, HELD_OUT, batch_size=size, amp=False) for size in (1, 3))
    assert one.matrix == three.matrix
    assert one.loss == pytest.approx(three.loss, rel=1e-5)


def test_an_absent_class_is_none_in_scores():
    class Background(nn.Conv2d):
        def forward(self, x):
            return torch.cat([x + 9, x, x], dim=1)

    images, masks = stack(HELD_OUT)
    scores = evaluate(Background(1, 1, 1), (images, 0 * masks))
    assert scores.iou == [1.0, None, None]
    assert math.isnan(scores.mean_iou)


# Stopping


@pytest.mark.parametrize("where", ["loss", "on_epoch"])
def test_an_interrupt_returns_what_was_learned(where):
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    def loss(logits, target):
        if where == "loss":
            stop()
        return cross_entropy(logits, target)

    model = network()
    history = fit(model, DATA, loss=loss, on_epoch=stop if where == "on_epoch" else None, **SMALL)
    assert history.interrupted
    assert len(history.loss) == len(history.lr) == {"loss": 1, "on_epoch": 4}[where]
    assert not model.training
    assert not same(model, network())
    assert torch.isfinite(model(torch.zeros(1, 1, 32, 32))).all()


def nan_at(number, gradient_only=False):
    calls = []

    def loss(logits, target):
        calls.append(1)
        if len(calls) < number:
            return cross_entropy(logits, target)
        # The root of 0 is 0, and its slope is infinite; times 0 it is nan.
        return cross_entropy(logits, target) + (0 * logits).sum().sqrt() if gradient_only else logits.sum() * math.nan

    return loss


@pytest.mark.parametrize("gradient_only", [False, True])
def test_a_non_finite_loss_or_gradient_stops_before_it_spoils_anything(gradient_only):
    model, reference = network(), network()
    with pytest.raises(NonFiniteLoss, match=r"step 3: the (loss|gradient's norm) is nan.*max_lr.*warm_up"):
        fit(model, DATA, loss=nan_at(3, gradient_only), **SMALL)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    calls = []

    def two_steps(logits, target):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return cross_entropy(logits, target)

    assert fit(reference, DATA, loss=two_steps, **SMALL).interrupted  # the same run, halted by hand
    assert same(model, reference)


def test_an_overflowing_forward_pass_leaves_batchnorm_as_it_was():
    model = network()

    def loss(logits, target):
        return (logits * math.inf).sum()

    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(NonFiniteLoss, match=r"step 1: the loss is (nan|-?inf)"):
        fit(model, DATA, loss=loss, **SMALL)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


# Resuming


class UNetWithDropout(nn.Module):
    """Dropout draws from torch's global generator, whose state a checkpoint must carry too."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net, self.drop = UNet(1, 3, width=2), nn.Dropout2d(0.3)

    def forward(self, x):
        return self.net(self.drop(x.expand(-1, 1, -1, -1)) + 0.1 * self.drop(x))


@pytest.mark.parametrize("amp", [False, torch.bfloat16, torch.float16])
def test_a_resumed_run_ends_bit_for_bit_like_an_unbroken_one(tmp_path, amp):
    path, settings = tmp_path / "run.pt", {**SMALL, "epochs": 4, "amp": amp}
    unbroken = UNetWithDropout()
    whole = fit(unbroken, DATA, HELD_OUT, checkpoint=tmp_path / "other.pt", **settings)

    def pull_the_plug(epoch, model, history):
        if epoch == 2:
            raise KeyboardInterrupt

    first = fit(UNetWithDropout(), DATA, HELD_OUT, checkpoint=path, on_epoch=pull_the_plug, **settings)
    assert first.interrupted
    resumed = UNetWithDropout()
    with torch.no_grad():
        for p in resumed.parameters():
            p.zero_()  # whatever it held before must not matter
    second = fit(resumed, DATA, HELD_OUT, resume=path, checkpoint=path, **settings)
    assert same(resumed, unbroken)
    assert second.loss == whole.loss
    assert second.lr == whole.lr
    assert [e["held_out"] for e in second.epochs] == [e["held_out"] for e in whole.epochs]
    assert not second.interrupted
    assert second.seconds > first.epochs[1]["seconds"]
    a, b = torch.load(path, weights_only=True), torch.load(tmp_path / "other.pt", weights_only=True)
    assert all(torch.equal(a["model"][name], b["model"][name]) for name in a["model"])


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    model, again = network(), network(5)
    whole = fit(model, DATA, checkpoint=tmp_path / "run.pt", **SMALL)
    history = fit(again, DATA, resume=tmp_path / "run.pt", **SMALL)
    assert same(model, again)
    assert history.loss == whole.loss


# Refusals, all before the first step

IMAGES, MASKS = stack(DATA)
NAN = IMAGES.copy()
NAN[5, 0, 1, 1] = np.nan


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ((IMAGES, np.where(MASKS > 0, 255, 0)), ValueError, r"mask holds 255.*mask // 255"),
        ((IMAGES, MASKS * 2), ValueError, r"mask holds 4, the network has 3 classes, 0\.\.2"),
        ((IMAGES, MASKS - 1), ValueError, "mask holds -1"),
        ((IMAGES, MASKS.astype(np.float32)), TypeError, "float32.*target.long"),
        ((IMAGES, MASKS[:, :-1]), ValueError, "masks are 31 x 32 pixels, logits 32 x 32"),
        ((IMAGES, MASKS[:, None]), ValueError, "channel axis"),
        ((IMAGES, MASKS[:-1]), ValueError, "8 images and 7 masks"),
        ((IMAGES[:0], MASKS[:0]), ValueError, "0 images"),
        ((IMAGES[:, 0], MASKS), ValueError, "3 axes"),
        (((IMAGES * 255).astype(np.uint8), MASKS), TypeError, r"uint8.*/ 255"),
        ((NAN, MASKS), ValueError, "picture 5 holds nan or inf"),
        ((np.concatenate([IMAGES] * 3, axis=1), MASKS), ValueError, "3 channels"),
        ([DATA[0], ToyCells(1, (32, 40))[0]], ValueError, r"picture 1 is \(1, 32, 40\).*one size"),
        ([], ValueError, "0 pictures"),
    ],
)
@pytest.mark.parametrize("use", ["train", "held_out", "evaluate"])
def test_unfit_data_is_refused_before_training(data, error, words, use):
    model, steps = network(), []

    def loss(logits, target):
        steps.append(1)
        return cross_entropy(logits, target)

    call = {
        "train": lambda: fit(model, data, loss=loss, **SMALL),
        "held_out": lambda: fit(model, DATA, data, loss=loss, **SMALL),
        "evaluate": lambda: evaluate(model, data, loss=loss),
    }[use]
    with pytest.raises(error, match=words):
        call()
    assert not steps
    assert same(model, network())


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"epochs": 0}, "epochs 0.*1 or more"),
        ({"epochs": 1.5}, r"epochs 1\.5.*whole"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"max_lr": 0}, "max_lr 0"),
        ({"max_lr": math.nan}, "max_lr nan"),
        ({"momentum": 1.0}, r"momentum 1\.0"),
        ({"weight_decay": -1}, "weight_decay -1"),
        ({"warm_up": 1}, "warm_up 1"),
        ({"clip": 0}, "clip 0.*above 0"),
        ({"device": "gpu"}, "device 'gpu'"),
        ({"amp": torch.float64}, "amp"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_range(setting, words):
    with pytest.raises(ValueError, match=words):
        fit(network(), DATA, **{**SMALL, **setting})


def test_two_pairs_in_a_tuple_are_pairs():
    images, masks = as_tensors((DATA[0], DATA[1]))
    assert images.shape == (2, 1, 32, 32)
    assert masks.shape == (2, 32, 32)
