"""A training run as a film: at a few moments, what the network answers, one filter and one feature map are kept.

Source: none; `fit` is called as ever, and `on_step` looks at the network where a moment has come.
Deviation from a log of every step: moments are dense at the start and then grow apart; only the loss and the rate,
two numbers, are kept for each step.

`TAKES` are the runs that the book films: one that goes well, and four that each change one thing in it.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unet_edu.activations import record
from unet_edu.batches import Data, as_tensors
from unet_edu.data import CLASSES, ToyCells
from unet_edu.device import own_random_state
from unet_edu.model import UNet
from unet_edu.train import History, NonFiniteLoss, evaluate, fit, predict

STAGE = "up3.conv.double_conv.5"  # where the map is taken: the decoder's last but one level, half the picture's size


@dataclass
class Reel:
    """What `record_run` kept: two numbers for each step, and the network's look at each moment.

    `steps` counts the steps before each moment; the first, 0, is the untrained network. A map's values are
    `maps / 255 * peaks`, from 0 up, since a ReLU has the last word there.
    """

    loss: np.ndarray  # (steps,) float32, one entry a step
    lr: np.ndarray  # (steps,) float32
    steps: list[int]
    masks: np.ndarray  # (moments, shown, H, W) uint8, the predicted classes
    filters: np.ndarray  # (moments, 3, 3) float32
    maps: np.ndarray  # (moments, h, w) uint8
    peaks: np.ndarray  # (moments,) float32, the value that 255 stands for
    iou: list[list[float | None]]  # per moment and class, over all held-out pictures
    settings: dict  # what `record_run` was called with, and `held_out`, the number of pictures
    stopped: str = ""  # what `fit` said, if it ended the run early

    @property
    def mean_iou(self) -> list[float]:
        """Over the foreground classes, at each moment."""
        return [float(np.mean([v for v in scores[1:] if v is not None])) for scores in self.iou]


def moments(steps: int, n: int) -> list[int]:
    """At most `n` step numbers from 0 to `steps`: close together at first, then ever further apart."""
    if n < 2 or steps < 1:
        raise ValueError(f"{n} moments of {steps} steps: take at least 2 moments and 1 step")
    return sorted({round(steps * (i / (n - 1)) ** 1.6) for i in range(n)})


def planned(n: int, epochs: int = 10, batch_size: int = 8, **_) -> int:
    """The steps that `fit` will make with `n` pictures; 1 for numbers that it will refuse, in its own words."""
    if not all(isinstance(count, int) and count > 0 for count in (epochs, batch_size)):
        return 1
    return epochs * (n // min(batch_size, n))


def record_run(
    model: UNet,
    train: Data,
    held_out: Data,
    *,
    n_moments: int = 22,
    shown: int = 4,
    channel: int = 0,
    stage: str = STAGE,
    **settings,
) -> Reel:
    """Train `model` with `fit(model, train, **settings)` and keep a film of it.

    At each of about `n_moments` moments: the masks predicted for the first `shown` pictures of `held_out`, the score on
    all of them, filter `channel` of the first convolution (its weights for the first input channel), and channel
    `channel` of what `stage` (a name of `activations.record`) says to the first picture. `fit` makes the same steps as
    without the film; nothing is left on the network. A loss that is not finite ends the reel with what `fit` said.
    Raises as `fit` does before training, and ValueError for a channel, a stage or a number that does not fit.
    """
    images, masks = as_tensors(held_out)
    if not 1 <= shown <= len(images):
        raise ValueError(f"shown {shown}: there are {len(images)} held-out pictures; take 1 to {len(images)}")
    weight = model.inc.double_conv[0].weight
    if not 0 <= channel < len(weight):
        raise ValueError(f"channel {channel}: the first convolution has {len(weight)} filters, numbered from 0")
    train = as_tensors(train)
    steps = planned(len(train[0]), **settings)
    wanted, kept, seen = set(moments(steps, n_moments)), [], History()

    def look(step: int, model: nn.Module, history: History) -> None:
        nonlocal seen
        seen = history
        if step in wanted:
            kept.append((step, *snapshot(model, images, masks, shown, channel, stage, settings.get("amp"))))

    stopped = ""
    look(0, model, seen)
    try:
        fit(model, train, **settings, on_step=look)
    except NonFiniteLoss as error:
        stopped, wanted = str(error), {len(seen.loss)} - {kept[-1][0]}
        look(len(seen.loss), model, seen)  # the network as it was before the step that was not taken
    at, answers, filters, maps, peaks, iou = (list(column) for column in zip(*kept, strict=True))
    return Reel(
        loss=np.asarray(seen.loss, np.float32),
        lr=np.asarray(seen.lr, np.float32),
        steps=at,
        masks=np.stack(answers),
        filters=np.stack(filters),
        maps=np.stack(maps),
        peaks=np.asarray(peaks, np.float32),
        iou=iou,
        settings={**settings, "channel": channel, "stage": stage, "held_out": len(images), "planned": steps},
        stopped=stopped,
    )


def snapshot(model: nn.Module, images: Tensor, masks: Tensor, shown: int, channel: int, stage: str, amp=None):
    """(masks, filter, map, its peak, IoU per class) of the network as it is now; it is left as it was."""
    with record(model, "cpu") as log:
        predict(model, images[:1], amp=amp)
    if stage not in log or log[stage].ndim != 4 or log[stage].shape[1] <= channel:
        raise ValueError(f"stage {stage!r} says nothing in channel {channel}; take one of {', '.join(log)}")
    seen = log[stage][0, channel].float().clamp(min=0)
    peak = seen.max().item()
    kernel = model.inc.double_conv[0].weight[channel, 0].detach().float().cpu()
    return (
        predict(model, images[:shown], amp=amp).numpy().astype(np.uint8),
        kernel.numpy().copy(),
        (seen * (255 / peak if peak else 0)).round().to(torch.uint8).numpy(),
        peak,
        evaluate(model, (images, masks), amp=amp).iou,
    )


def without_batch_norm(model: nn.Module) -> nn.Module:
    """Replace, in place, every BatchNorm by nothing, and give the convolution before it the bias that it now lacks."""
    for block in list(model.modules()):
        if not isinstance(block, nn.Sequential):
            continue
        for i, layer in enumerate(block):
            if isinstance(layer, nn.BatchNorm2d):
                block[i] = nn.Identity()
                block[i - 1].bias = nn.Parameter(torch.zeros_like(layer.weight))
    return model


def smooth_masks(masks) -> Tensor:
    """Masks (N, H, W), halved and doubled again as a photograph would be: bilinear, then rounded. A mistake.

    Between background (0) and crystal (2) the mean is 1, so every crystal gets a rim of "cell". With mode="nearest"
    no class arises that was not there.
    """
    masks = torch.as_tensor(masks)[:, None].float()  # (N, 1, H, W)
    small = F.interpolate(masks, scale_factor=0.5, mode="bilinear")
    return F.interpolate(small, size=masks.shape[2:], mode="bilinear").round()[:, 0].long()


@dataclass(frozen=True)
class Take:
    """What one reel of the book trains: a smaller network on fewer pictures than `train.Recipe`, to be quick."""

    title: str = "A good run"
    max_lr: float = 1.0
    batch_norm: bool = True
    smooth: bool = False  # masks resized like photographs
    width: int = 8
    size: int = 48  # pixels, both sides
    n_train: int = 96
    n_held_out: int = 16
    epochs: int = 12
    batch_size: int = 8
    seed: int = 0


TAKES = (
    Take(),
    Take("Rate too high", max_lr=30.0),
    Take("Rate too low", max_lr=0.003),
    Take("No BatchNorm", batch_norm=False),
    Take("Smoothed masks", smooth=True),
)


def shoot(take: Take, **options) -> Reel:
    """Draw the pictures, train and film one `Take`, in float32 on the CPU; `options` go to `record_run`."""
    images, masks = as_tensors(ToyCells(take.n_train, take.size, take.seed))
    with own_random_state(torch.device("cpu"), take.seed):
        model = UNet(1, len(CLASSES), width=take.width)
    if not take.batch_norm:
        without_batch_norm(model)
    reel = record_run(
        model,
        (images, smooth_masks(masks) if take.smooth else masks),
        ToyCells(take.n_held_out, take.size, 1, held_out=True),
        epochs=take.epochs,
        batch_size=take.batch_size,
        max_lr=take.max_lr,
        seed=take.seed,
        device="cpu",
        amp=False,
        progress=False,
        **options,
    )
    reel.settings |= dataclasses.asdict(take)
    return reel
