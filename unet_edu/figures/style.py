"""One palette for every figure, and how one is set up: matplotlib draws once, the page colours for light and dark.

Source of the palette: Okabe and Ito, "Color Universal Design" (2008), darkened or lightened where text needs contrast.
"""

from __future__ import annotations

import matplotlib
from matplotlib.figure import Figure

PALETTE = {
    "light": {
        "ink": "#1b1f24",
        "quiet": "#57606a",
        "paper": "#ffffff",
        "panel": "#f5f7f9",
        "line": "#c4ccd4",
        "input": "#0072b2",
        "weight": "#b34700",
        "output": "#00785a",
        "zero": "#d5dae0",
        "cut": "#c23b00",
        "added": "#9a3d7c",
        "skip": "#1f78a8",
        "decoder": "#9a3d7c",
        "window": "#e69f00",
        "class-0": "#d5dae0",
        "class-1": "#0072b2",
        "class-2": "#e69f00",
        "low": "#2166ac",
        "mid": "#f7f7f7",
        "high": "#b2182b",
        "good": "#00684e",
        "bad": "#a82a00",
    },
    "dark": {
        "ink": "#e6e9ed",
        "quiet": "#a7b0ba",
        "paper": "#14181d",
        "panel": "#1d232a",
        "line": "#4a545f",
        "input": "#56b4e9",
        "weight": "#f0924d",
        "output": "#3cc79c",
        "zero": "#3a434d",
        "cut": "#ff8a5c",
        "added": "#d78fba",
        "skip": "#7cc4ec",
        "decoder": "#d78fba",
        "window": "#f0b83a",
        "class-0": "#3a434d",
        "class-1": "#56b4e9",
        "class-2": "#e69f00",
        "low": "#6aaee0",
        "mid": "#2a3038",
        "high": "#f0806f",
        "good": "#4fd3a8",
        "bad": "#ff9b78",
    },
}
"""Role -> colour, for a light and a dark page; the same values stand in widgets.css as ``--unet-<role>``."""


STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.interpolation": "nearest",
    "figure.constrained_layout.use": True,
}


MARKS = {role: f"#{0xA10000 + 257 * i:06x}" for i, role in enumerate(PALETTE["light"])}
"""Role -> a colour that occurs nowhere else: drawn first, exchanged for a CSS variable when the SVG is written."""


def ink(role: str) -> str:
    """Return the colour to draw a role with inside `figure`; the page exchanges it for the theme's value.

    Raises:
        KeyError: no such role; the message lists the roles.
    """
    if role not in MARKS:
        raise KeyError(f"no colour for {role!r}; known roles: {', '.join(MARKS)}")
    return MARKS[role]


def figure(width: float = 7.2, height: float = 3.0, rows: int = 1, cols: int = 1, **grid):
    """Return (fig, axes) in the book's style; `width` and `height` in inches, axes as from `Figure.subplots`."""
    colour = {
        name: ink("ink") for name in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor")
    }
    with matplotlib.rc_context({**STYLE, **colour}):
        fig = Figure(figsize=(width, height))
        fig.patch.set_alpha(0)
        axes = fig.subplots(rows, cols, **grid)
    for ax in fig.axes:
        ax.patch.set_alpha(0)
        ax.tick_params(colors=ink("ink"))
    return fig, axes
