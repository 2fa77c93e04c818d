"""One example of every widget class for the tests of what all of them owe a reader, and how such a widget is read."""

import json
from functools import cache
from typing import NamedTuple

import anywidget
import pytest
import torch

from unet_edu.data import ToyCells
from unet_edu.film import Take, shoot
from unet_edu.model import DoubleConv
from unet_edu.widgets import (
    ConvBench,
    ConvTransposeBench,
    DoubleConvMicroscope,
    LiveSketch,
    LiveUNet,
    MetricsPlayground,
    OverlapLab,
    Question,
    SkipAlignmentLab,
    ThresholdLab,
    TrainingFilm,
    UNetTrace,
    UpsamplingBench,
)

TINY = {"width": 2, "size": 32, "n_train": 4, "n_held_out": 3, "epochs": 3, "batch_size": 2}


class Example(NamedTuple):
    """How a class is tried: how one is made, a second state, its widest state, a misspelt argument."""

    make: type
    other: dict
    widest: dict
    misspelt: str
    meant: str


def microscope(**traits):
    torch.manual_seed(0)
    block, images = DoubleConv(2, 3, mid_channels=4), torch.rand(2, 2, 7, 6)
    return DoubleConvMicroscope.from_block(block, images, **{"out_channel": 2, "mid_channel": 1} | traits)


@cache
def two_reels():
    takes = [Take("one", **TINY), Take("two", max_lr=0.01, batch_norm=False, smooth=True, **TINY)]
    return [shoot(take, shown=2, n_moments=4) for take in takes]


def film(**traits):
    return TrainingFilm(two_reels(), ToyCells(3, 32, seed=1, held_out=True), **{"reel": 1, "moment": 2} | traits)


def question(**traits):
    return Question("How large is `y`?", 7, "Because `3 + 4`.", **traits)


EXAMPLES = {
    ConvBench: Example(
        ConvBench,
        {"operation": "max_pool", "ceil_mode": True, "input_size": 9, "stride": 3, "input": "step", "row": 2},
        {"input_size": 12, "padding": 4, "kernel_size": 5},
        "kernel",
        "kernel_size",
    ),
    ConvTransposeBench: Example(
        ConvTransposeBench,
        {"stride": 3, "kernel_size": 4, "input": "constant", "view": "overlaps", "row": 0, "stamps": 2},
        {"input_size": 8, "kernel_size": 6, "stride": 4, "dilation": 3},
        "kernel",
        "kernel_size",
    ),
    DoubleConvMicroscope: Example(
        microscope,
        {"stage": "bn2", "mode": "eval", "image": 1, "row": 2, "column": 5},
        {"stage": "conv2"},
        "colum",
        "column",
    ),
    LiveSketch: Example(
        LiveSketch, {"tool": "stamp_crystal", "radius": 9, "noise": 60, "light": 0}, {"radius": 14}, "nois", "noise"
    ),
    LiveUNet: Example(
        LiveUNet,
        {"view": "class_2", "threshold": 80, "skip_down1": 40, "stage": "up3", "channel": 2, "tool": "erase"},
        {"view": "class_1", "stage": "down4", "channel": 127, "gradient": True},
        "treshold",
        "threshold",
    ),
    MetricsPlayground: Example(
        MetricsPlayground,
        {"row_shift": -3, "erode": 1, "mistaken": 2, "scene": "cells", "confidence": 60, "pen": "crystal", "brush": 4}
        | {"painted": "u40c3u29x5b2"},
        {"size": 10, "lost": 6, "scene": "cells", "painted": "x1024"},
        "column_shft",
        "column_shift",
    ),
    OverlapLab: Example(
        OverlapLab, {"column_shift": -7, "row_shift": 2, "radius": 5, "side": 96}, {"side": 192}, "raduis", "radius"
    ),
    Question: Example(question, {"given": "3"}, {}, "promt", "prompt"),
    SkipAlignmentLab: Example(
        SkipAlignmentLab,
        {"width": 300, "way": "crop", "level": "up3", "up": "bilinear", "axis": "height", "position": 10},
        {"height": 600, "width": 599, "way": "pad_input"},
        "heigth",
        "height",
    ),
    ThresholdLab: Example(
        ThresholdLab, {"threshold": 77, "picture": 3, "objects": "darker"}, {"picture": 0}, "treshold", "threshold"
    ),
    TrainingFilm: Example(
        film, {"reel": 0, "moment": 3, "smooth": 2, "compare": False}, {"moment": 3}, "momemt", "moment"
    ),
    UNetTrace: Example(
        UNetTrace,
        {"height": 250, "bilinear": True, "stage": "up2", "channels": 8, "n_classes": 5},
        {"height": 600, "width": 600},
        "bilinea",
        "bilinear",
    ),
    UpsamplingBench: Example(
        UpsamplingBench,
        {"align_corners": False, "input": "ramp", "input_size": 6, "pixel": 1},
        {"input_size": 10},
        "align_corner",
        "align_corners",
    ),
}
STATEFUL = [widget for widget in EXAMPLES if widget is not Question]  # a question has an answer, no state to share

# What stands in a widget: its words, a hash of each picture and the values of its controls, less the note about a copy or a link.
READ = """(root) => {
  const all = (selector) => [...root.querySelectorAll(selector)];
  const hash = (canvas) => { const { width, height } = canvas, pen = canvas.getContext("2d"); let sum = 0;
    if (width * height) for (const pixel of new Uint32Array(pen.getImageData(0, 0, width, height).data.buffer)) sum = (sum * 31 + pixel) | 0;
    return `${width} x ${height}: ${sum}`; };
  return JSON.stringify([all(".unet-body, .unet-deep, .unet-error, .unet-say, .unet-formula, .unet-numbers").map((node) => node.innerText),
    all("canvas").filter((node) => node.checkVisibility()).map(hash), all("svg").map((node) => node.textContent),
    all("input, select").map((node) => [node.value, node.checked])]); }"""


def name(widget):
    return widget.__name__


def each(widgets):
    marked = [pytest.param(widget, id=name(widget), marks=pytest.mark.xdist_group(name(widget))) for widget in widgets]
    return pytest.mark.parametrize("widget", marked, scope="module")


def own_traits(widget):
    """The synced traits that the class declares itself."""
    stock = anywidget.AnyWidget.class_trait_names()
    return {key: trait for key, trait in widget.class_traits(sync=True).items() if key not in stock and key[0] != "_"}


def told(read_text):
    """Words and pictures only: a control that moves and does nothing else changes none of them."""
    return json.loads(read_text)[:3]
