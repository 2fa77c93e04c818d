"""Every figure of the book, in one palette: matplotlib draws it once, and the page colours it for light and dark.

A figure is inline SVG whose palette colours are CSS variables (see widgets/widgets.css), so it follows
the reader's theme.
Source of the palette: Okabe and Ito, "Color Universal Design" (2008), darkened or lightened where text needs contrast.
"""

from __future__ import annotations

import hashlib
import html
import inspect
import io
import re

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
_MARKS = {role: f"#{0xA10000 + 257 * i:06x}" for i, role in enumerate(PALETTE["light"])}
"""Role -> a colour that occurs nowhere else: drawn first, exchanged for a CSS variable when the SVG is written."""


def ink(role: str) -> str:
    """Return the colour to draw a role with inside `figure`; the page exchanges it for the theme's value.

    Raises:
        KeyError: no such role; the message lists the roles.
    """
    if role not in _MARKS:
        raise KeyError(f"no colour for {role!r}; known roles: {', '.join(_MARKS)}")
    return _MARKS[role]


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


class Picture:
    """A figure with its text equivalent, shown as inline SVG in a notebook and in the book.

    Args:
        fig: a matplotlib figure, best made by `figure`.
        alt: what is seen, for a reader who does not see it.
        caption: the claim, how to read axes and colours, then data and seed.

    Raises:
        ValueError: no alt text or no caption.
    """

    def __init__(self, fig: Figure, alt: str, caption: str):
        if not alt.strip() or not caption.strip():
            raise ValueError("a figure needs an alt text and a caption")
        self.fig, self.alt, self.caption = fig, " ".join(alt.split()), " ".join(caption.split())

    def svg(self) -> str:
        """Return the SVG text, its palette as CSS variables with the light value as fallback."""
        salt = f"{self.alt}{self.caption}"
        text = io.StringIO()
        with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}):
            self.fig.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        svg = text.getvalue()
        svg = svg[svg.index("<svg") :]
        prefix = f"f{hashlib.sha256(salt.encode()).hexdigest()[:8]}-"
        svg = re.sub(r'\bid="', f'id="{prefix}', svg)
        svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
        svg = re.sub(r'href="#', f'href="#{prefix}', svg)
        for role, mark in _MARKS.items():
            svg = svg.replace(mark, f"var(--unet-{role}, {PALETTE['light'][role]})")
        label = html.escape(self.alt, quote=True)
        svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
        shape = "max-width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt"
        return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" style="{shape}" ', 1)

    def _repr_html_(self) -> str:
        return f'<figure class="unet-figure">{self.svg()}<figcaption>{html.escape(self.caption)}</figcaption></figure>'

    def __repr__(self) -> str:
        return f"[Figure: {self.alt}] {self.caption}"


class show_source:
    """The source of a class or function as a highlighted block, read from the package, so that it cannot drift."""

    def __init__(self, *objects):
        self.text = "\n\n".join(inspect.getsource(item).rstrip() for item in objects)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"

    def __repr__(self) -> str:
        return self.text
