"""How many pixels come out: the size arithmetic of every layer in a U-Net, on plain whole numbers.

One axis at a time, in pixels, with torch's own parameter names.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), chapters 2 to 4;
the formulas under "Shape" in the torch.nn manual; for `unet_trace`, Ronneberger et al., "U-Net" (2015), figure 1.
Deviation: what torch refuses on an ordinary tensor is refused here in words, with a cure. Torch itself is not of one
mind about a transposed convolution that leaves exactly 0 pixels: most calls refuse it, some large batches return an
empty tensor. Here it is refused.
"""

from typing import NamedTuple


def _whole(name, value, least, why="must be at least"):
    """Refuse a `value` that is not an int (TypeError) or lies below `least` (ValueError)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} {value!r}: must be a whole number (int)")
    if value < least:
        raise ValueError(f"{name} {value}: {why} {least}")


def _flag(name, value):
    """Refuse a `value` that is neither True nor False (TypeError)."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} {value!r}: must be True or False")


def _window(size, kernel_size, stride, padding, dilation):
    """Check what every sliding window needs."""
    _whole("size", size, 1)
    _whole("kernel_size", kernel_size, 1)
    _whole("stride", stride, 1)
    _whole("padding", padding, 0)
    _whole("dilation", dilation, 1)


class Conv2dTerms(NamedTuple):
    """The numbers in a convolution's size formula, `size = (padded - span) // stride + 1`."""

    padded: int  # size + 2 * padding: the input with its border
    span: int  # dilation * (kernel_size - 1) + 1: from the kernel's first tap to its last
    steps: int  # (padded - span) // stride: how often the window can move
    unread: int  # (padded - span) % stride: cells at the far edge that no window reaches
    size: int  # steps + 1


def conv2d_terms(size, kernel_size, stride=1, padding=0, dilation=1):
    """Every term of `conv2d_size`, which see, as a `Conv2dTerms`."""
    _window(size, kernel_size, stride, padding, dilation)
    padded = size + 2 * padding
    span = dilation * (kernel_size - 1) + 1
    if span > padded:
        raise ValueError(
            f"kernel_size {kernel_size} with dilation {dilation} spans {span} pixels, but size {size} with "
            f"padding {padding} has only {padded}; use a smaller kernel_size or dilation, or a larger size"
        )
    steps = (padded - span) // stride
    return Conv2dTerms(padded, span, steps, (padded - span) % stride, steps + 1)


def conv2d_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """Size after `nn.Conv2d`: `(size + 2*padding - dilation*(kernel_size-1) - 1) // stride + 1`.

    Pixels, per axis; the division rounds down, so pixels at the far edge may go unread.
    Raises ValueError for a number out of range or a kernel that does not fit, TypeError for anything but an int.
    """
    return conv2d_terms(size, kernel_size, stride, padding, dilation).size


def max_pool2d_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Size after `nn.MaxPool2d`; `stride=None` means one window beside the next (stride = kernel_size).

    Pixels, per axis; rounds down, or up with `ceil_mode`, but a window that would start beyond the image and its
    first border is dropped. Raises ValueError for a number out of range, padding above half the kernel, or a kernel
    that does not fit; TypeError for anything but an int (a bool for `ceil_mode`).
    """
    stride = kernel_size if stride is None else stride
    _window(size, kernel_size, stride, padding, dilation)
    _flag("ceil_mode", ceil_mode)
    if padding > kernel_size // 2:
        raise ValueError(
            f"padding {padding}: must be at most half of kernel_size {kernel_size}; use at most {kernel_size // 2}"
        )
    padded = size + 2 * padding
    span = dilation * (kernel_size - 1) + 1
    steps = (padded - span + (stride - 1 if ceil_mode else 0)) // stride
    if ceil_mode and steps * stride >= size + padding:
        steps -= 1
    if steps < 0:
        raise ValueError(
            f"kernel_size {kernel_size} with dilation {dilation} spans {span} pixels, but size {size} with "
            f"padding {padding} has only {padded}; use a smaller kernel_size or dilation, or a larger size"
        )
    return steps + 1


class ConvTranspose2dTerms(NamedTuple):
    """The numbers in a transposed convolution's size formula.

    Scatter, where each input pixel stamps the kernel: `size = spread - cropped + overhang + output_padding + 1`.
    Gather, where a stride-1 window slides over the input with zeros put in:
    `size = inserted + 2 * border + output_padding - overhang`.
    """

    spread: int  # (size - 1) * stride: from the first stamp to the last
    cropped: int  # 2 * padding: cut away, padding at either end
    overhang: int  # dilation * (kernel_size - 1): how far a stamp reaches beyond its first cell
    output_padding: int  # added at the far end only
    inserted: int  # spread + 1: the input with stride - 1 zeros between neighbours
    border: int  # overhang - padding: zeros around it; below 0, cells are cut away instead
    size: int


def conv_transpose2d_terms(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Every term of `conv_transpose2d_size`, which see, as a `ConvTranspose2dTerms`."""
    _window(size, kernel_size, stride, padding, dilation)
    _whole("output_padding", output_padding, 0)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding {output_padding}: must be smaller than stride {stride} or dilation {dilation}; "
            f"use at most {max(stride, dilation) - 1}"
        )
    spread = (size - 1) * stride
    overhang = dilation * (kernel_size - 1)
    full = spread + overhang + output_padding + 1
    cropped = 2 * padding
    if full - cropped < 1:
        raise ValueError(
            f"padding {padding}: cuts {cropped} pixels from {full} and leaves none; use at most {(full - 1) // 2}"
        )
    return ConvTranspose2dTerms(
        spread, cropped, overhang, output_padding, spread + 1, overhang - padding, full - cropped
    )


def conv_transpose2d_size(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Size after `nn.ConvTranspose2d`: `(size-1)*stride - 2*padding + dilation*(kernel_size-1) + output_padding + 1`.

    Pixels, per axis; exact, nothing is rounded.
    Raises ValueError for a number out of range, an `output_padding` that is not below stride or dilation, or a
    `padding` that leaves nothing; TypeError for anything but an int.
    """
    return conv_transpose2d_terms(size, kernel_size, stride, padding, output_padding, dilation).size


def upsample_size(size, scale_factor=2):
    """Size after `nn.Upsample(scale_factor=...)`, any mode: `size * scale_factor`, rounded down.

    Pixels, per axis; `scale_factor` is an int or a float above 0.
    Raises ValueError for a number out of range or a result below 1 pixel, TypeError for anything but a number.
    """
    _whole("size", size, 1)
    if isinstance(scale_factor, bool) or not isinstance(scale_factor, (int, float)):
        raise TypeError(f"scale_factor {scale_factor!r}: must be a number")
    if not 0 < scale_factor < float("inf"):
        raise ValueError(f"scale_factor {scale_factor}: must be above 0 and finite")
    scaled = int(size * scale_factor)
    if scaled < 1:
        raise ValueError(f"scale_factor {scale_factor}: leaves 0 of {size} pixels; use a larger one")
    return scaled


def skip_padding(small, large):
    """What `F.pad` adds `(before, after)` a map of `small` pixels so that it lies centred in one of `large`.

    Pixels, per axis; the odd pixel goes after (right, bottom). Where `small` is the larger, both are negative or
    zero and crop; the odd pixel then goes before, since floor division rounds down.
    Raises ValueError for a size below 1, TypeError for anything but an int.
    """
    _whole("small", small, 1)
    _whole("large", large, 1)
    diff = large - small
    return diff // 2, diff - diff // 2


class Stage(NamedTuple):
    """One stage of the network and the size of the map that leaves it; the last three are told by `up` stages only."""

    name: str  # the attribute of UNet: "inc", "down1", ..., "up4", "outc"
    kind: str  # "double_conv", "down", "up" or "out"
    channels: int
    height: int
    width: int
    up: tuple = ()  # (channels, height, width) straight after up-sampling
    pad: tuple = ()  # (left, right, top, bottom), in F.pad's order: last axis first
    concat: int = 0  # channels after the skip is joined on


def unet_trace(height, width, n_channels=3, n_classes=2, channels=64, bilinear=False):
    """Every stage of `UNet(n_channels, n_classes, bilinear, width=channels)` for one image, as a list of `Stage`.

    `height`, `width`: the image in pixels, at least 16 each, odd or even; each of four poolings halves and rounds down.
    `channels`: of the first level; each level below has twice as many, but the lowest in bilinear mode no more than
    the one above it. Raises ValueError for a number out of range, TypeError for a wrong type.
    """
    _whole("n_channels", n_channels, 1)
    _whole("n_classes", n_classes, 1)
    _whole("channels", channels, 1)
    _flag("bilinear", bilinear)
    _whole("height", height, 16, "four poolings leave 0 pixels; use at least")
    _whole("width", width, 16, "four poolings leave 0 pixels; use at least")

    skips = [Stage("inc", "double_conv", channels, height, width)]
    for level in range(1, 5):
        above = skips[-1]
        deeper = above.channels if bilinear and level == 4 else 2 * above.channels
        height, width = max_pool2d_size(above.height, 2), max_pool2d_size(above.width, 2)
        skips.append(Stage(f"down{level}", "down", deeper, height, width))

    stages = list(skips)
    skips.pop()
    for level in range(1, 5):
        below, skip = stages[-1], skips.pop()
        if bilinear:
            up = (below.channels, upsample_size(below.height), upsample_size(below.width))
        else:
            up = (
                below.channels // 2,
                conv_transpose2d_size(below.height, 2, stride=2),
                conv_transpose2d_size(below.width, 2, stride=2),
            )
        pad = skip_padding(up[2], skip.width) + skip_padding(up[1], skip.height)
        concat = skip.channels + up[0]
        out = skip.channels // 2 if bilinear and level < 4 else skip.channels
        stages.append(Stage(f"up{level}", "up", out, skip.height, skip.width, up, pad, concat))

    last = stages[-1]
    return [*stages, Stage("outc", "out", n_classes, last.height, last.width)]
