"""How good is a mask: everything is read off one confusion matrix, which adds up over batches.

Source: the pixel counts of Everingham et al., "The Pascal VOC Challenge" (2010), section 4.
Deviation: a class absent from masks and predictions alike has no score, nan, and the mean leaves it out; Pascal's
classes are always present, and counting such a class as 0 or as 1 would reward or punish what was never asked.

Add up matrices, not scores: `matrix += confusion_matrix(logits, target)`, then one score at the end. The mean of
per-batch scores depends on how the pictures were dealt into batches.
"""

import torch
from torch import Tensor

from unet_edu.losses import check_labels, check_target


def confusion_matrix(logits: Tensor, target: Tensor) -> Tensor:
    """Pixel counts (C, C), int64: row = true class, column = the class of the largest logit (the first, at a tie).

    logits (B, C, H, W), target (B, H, W) of class numbers. Raises as `losses.check_target` does.
    """
    target = check_target(logits, target)
    return count(logits.argmax(dim=1), target, logits.shape[1])


def count(predicted: Tensor, target: Tensor, n_classes: int) -> Tensor:
    """As `confusion_matrix`, from two maps of class numbers of one shape, whichever it is."""
    if predicted.shape != target.shape:
        raise ValueError(f"prediction is {tuple(predicted.shape)}, target {tuple(target.shape)}: they must be alike")
    predicted, target = check_labels(predicted, n_classes), check_labels(target, n_classes)
    pairs = n_classes * target + predicted
    return torch.bincount(pairs.flatten(), minlength=n_classes**2).view(n_classes, n_classes)


def iou(matrix: Tensor) -> Tensor:
    """Intersection over union of each class, float64 (C,), in 0..1; nan for a class in neither mask nor prediction."""
    hit, true, predicted = parts(matrix)
    return hit / (true + predicted - hit)


def dice(matrix: Tensor) -> Tensor:
    """Dice, also called F1, of each class, float64 (C,): 2 IoU / (1 + IoU), so never below IoU; nan as in `iou`."""
    hit, true, predicted = parts(matrix)
    return 2 * hit / (true + predicted)


def pixel_accuracy(matrix: Tensor) -> float:
    """The share of pixels with the right class; beside much background it flatters. nan for an empty matrix."""
    hit, true, _ = parts(matrix)
    return float(hit.sum() / true.sum())


def mean_foreground(scores: Tensor) -> float:
    """The mean of per-class scores without class 0, the background, and without nan; nan if nothing is left."""
    return float(scores[1:].nanmean())


def parts(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each class, float64: pixels right, pixels true, pixels predicted."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"confusion matrix {tuple(matrix.shape)}: expected (C, C), from `confusion_matrix`")
    matrix = matrix.cpu().double()  # float64, exact to 2**53 pixels, and not on every accelerator
    return matrix.diag(), matrix.sum(dim=1), matrix.sum(dim=0)
