"""What the source article gets wrong: each mistake rebuilt in a few lines, shown to fail, and ours shown to be right.

The first line of each docstring states the mistake, for the appendix that lists them.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unet_edu import shapes
from unet_edu.activations import record
from unet_edu.model import DoubleConv, UNet, Up


def faulty_block(in_channels, out_channels, mid_channels):
    """Two convolutions, each with a BatchNorm of `mid_channels`: the article's idea of DoubleConv."""
    return nn.Sequential(
        nn.Conv2d(in_channels, mid_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(mid_channels),
        nn.Conv2d(mid_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(mid_channels),
    )


def articles_size(img, k, s, pd):
    """The article's output size of a transposed convolution."""
    return (img + (k - 1) * 2) + (img - 1) * (s - 1) - (k - 1) - pd


def torchs_size(img, k, s, pd, **more):
    """The size that torch gives."""
    return nn.ConvTranspose2d(1, 1, k, s, pd, **more)(torch.rand(1, 1, img, img)).shape[2]


def test_second_batchnorm_with_mid_channels_fails_when_bilinear():
    """The second BatchNorm counts mid_channels; it normalises the second convolution, so it must count out_channels."""
    x = torch.rand(2, 16, 8, 8)
    with pytest.raises(RuntimeError, match="running_mean should contain 4 elements not 8"):
        faulty_block(16, 4, mid_channels=8)(x)  # bilinear mode: in 16, middle 16 // 2, out 4
    assert DoubleConv(16, 4, mid_channels=8)(x).shape == (2, 4, 8, 8)
    assert UNet(3, 2, bilinear=True, width=2)(torch.rand(2, 3, 16, 16)).shape == (2, 2, 16, 16)


def test_second_batchnorm_with_mid_channels_goes_unnoticed_without_bilinear():
    """Nobody sees that mistake in the default mode, where mid_channels and out_channels are equal."""
    assert faulty_block(16, 8, mid_channels=8)(torch.rand(2, 16, 8, 8)).shape == (2, 8, 8, 8)


def test_last_up_divided_by_factor_does_not_fit_the_output_layer():
    """The last Up also divides its channels by `factor`, but the output layer still reads all 64."""
    factor, skip = 2, torch.rand(1, 64, 8, 8)
    divided = Up(128, 64 // factor, bilinear=True).eval()(torch.rand(1, 64, 4, 4), skip)
    assert divided.shape[1] == 32  # as the article's own comment says
    with pytest.raises(RuntimeError, match=r"expected input.* to have 64 channels, but got 32"):
        nn.Conv2d(64, 2, 1)(divided)
    with torch.device("meta"):
        net = UNet(3, 2, bilinear=True)
    assert net.up4.conv.double_conv[3].out_channels == net.outc.conv.in_channels == 64


def test_formula_is_right_while_padding_is_zero():
    """The formula is never tried but with pd = 0, where it is right."""
    for img in (1, 3, 8):
        for k in (1, 2, 3, 4):
            for s in (1, 2, 3):
                assert articles_size(img, k, s, 0) == torchs_size(img, k, s, 0) == (img - 1) * s + k


@pytest.mark.parametrize("pd", [1, 2, 3])
def test_formula_subtracts_padding_once_but_torch_crops_both_ends(pd):
    """The formula subtracts the padding once; it is cut from both ends, so it counts twice."""
    img, k, s = 8, 4, 2
    assert articles_size(img, k, s, pd) - torchs_size(img, k, s, pd) == pd
    assert shapes.conv_transpose2d_size(img, k, s, pd) == torchs_size(img, k, s, pd)


def test_formula_leaves_out_output_padding_and_dilation():
    """The formula has no output_padding and no dilation, and both change the size."""
    assert articles_size(5, 3, 2, 0) == 11
    assert torchs_size(5, 3, 2, 0, output_padding=1) == shapes.conv_transpose2d_size(5, 3, 2, output_padding=1) == 12
    assert torchs_size(5, 3, 2, 0, dilation=2) == shapes.conv_transpose2d_size(5, 3, 2, dilation=2) == 13


def test_a_transposed_convolution_doubles_only_where_the_formula_says_so():
    """It is said to double the image: true of some settings only, at stride 2 where k - 2p + output_padding = 2."""
    for k in range(1, 7):
        for p in range(4):
            for output_padding in (0, 1):
                doubles = k - 2 * p + output_padding == 2
                for img in (3, 8):
                    try:
                        size = torchs_size(img, k, 2, p, output_padding=output_padding)
                    except RuntimeError:
                        size = None  # nothing is left
                    assert (size == 2 * img) == doubles
    assert torchs_size(8, 3, 2, 0) == 17
    assert torchs_size(8, 2, 2, 0) == torchs_size(8, 4, 2, 1) == torchs_size(8, 3, 2, 1, output_padding=1) == 16


def test_a_fresh_transposed_convolution_is_not_like_bilinear_interpolation():
    """The two are called alike; but a fresh transposed convolution turns a flat image into a 2x2 pattern."""
    torch.manual_seed(0)
    flat = torch.ones(1, 1, 4, 4)
    with torch.no_grad():
        stamped = nn.ConvTranspose2d(1, 1, kernel_size=2, stride=2, bias=False)(flat)
    smooth = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)(flat)
    assert stamped.unique().numel() == 4
    assert torch.equal(stamped, stamped[..., :2, :2].repeat(1, 1, 4, 4))
    torch.testing.assert_close(smooth, torch.ones(1, 1, 8, 8))


def test_height_and_width_halve_at_each_level_down():
    """The comments in UNet.forward give h and w unchanged at every level; each Down halves them, each Up doubles."""
    net = UNet(3, 2, width=2).eval()
    with record(net) as log:
        net(torch.zeros(1, 3, 64, 96))
    down = [log["inc.double_conv.5"], *(log[f"down{i}.maxpool_conv.1.double_conv.5"] for i in range(1, 5))]
    assert [tuple(x.shape[2:]) for x in down] == [(64, 96), (32, 48), (16, 24), (8, 12), (4, 6)]
    up = [log[f"up{i}.conv.double_conv.5"] for i in range(1, 5)]
    assert [tuple(x.shape[2:]) for x in up] == [(8, 12), (16, 24), (32, 48), (64, 96)]


def test_channels_after_the_last_up_are_64_in_both_modes():
    """The comments give 32 channels after the last Up in bilinear mode; a network that runs has 64 there."""
    for bilinear in (False, True):
        stages = {stage.name: stage for stage in shapes.unet_trace(64, 64, bilinear=bilinear)}
        assert stages["up4"].channels == 64
    assert [stages[f"up{i}"].channels for i in range(1, 5)] == [256, 128, 64, 64]
    assert stages["down4"].channels == 512


def test_the_input_is_nchw_and_a_chw_image_is_refused():
    """A comment says the input is CHW; axes 2 and 3 are read as height and width, so it must be NCHW."""
    chw = torch.rand(3, 64, 64)
    with pytest.raises(IndexError):
        chw.size()[3]
    net = UNet(3, 2, width=1).eval()
    with pytest.raises(ValueError, match=re.escape("x.unsqueeze(0)")):
        net(chw)
    assert net(chw.unsqueeze(0)).shape == (1, 2, 64, 64)


def test_padding_is_centred_only_to_half_a_pixel():
    """F.pad is said to put the map in the middle; an odd difference has none, and its pixel goes right or bottom."""
    pad = shapes.skip_padding(2, 3) + shapes.skip_padding(2, 5)
    assert pad == (0, 1, 1, 2)  # left, right, top, bottom: that order the article has right
    laid = F.pad(torch.ones(1, 1, 2, 2), pad)[0, 0]
    assert laid.nonzero().tolist() == [[1, 0], [1, 1], [2, 0], [2, 1]]


def test_a_string_after_the_first_statement_documents_nothing():
    """The string that describes DoubleConv stands after super().__init__(): Python does not take it as a docstring."""

    class Late:
        def __init__(self):
            super().__init__()
            """(convolution, BatchNorm, ReLU) twice"""

    assert Late.__doc__ is None
    assert Late.__init__.__doc__ is None
    assert "twice" in DoubleConv.__doc__
