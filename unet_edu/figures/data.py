"""Chapter 1: the toy pictures, and what resizing does to a mask."""

from __future__ import annotations

from unet_edu.figures.maps import CLASS_LOOK, key, show_classes, show_grey
from unet_edu.figures.picture import Picture
from unet_edu.figures.style import figure, ink


def toy_preview(data, indices, classes) -> Picture:
    """Chapter 1: images, their masks, and the outlines of the masks on the images."""
    fig, axes = figure(6.0, 4.7, 3, len(indices), squeeze=False)
    for column, i in enumerate(indices):
        image, mask = data[i]
        show_grey(axes[0, column], image[0])
        show_classes(axes[1, column], mask)
        show_classes(axes[2, column], mask, under=image[0])
        axes[0, column].set_title(f"item {i}", fontsize=10, color=ink("ink"))
    for ax, word in zip(axes[:, 0], ("image", "mask", "both"), strict=True):
        ax.set_ylabel(word)
    key(fig, [(*CLASS_LOOK[k], word) for k, word in enumerate(classes)])
    height, width = mask.shape
    return Picture(
        fig,
        alt=f"{len(indices)} grey images of {height} by {width} pixels with round cells and angular crystals, some of "
        "them touching, on an unevenly lit, noisy ground; below each its mask in flat colours; below that the outlines "
        "of the mask on the image.",
        caption="Every pixel of an image has a class. Top: the images, black is 0 and white is 1. Middle: their masks, "
        f"grey for background, plain for {classes[1]}, striped for {classes[2]}. Bottom: the outlines on the image. "
        f"Data: ToyCells, seed {data.seed}, items {', '.join(map(str, indices))}.",
    )


def resized_masks(original, bilinear, nearest, classes, item: str) -> Picture:
    """Chapter 1: one mask, and the same mask enlarged in two ways."""
    fig, axes = figure(6.0, 2.6, 1, 3)
    titles = ("original", "bilinear, then rounded", "nearest")
    for ax, mask, title in zip(axes, (original, bilinear, nearest), titles, strict=True):
        show_classes(ax, mask)
        ax.set_title(f"{title}, {mask.shape[0]} × {mask.shape[1]}", fontsize=10, color=ink("ink"))
    key(fig, [(*CLASS_LOOK[k], word) for k, word in enumerate(classes)])
    return Picture(
        fig,
        alt="Three class maps. In the first, crystals lie on background. In the second, the bilinear one, a rim in "
        "the colour of cells runs around every crystal. In the third, the nearest one, there is no rim.",
        caption=f"Bilinear resizing invents {classes[1]}s: between background 0 and {classes[2]} 2 the average is 1. "
        "Colours as in the figure above. Left: a mask. Middle: enlarged with bilinear interpolation and rounded. "
        f"Right: enlarged with nearest. Data: {item}.",
    )
