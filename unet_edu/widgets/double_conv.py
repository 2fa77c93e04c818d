"""The DoubleConv microscope: a batch on its way through conv, BatchNorm, ReLU, twice, with every sum written out.

Source: Ioffe and Szegedy (2015) for BatchNorm; all values come from a pass that torch made (`activations.microscope`).
A map travels as 24-bit steps between its channel's least and greatest value, about the precision of float32.
BatchNorm shifts and stretches each channel, so its map has the same steps between other ends and costs no bytes;
that is checked against torch's own output when the state is made. A convolution's map the page can nearly work out
by itself, from the map before it and the weights: what travels is how many steps torch's answer is away from that,
which a web server's gzip packs to a fifth.
"""

from __future__ import annotations

import numpy as np
import traitlets

from unet_edu.widgets.base import Bounded, Choice, Widget, inline, pack, style

STEPS = 2**24 - 1
LARGEST = 512  # pixels per side, and channels: what the sliders can reach
MIDDLE = 128  # stands for "no step away", so that a few steps to either side change one byte only
WORK = 2**24  # products in one convolution: the most that a page is asked to work out


def per_channel(numbers: np.ndarray) -> np.ndarray:
    """(C,) -> (C, 1, 1), to meet maps of shape (B, C, H, W)."""
    return np.asarray(numbers, np.float64)[:, None, None]


def plain(numbers: np.ndarray) -> list[float]:
    """Numbers with the nine digits that tell any two float32 apart."""
    return [float(f"{number:.9g}") for number in numbers]


def encode(
    maps: np.ndarray, near: np.ndarray | None = None, weight: np.ndarray | None = None
) -> tuple[dict, np.ndarray]:
    """Maps (B, C, H, W) -> ({"planes", "low", "step"} for the page, the step number of every value).

    A value is low + number * step of its channel; `planes` holds the numbers' high, middle and low bytes, less leading
    planes of zeros. Given `near`, the maps (B, in, H, W) that the page has already, and the `weight` of the convolution
    that made `maps` of them, the bytes are those of number - guess + MIDDLE, modulo 2 ** 24.
    """
    if not np.isfinite(maps).all():
        raise ValueError("the block says inf or nan somewhere; look at the images and at the running statistics")
    low, high = (reduce(maps, axis=(0, 2, 3)).astype(np.float64) for reduce in (np.min, np.max))
    step = (high - low) / STEPS
    numbers = np.rint((maps - per_channel(low)) / per_channel(np.where(step > 0, step, 1))).astype(np.int64)
    coded, low, step = numbers, plain(low), plain(step)
    if near is not None:
        coded = (numbers - guess(near, weight, low, step) + MIDDLE) % (STEPS + 1)
    planes = [(coded >> shift & 255).astype(np.uint8) for shift in (16, 8, 0) if shift == 0 or (coded >> shift).any()]
    return {"planes": pack(np.stack(planes)), "low": low, "step": step}, numbers


def guess(maps: np.ndarray, weight: np.ndarray, low: list[float], step: list[float]) -> np.ndarray:
    """The step numbers of a 3x3 convolution with padding 1 in float64, products added in the order of microscope.js.

    Two programs that add the same numbers in the same order get the same float64, so the page's guess is this one.
    """
    batch, channels, height, width = maps.shape
    sums, padded = np.zeros((batch, len(weight), height, width)), np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for channel, row, column in np.ndindex(channels, 3, 3):
        window = padded[:, channel, None, row : row + height, column : column + width]
        sums += per_channel(weight[:, channel, row, column]) * window
    step = per_channel(step)
    return np.where(step > 0, np.floor((sums - per_channel(low)) / np.where(step > 0, step, 1) + 0.5), 0).astype(
        np.int64
    )


def decoded(numbers: np.ndarray, ends: dict) -> np.ndarray:
    """The values that the page has: `ends` as `encode` and `stretch` return them."""
    return per_channel(ends["low"]) + numbers * per_channel(ends["step"])


def stretch(numbers: np.ndarray, conv: np.ndarray, bn: np.ndarray) -> dict:
    """The ends between which the steps of a convolution's maps are the maps that BatchNorm made of them.

    Raises:
        ArithmeticError: they are not, by more than float32 rounds.
    """
    low, high = [], []
    for c in range(conv.shape[1]):
        before, after = conv[:, c].ravel(), bn[:, c].ravel()
        low.append(float(after[before.argmin()]))
        high.append(float(after[before.argmax()]))
    low = np.array(low)
    step = (np.array(high) - low) / STEPS
    away = np.abs(per_channel(low) + numbers * per_channel(step) - bn).max()
    if away > 4e-6 * max(1, np.abs(bn).max()):
        raise ArithmeticError(f"a BatchNorm map is {away:g} away from a stretched convolution map")
    return {"low": plain(low), "step": plain(step)}


def state(seen: dict, names: list[str]) -> dict:
    """What `activations.microscope` returned, as compact JSON for the page."""
    images, _, height, width = seen["input"].shape
    mid, out = (len(weight) for weight in seen["weight"])
    first, numbers = encode(seen["input"])
    data = {
        "names": names,
        "size": [images, height, width],
        "channels": [seen["input"].shape[1], mid, out],
        "weight": [pack(weight.astype(np.float32)) for weight in seen["weight"]],
        "eps": seen["eps"],
        "input": first,
        "guessed": images * height * width * max(weight.size for weight in seen["weight"]) <= WORK,
    }
    for mode in ("train", "eval"):
        now, near, codes, ends = seen[mode], decoded(numbers, first), {}, []
        for conv, bn, weight in (("conv1", "bn1", seen["weight"][0]), ("conv2", "bn2", seen["weight"][1])):
            codes[conv], steps = encode(now[conv], *((near, weight) if data["guessed"] else ()))
            ends.append(stretch(steps, now[conv], now[bn]))
            near = np.maximum(0, decoded(steps, ends[-1]))
        data["conv1"] = codes["conv1"]  # the first convolution knows nothing of the mode
        data[mode] = {
            "conv2": codes["conv2"],
            "bn": ends,
            "norm": [{key: plain(value) for key, value in norm.items()} for norm in now["norm"]],
            "zeros": [(now[relu] == 0).sum((2, 3)).tolist() for relu in ("relu1", "relu2")],  # (B, C) counts
        }
    return data


def look(block, images, names: list[str] | None) -> dict:
    """Run `block` on `images` in both modes; return all that the page shows, with a name for each image."""
    from unet_edu.activations import microscope

    seen = microscope(block, images)
    names = [f"image {i}" for i in range(len(seen["input"]))] if names is None else [str(name) for name in names]
    if len(names) != len(seen["input"]):
        raise ValueError(f"{len(names)} names for {len(seen['input'])} images; give one each")
    return state(seen, names)


class DoubleConvMicroscope(Widget):
    """One pixel's way through a DoubleConv: choose image, stage, channel and pixel.

    Make one with `DoubleConvMicroscope.from_block(block, images)`. Nothing is computed anew afterwards: the page shows
    what torch said. Rows, columns and channels count from 0.

    Raises:
        traitlets.TraitError: a value out of its range, or beyond the images or channels at hand.
        TypeError: an unknown argument, or no data.
    """

    _esm = inline("double_conv.js")
    _css = style()
    images = None  # the batch under the microscope, as it was given

    data = traitlets.Dict(help="what torch said, packed by from_block").tag(sync=True)
    image = Bounded(0, 0, 63, "which image of the batch")
    stage = Choice(["input", "conv1", "bn1", "relu1", "conv2", "bn2", "relu2"], "which stage is looked at")
    mode = Choice(["train", "eval"], "BatchNorm's mode: the batch's statistics, or the running ones")
    in_channel = Bounded(0, 0, LARGEST - 1, "channel of the image")
    mid_channel = Bounded(0, 0, LARGEST - 1, "channel between the two convolutions")
    out_channel = Bounded(0, 0, LARGEST - 1, "channel of the output")
    row = Bounded(0, 0, LARGEST - 1, "pixel row")
    column = Bounded(0, 0, LARGEST - 1, "pixel column")

    def __init__(self, data=None, **traits):
        if not data:
            raise TypeError(
                "DoubleConvMicroscope shows what torch computed: use DoubleConvMicroscope.from_block(block, images)"
            )
        super().__init__(data=data, **traits)

    @classmethod
    def from_block(cls, block, images, names: list[str] | None = None, **traits) -> DoubleConvMicroscope:
        """Run a DoubleConv on `images` (B, in_channels, H, W), floats, in both modes, and put it under the microscope.

        The state takes 3 bytes a value: three maps per image and out channel count, two of them for the two modes.
        names: one short text per image. Other arguments: the traits above.
        """
        scope = cls(look(block, images, names), **traits)
        scope.images = images
        return scope

    def look_at(self, block, images, names: list[str] | None = None) -> None:
        """Put another batch or block under the microscope; what was chosen stays chosen as far as it exists there."""
        data = look(block, images, names)
        self.images = images
        with self.hold_sync(), self.hold_trait_notifications():
            self.data = data
            for name, most in self._last().items():
                setattr(self, name, min(getattr(self, name), most))

    @property
    def channel(self) -> int:
        """The channel looked at, of the stage looked at."""
        half = 0 if self.stage == "input" else int(self.stage[-1])
        return (self.in_channel, self.mid_channel, self.out_channel)[half]

    @property
    def depth(self) -> int:
        """How many of the block's six layers, counted from the first, made the stage looked at."""
        return ("input", "conv1", "bn1", "relu1", "conv2", "bn2", "relu2").index(self.stage)

    def _last(self) -> dict[str, int]:
        """The greatest value of each number, by name."""
        names = ("image", "row", "column", "in_channel", "mid_channel", "out_channel")
        return {name: n - 1 for name, n in zip(names, self.data["size"] + self.data["channels"], strict=True)}

    @traitlets.default("stage")
    def _first_stage(self):
        return "conv1"

    @traitlets.default("row")
    def _middle_row(self):
        return self.data["size"][1] // 2

    @traitlets.default("column")
    def _middle_column(self):
        return self.data["size"][2] // 2

    @traitlets.validate("image", "in_channel", "mid_channel", "out_channel", "row", "column")
    def _at_hand(self, proposal):
        name, value = proposal.trait.name, proposal.value
        most = self._last()[name]
        if value > most:
            raise traitlets.TraitError(f"{name}={value} does not exist here; choose 0 to {most}")
        return value
