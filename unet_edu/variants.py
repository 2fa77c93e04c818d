"""The same network with another skip: added instead of concatenated, or none at all.

Source: addition, as in Chaurasia and Culurciello, "LinkNet" (2017), and in residual networks; without skips, the plain
encoder-decoder that Ronneberger et al. (2015) set out from.
Deviation from the U-Net: only `Up` differs. One map stands where two were concatenated, so its first convolution reads
half the channels, and these networks are smaller: at width 16 with 1 channel and 3 classes, 1,746,483 parameters
against 1,942,323. A difference between the networks is one of skips and of this size together.
"""

import torch.nn.functional as F

from unet_edu.model import DoubleConv, UNet, Up


class AddUp(Up):
    """Double the map, add the skip, then DoubleConv: as `Up`, if its first kernel were the same for skip and map.

    x (B, in_channels, h, w), skip (B, in_channels / 2, H, W) -> (B, out_channels, H, W)
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels)
        self.conv = DoubleConv(in_channels // 2, out_channels)

    def forward(self, x, skip):
        x = self.up(x)  # (B, C, 2h, 2w)
        x = F.pad(x, [0, skip.size(3) - x.size(3), 0, skip.size(2) - x.size(2)])  # (B, C, H, W)
        return self.conv(self.join(x, skip))  # (B, out_channels, H, W)

    def join(self, x, skip):
        return skip + x


class LonelyUp(AddUp):
    """Double the map, then DoubleConv; of the skip it reads the size alone, and no number."""

    def join(self, x, skip):
        return x


class AddUNet(UNet):
    """A U-Net whose skips are added. Arguments, shapes and errors as for `UNet`; up-sampling has weights, always."""

    _up = AddUp

    def __init__(self, n_channels, n_classes, width=64):
        super().__init__(n_channels, n_classes, width=width)
        self.up1 = self._up(16 * width, 8 * width)
        self.up2 = self._up(8 * width, 4 * width)
        self.up3 = self._up(4 * width, 2 * width)
        self.up4 = self._up(2 * width, width)


class NoSkipUNet(AddUNet):
    """A U-Net without skips: all that the decoder knows has passed the bottom. Arguments as for `AddUNet`."""

    _up = LonelyUp
