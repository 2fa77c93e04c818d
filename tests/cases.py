"""The one table of sizes that Python and JavaScript are both held to: arguments, and what torch itself answers.

Every function returns a list of dicts, the same on every call: torch's arguments by name, and `expect`, which is what
torch gave on real CPU tensors, or None where torch refused. The meta device would not do: it lets illegal
`output_padding` pass. One axis is tested and the other is 1 pixel wide, which keeps it quick.
"""

import itertools
import random
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from unet_edu.activations import record
from unet_edu.model import UNet, Up
from unet_edu.receptive import LEVELS, STAGES


def grid(**axes):
    """Every combination of the values of `axes`, as dicts."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def sample(seed, count, **axes):
    """`count` seeded draws, one value from each of `axes`, as dicts."""
    rng = random.Random(seed)
    return [{name: rng.choice(values) for name, values in axes.items()} for _ in range(count)]


def judged(cases, call):
    """The distinct `cases`, each with `expect`: the size that `call` gives for it, or None where torch refuses."""
    distinct = {tuple(case.values()): case for case in cases}.values()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for maps this small a second thread only waits
    try:
        return [{**case, "expect": answer(call, case)} for case in distinct]
    finally:
        torch.set_num_threads(threads)


def answer(call, case):
    """Height of the map that `call(**case)` returns; None where torch refuses, or a tensor cannot even be made."""
    try:
        return call(**case).shape[2]
    except RuntimeError:
        return None


def column(size):
    """An image of one channel, `size` pixels high and 1 wide."""
    return torch.zeros(1, 1, size, 1)


def conv2d(size, kernel_size, stride, padding, dilation):
    weight = torch.zeros(1, 1, kernel_size, 1)
    return F.conv2d(column(size), weight, stride=(stride, 1), padding=(padding, 0), dilation=(dilation, 1))


def max_pool2d(size, kernel_size, stride, padding, dilation, ceil_mode):
    stride = None if stride is None else (stride, 1)
    return F.max_pool2d(column(size), (kernel_size, 1), stride, (padding, 0), (dilation, 1), ceil_mode)


def conv_transpose2d(size, kernel_size, stride, padding, output_padding, dilation):
    return F.conv_transpose2d(
        column(size),
        torch.zeros(1, 1, kernel_size, 1),
        stride=(stride, 1),
        padding=(padding, 0),
        output_padding=(output_padding, 0),
        dilation=(dilation, 1),
    )


def upsample(size, scale_factor):
    return F.interpolate(column(size), scale_factor=(scale_factor, 1))


@cache
def conv2d_cases():
    """`nn.Conv2d` on one axis: size, kernel_size, stride, padding, dilation, expect."""
    usual = grid(
        size=[1, 2, 3, 4, 5, 7, 8, 13, 16],
        kernel_size=[1, 2, 3, 4, 5, 7],
        stride=[1, 2, 3, 4],
        padding=[0, 1, 2, 3],
        dilation=[1, 2, 3],
    )
    wrong = sample(
        1,
        1500,
        size=[0, 1, 2, 5],
        kernel_size=[0, 1, 2, 3],
        stride=[-1, 0, 1, 2],
        padding=[-1, 0, 1],
        dilation=[-1, 0, 1, 2],
    )
    large = sample(
        2,
        1500,
        size=range(1, 300),
        kernel_size=range(1, 32),
        stride=range(1, 9),
        padding=range(16),
        dilation=range(1, 9),
    )
    return judged(usual + wrong + large, conv2d)


@cache
def max_pool2d_cases():
    """`nn.MaxPool2d` on one axis: size, kernel_size, stride (or None), padding, dilation, ceil_mode, expect."""
    usual = grid(
        size=[1, 2, 3, 4, 5, 8, 13],
        kernel_size=[1, 2, 3, 4, 5],
        stride=[None, 1, 2, 3, 5],
        padding=[0, 1, 2, 3],
        dilation=[1, 2, 3],
        ceil_mode=[False, True],
    )
    wrong = sample(
        3,
        1500,
        size=[0, 1, 2, 5],
        kernel_size=[-1, 0, 1, 2, 3],
        stride=[None, -1, 0, 1, 2],
        padding=[-1, 0, 1, 2],
        dilation=[-1, 0, 1, 2],
        ceil_mode=[False, True],
    )
    large = sample(
        4,
        1500,
        size=range(1, 300),
        kernel_size=range(1, 24),
        stride=[None, *range(1, 24)],
        padding=range(13),
        dilation=range(1, 7),
        ceil_mode=[False, True],
    )
    return judged(usual + wrong + large, max_pool2d)


@cache
def conv_transpose_cases():
    """`nn.ConvTranspose2d` on one axis: size, kernel_size, stride, padding, output_padding, dilation, expect."""
    usual = grid(
        size=[1, 2, 3, 4, 5, 7, 8, 13],
        kernel_size=[1, 2, 3, 4, 5, 7],
        stride=[1, 2, 3, 4],
        padding=[0, 1, 2, 3],
        output_padding=[0, 1, 2, 3],
        dilation=[1, 2, 3],
    )
    wrong = sample(
        5,
        2000,
        size=[0, 1, 2, 5],
        kernel_size=[0, 1, 2, 3],
        stride=[-1, 0, 1, 2, 3],
        padding=[-1, 0, 1, 2],
        output_padding=[-1, 0, 1, 2],
        dilation=[-1, 0, 1, 2],
    )
    large = sample(
        6,
        2000,
        size=range(1, 100),
        kernel_size=range(1, 16),
        stride=range(1, 9),
        padding=range(40),
        output_padding=range(9),
        dilation=range(1, 9),
    )
    return judged(usual + wrong + large, conv_transpose2d)


@cache
def upsample_cases():
    """`nn.Upsample` on one axis: size, scale_factor (int or float), expect."""
    factors = [-1, 0, 1, 2, 3, 4, 8, 0.1, 0.25, 1 / 3, 0.5, 2 / 3, 0.7, 1.1, 1.5, 2.5, 3.3]
    return judged(grid(size=range(65), scale_factor=factors), upsample)


@cache
def skip_cases():
    """What our `Up` does to one axis: small, large, expect=[before, after]; negative where it crops.

    Measured, not computed: numbered cells are sent through the very forward pass of `Up`, and found again.
    """
    up = Up(2, 1)
    up.up = up.conv = nn.Identity()
    cases = []
    for case in grid(small=range(1, 41), large=range(1, 41)):
        small, large = case["small"], case["large"]
        cells = torch.arange(1.0, small + 1).view(1, 1, small, 1)
        skip = torch.zeros(1, 1, large, 1)
        laid = up(cells, skip)[0, 1, :, 0]
        found = laid.nonzero().flatten()
        first, last = found[0].item(), found[-1].item()
        before = first - (int(laid[first]) - 1)
        after = (large - 1 - last) - (small - int(laid[last]))
        cases.append({**case, "expect": [before, after]})
    return cases


@cache
def trace_cases():
    """What a real UNet does to an image: height, width, n_channels, n_classes, channels, bilinear, expect.

    `expect` is None where the network refuses the image, else a list with one dict a stage:
    name, channels, height, width, and for `up` stages also up=[channels, height, width], concat, and
    pad=[left, right, top, bottom].
    """
    sizes = [
        (16, 16),
        (17, 31),
        (32, 47),
        (48, 64),
        (15, 40),
        (40, 15),
        (33, 16),
        (63, 65),
        (50, 100),
        (95, 20),
        (1, 1),
    ]
    networks = [
        {"n_channels": 3, "n_classes": 2, "channels": 2, "bilinear": False},
        {"n_channels": 1, "n_classes": 3, "channels": 3, "bilinear": True},
    ]
    return [
        {"height": height, "width": width, **network, "expect": traced(height, width, **network)}
        for network in networks
        for height, width in sizes
    ]


class Pads(TorchFunctionMode):
    """Keeps what each call of `F.pad` was asked to add."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is F.pad:
            self.seen.append(list(args[1]))
        return function(*args, **(kwargs or {}))


@torch.no_grad()
def traced(height, width, n_channels, n_classes, channels, bilinear):
    """Shapes that leave each stage of a real UNet, read from a recording."""
    net = UNet(n_channels, n_classes, bilinear, width=channels).eval()
    pads = Pads()
    with record(net) as log, pads:
        try:
            net(torch.zeros(1, n_channels, height, width))
        except ValueError:
            return None
    last = {"inc": "double_conv.5", "down": "maxpool_conv.1.double_conv.5", "up": "conv.double_conv.5", "outc": "conv"}
    stages = []
    for name in ["inc", *(f"down{i}" for i in range(1, 5)), *(f"up{i}" for i in range(1, 5)), "outc"]:
        _, c, h, w = log[f"{name}.{last[name.rstrip('1234')]}"].shape
        stage = {"name": name, "channels": c, "height": h, "width": w}
        if name.startswith("up"):
            stage["up"] = list(log[f"{name}.up"].shape[1:])
            stage["concat"] = log[f"{name}.concat"].shape[1]
            stage["pad"] = pads.seen.pop(0)
        stages.append(stage)
    return stages


RECEPTIVE_SIZES = (16, 17, 31, 33, 64, 101)


def open_network(bilinear=False):
    """A real UNet in which every path counts: positive weights, BatchNorm at rest, mean in place of max, no ReLU."""
    net = UNet(1, 1, bilinear, width=1).double().eval()
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.Identity())
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(2))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.5)
    return net


def seen_by(net, stage, size, pixels):
    """Which pixels of the image change each of `pixels`, (row, column) pairs of a stage: booleans (N, size, size).

    One image for each pixel, in one batch: torch's gradient, and where it is not 0.
    """
    image = torch.ones(len(pixels), 1, size, size, dtype=torch.double, requires_grad=True)
    said = []
    part = net.outc if stage == "logits" else getattr(net, stage)
    handle = part.register_forward_hook(lambda module, inputs, output: said.append(output))
    net(image)
    handle.remove()
    total = sum(said[0][i, :, row, column].sum() for i, (row, column) in enumerate(pixels))
    (gradient,) = torch.autograd.grad(total, image)
    return gradient[:, 0] != 0


@cache
def receptive_cases():
    """What torch's gradients say that a pixel sees: stage, index, size, bilinear, expect=[first, last].

    Every pixel on one axis of every stage; on the other axis they run the other way.
    """
    cases = []
    for bilinear in (False, True):
        net = open_network(bilinear)
        for size in RECEPTIVE_SIZES:
            for stage, level in zip(STAGES, LEVELS, strict=True):
                pixels = size >> level
                seen = seen_by(net, stage, size, [(i, pixels - 1 - i) for i in range(pixels)])
                for index, support in enumerate(seen):
                    rows, columns = support.any(1).nonzero().flatten(), support.any(0).nonzero().flatten()
                    for at, axis in ((index, rows), (pixels - 1 - index, columns)):
                        whole = support.sum().item() == len(rows) * len(columns)
                        assert whole, f"{stage} {index} of {size}: what it sees is no rectangle"
                        expect = [axis[0].item(), axis[-1].item()]
                        cases.append(
                            {"stage": stage, "index": at, "size": size, "bilinear": bilinear, "expect": expect}
                        )
    return cases
