"""The recorder of a run: what it keeps is what the network did, and the run is the one that would have been without it."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from unet_edu.activations import record
from unet_edu.batches import as_tensors
from unet_edu.data import ToyCells
from unet_edu.film import STAGE, TAKES, Take, moments, record_run, shoot, smooth_masks, without_batch_norm
from unet_edu.losses import check_labels
from unet_edu.model import UNet
from unet_edu.train import NonFiniteLoss, evaluate, fit, predict

TRAIN, HELD_OUT = ToyCells(8, 32), ToyCells(6, 32, seed=1, held_out=True)
IMAGES = as_tensors(HELD_OUT)[0]
SETTINGS = {"epochs": 4, "batch_size": 2, "max_lr": 0.3, "device": "cpu", "amp": False, "progress": False}
TINY = Take("tiny", width=2, size=32, n_train=4, n_held_out=3, epochs=3, batch_size=2)


def network():
    torch.manual_seed(0)
    return UNet(1, 3, width=2)


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize(("steps", "n"), [(1, 2), (5, 22), (22, 22), (144, 22), (1000, 24), (144, 2)])
def test_moments_run_from_the_untrained_network_to_the_last_step_and_grow_apart(steps, n):
    found = moments(steps, n)
    assert found[0] == 0
    assert found[-1] == steps
    assert found == sorted(set(found))
    assert len(found) <= n
    gaps = np.diff(found)
    assert gaps[0] == gaps.min()
    assert gaps[-1] >= gaps.max() - 1  # rounding


def test_too_few_moments_are_refused():
    with pytest.raises(ValueError, match="1 moments of 12 steps: take at least 2"):
        moments(12, 1)


def test_a_reel_holds_what_the_network_said_at_its_moments():
    expected = {}

    def look(step, model, history=None):
        with record(model) as log:
            predict(model, IMAGES[:1], amp=False)
        kernel = model.inc.double_conv[0].weight[1, 0].detach().clone()
        answer = predict(model, IMAGES[:2], amp=False)
        expected[step] = answer, kernel, log[STAGE][0, 1], evaluate(model, HELD_OUT, amp=False).iou

    other = network()
    look(0, other)
    history = fit(other, TRAIN, on_step=look, **SETTINGS)
    reel = record_run(network(), TRAIN, HELD_OUT, n_moments=6, shown=2, channel=1, **SETTINGS)
    assert reel.steps == moments(16, 6)
    np.testing.assert_array_equal(reel.loss, np.float32(history.loss))
    np.testing.assert_array_equal(reel.lr, np.float32(history.lr))
    for i, step in enumerate(reel.steps):
        masks, kernel, seen, iou = expected[step]
        np.testing.assert_array_equal(reel.masks[i], masks)
        np.testing.assert_array_equal(reel.filters[i], kernel)
        assert reel.peaks[i] == seen.max()
        np.testing.assert_allclose(reel.maps[i] / 255 * reel.peaks[i], seen, atol=float(reel.peaks[i]) / 500)
        assert reel.iou[i] == iou
        assert reel.mean_iou[i] == pytest.approx(sum(iou[1:]) / 2)
    assert reel.stopped == ""


def test_filming_changes_no_weight_and_leaves_nothing_on_the_network():
    filmed, alone = network(), network()
    record_run(filmed, TRAIN, HELD_OUT, n_moments=6, shown=2, **SETTINGS)
    fit(alone, TRAIN, **SETTINGS)
    assert equal(filmed, alone)
    assert not filmed.training
    for module in filmed.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_the_same_take_gives_the_same_reel():
    before = torch.get_rng_state()
    one, two = (shoot(TINY, shown=2, n_moments=4) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    for name in ("loss", "lr", "masks", "filters", "maps", "peaks"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.iou == two.iou
    assert one.settings["planned"] == len(one.loss) == 6


def test_a_run_that_stops_ends_its_reel_with_what_fit_said():
    def loss(logits, target):
        loss.calls += 1
        return F.cross_entropy(logits, target) * (math.inf if loss.calls == 6 else 1)

    loss.calls = 0
    ended = network()
    with pytest.raises(NonFiniteLoss) as stop:
        fit(ended, TRAIN, loss=loss, **SETTINGS)
    loss.calls = 0
    reel = record_run(network(), TRAIN, HELD_OUT, n_moments=4, shown=2, loss=loss, **SETTINGS)
    assert reel.stopped == str(stop.value)
    assert reel.steps == [*[step for step in moments(16, 4) if step < 5], 5]
    assert len(reel.loss) == 5
    np.testing.assert_array_equal(reel.masks[-1], predict(ended, IMAGES[:2], amp=False))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shown": 7}, "shown 7: there are 6 held-out pictures; take 1 to 6"),
        ({"channel": 2}, "channel 2: the first convolution has 2 filters"),
        ({"stage": "up9"}, "stage 'up9' says nothing in channel 0; take one of inc.double_conv.0"),
        ({"n_moments": 1}, "1 moments of 16 steps"),
        ({"epochs": 0}, "epochs 0: take a whole number, 1 or more"),
        ({"batch_size": "all"}, "batch_size 'all': take a whole number"),
    ],
)
def test_what_cannot_be_filmed_is_refused_in_words(wrong, words):
    with pytest.raises(ValueError, match=words):
        record_run(network(), TRAIN, HELD_OUT, **{"shown": 2} | SETTINGS | wrong)


def test_without_batch_norm_each_3x3_convolution_gets_its_bias_and_no_batch_norm_is_left():
    model = without_batch_norm(network())
    assert not [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert all(m.bias is not None for m in model.modules() if isinstance(m, torch.nn.Conv2d))
    assert torch.equal(model.inc.double_conv[0].weight, network().inc.double_conv[0].weight)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 3, 32, 32)


def test_smoothing_a_mask_puts_class_1_between_0_and_2_and_nearest_does_not():
    mask = torch.zeros(1, 16, 16, dtype=torch.long)
    mask[:, 3:12, 5:14] = 2
    smooth = smooth_masks(mask)
    assert smooth.unique().tolist() == [0, 1, 2]
    check_labels(smooth, 3)  # so fit trains on it without a word
    near = F.max_pool2d((mask > 0).float(), 5, 1, 2) - (1 - F.max_pool2d((mask == 0).float(), 5, 1, 2))
    assert near[smooth == 1].all()  # only beside the border
    small = F.interpolate(mask[:, None].float(), scale_factor=0.5, mode="nearest")
    assert F.interpolate(small, size=(16, 16), mode="nearest").unique().tolist() == [0, 2]


def test_each_take_of_the_book_changes_one_thing():
    first, *others = (vars(take) for take in TAKES)
    for take in others:
        assert len([name for name in first if take[name] != first[name]]) == 2, take  # the title, and one thing
