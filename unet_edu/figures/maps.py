"""What many figures show: grey images, signed maps, masks with their classes, and the key to them."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from unet_edu.figures.style import ink


def show_grey(ax, image) -> None:
    """Draw one image (H, W) in 0..1 as grey pixels, without ticks."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="none")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def show_signed(ax, values, most: float):
    """Draw signed values (H, W), blue below 0 and red above, with the colours' ends at -`most` and `most`."""
    shown = ax.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="none")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return shown


def show_classes(ax, mask, under=None, roles=None) -> None:
    """Draw a class map (H, W) in the class colours, class 2 striped; over an image `under`, its outlines only.

    `roles`: class -> (palette role, hatch), if the map holds something else than the classes of the toy data.
    """
    height, width = mask.shape
    if under is None:
        ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[], aspect="equal")
    else:
        show_grey(ax, under)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for label, (role, hatch) in (roles or CLASS_LOOK).items():
        inside = np.pad(mask == label, 1)
        if not inside.any() or (under is not None and label == 0):
            continue
        if under is None:
            if label == 0:  # the ground lies under the others: one rectangle instead of hundreds
                inside[1:-1, 1:-1] = True
            look = {"facecolor": ink(role), "edgecolor": ink("ink"), "linewidth": 0, "hatch": hatch}
            ax.add_patch(PathPatch(runs(inside), **look, zorder=int(label != 0)))
        else:
            ax.add_patch(PathPatch(outline(inside), facecolor="none", edgecolor=ink(role), linewidth=1.6))


def runs(inside) -> Path:
    """The pixels that are true in a padded map, as one path of rectangles: equal runs in neighbouring rows are one."""
    done, growing = [], {}  # (start, end) -> the row in which a rectangle began
    for row in range(len(inside)):
        starts, ends = (
            np.flatnonzero(inside[row, 1:] & ~inside[row, :-1]),
            np.flatnonzero(inside[row, :-1] & ~inside[row, 1:]),
        )
        here = set(zip(starts.tolist(), ends.tolist(), strict=True))
        done += [(*run, growing.pop(run), row) for run in sorted(set(growing) - here)]
        growing |= {run: row for run in here if run not in growing}
    points, codes = [], []
    for start, end, top, bottom in done:
        left, right, top, bottom = start - 0.5, end - 0.5, top - 1.5, bottom - 1.5
        points += [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        codes += [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(points, codes)


def outline(inside) -> Path:
    """The borders between true and false pixels of a padded map, as one path of straight pieces."""
    points = []
    for along, flip in ((inside, False), (inside.T, True)):
        change = along[1:] != along[:-1]
        for edge, line in enumerate(change):
            steps = np.flatnonzero(np.diff(np.concatenate(([False], line, [False])).astype(int)))
            for start, end in zip(steps[::2], steps[1::2], strict=True):
                ends = [(start - 1.5, edge - 0.5), (end - 1.5, edge - 0.5)]
                points += [(y, x) for x, y in ends] if flip else ends
    return Path(points, [Path.MOVETO, Path.LINETO] * (len(points) // 2))


CLASS_LOOK = {0: ("class-0", None), 1: ("class-1", None), 2: ("class-2", "////")}
"""Class -> palette role and hatch of the toy data."""


def key(fig, entries, **where) -> None:
    """A legend below or beside the axes: entries are (palette role, hatch, word)."""
    handles = [
        Patch(facecolor=ink(role), edgecolor=ink("ink"), linewidth=0.5, hatch=hatch) for role, hatch, _ in entries
    ]
    words = [word for _, _, word in entries]
    fig.legend(
        handles,
        words,
        frameon=False,
        labelcolor=ink("ink"),
        **{"loc": "outside lower center", "ncols": len(words), **where},
    )
