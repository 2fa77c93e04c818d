"""A figure as inline SVG with its text equivalent: its palette colours are CSS variables (see widgets/widgets.css)."""

from __future__ import annotations

import base64
import collections
import functools
import hashlib
import html
import inspect
import io
import re
from decimal import Decimal

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image  # comes with matplotlib, which cannot save a figure without it

from unet_edu.figures.style import MARKS, PALETTE, STYLE


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

    @functools.cached_property
    def _svg(self) -> str:  # written once: each time it is laid out, constrained layout moves the axes by a hair
        salt = f"{self.alt}{self.caption}"
        text = io.StringIO()
        with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}):
            self.fig.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        svg = text.getvalue()
        svg = svg[svg.index("<svg") :]
        prefix = f"f{hashlib.sha256(salt.encode()).hexdigest()[:8]}-"
        times = collections.Counter()  # an image that is drawn twice comes with the same id; no reference names it

        def own_id(match: re.Match) -> str:
            times[match[1]] += 1
            return f'id="{prefix}{match[1]}' + (f"-{times[match[1]]}" if times[match[1]] > 1 else "") + '"'

        svg = re.sub(r'\bid="([^"]*)"', own_id, svg)
        svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
        svg = re.sub(r'href="#', f'href="#{prefix}', svg)
        for role, mark in MARKS.items():
            svg = svg.replace(mark, f"var(--unet-{role}, {PALETTE['light'][role]})")
        svg = re.sub(r' d="[^"]*"', lambda path: shorter(path[0]), svg)
        svg = DOTS.sub(small_tile, svg)
        svg = re.sub(r'"data:image/png;base64,([^"]*)"', grey_png, svg)
        label = html.escape(self.alt, quote=True)
        svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
        shape = "max-width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt"
        return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" style="{shape}" ', 1)

    def svg(self) -> str:
        """Return the SVG text, its palette as CSS variables with the light value as fallback."""
        return self._svg

    def _repr_html_(self) -> str:
        return f'<figure class="unet-figure">{self.svg()}<figcaption>{html.escape(self.caption)}</figcaption></figure>'

    def __repr__(self) -> str:
        return f"[Figure: {self.alt}] {self.caption}"


RECTANGLE = re.compile(r"M (\S+) (\S+) \nL (\S+) \2 \nL \3 (\S+) \nL \1 \4 \n(?:L \1 \2 \n)?z")


def shorter(path: str) -> str:
    """The data of an SVG path to a hundredth of a point, upright rectangles as M x y h w v t h -w z.

    Sides, unlike corners, are the same for many rectangles, which a server's compression makes use of.
    """
    return RECTANGLE.sub(sides, re.sub(r"(\.\d\d)\d+", r"\1", path))


def sides(rectangle: re.Match) -> str:
    """One rectangle by its corner and its sides."""
    left, top, right, bottom = map(Decimal, rectangle.groups())
    x, y, w, t = (f"{n:.2f}".rstrip("0").rstrip(".") for n in (left, top, right - left, bottom - top))
    return f"M{x} {y}h{w}v{t}h{f'-{w}'.replace('--', '')}z"


DOTS = re.compile(
    r'width="72" height="72">(\s*<rect [^>]*>\s*)<path d="(M [^"L]*C [^"L]*)" style="fill: ([^;]*);[^>]*>'
)


CIRCLE = re.compile(r"M (\S+) (\S+) \n(?:C [^\n]*\n)+z")


def small_tile(pattern: re.Match) -> str:
    """A hatch of dots as one small tile: matplotlib writes several hundred circles of eight curves each."""
    starts = [(float(x), float(y)) for x, y in CIRCLE.findall(pattern[2])]
    for side in (6, 9, 12, 18, 24, 36, 72):  # matplotlib's tile of 72 is this smaller one repeated
        places = sorted({(round(x % side, 2), round(y % side, 2)) for x, y in starts})
        if len(places) <= 4:
            break
    squares = "".join(f"M{(x + 0.5) % side:g} {(y + 0.5) % side:g}h.7v.7h-.7z" for x, y in places)
    rect = pattern[1].replace('"73"', f'"{side}"')
    return f'width="{side}" height="{side}">{rect}<path d="{squares}" style="fill: {pattern[3]}"/>'


def grey_png(link: re.Match) -> str:
    """An opaque grey image as one channel instead of four; any other as it is."""
    image = Image.open(io.BytesIO(base64.b64decode(link[1])))
    pixels = np.asarray(image.convert("RGBA"))
    if (pixels[..., :3] != pixels[..., :1]).any() or (pixels[..., 3] != 255).any():
        return link[0]
    png = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(png, format="png", optimize=True)
    return f'"data:image/png;base64,{base64.b64encode(png.getvalue()).decode("ascii")}"'


class show_source:
    """The source of a class or function as a highlighted block, read from the package, so that it cannot drift."""

    def __init__(self, *objects):
        self.text = "\n\n".join(inspect.getsource(item).rstrip() for item in objects)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"

    def __repr__(self) -> str:
        return self.text
