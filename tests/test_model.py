"""model.py against a second, straight-line reading of the same network, and against the published layout."""

import re
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unet_edu import model
from unet_edu.model import DoubleConv, Down, OutConv, UNet, Up

modes = pytest.mark.parametrize("bilinear", [False, True])


def published_layout(n_channels, n_classes, bilinear, width=64):
    """Names and shapes of a published checkpoint, written out from the layout's description."""
    layout = {}

    def double_conv(prefix, into, middle, out):
        for conv, (a, b) in ((0, (into, middle)), (3, (middle, out))):
            layout[f"{prefix}.double_conv.{conv}.weight"] = (b, a, 3, 3)
            for name in ("weight", "bias", "running_mean", "running_var"):
                layout[f"{prefix}.double_conv.{conv + 1}.{name}"] = (b,)
            layout[f"{prefix}.double_conv.{conv + 1}.num_batches_tracked"] = ()

    c = [width * 2**level for level in range(5)]
    bottom = c[4] // 2 if bilinear else c[4]
    double_conv("inc", n_channels, c[0], c[0])
    for level, out in enumerate([c[1], c[2], c[3], bottom], start=1):
        double_conv(f"down{level}.maxpool_conv.1", c[level - 1], out, out)
    for level, (into, out) in enumerate([(c[4], c[3]), (c[3], c[2]), (c[2], c[1]), (c[1], c[0])], start=1):
        if bilinear:
            double_conv(f"up{level}.conv", into, into // 2, out if level == 4 else out // 2)
        else:
            layout[f"up{level}.up.weight"] = (into, into // 2, 2, 2)
            layout[f"up{level}.up.bias"] = (into // 2,)
            double_conv(f"up{level}.conv", into, out, out)
    layout["outc.conv.weight"] = (n_classes, c[0], 1, 1)
    layout["outc.conv.bias"] = (n_classes,)
    return layout


def by_hand(state, image, bilinear):
    """The whole forward pass in eval mode, from the weights by name and torch's plain functions."""

    def block(prefix, x):
        for conv in (0, 3):
            name = f"{prefix}.double_conv"
            x = F.conv2d(x, state[f"{name}.{conv}.weight"], padding=1)
            mean, var, weight, bias = (
                state[f"{name}.{conv + 1}.{part}"].view(1, -1, 1, 1)
                for part in ("running_mean", "running_var", "weight", "bias")
            )
            x = ((x - mean) / (var + 1e-5).sqrt() * weight + bias).clamp(min=0)
        return x

    skips = [block("inc", image)]
    for level in range(1, 5):
        skips.append(block(f"down{level}.maxpool_conv.1", F.max_pool2d(skips[-1], 2)))
    x = skips.pop()
    for level in range(1, 5):
        skip = skips.pop()
        if bilinear:
            doubled = (2 * x.shape[2], 2 * x.shape[3])
            x = F.interpolate(x, size=doubled, mode="bilinear", align_corners=True)
        else:
            x = F.conv_transpose2d(x, state[f"up{level}.up.weight"], state[f"up{level}.up.bias"], stride=2)
        laid = torch.zeros(*x.shape[:2], *skip.shape[2:])
        laid[:, :, : x.shape[2], : x.shape[3]] = x  # an odd row or column is missing at the bottom or right
        x = block(f"up{level}.conv", torch.cat([skip, laid], dim=1))
    return F.conv2d(x, state["outc.conv.weight"], state["outc.conv.bias"])


def shaken(net, seed=0):
    """`net` in eval mode with every number in it random, running statistics too."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.4 + 0.1 * (tensor.ndim == 1))
            if tensor.ndim == 4:
                tensor.sub_(0.2)
    return net.eval()


@pytest.mark.parametrize(("bilinear", "count"), [(False, 31_037_698), (True, 17_263_042)])
def test_parameters_of_the_published_networks(bilinear, count):
    with torch.device("meta"):
        net = UNet(3, 2, bilinear)
    assert sum(p.numel() for p in net.parameters()) == count


@modes
@pytest.mark.parametrize(("n_channels", "n_classes", "width"), [(3, 2, 64), (1, 1, 64), (4, 7, 5)])
def test_names_and_shapes_are_those_of_published_checkpoints(bilinear, n_channels, n_classes, width):
    with torch.device("meta"):
        net = UNet(n_channels, n_classes, bilinear, width)
    mine = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert mine == published_layout(n_channels, n_classes, bilinear, width)


@modes
def test_a_checkpoint_of_that_layout_loads_strictly(bilinear):
    generator = torch.Generator().manual_seed(0)
    layout = published_layout(3, 2, bilinear, 4)
    checkpoint = {name: torch.rand(shape, generator=generator) for name, shape in layout.items()}
    net = UNet(3, 2, bilinear, width=4)
    net.load_state_dict(checkpoint, strict=True)
    assert torch.equal(net.up3.conv.double_conv[3].weight, checkpoint["up3.conv.double_conv.3.weight"])


@modes
@pytest.mark.parametrize("size", [(16, 16), (32, 48), (17, 31), (45, 63)])
def test_the_forward_pass_is_what_a_straight_line_reading_gives(bilinear, size):
    net = shaken(UNet(3, 2, bilinear, width=3))
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        mine, theirs = net(image), by_hand(net.state_dict(), image, bilinear)
    assert theirs.std() > 0.01  # a network that says the same everywhere would prove nothing
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=15)
@given(height=st.integers(16, 70), width=st.integers(16, 70), bilinear=st.booleans(), batch=st.integers(1, 2))
def test_every_image_from_16_pixels_gets_a_mask_of_its_own_size(height, width, bilinear, batch):
    net = UNet(2, 3, bilinear, width=1).eval()
    with torch.no_grad():
        assert net(torch.zeros(batch, 2, height, width)).shape == (batch, 3, height, width)


@modes
def test_a_gradient_reaches_every_parameter(bilinear):
    torch.manual_seed(0)
    net = UNet(3, 2, bilinear, width=4)
    net(torch.rand(2, 3, 35, 50)).square().mean().backward()
    silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_each_block_changes_shape_as_it_says():
    x = torch.rand(2, 4, 9, 12)
    assert DoubleConv(4, 6)(x).shape == (2, 6, 9, 12)
    assert DoubleConv(4, 6, mid_channels=3)(x).shape == (2, 6, 9, 12)
    assert Down(4, 8)(x).shape == (2, 8, 4, 6)
    assert OutConv(4, 3)(x).shape == (2, 3, 9, 12)
    assert Up(8, 4)(torch.rand(2, 8, 4, 6), x).shape == (2, 4, 9, 12)
    assert Up(8, 4, bilinear=True)(torch.rand(2, 4, 4, 6), x).shape == (2, 4, 9, 12)


def test_the_skip_comes_first_and_the_odd_pixel_is_right_and_bottom():
    up = Up(2, 1)
    up.up = up.conv = nn.Identity()
    both = up(torch.ones(1, 1, 2, 2), torch.full((1, 1, 3, 3), 7.0))
    assert both[0, 0].eq(7).all()
    assert both[0, 1].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_a_decoder_map_larger_than_its_skip_is_cropped():
    up = Up(2, 1)
    up.up = up.conv = nn.Identity()
    assert up(torch.ones(1, 1, 6, 7), torch.zeros(1, 1, 3, 4)).shape == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (torch.zeros(3, 64, 64), ValueError, "has 3 axes, the network reads 4: (B, C, H, W); add the batch axis"),
        (torch.zeros(64, 64), ValueError, "has 2 axes"),
        (torch.zeros(1, 1, 64, 64), ValueError, "has 1 channels, the network reads 3; build it with n_channels=1"),
        (torch.zeros(1, 64, 64, 3), ValueError, "x.permute(0, 3, 1, 2)"),
        (torch.zeros(1, 3, 64, 12), ValueError, "width 12: four poolings leave 0 pixels; use at least 16"),
        (torch.zeros(1, 3, 15, 64), ValueError, "height 15: four poolings leave 0 pixels; use at least 16"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), TypeError, "torch.uint8; convolutions read floats"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.bool), TypeError, "torch.bool"),
        ([[0.0]], TypeError, "input is a list"),
    ],
)
def test_an_image_that_cannot_be_read_is_refused_in_words(image, error, words):
    with pytest.raises(error, match=re.escape(words)):
        UNet(3, 2, width=1).eval()(image)


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: UNet(0, 2), ValueError, "n_channels 0: must be at least 1"),
        (lambda: UNet(3, -1), ValueError, "n_classes -1: must be at least 1"),
        (lambda: UNet(3, 2, width=0), ValueError, "width 0: must be at least 1"),
        (lambda: UNet(3, 2, width=16.0), TypeError, "width 16.0: must be a whole number"),
        (lambda: UNet(True, 2), TypeError, "n_channels True: must be a whole number"),
        (lambda: UNet(3, 2, 16), TypeError, "bilinear 16: must be True or False; channels are set by width"),
        (lambda: DoubleConv(3, 4, mid_channels=0), ValueError, "mid_channels 0: must be at least 1"),
        (lambda: Down(0, 4), ValueError, "in_channels 0"),
        (lambda: Up(5, 4), ValueError, "in_channels 5: skip and decoder have half each; use 6"),
        (lambda: OutConv(4, 0), ValueError, "out_channels 0"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused_in_words(build, error, words):
    with pytest.raises(error, match=re.escape(words)):
        build()


@modes
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (1, 1, 31, 17), (2, 1, 16, 16), (1, 1, 32, 16), (1, 1, 16, 47)])
def test_one_value_per_channel_is_refused_exactly_where_torch_refuses_it(shape, training, bilinear, monkeypatch):
    net = UNet(1, 1, bilinear, width=1).train(training)
    ours = refusal(net, torch.zeros(shape))
    monkeypatch.setattr(model, "require_image", lambda x, net: None)
    torchs = refusal(net, torch.zeros(shape))
    assert (ours is None) == (torchs is None)
    if ours:
        assert "batch of 2, a side of 32 pixels, or model.eval()" in ours
        assert "more than 1 value per channel" in torchs


def refusal(net, image):
    """The message of the ValueError that `net(image)` raises, or None."""
    try:
        net(image)
    except ValueError as error:
        return str(error)
    return None


def test_frozen_batchnorm_may_see_one_value_in_training():
    net = UNet(1, 1, width=1).train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    assert net(torch.zeros(1, 1, 16, 16)).shape == (1, 1, 16, 16)


def test_mixed_precision_is_let_through():
    net = UNet(3, 2, width=2).eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert net(torch.zeros(1, 3, 33, 16)).dtype == torch.bfloat16


def test_nothing_is_printed_on_construction(capsys):
    UNet(3, 2, width=1)
    assert capsys.readouterr() == ("", "")


def test_the_network_does_not_know_the_arithmetic():
    code = "import sys, unet_edu.model; sys.exit('unet_edu.shapes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("size", [16, 17, 31, 47, 100, 101])
def test_padding_after_floor_pooling_shifts_nothing(size):
    # A ramp of coordinates goes down and comes up; each cell that came up must stand where it came from.
    up = Up(2, 1)
    up.up, up.conv = nn.Upsample(scale_factor=2), nn.Identity()  # a 2x2 stamp, as a transposed convolution has
    ramp = torch.arange(float(size)).view(1, 1, size, 1).expand(1, 1, size, 2)
    pooled = F.avg_pool2d(ramp, (2, 1))[..., :1]
    skip, laid = up(pooled, ramp)[0, :, : 2 * (size // 2), 0]
    shift = (laid - skip).view(-1, 2)
    assert shift.eq(torch.tensor([0.5, -0.5])).all()  # half a pixel within each stamp, none on average


@pytest.mark.parametrize("size", [16, 17, 31, 47])
def test_padding_leaves_the_last_pixels_without_a_word_from_the_bottom(size):
    up = Up(2, 1)
    up.up, up.conv = nn.Upsample(scale_factor=2), nn.Identity()
    sizes = [size // 2**level for level in range(5)]
    x = torch.ones(1, 1, sizes[4], 1)
    for level in (3, 2, 1, 0):
        x = up(x, torch.zeros(1, 1, sizes[level], 2))[:, 1:, :, :1]
    assert x.flatten().tolist() == [1] * (size - size % 16) + [0] * (size % 16)
