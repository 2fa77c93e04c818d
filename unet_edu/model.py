"""A U-Net in five small classes: two convolutions make a block, blocks go down and up, and skips tie the levels.

Source: Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation" (2015), figure 1.
Deviations, those of the layout best known in PyTorch, so that its published checkpoints load with `strict=True`:
convolutions are padded, so a mask has the size of its image; BatchNorm follows each 3x3 convolution; where the sizes
of skip and decoder differ by a pixel the decoder's map is padded, while the paper crops the skip; and up-sampling may
be bilinear, without weights.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    """(3x3 convolution, BatchNorm, ReLU) twice.

    (B, in_channels, H, W) -> (B, out_channels, H, W)
    """

    def __init__(self, in_channels, out_channels, mid_channels=None):
        super().__init__()
        if mid_channels is None:
            mid_channels = out_channels
        require_counts(in_channels=in_channels, out_channels=out_channels)
        require_counts(mid_channels=mid_channels)
        self.double_conv = nn.Sequential(
            # No bias: BatchNorm subtracts each channel's mean, and a bias with it.
            nn.Conv2d(in_channels, mid_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    """Halve the map, then DoubleConv.

    (B, in_channels, H, W) -> (B, out_channels, H // 2, W // 2)
    """

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.maxpool_conv = nn.Sequential(
            nn.MaxPool2d(2),
            DoubleConv(in_channels, out_channels),
        )

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    """Double the map, lay it over the skip, then DoubleConv.

    -> (B, out_channels, H, W), with the skip's H and W

    `in_channels` is what DoubleConv reads: half up-sampled from below, half from the
    skip. A transposed convolution halves channels itself, so all `in_channels` come in
    from below; bilinear up-sampling keeps them, so half come in, and DoubleConv narrows
    in its middle instead.
    """

    def __init__(self, in_channels, out_channels, bilinear=False):
        super().__init__()
        half = require_even(in_channels) // 2
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv = DoubleConv(in_channels, out_channels, mid_channels=half)
        else:
            self.up = nn.ConvTranspose2d(in_channels, half, kernel_size=2, stride=2)
            self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x, skip):
        x = self.up(x)  # (B, C, 2h, 2w)
        diff_y = skip.size(2) - x.size(2)  # 1 where pooling dropped an odd row, else 0
        diff_x = skip.size(3) - x.size(3)
        left, top = diff_x // 2, diff_y // 2  # an odd pixel goes right and bottom
        # F.pad reads the last axis first
        x = F.pad(x, [left, diff_x - left, top, diff_y - top])  # (B, C, H, W)
        x = torch.cat([skip, x], dim=1)  # (B, 2C, H, W)
        return self.conv(x)  # (B, out_channels, H, W)


class OutConv(nn.Module):
    """One score per class and pixel, by a 1x1 convolution.

    (B, in_channels, H, W) -> (B, out_channels, H, W)
    """

    def __init__(self, in_channels, out_channels):
        super().__init__()
        require_counts(in_channels=in_channels, out_channels=out_channels)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    """Four levels down, four up.

    image (B, n_channels, H, W) -> logits (B, n_classes, H, W)

    H and W: pixels, at least 16 each, odd or even. Logits are not yet probabilities:
    the loss takes the softmax. `width` counts the first level's channels; each level
    below has twice as many. Raises TypeError or ValueError, with the number and the
    fix, for an input the network cannot read.
    """

    def __init__(self, n_channels, n_classes, bilinear=False, width=64):
        super().__init__()
        require_counts(n_channels=n_channels, n_classes=n_classes, width=width)
        if not isinstance(bilinear, bool):
            cure = "must be True or False; channels are set by width=..."
            raise TypeError(f"bilinear {bilinear!r}: {cure}")
        self.n_channels = n_channels
        self.n_classes = n_classes
        self.bilinear = bilinear
        self.width = width

        # bilinear up-sampling keeps the channels: each level must hand up half as many
        factor = 2 if bilinear else 1
        self.inc = DoubleConv(n_channels, width)
        self.down1 = Down(width, 2 * width)
        self.down2 = Down(2 * width, 4 * width)
        self.down3 = Down(4 * width, 8 * width)
        self.down4 = Down(8 * width, 16 * width // factor)
        self.up1 = Up(16 * width, 8 * width // factor, bilinear)
        self.up2 = Up(8 * width, 4 * width // factor, bilinear)
        self.up3 = Up(4 * width, 2 * width // factor, bilinear)
        self.up4 = Up(2 * width, width, bilinear)  # nothing above it, so no factor
        self.outc = OutConv(width, n_classes)

    def forward(self, x):
        require_image(x, self)
        # C is `width`; odd sizes round down; [in bilinear mode, where it differs]
        x1 = self.inc(x)  # (B, C, H, W)
        x2 = self.down1(x1)  # (B, 2C, H/2, W/2)
        x3 = self.down2(x2)  # (B, 4C, H/4, W/4)
        x4 = self.down3(x3)  # (B, 8C, H/8, W/8)
        x5 = self.down4(x4)  # (B, 16C [8C], H/16, W/16)
        x = self.up1(x5, x4)  # (B, 8C [4C], H/8, W/8)
        x = self.up2(x, x3)  # (B, 4C [2C], H/4, W/4)
        x = self.up3(x, x2)  # (B, 2C [C], H/2, W/2)
        x = self.up4(x, x1)  # (B, C, H, W)
        return self.outc(x)  # (B, n_classes, H, W)


def require_counts(**counts):
    """Raise TypeError for a count that is not an int, ValueError for one below 1."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int):
            raise TypeError(f"{name} {count!r}: must be a whole number (int)")
        if count < 1:
            raise ValueError(f"{name} {count}: must be at least 1")


def require_even(in_channels):
    """Return `in_channels`; raise ValueError unless skip and decoder can have half of it each."""
    require_counts(in_channels=in_channels)
    if in_channels % 2:
        raise ValueError(f"in_channels {in_channels}: skip and decoder have half each; use {in_channels + 1}")
    return in_channels


def require_image(x, net):
    """Raise TypeError or ValueError, naming the number and the fix, unless the UNet `net` can read `x`."""
    if not torch.is_tensor(x):
        raise TypeError(f"input is a {type(x).__name__}; make it a torch tensor of shape (B, C, H, W)")
    shape = tuple(x.shape)
    if x.ndim != 4:
        cure = "add the batch axis with x.unsqueeze(0)" if x.ndim == 3 else "bring it to that shape"
        raise ValueError(f"input {shape} has {x.ndim} axes, the network reads 4: (B, C, H, W); {cure}")
    batch, channels, height, width = shape
    if channels != net.n_channels:
        last = width == net.n_channels
        cure = "channels go first: x.permute(0, 3, 1, 2)" if last else f"build it with n_channels={channels}"
        raise ValueError(f"input {shape} has {channels} channels, the network reads {net.n_channels}; {cure}")
    if not x.is_floating_point():
        raise TypeError(f"input is {x.dtype}; convolutions read floats: for 0..255 use x.float() / 255")
    for name, size in (("height", height), ("width", width)):
        if size < 16:
            raise ValueError(f"{name} {size}: four poolings leave 0 pixels; use at least 16")
    deepest = net.down4.maxpool_conv[1].double_conv
    if batch * (height // 16) * (width // 16) == 1 and (deepest[1].training or deepest[4].training):
        raise ValueError(
            f"batch 1 of {height} x {width} pixels leaves 1 value per channel at the bottom, "
            "and BatchNorm cannot train on 1; use a batch of 2, a side of 32 pixels, or model.eval()"
        )
