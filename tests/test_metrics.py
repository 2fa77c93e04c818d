"""Scores against hand-worked counts, scikit-learn and torchmetrics, and what must hold for any masks."""

import math

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
import torch.nn.functional as F
import torchmetrics.functional.classification as tm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unet_edu.metrics import confusion_matrix, count, dice, iou, mean_foreground, pixel_accuracy

# True classes go down, predicted ones across. 10 pixels:
TRUE = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 2, 2, 2]])
SAID = torch.tensor([[0, 0, 0, 1, 1, 1, 2, 2, 0, 0]])
BY_HAND = [[3, 1, 0], [0, 2, 1], [2, 0, 1]]

labels = hnp.arrays(np.int64, (2, 3, 8, 8), elements=st.integers(0, 3))  # prediction and truth, 3 masks, 4 classes


def pair(draws):
    return torch.from_numpy(draws[0]), torch.from_numpy(draws[1])


def test_counts_and_scores_by_hand():
    matrix = count(SAID, TRUE, 3)
    assert matrix.tolist() == BY_HAND
    assert iou(matrix).tolist() == pytest.approx([3 / 6, 2 / 4, 1 / 4])
    assert dice(matrix).tolist() == pytest.approx([6 / 9, 4 / 6, 2 / 5])
    assert pixel_accuracy(matrix) == pytest.approx(6 / 10)
    assert mean_foreground(iou(matrix)) == pytest.approx((2 / 4 + 1 / 4) / 2)


def test_logits_count_by_their_largest():
    logits = F.one_hot(SAID[None], 3).movedim(-1, 1).float() - 5  # (1, 3, 1, 10)
    assert confusion_matrix(logits, TRUE[None]).tolist() == BY_HAND


def test_matrices_add_up_over_batches_and_scores_do_not():
    g = torch.Generator().manual_seed(0)
    logits, target = torch.randn(6, 3, 8, 8, generator=g), torch.randint(0, 3, (6, 8, 8), generator=g)
    whole = confusion_matrix(logits, target)
    parts = [confusion_matrix(logits[i : i + 4], target[i : i + 4]) for i in (0, 4)]
    assert torch.equal(parts[0] + parts[1], whole)
    assert whole.dtype == torch.int64
    assert whole.sum() == target.numel()
    assert not torch.allclose((iou(parts[0]) + iou(parts[1])) / 2, iou(whole), rtol=1e-6)


def test_a_class_absent_from_both_has_no_score_and_the_mean_leaves_it_out():
    matrix = count(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 3)
    assert math.isnan(iou(matrix)[2])
    assert math.isnan(dice(matrix)[2])
    assert mean_foreground(iou(matrix)) == pytest.approx(1 / 2)


def test_a_class_absent_from_one_side_scores_zero():
    missed, invented = (
        count(torch.tensor([0, 0]), torch.tensor([0, 1]), 2),
        count(torch.tensor([0, 1]), torch.tensor([0, 0]), 2),
    )
    assert iou(missed)[1] == iou(invented)[1] == dice(missed)[1] == 0


def test_nothing_but_background_leaves_no_foreground_mean():
    matrix = count(torch.zeros(4).long(), torch.zeros(4).long(), 3)
    assert math.isnan(mean_foreground(iou(matrix)))
    assert pixel_accuracy(matrix) == 1
    assert math.isnan(pixel_accuracy(torch.zeros(3, 3)))


@settings(max_examples=60, deadline=None)
@given(labels)
def test_counts_iou_dice_and_accuracy_are_sklearn_s(draws):
    predicted, target = pair(draws)
    matrix, flat = count(predicted, target, 4), (draws[1].ravel(), draws[0].ravel())
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(*flat, labels=range(4)))
    assert pixel_accuracy(matrix) == pytest.approx(sk.accuracy_score(*flat))
    present = sorted(set(flat[0]) | set(flat[1]))
    np.testing.assert_allclose(iou(matrix)[present], sk.jaccard_score(*flat, labels=present, average=None))
    np.testing.assert_allclose(dice(matrix)[present], sk.f1_score(*flat, labels=present, average=None))
    assert iou(matrix).isnan().sum() == 4 - len(present)


@settings(max_examples=25, deadline=None)
@given(labels)
def test_counts_iou_dice_and_accuracy_are_torchmetrics_s(draws):
    predicted, target = pair(draws)
    matrix = count(predicted, target, 4)
    assert torch.equal(matrix, tm.multiclass_confusion_matrix(predicted, target, 4))
    theirs = tm.multiclass_jaccard_index(predicted, target, 4, average=None).double()
    torch.testing.assert_close(iou(matrix).nan_to_num(0), theirs, rtol=1e-5, atol=1e-6)
    theirs = tm.multiclass_f1_score(predicted, target, 4, average=None).double()
    torch.testing.assert_close(dice(matrix).nan_to_num(0), theirs, rtol=1e-5, atol=1e-6)
    theirs = tm.multiclass_accuracy(predicted, target, 4, average="micro")
    assert pixel_accuracy(matrix) == pytest.approx(float(theirs), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(labels)
def test_dice_is_2_iou_over_1_plus_iou_and_both_are_bounded(draws):
    matrix = count(*pair(draws), 4)
    i, d = iou(matrix), dice(matrix)
    torch.testing.assert_close(d, 2 * i / (1 + i), equal_nan=True)
    known = ~i.isnan()
    assert ((i[known] >= 0) & (i[known] <= d[known]) & (d[known] <= 1)).all()


@settings(max_examples=60, deadline=None)
@given(labels, st.permutations(range(4)), st.randoms(use_true_random=False))
def test_scores_follow_renamed_classes_and_ignore_the_order_of_pixels(draws, names, chance):
    predicted, target = pair(draws)
    before, names = iou(count(predicted, target, 4)), torch.tensor(names)
    order = torch.tensor(chance.sample(range(target.numel()), target.numel()))
    after = iou(count(names[predicted].flatten()[order], names[target].flatten()[order], 4))
    torch.testing.assert_close(after[names], before, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(labels)
def test_iou_does_not_care_which_side_is_the_truth(draws):
    predicted, target = pair(draws)
    torch.testing.assert_close(iou(count(predicted, target, 4)), iou(count(target, predicted, 4)), equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(labels)
def test_only_a_perfect_mask_scores_one(draws):
    predicted, target = pair(draws)
    assert iou(count(target, target, 4)).nan_to_num(1).eq(1).all()
    assume(not torch.equal(predicted, target))
    assert iou(count(predicted, target, 4)).nan_to_num(1).min() < 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: confusion_matrix(torch.zeros(1, 3, 1, 10), TRUE[None] * 127), ValueError, "holds 254"),
        (lambda: confusion_matrix(torch.zeros(1, 3, 1, 9), TRUE[None]), ValueError, "1 x 10 pixels, logits 1 x 9"),
        (lambda: count(SAID[:, :9], TRUE, 3), ValueError, r"\(1, 9\), target \(1, 10\)"),
        (lambda: count(SAID, TRUE.float(), 3), TypeError, "float32"),
        (lambda: count(SAID + 1, TRUE, 3), ValueError, "holds 3"),
        (lambda: iou(torch.zeros(2, 3)), ValueError, r"\(2, 3\): expected \(C, C\)"),
    ],
)
def test_wrong_maps_are_refused_with_the_cure(call, error, words):
    with pytest.raises(error, match=words):
        call()
