"""How torch makes a skip and the map from below equal: the judge of align.js and of the lab."""

import torch
import torch.nn.functional as F

WAYS = ["pad", "crop", "interpolate", "pad_input"]
UPS = ["transposed", "bilinear"]
LEVELS = ["up4", "up3", "up2", "up1"]  # by depth


def double(x, up):
    """Twice the size: a stamp of four ones, or the layer that the bilinear network uses."""
    if up == "bilinear":
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    channels = x.shape[1]
    return F.conv_transpose2d(x, torch.ones(channels, 1, 2, 2, dtype=x.dtype), stride=2, groups=channels)


def make_equal(skip, x, way, fill=0.0):
    """The two maps as they are joined: (skip, decoder map)."""
    diff_y, diff_x = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
    if way == "crop":
        top, left = diff_y // 2, diff_x // 2
        skip = skip[:, :, top : top + x.size(2), left : left + x.size(3)]
    elif way == "interpolate":
        x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
    else:
        x = F.pad(x, [diff_x // 2, diff_x - diff_x // 2, diff_y // 2, diff_y - diff_y // 2], value=fill)
        assert way == "pad" or diff_y == diff_x == 0
    torch.cat([skip, x], dim=1)  # the judge of "equal"
    return skip, x


def entering(size, depth, way):
    """Size of the decoder map that comes up to a level, found by running all levels below it on empty maps."""
    x = torch.zeros(1, 1, size, 1)
    skips = [x]
    for _ in range(4):
        skips.append(F.max_pool2d(skips[-1], (2, 1)))
    x = skips.pop()
    while len(skips) > depth + 1:
        _, x = make_equal(skips.pop(), x.repeat_interleave(2, dim=2), way)
    return x.size(2)


def fed(size, way):
    return -(-size // 16) * 16 if way == "pad_input" else size


def torch_joined(skip, height, width, depth, way, up):
    below = F.max_pool2d(skip, 2)[
        :, :, : entering(fed(height, way), depth, way), : entering(fed(width, way), depth, way)
    ]
    return make_equal(skip, double(below, up), way)
