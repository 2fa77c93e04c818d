"""Chapters 9 and 10: losses, and a training run."""

from __future__ import annotations

import numpy as np

from unet_edu.figures.maps import CLASS_LOOK, key, show_classes, show_grey
from unet_edu.figures.picture import Picture
from unet_edu.figures.style import figure, ink


def loss_gradients(logits, pulls: dict[str, object], share: float) -> Picture:
    """Chapter 9: how hard each loss pulls the logit of the object pixels, against that logit; name -> pulls."""
    fig, ax = figure(5.0, 3.2)
    looks = {"cross-entropy": ("input", "-"), "Dice loss": ("weight", "--"), "sum": ("output", ":")}
    for name, values in pulls.items():
        role, dashes = looks[name]
        ax.plot(logits, values, dashes, color=ink(role), linewidth=2, label=name)
    ax.axvline(0, color=ink("line"), linewidth=1, zorder=0)
    ax.set(xlabel="logit of the object pixels, background has 0", ylabel="pull upwards, −dL/dz")
    ax.set(ylim=(0, 1.1 * ax.get_ylim()[1]), xticks=range(-12, 9, 4))
    ax.text(-0.3, ax.get_ylim()[1], "wrong", ha="right", va="top", color=ink("quiet"))
    ax.text(0.3, ax.get_ylim()[1], "right", ha="left", va="top", color=ink("quiet"))
    ax.legend(frameon=False, labelcolor=ink("ink"), loc="center left")
    return Picture(
        fig,
        alt="Three curves over the logit from -12 to 8. Cross-entropy is flat on the left and falls to zero on the "
        "right. The Dice loss is near zero on the left, has a hump around zero that is several times higher than "
        "cross-entropy, and falls to zero on the right. The sum has both, the flat part and the hump.",
        caption="Far on the wrong side only cross-entropy pulls. Across: the logit z that all object pixels share, "
        "below 0 they are called background. Upwards: minus the derivative of the loss by z, solid for cross-entropy, "
        f"dashed for the Dice loss, dotted for their sum. Data: one 64 × 64 image, {share:.0%} object pixels, "
        "background right, eps = 1.",
    )


def training_curves(history, own, classes, what: str) -> Picture:
    """Chapter 10: loss and learning rate of every step, held-out IoU of every epoch; `own`: with batch statistics."""
    fig, (top, middle, bottom) = figure(5.2, 5.6, 3, 1, sharex=True, height_ratios=(2, 1, 2))
    steps = np.arange(1, len(history.loss) + 1)
    ends = [entry["step"] for entry in history.epochs]
    top.plot(steps, history.loss, color=ink("line"), linewidth=0.8)
    starts = [0, *ends[:-1]]
    for start, end, entry in zip(starts, ends, history.epochs, strict=True):
        top.plot([start + 1, end], [entry["loss"]] * 2, color=ink("input"), linewidth=2.5)
    top.set(ylabel="training loss", ylim=(0, 1.05 * max(history.loss)))
    middle.plot(steps, history.lr, color=ink("weight"), linewidth=2)
    middle.set(ylabel="rate", ylim=(0, None))
    looks = {1: ("o-", "class-1"), 2: ("s--", "class-2")}
    for label, (line, role) in looks.items():
        scores = [np.nan if v is None else v for v in (entry["held_out"]["iou"][label] for entry in history.epochs)]
        bottom.plot(ends, scores, line, color=ink(role), label=classes[label], markeredgecolor=ink("ink"))
    bottom.plot(ends, own, "^:", color=ink("quiet"), label="mean, batch statistics")
    bottom.set(xlabel="step", ylabel="held-out IoU", ylim=(0, 1))
    bottom.legend(frameon=False, labelcolor=ink("ink"), loc="lower right")
    for ax in (top, middle, bottom):
        for end in ends:
            ax.axvline(end, color=ink("line"), linewidth=0.6, linestyle=":", zorder=0)
    first, last = history.epochs[0], history.epochs[-1]
    return Picture(
        fig,
        alt=f"Three panels over {len(history.loss)} steps. The training loss falls from {history.loss[0]:.2f}; its "
        f"mean is {first['loss']:.2f} in the first epoch and {last['loss']:.2f} in the last. The learning rate climbs "
        "in a straight line, then falls in a straight line to zero. The mean held-out IoU of the objects is "
        f"{first['held_out']['mean_iou']:.2f} after the first epoch and {last['held_out']['mean_iou']:.2f} at the end; "
        f"with the statistics of the batch it goes from {own[0]:.2f} to {own[-1]:.2f}.",
        caption="The held-out score arrives when the learning rate has fallen. Across: steps; dotted lines end epochs. "
        "Top: loss of each batch, thin, and the mean of each epoch, thick. Middle: learning rate. Bottom: IoU on "
        f"held-out images after each epoch, circles for {classes[1]}, squares for {classes[2]}; triangles: the mean of "
        f"both, when BatchNorm uses the statistics of the batch in place of its running averages. {what}",
    )


def predictions_by_epoch(images, masks, frames, classes, what: str) -> Picture:
    """Chapter 10: a row for each picture, its prediction after each epoch from left to right, its mask last."""
    fig, axes = figure(6.0, 0.55 + 0.85 * len(images), len(images), len(frames) + 2, squeeze=False)
    for row, (image, mask) in enumerate(zip(images, masks, strict=True)):
        show_grey(axes[row, 0], image)
        for column, answers in enumerate(frames, start=1):
            show_classes(axes[row, column], answers[row])
        show_classes(axes[row, -1], mask)
    titles = ["image", *(f"epoch {k}" for k in range(1, len(frames) + 1)), "mask"]
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=10, color=ink("ink"))
    key(fig, [(*CLASS_LOOK[k], word) for k, word in enumerate(classes)])
    return Picture(
        fig,
        alt=f"{len(images)} rows. In each, the predictions after the first epochs show ragged blobs near the objects, "
        "often of the wrong class, and the last one nearly equals the mask beside it.",
        caption="Places come first, classes and outlines later. From left to right: a held-out image, the predicted "
        f"mask after each epoch, and the true mask. {what}",
    )


def worst_cases(images, masks, answers, scores, numbers, what: str) -> Picture:
    """Chapter 10: the held-out pictures with the lowest IoU: image, mask, prediction, and where they differ."""
    fig, axes = figure(6.0, 6.4, 4, len(images), squeeze=False)
    verdict = {
        0: ("zero", None),
        1: ("output", None),
        2: ("cut", "////"),
        3: ("added", "\\\\\\\\"),
        4: ("quiet", "...."),
    }
    for column, (image, mask, answer, score, number) in enumerate(
        zip(images, masks, answers, scores, numbers, strict=True)
    ):
        show_grey(axes[0, column], image)
        show_classes(axes[1, column], mask)
        show_classes(axes[2, column], answer)
        compared = np.select([(mask == answer) & (mask > 0), mask == answer, answer == 0, mask == 0], [1, 0, 2, 3], 4)
        show_classes(axes[3, column], compared, roles=verdict)
        axes[0, column].set_title(f"item {number}: {score:.2f}", fontsize=10, color=ink("ink"))
    for ax, word in zip(axes[:, 0], ("image", "mask", "prediction", "compared"), strict=True):
        ax.set_ylabel(word)
    words = {1: "hit", 2: "missed", 3: "false alarm", 4: "wrong class"}
    key(fig, [(*verdict[k], word) for k, word in words.items()])
    return Picture(
        fig,
        alt=f"{len(images)} columns, each with an image, its mask, the prediction and a comparison. Most objects are "
        "found; the errors are parts of objects in the wrong class and thin lines along outlines.",
        caption="Even the worst held-out pictures are mostly right. Columns: the pictures with the lowest mean "
        "foreground IoU, which is given above each. Rows: image, mask, prediction, and the comparison in the colours "
        f"of the key. {what}",
    )
