"""Chapters 2, 4 and 6: convolution, pooling, up-sampling."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Rectangle

from unet_edu.figures.maps import key, show_grey, show_signed
from unet_edu.figures.picture import Picture
from unet_edu.figures.style import figure, ink


def kernel_effects(image, maps, names, item: str) -> Picture:
    """Chapter 2: an image, and what each kernel makes of it; the first kernel is a mean, the other two are signed."""
    fig, axes = figure(4.8, 5.0, 2, 2)
    ends = [float(np.abs(values).max()) for values in maps]
    for i, (ax, values, name) in enumerate(zip(axes.flat, (image, *maps), ("image", *names), strict=True)):
        if i < 2:
            show_grey(ax, values)
        else:
            show_signed(ax, values, ends[i - 1])
        ax.set_title(name, fontsize=11, color=ink("ink"))
    return Picture(
        fig,
        alt="An image of cells and crystals, and three maps made from it. The mean is the same image, smoother. "
        "In the second map each object is red on one side and blue on the other. In the third each object has a thin "
        "outline, red beside blue, and its inside is pale.",
        caption="One kernel, one kind of answer. Image and mean: black is 0, white is 1. The other two are signed, "
        f"blue below 0 and red above; full colour is {ends[1]:.1f} and {ends[2]:.1f}. Data: {item}.",
    )


def floor_cost(sizes, lost) -> Picture:
    """Chapter 4: for each image size, the pixels that the four poolings drop along one axis, stacked."""
    fig, ax = figure(5.2, 3.0)
    looks = [("input", None), ("window", "///"), ("output", "---"), ("cut", "\\\\\\")]
    below = np.zeros(len(sizes), dtype=int)
    for level, (role, hatch) in enumerate(looks):
        heights = np.array(lost)[:, level]
        some = heights > 0
        look = {"color": ink(role), "edgecolor": ink("ink"), "linewidth": 0.4, "hatch": hatch}
        ax.bar(np.array(sizes)[some], heights[some], bottom=below[some], **look)
        below += heights
    ax.set(xlabel="image size, pixels", ylabel="pixels dropped", xlim=(sizes[0] - 1, sizes[-1] + 1), ylim=(0, 16))
    ax.set(xticks=[n for n in sizes if n % 8 == 0], yticks=range(0, 17, 4))
    key(fig, [(*look, f"pooling {level}") for level, look in enumerate(looks, 1)])
    return Picture(
        fig,
        alt=f"Stacked bars for image sizes {sizes[0]} to {sizes[-1]}. The total climbs from 0 at a multiple of 16 to "
        "15 just before the next, then falls to 0. Pooling 1 drops 1 pixel at every odd size; pooling 4 drops 8 pixels "
        "at the upper half of each climb.",
        caption="Only multiples of 16 lose nothing. Across: the image size. Up: the pixels along that axis that never "
        "reach the bottom, by the pooling that drops them: 1, 2, 4 or 8 pixels each. Computed from the floors.",
    )


def receptive_fields(image, reached, names, item: str) -> Picture:
    """Chapter 4: on an image, the square that one unit of each level reads; `reached` holds (first, last) row."""
    fig, ax = figure(5.2, 3.9)
    show_grey(ax, image)
    side = image.shape[0]
    ax.set(xlim=(-0.5, side * 1.34), ylim=(side - 0.5, -0.5))
    places = np.linspace(0.08, 0.92, len(names)) * side
    for (first, last), name, y in zip(reversed(reached), reversed(names), places, strict=True):
        span = last - first + 1
        corner = (first - 0.5, first - 0.5)
        ax.add_patch(Rectangle(corner, span, span, fill=False, edgecolor=ink("window"), linewidth=1.6))
        ax.plot([last + 0.5, side * 1.03], [(first + last) / 2 if span < 20 else first, y], color=ink("window"), lw=0.9)
        ax.text(side * 1.05, y, f"{name}: {span}", va="center", color=ink("ink"))
    return Picture(
        fig,
        alt="An image of cells and crystals with five squares around its middle, each inside the next: "
        + ", ".join(f"{last - first + 1} pixels for {name}" for (first, last), name in zip(reached, names, strict=True))
        + ". The smallest covers a spot, the largest nearly the whole image.",
        caption="Each level sees a larger square. The squares are the pixels, per axis, that one unit in the middle of "
        "a level reads, as measured by the gradient. They do not depend on the image, which only shows how large they "
        f"are beside the objects. Data: {item}.",
    )


def sample_positions(places) -> Picture:
    """Chapter 6: where a whole row and a crop of it are sampled; `places`: align_corners -> (whole, crop) positions."""
    fig, axes = figure(5.2, 3.0, 2, 1, sharex=True)
    for ax, (align, (whole, crop)) in zip(axes, places.items(), strict=True):
        ax.vlines(whole, 1, 2, color=ink("input"), linewidth=2)
        ax.vlines(crop, 0, 1, color=ink("decoder"), linewidth=2, linestyle=(0, (2, 1)))
        ax.axhline(1, color=ink("line"), linewidth=0.8, zorder=0)
        ax.set(ylim=(0, 2.05), yticks=(0.5, 1.5), yticklabels=("crop", "whole"), title=f"align_corners={align}")
        ax.title.set(fontsize=11, color=ink("ink"))
    count = len(places[True][0]) // 2
    axes[1].set(xlabel="position in the input, pixels", xticks=range(count))
    gap = max(abs(a - b) for a, b in zip(*places[True], strict=False))
    return Picture(
        fig,
        alt="Two rows of marks, twice. With align_corners=True the marks of crop and whole start together and drift "
        "apart to the right. With align_corners=False they stand exactly below each other, except the crop's last.",
        caption="With align_corners=True a crop is sampled at other places than the whole. Across: the position in the "
        f"input row, in pixels. Solid: the whole row of {count} pixels, doubled. Dashed: its first "
        f"{len(places[True][1]) // 2} pixels, doubled. Marks drift up to {gap:.2f} pixels apart in the first picture. "
        "In the second they meet, but for the crop's last one. Measured by doubling a ramp.",
    )


def doubled_maps(image, smooth, stamped, item: str) -> Picture:
    """Chapter 6: a map, the same doubled by interpolation, and by a transposed convolution with fresh weights."""
    fig, axes = figure(6.0, 2.5, 1, 3)
    titles = ("map", "bilinear", "transposed, fresh weights")
    for ax, values, title in zip(axes, (image, smooth, stamped), titles, strict=True):
        if values is stamped:
            values = (values - values.min()) / (values.max() - values.min())
        show_grey(ax, values)
        ax.set_title(f"{title}", fontsize=10, color=ink("ink"))
    return Picture(
        fig,
        alt="Three grey pictures of the same cells. The second is smoother than the first. The third is covered with a "
        "fine regular pattern of light and dark pixels.",
        caption="Before training, a transposed convolution lays a 2 × 2 pattern over everything. Left: a map of "
        f"{image.shape[0]} × {image.shape[1]} pixels. Middle and right: doubled in the two ways. Black is 0 and white "
        f"is 1; the right map is scaled from {stamped.min():.2f} (black) to {stamped.max():.2f} (white). Data: {item}.",
    )
