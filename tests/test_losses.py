"""Losses against hand-worked numbers and torch's own, and every wrong mask refused in words."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from unet_edu.losses import check_labels, check_target, cross_entropy, cross_entropy_and_dice, dice_loss, soft_dice


def sure(target, n_classes=3, scale=200.0):
    """Logits of a network that is certain of `target`: its softmax is exactly one-hot in float32."""
    return scale * F.one_hot(target, n_classes).movedim(-1, 1).float()


def a_batch(seed=0, batch=2, n_classes=3, size=(5, 7)):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, n_classes, *size, generator=g)
    return logits, torch.randint(0, n_classes, (batch, *size), generator=g)


HALVES = torch.tensor([[[1, 1, 0, 0]]])  # (1, 1, 4): two pixels of class 1
ONE_OFF = torch.tensor([[[1, 0, 0, 0]]])  # one of them missed


def test_knowing_nothing_costs_ln_c():
    assert cross_entropy(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2).long()).item() == pytest.approx(math.log(3))


def test_cross_entropy_is_torch_s():
    logits, target = a_batch()
    weight = torch.tensor([0.2, 1.0, 3.0])
    torch.testing.assert_close(cross_entropy(logits, target), F.cross_entropy(logits, target))
    torch.testing.assert_close(cross_entropy(logits, target, weight), F.cross_entropy(logits, target, weight))


def test_dice_by_hand():
    # Class 1: 1 pixel right, 1 predicted, 2 true: 2 * 1 / (1 + 2). Class 0: 2 right, 3 predicted, 2 true: 4 / 5.
    score = soft_dice(sure(ONE_OFF, 2), HALVES, eps=1e-9)
    assert score.tolist() == pytest.approx([4 / 5, 2 / 3])
    loss = dice_loss(sure(ONE_OFF, 2), HALVES, eps=1e-9)
    assert loss.item() == pytest.approx(1 - (4 / 5 + 2 / 3) / 2)
    assert dice_loss(sure(ONE_OFF, 2), HALVES, include_background=False, eps=1e-9).item() == pytest.approx(1 / 3)


def test_dice_with_eps_of_one_pixel_by_hand():
    assert soft_dice(sure(ONE_OFF, 2), HALVES).tolist() == pytest.approx([(4 + 1) / (5 + 1), (2 + 1) / (3 + 1)])


def test_soft_dice_by_hand_from_half_sure_pixels():
    # p = 1/2 everywhere: sum(p t) = 1, sum(p) = 2, sum(t) = 2 for either class.
    assert soft_dice(torch.zeros(1, 2, 1, 4), HALVES, eps=1e-9).tolist() == pytest.approx([0.5, 0.5])


def test_dice_per_batch_and_per_image_by_hand():
    # Image 1 holds 2 pixels of class 1, all found; image 2 holds 1, missed.
    target = torch.tensor([[[1, 1, 0, 0]], [[1, 0, 0, 0]]])
    predicted = torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]]])
    batch = soft_dice(sure(predicted, 2), target, include_background=False, eps=1e-9)
    image = soft_dice(sure(predicted, 2), target, include_background=False, per_image=True, eps=1e-9)
    assert batch.shape == (1,)
    assert image.shape == (2, 1)
    assert batch.tolist() == pytest.approx([2 * 2 / (2 + 3)])
    assert image.flatten().tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


def test_absent_and_not_predicted_scores_one():
    target = torch.zeros(1, 4, 4).long()
    for eps in (1e-6, 1.0):
        assert soft_dice(sure(target), target, eps=eps).tolist() == [1.0, 1.0, 1.0]


def test_absent_but_predicted_scores_eps_over_area():
    target, predicted = torch.zeros(1, 4, 4).long(), torch.ones(1, 4, 4).long()
    assert soft_dice(sure(predicted), target, eps=0.5)[1].item() == pytest.approx(0.5 / 16.5)


def test_dice_near_8e_12_is_eps_over_mask():
    target = torch.ones(1, 50, 25).long()
    score = soft_dice(sure(torch.zeros_like(target), 2).double(), target, eps=1e-8)[1]
    assert score.item() == pytest.approx(1e-8 / 1250) == pytest.approx(8e-12)


def test_the_sum_is_the_sum():
    logits, target = a_batch()
    for options in ({}, {"per_image": True, "include_background": False, "eps": 0.1}):
        expected = F.cross_entropy(logits, target) + dice_loss(logits, target, **options)
        torch.testing.assert_close(cross_entropy_and_dice(logits, target, **options), expected)


def test_soft_dice_of_certain_masks_is_sklearn_s_f1():
    _, target = a_batch(1)
    _, predicted = a_batch(2)
    ours = soft_dice(sure(predicted).double(), target, eps=1e-12)
    np.testing.assert_allclose(ours, f1_score(target.flatten(), predicted.flatten(), average=None), atol=1e-9)


def test_gradients_are_right():
    logits, target = a_batch(size=(2, 3))
    logits = logits.double().requires_grad_()
    for options in ({}, {"per_image": True, "include_background": False}):
        assert torch.autograd.gradcheck(lambda z, o=options: cross_entropy_and_dice(z, target, **o), logits)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(2, 5), st.booleans(), st.booleans())
def test_dice_loss_stays_in_0_1_and_ignores_a_constant_shift(seed, batch, n_classes, per_image, background):
    logits, target = a_batch(seed, batch, n_classes)
    options = {"per_image": per_image, "include_background": background}
    loss = dice_loss(logits, target, **options)
    assert 0 <= loss <= 1
    torch.testing.assert_close(loss, dice_loss(logits + 3.0, target, **options))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_are_summed_in_float32(dtype):
    logits, target = a_batch(size=(64, 64))
    logits = logits.to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cross_entropy_and_dice(logits, target)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, cross_entropy_and_dice(logits.float(), target))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_every_integer_dtype_is_taken(dtype):
    logits, target = a_batch()
    assert check_target(logits, target.to(dtype)).dtype == torch.int64
    torch.testing.assert_close(cross_entropy(logits, target.to(dtype)), F.cross_entropy(logits, target))


LOGITS = torch.zeros(2, 3, 4, 6)
GOOD = torch.zeros(2, 4, 6).long()
REFUSED = [
    (LOGITS, GOOD + 255, ValueError, r"holds 255.*3 classes, 0\.\.2.*mask // 255"),
    (LOGITS, torch.cat([GOOD[:1], GOOD[:1] + 255]), ValueError, "divide by 255"),
    (LOGITS, GOOD + torch.tensor([0, 85, 170, 255, 0, 0]), ValueError, r"map its values 0, 85, 170, 255 to class"),
    (LOGITS, GOOD + torch.tensor([1, 2, 3, 1, 2, 3]), ValueError, "holds 3.*start at 1: subtract 1"),
    (LOGITS, GOOD + torch.arange(6), ValueError, "holds 5.*n_classes=6"),
    (LOGITS, GOOD - 1, ValueError, "holds -1.*0..2.*class of their own"),
    (LOGITS, GOOD.float(), TypeError, r"float32.*target\.long\(\).*ToTensor"),
    (LOGITS, GOOD.bool(), TypeError, r"bool.*target\.long\(\)"),
    (LOGITS, GOOD.numpy(), TypeError, "ndarray.*as_tensor"),
    (LOGITS, GOOD[:, None], ValueError, r"\(2, 1, 4, 6\).*squeeze\(1\)"),
    (LOGITS, torch.zeros(2, 3, 4, 6).long(), ValueError, r"argmax\(dim=1\)"),
    (LOGITS, GOOD[0], ValueError, "2 axes, expected 3"),
    (LOGITS, GOOD[:1], ValueError, "1 masks for 2 images"),
    (LOGITS, GOOD.transpose(1, 2), ValueError, "6 x 4 pixels, logits 4 x 6"),
    (LOGITS, GOOD[:, :, :5], ValueError, "4 x 5 pixels.*nearest"),
    (LOGITS[:, :, :0], GOOD[:, :0], ValueError, "0 pixels"),
    (LOGITS[:, :1], GOOD, ValueError, "1 channel.*n_classes=2"),
    (LOGITS[0], GOOD, ValueError, r"logits are \(3, 4, 6\)"),
    (LOGITS.long(), GOOD, ValueError, "logits are .*int64"),
]


@pytest.mark.parametrize(("logits", "target", "error", "words"), REFUSED)
@pytest.mark.parametrize("loss", [cross_entropy, dice_loss, cross_entropy_and_dice])
def test_wrong_masks_are_refused_with_the_cure(loss, logits, target, error, words):
    with pytest.raises(error, match=words):
        loss(logits, target)


@pytest.mark.parametrize("eps", [0.0, -1.0, math.nan])
def test_eps_must_be_positive(eps):
    with pytest.raises(ValueError, match=r"eps .*above 0"):
        dice_loss(LOGITS, GOOD, eps=eps)


def test_labels_are_checked_in_any_shape():
    assert check_labels(torch.tensor([0, 2]), 3).tolist() == [0, 2]
    with pytest.raises(ValueError, match="holds 7"):
        check_labels(torch.tensor(7), 3)
