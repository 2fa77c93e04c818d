"""How wrong is a mask: cross-entropy asks pixel by pixel, soft Dice asks how far two areas overlap, a sum asks both.

Source: Milletari, Navab, Ahmadi, "V-Net" (2016), section 3, for soft Dice; the sum, Isensee et al., "nnU-Net" (2021).
Deviation from V-Net: sums of p, not of p squared, in the denominator, and `eps`, so that an absent class has a value.

All take logits (B, C, H, W), not probabilities, and class numbers (B, H, W); all compute in float32 or better, under
autocast too, where the sum over thousands of half-precision pixels would lose small classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over pixels of -log p(true class), in nats: ln C for a network that knows nothing.

    `weight` (C,): one factor per class, for rare ones. Raises as `check_target` does.
    """
    return F.cross_entropy(at_least_float32(logits), check_target(logits, target), weight=weight)


def soft_dice(
    logits: Tensor, target: Tensor, *, per_image: bool = False, include_background: bool = True, eps: float = 1.0
) -> Tensor:
    """The overlap (2 sum(p t) + eps) / (sum(p) + sum(t) + eps) of each class, in 0..1: shape (C,), or (B, C) per image.

    p is the softmax, t is 1 in the class and 0 elsewhere. Sums run over the whole batch, or over each image with
    `per_image=True`; `include_background=False` leaves class 0 out of the result, so C becomes C - 1.
    `eps` is in pixels. A class that is absent and predicted nowhere scores eps / eps = 1; absent but predicted over P
    pixels, eps / (P + eps); present over T pixels but predicted nowhere, eps / (T + eps): a Dice near 8e-12 is
    ``eps / |mask|``, an empty prediction under a tiny eps, and no bug in the formula.
    Raises ValueError for eps <= 0, and as `check_target` does.
    """
    if not eps > 0:
        raise ValueError(f"eps {eps}: an absent class would be 0/0; take a number above 0, e.g. 1 (a pixel)")
    target = check_target(logits, target)
    p = at_least_float32(logits).softmax(dim=1)  # (B, C, H, W)
    t = F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(p.dtype)  # (B, C, H, W)
    over = (2, 3) if per_image else (0, 2, 3)
    score = (2 * (p * t).sum(over) + eps) / (p.sum(over) + t.sum(over) + eps)  # (B, C) or (C,)
    return score if include_background else score[..., 1:]


def dice_loss(
    logits: Tensor, target: Tensor, *, per_image: bool = False, include_background: bool = True, eps: float = 1.0
) -> Tensor:
    """1 - mean soft Dice, in 0..1; arguments, empty masks and errors as in `soft_dice`.

    Per batch (the default) a small object weighs little beside a large one in another image; per image each counts
    alike, and each class absent from an image adds its all-or-nothing term.
    """
    score = soft_dice(logits, target, per_image=per_image, include_background=include_background, eps=eps)
    return 1 - score.mean()


def cross_entropy_and_dice(
    logits: Tensor, target: Tensor, *, per_image: bool = False, include_background: bool = True, eps: float = 1.0
) -> Tensor:
    """`cross_entropy` + `dice_loss`, one to one: the first has steady gradients, the second cares for rare classes."""
    dice = dice_loss(logits, target, per_image=per_image, include_background=include_background, eps=eps)
    return cross_entropy(logits, target) + dice


def at_least_float32(x: Tensor) -> Tensor:
    """float16 and bfloat16 become float32; float64 stays."""
    return x if x.dtype == torch.float64 else x.float()


def check_target(logits: Tensor, target: Tensor) -> Tensor:
    """The target as int64 if it fits the logits; otherwise an error that names the number and the cure.

    logits (B, C, H, W) floating, C >= 2; target (B, H, W), any integer dtype, values 0..C-1.
    Raises TypeError for a target that is no integer tensor, ValueError for wrong axes, sizes or labels.
    """
    if not isinstance(logits, Tensor) or not logits.is_floating_point() or logits.ndim != 4:
        what = f"{tuple(logits.shape)} {logits.dtype}" if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"logits are {what}: expected floats of shape (B, C, H, W), as the network returns them")
    batch, n_classes, height, width = logits.shape
    if n_classes < 2:
        raise ValueError("logits have 1 channel: softmax over 1 class is always 1; build the network with n_classes=2")
    if not isinstance(target, Tensor):
        raise TypeError(f"target is a {type(target).__name__}: turn it into a tensor, torch.as_tensor(mask)")
    if target.ndim == 4 and target.shape[1] == 1:
        raise ValueError(f"target {tuple(target.shape)} has a channel axis: drop it with target.squeeze(1)")
    if target.ndim == 4:
        raise ValueError(f"target {tuple(target.shape)} has a channel axis: if it is one-hot, use target.argmax(dim=1)")
    if target.ndim != 3:
        raise ValueError(f"target {tuple(target.shape)} has {target.ndim} axes, expected 3: (B, H, W)")
    if target.shape[0] != batch:
        raise ValueError(f"{target.shape[0]} masks for {batch} images: give one mask per image")
    if target.shape[1:] != (height, width):
        raise ValueError(
            f"masks are {target.shape[1]} x {target.shape[2]} pixels, logits {height} x {width}: crop or resize the "
            "masks with their images (mode='nearest', so that no new labels arise)"
        )
    return check_labels(target, n_classes)


def check_labels(target: Tensor, n_classes: int) -> Tensor:
    """The target, of any shape, as int64 if it holds nothing but 0..n_classes-1; errors as in `check_target`."""
    known = f"classes are 0..{n_classes - 1}"
    if target.dtype == torch.bool:
        raise TypeError(f"target is torch.bool, {known} as int64: use target.long()")
    if target.is_floating_point() or target.is_complex():
        raise TypeError(
            f"target is {target.dtype}, {known} as int64: use target.long(); if ToTensor made it, it also divided by "
            "255: read the mask with torch.as_tensor(numpy.array(mask)) instead"
        )
    if target.numel() == 0:
        raise ValueError(f"target {tuple(target.shape)} holds 0 pixels: give at least one mask")
    target = target.long()
    least, most = int(target.min()), int(target.max())
    if least < 0:
        raise ValueError(f"mask holds {least}, {known}: give unknown pixels a class of their own")
    if most >= n_classes:
        values = target.unique()
        if values.tolist() in ([255], [0, 255]):
            cure = "divide by 255 (mask // 255)"
        elif most == n_classes and least == 1:
            cure = "labels seem to start at 1: subtract 1"
        else:
            cure = f"map its values {shown(values)} to class numbers, or build the network with n_classes={most + 1}"
        raise ValueError(f"mask holds {most}, the network has {n_classes} classes, 0..{n_classes - 1}: {cure}")
    return target


def shown(values: Tensor) -> str:
    """Up to six values, for an error message."""
    return ", ".join(str(v) for v in values[:6].tolist()) + (" ..." if len(values) > 6 else "")
