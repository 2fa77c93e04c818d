"""Training is one small loop: guess, measure, follow the gradient; all the rest is there to fail early and in words.

Source: Ronneberger et al. (2015), section 3: SGD with momentum; Smith and Topin, "Super-Convergence" (2018), for the
one-cycle rate; Micikevicius et al., "Mixed Precision Training" (2018).
Deviations from the paper: Nesterov momentum 0.9 instead of 0.99, small batches instead of one large tile, BatchNorm,
and no extra weight for pixels between touching objects.

`fit` trains, `evaluate` scores, `predict` draws masks, `default_run` is the run that the book shows.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from unet_edu import checkpoint as ckpt
from unet_edu import losses, metrics
from unet_edu.batches import Data, as_tensors, deal
from unet_edu.data import CLASSES, ToyCells, stack
from unet_edu.device import own_random_state, pick_amp, pick_device
from unet_edu.model import UNet

Loss = Callable[[Tensor, Tensor], Tensor]


class NonFiniteLoss(RuntimeError):
    """The loss or its gradient became inf or nan; the network is as it was before that step."""


@dataclass
class Scores:
    """What `evaluate` found. Lists hold one entry per class, None for a class in neither masks nor predictions."""

    loss: float
    iou: list[float | None]
    dice: list[float | None]
    mean_iou: float  # over the foreground classes; nan if none is there
    mean_dice: float
    accuracy: float  # share of pixels
    matrix: list[list[int]]  # pixel counts: row = true class, column = predicted


@dataclass
class History:
    """What `fit` did: one entry per step in `loss` and `lr`, one dict per finished epoch in `epochs`.

    An epoch's dict holds `epoch` (1, 2, ...), `step` (steps so far), `loss` (the epoch's mean), `seconds` (so far) and,
    if there was a held-out set, `held_out`: a dict with the fields of `Scores`.
    """

    loss: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    epochs: list[dict] = field(default_factory=list)
    seconds: float = 0.0  # training and scoring; where a run was resumed, its earlier part included
    interrupted: bool = False


def fit(
    model: nn.Module,
    train: Data,
    held_out: Data | None = None,
    *,
    epochs: int = 10,
    batch_size: int = 8,
    max_lr: float = 1.0,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    warm_up: float = 0.15,
    clip: float = 0.2,
    loss: Loss = losses.cross_entropy,
    device: str | torch.device | None = None,
    amp: bool | torch.dtype | None = None,
    memory_format: torch.memory_format = torch.channels_last,
    seed: int = 0,
    progress: bool = True,
    checkpoint: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    on_epoch: Callable[[int, nn.Module, History], None] | None = None,
    on_step: Callable[[int, nn.Module, History], None] | None = None,
) -> History:
    """Train `model` in place by SGD with Nesterov momentum under a one-cycle rate; return what happened.

    train, held_out: a sequence of (image (C, H, W) float, mask (H, W) int) pairs, or two arrays (images, masks); all of
    one size, held in memory. Each epoch deals the pictures anew into batches of `batch_size`; a remainder that fills no
    batch sits that epoch out. The rate climbs from max_lr / 25 during the first `warm_up` (0..1) of all steps, then
    falls in a straight line to about 0. A gradient longer than `clip` (norm over all weights) is cut to that length, so
    that no batch throws the weights far: this allows the large rate. `held_out` is scored after each epoch.
    device, amp: see `pick_device` and `pick_amp`; weights and loss stay float32.
    checkpoint: a file, written after each epoch. resume: such a file; with the same data and settings the run ends with
    the same weights as one without the break, on the CPU bit for bit (given the same number of threads).
    on_epoch(epoch, model, history): called after each epoch, counted from 1, with the network in eval mode.
    on_step(step, model, history): called after each step, counted from 1, with the network in train mode.
    Ctrl-C ends the run without an error: what was learned stays in the network, `history.interrupted` is True.
    The network is left in eval mode, on its device. Torch's global random state is left as it was.

    Raises, before training: ValueError or TypeError for bad settings and for data that do not fit the network, as
    `losses.check_target` does; `checkpoint.CheckpointError` for a file that can't be resumed. Later: NonFiniteLoss.
    """
    check_settings(epochs, batch_size, max_lr, momentum, weight_decay, warm_up, clip)
    if checkpoint is not None:
        ckpt.check_folder(checkpoint)
    device = pick_device(device)
    dtype = pick_amp(device, amp)
    images, masks = as_tensors(train)
    model.to(device, memory_format=memory_format)
    check_data(model, images, masks)
    if held_out is not None:
        held_out = as_tensors(held_out)
        check_data(model, *held_out)
    images, masks = images.to(device), masks.to(device)
    batch_size = min(batch_size, len(images))
    steps = len(images) // batch_size  # per epoch

    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=max_lr,
        momentum=momentum,
        nesterov=momentum > 0,
        weight_decay=weight_decay,
        fused=device.type in ("cpu", "cuda"),  # all weights in one call: a tenth of a small network's step
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr,
        total_steps=epochs * steps,
        pct_start=warm_up,
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    parts = {"model": model, "optimizer": optimizer, "scheduler": schedule, "scaler": scaler}
    plan = {}
    if checkpoint is not None or resume is not None:
        plan = {
            "epochs": epochs,
            "batch_size": batch_size,
            "max_lr": max_lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "warm_up": warm_up,
            "clip": clip,
            "loss": getattr(loss, "__name__", "custom"),
            "amp": str(dtype),
            "seed": seed,
            "data": ckpt.fingerprint(images, masks),
        }
    history, done = History(), 0
    with own_random_state(device, seed):
        if resume is not None:
            done, saved = ckpt.restore(resume, parts, plan, device)
            history = History(**saved)
        before, start = history.seconds, time.perf_counter()
        bar = tqdm(total=epochs * steps, initial=done * steps, disable=not progress, unit="step")
        try:
            for epoch in range(done + 1, epochs + 1):
                model.train()
                for picked in deal(len(images), batch_size, seed, epoch):
                    picked = picked.to(device)
                    x = images[picked].contiguous(memory_format=memory_format)  # (B, C, H, W)
                    lr = schedule.get_last_lr()[0]
                    value = step(model, x, masks[picked], loss, optimizer, scaler, dtype, clip, len(history.loss) + 1)
                    history.lr.append(lr)
                    history.loss.append(value)
                    if len(history.loss) < epochs * steps:
                        schedule.step()
                    if on_step is not None:
                        on_step(len(history.loss), model, history)
                        model.train()
                    bar.set_postfix(loss=f"{value:.3f}", refresh=False)
                    bar.update()
                model.eval()
                entry = {"epoch": epoch, "step": len(history.loss), "loss": float(np.mean(history.loss[-steps:]))}
                if held_out is not None:
                    entry["held_out"] = asdict(evaluate(model, held_out, loss=loss, amp=amp))
                history.seconds = entry["seconds"] = before + time.perf_counter() - start
                history.epochs.append(entry)
                if checkpoint is not None:
                    ckpt.save(checkpoint, parts, plan, device, epoch, asdict(history))
                if on_epoch is not None:
                    on_epoch(epoch, model, history)
                    model.eval()
        except KeyboardInterrupt:
            history.interrupted = True
        finally:
            history.seconds = before + time.perf_counter() - start
            bar.close()
            model.eval()
    return history


def step(
    model: nn.Module,
    x: Tensor,
    target: Tensor,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    dtype: torch.dtype | None,
    clip: float,
    number: int,
) -> float:
    """One step on one batch; returns its loss. If loss or gradient is not finite, raises before anything changes."""
    buffers = list(model.buffers())
    saved = [buffer.clone() for buffer in buffers]  # BatchNorm's statistics change in the forward pass, for good
    try:
        with torch.autocast(x.device.type, dtype=dtype, enabled=dtype is not None):
            logits = model(x)  # (B, classes, H, W)
        value = loss(logits, target)
        lr = optimizer.param_groups[0]["lr"]
        if not math.isfinite(value.item()):
            raise NonFiniteLoss(what_to_try(f"the loss is {value.item()}", number, lr, dtype))
        optimizer.zero_grad()
        scaler.scale(value).backward()
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip).item()
        # A scaler meets inf now and then: it skips the step and lowers its scale, so that is no failure.
        if not math.isfinite(norm) and not scaler.is_enabled():
            raise NonFiniteLoss(what_to_try(f"the gradient's norm is {norm}", number, lr, dtype))
    except BaseException:
        with torch.no_grad():
            for buffer, old in zip(buffers, saved, strict=True):
                buffer.copy_(old)
        raise
    scaler.step(optimizer)
    scaler.update()
    return value.item()


def evaluate(
    model: nn.Module,
    data: Data,
    *,
    loss: Loss = losses.cross_entropy,
    batch_size: int = 32,
    device: str | torch.device | None = None,
    amp: bool | torch.dtype | None = None,
) -> Scores:
    """Score `model` on (image, mask) pairs or (images, masks), all pixels in one confusion matrix.

    The network stays where it is unless `device` is given, and returns to train mode if it was in it. `loss` is the
    mean over batches, weighted by their sizes. Data and errors as for `fit`.
    """
    images, masks = as_tensors(data)
    if device is not None:
        model.to(pick_device(device))
    check_data(model, images, masks)
    matrix, total, seen = 0, 0.0, 0
    for logits in logits_of(model, images, batch_size, amp):
        target = masks[seen : seen + len(logits)].to(logits.device)
        matrix = matrix + metrics.confusion_matrix(logits, target)
        total += loss(logits, target).item() * len(logits)
        seen += len(logits)
    iou, dice = metrics.iou(matrix), metrics.dice(matrix)
    return Scores(
        loss=total / seen,
        iou=[None if math.isnan(v) else v for v in iou.tolist()],
        dice=[None if math.isnan(v) else v for v in dice.tolist()],
        mean_iou=metrics.mean_foreground(iou),
        mean_dice=metrics.mean_foreground(dice),
        accuracy=metrics.pixel_accuracy(matrix),
        matrix=matrix.tolist(),
    )


def predict(
    model: nn.Module, images: np.ndarray | Tensor, *, batch_size: int = 32, amp: bool | torch.dtype | None = None
) -> Tensor:
    """The class of each pixel: images (N, C, H, W) float -> masks (N, H, W) int64, on the CPU."""
    images = torch.as_tensor(images)
    return torch.cat([logits.argmax(dim=1).cpu() for logits in logits_of(model, images, batch_size, amp)])


def logits_of(model: nn.Module, images: Tensor, batch_size: int, amp: bool | torch.dtype | None) -> Iterator[Tensor]:
    """Logits batch by batch, in eval mode and without gradients; the mode is restored afterwards."""
    weight = next(model.parameters())
    dtype, was_training = pick_amp(weight.device, amp), model.training
    model.eval()
    try:
        for batch in images.split(batch_size):
            with torch.no_grad(), torch.autocast(weight.device.type, dtype=dtype, enabled=dtype is not None):
                logits = model(batch.to(weight.device))
            yield logits
    finally:
        model.train(was_training)


def check_data(model: nn.Module, images: Tensor, masks: Tensor) -> None:
    """Show the network one picture and compare what it says with all masks; errors as in `losses.check_target`."""
    logits = next(logits_of(model, images[:1], 1, False))
    losses.check_target(logits, masks[:1].to(logits.device))
    losses.check_labels(masks, logits.shape[1])


def check_settings(epochs, batch_size, max_lr, momentum, weight_decay, warm_up, clip) -> None:
    """Raise ValueError, with the number and the range, for a setting that cannot work."""
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} {value!r}: take a whole number, 1 or more")
    if not 0 < max_lr < math.inf:
        raise ValueError(f"max_lr {max_lr}: take a number above 0, e.g. 0.1")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum {momentum}: take 0 <= momentum < 1, e.g. 0.9")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay {weight_decay}: take 0 or more, e.g. 5e-4")
    if not 0 < warm_up < 1:
        raise ValueError(f"warm_up {warm_up}: it is a share of all steps; take 0 < warm_up < 1, e.g. 0.15")
    if not clip > 0:
        raise ValueError(f"clip {clip}: take a number above 0, e.g. 0.5, or math.inf for no limit")


def what_to_try(what: str, number: int, lr: float, dtype: torch.dtype | None) -> str:
    """The message of NonFiniteLoss: where it happened, what still stands, what to try."""
    half = " Or amp=False: float16 ends at 65504." if dtype == torch.float16 else ""
    return (
        f"step {number}: {what}, at learning rate {lr:.3g}. The step was not taken: weights and BatchNorm statistics "
        f"are those of step {number - 1}. Try a tenth of max_lr, or a longer warm_up.{half} With a loss of your own, "
        "look for a division by 0 or a logarithm of 0."
    )


@dataclass(frozen=True)
class Recipe:
    """What the book trains: a mean foreground IoU of 0.91 to 0.92 on held-out pictures, in seconds on two cores.

    Width 16 because processors multiply in blocks of 16 channels: widths 12 and 20 took longer than 16. Batches of 8 on
    two cores: smaller ones wait for each other, larger ones take too few steps in the time.
    """

    width: int = 16
    bilinear: bool = False
    size: int = 64  # pixels, both sides
    n_train: int = 288
    n_watched: int = 32  # scored after each epoch, for the curve
    n_held_out: int = 256  # scored once, at the end; none of them is among the watched
    epochs: int = 6
    batch_size: int = 8
    max_lr: float = 1.0
    weight_decay: float = 5e-4


@dataclass
class Run:
    """What `default_run` returns; `seconds` counts all: drawing, building, training and the final scores."""

    model: UNet
    history: History
    scores: Scores
    seconds: float
    recipe: Recipe


def default_run(
    seed: int = 0,
    recipe: Recipe | None = None,
    *,
    device: str | torch.device | None = None,
    amp: bool | torch.dtype | None = None,
    threads: int | None = None,
    progress: bool = True,
    checkpoint: str | os.PathLike | None = None,
    resume: str | os.PathLike | None = None,
    on_epoch: Callable[[int, nn.Module, History], None] | None = None,
) -> Run:
    """Draw pictures, train a small U-Net on them, and score it on held-out ones, the same 256 for every seed.

    `seed` sets training pictures, first weights and order. `threads` of the CPU, for this call; None leaves torch's
    choice. The other arguments are those of `fit`. Same seed, threads and machine: same result, on the CPU.
    """
    start, recipe = time.perf_counter(), recipe or Recipe()
    device = pick_device(device)
    with some_threads(threads):
        train = stack(ToyCells(recipe.n_train, recipe.size, seed))
        watched = stack(ToyCells(recipe.n_watched, recipe.size, 1, held_out=True))
        with own_random_state(device, seed):
            model = UNet(1, len(CLASSES), bilinear=recipe.bilinear, width=recipe.width)
        history = fit(
            model,
            train,
            watched,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            max_lr=recipe.max_lr,
            weight_decay=recipe.weight_decay,
            device=device,
            amp=amp,
            seed=seed,
            progress=progress,
            checkpoint=checkpoint,
            resume=resume,
            on_epoch=on_epoch,
        )
        scores = evaluate(model, ToyCells(recipe.n_held_out, recipe.size, 0, held_out=True), amp=amp)
    return Run(model, history, scores, time.perf_counter() - start, recipe)


@contextlib.contextmanager
def some_threads(threads: int | None) -> Iterator[None]:
    """Inside, torch computes with `threads` CPU threads; afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
