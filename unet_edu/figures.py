"""Every figure of the book, in one palette: matplotlib draws it once, and the page colours it for light and dark.

A figure is inline SVG whose palette colours are CSS variables (see widgets/widgets.css), so it follows
the reader's theme.
Source of the palette: Okabe and Ito, "Color Universal Design" (2008), darkened or lightened where text needs contrast.
"""

from __future__ import annotations

import base64
import collections
import functools
import hashlib
import html
import inspect
import io
import re

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from PIL import Image  # comes with matplotlib, which cannot save a figure without it

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
        for role, mark in _MARKS.items():
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
    """The data of an SVG path to a hundredth of a point, upright rectangles as M x y H x V y H x z: half the bytes."""
    return RECTANGLE.sub(r"M\1 \2H\3V\4H\1z", re.sub(r"(\.\d\d)\d+", r"\1", path))


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


# --- chapters 1, 9 and 10: masks, losses, training


def show_grey(ax, image) -> None:
    """Draw one image (H, W) in 0..1 as grey pixels, without ticks."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="none")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


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
            ax.add_patch(PathPatch(runs(inside), facecolor=ink(role), edgecolor=ink("ink"), linewidth=0, hatch=hatch))
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


# --- chapters 2, 4 and 6: convolution, pooling, up-sampling


def show_signed(ax, values, most: float):
    """Draw signed values (H, W), blue below 0 and red above, with the colours' ends at -`most` and `most`."""
    shown = ax.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="none")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return shown


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


# --- chapter 7: aligning the skip


def skip_shifts(measured, size: int) -> Picture:
    """Chapter 7: for each way, where content is put against where it was: {way: (positions, shifts)}, image pixels."""
    fig, axes = figure(5.6, 2.7, 1, len(measured), sharey=True)
    for ax, (way, (position, shift)) in zip(axes, measured.items(), strict=True):
        mean = float(np.nanmean(shift))
        ax.axhline(0, color=ink("line"), linewidth=1)
        ax.plot(position, shift, ".", color=ink("decoder"), markersize=2.5)
        ax.plot(position[[0, -1]], [mean, mean], "--", color=ink("ink"), linewidth=1.3)
        first, last = position[0], position[-1]
        for edge, width, hatch, role in (
            (0, first, "///", "cut"),
            (last + 1, size - last - 1, "///", "cut"),
            (position[np.isnan(shift)].min(initial=np.inf), np.isnan(shift).sum(), "\\\\\\", "quiet"),
        ):
            if width > 0:
                look = {"facecolor": "none", "edgecolor": ink(role), "hatch": hatch, "linewidth": 0}
                ax.axvspan(edge - 0.5, edge + width - 0.5, **look)
        words = f"{way}\nmean {mean:+.1f} px".replace("-", "−").replace("+0.0", "0")
        ax.set_title(words, fontsize=10, color=ink("ink"))
        ax.set(xlim=(-1, max(size, last + 1)), xlabel="row")
    axes[0].set_ylabel("shift, image pixels")
    return Picture(
        fig,
        alt=f"Four saw-tooth curves over the {size} rows. With padding they swing evenly around 0, and the last rows "
        "are hatched. With cropping they swing around a line well below 0, with hatched rows at both ends. With "
        "interpolation they slope down. With the image padded first they swing evenly around 0 to the end.",
        caption="Padding the map or the image shifts nothing on average; cropping and interpolating do. Each point is "
        "a row of the full-size map: where its content was, minus where it is put. A cell of the bottom is 16 pixels "
        "wide, which makes the saw-tooth; its mean is dashed. Orange stripes: cut away. Grey stripes: nothing came up. "
        f"Data: a ramp of coordinates, {size} rows, through all four levels in torch.",
    )


def loss_gradients(logits, pulls: dict[str, object], share: float) -> Picture:
    """Chapter 9: how hard each loss pulls the logit of the object pixels, against that logit; name -> pulls."""
    fig, ax = figure(5.0, 3.2)
    looks = {"cross-entropy": ("input", "-"), "Dice loss": ("weight", "--"), "sum": ("output", ":")}
    for name, values in pulls.items():
        role, dashes = looks[name]
        ax.plot(logits, values, dashes, color=ink(role), linewidth=2, label=name)
    ax.axvline(0, color=ink("line"), linewidth=1, zorder=0)
    ax.set(xlabel="logit of the object pixels, background has 0", ylabel="pull upwards, −dL/dz")
    ax.set(ylim=(0, 1.1 * ax.get_ylim()[1]), xticks=range(-12, 9, 4))
    ax.text(-0.3, ax.get_ylim()[1], "wrong", ha="right", va="top", color=ink("quiet"))
    ax.text(0.3, ax.get_ylim()[1], "right", ha="left", va="top", color=ink("quiet"))
    ax.legend(frameon=False, labelcolor=ink("ink"), loc="center left")
    return Picture(
        fig,
        alt="Three curves over the logit from -12 to 8. Cross-entropy is flat on the left and falls to zero on the "
        "right. The Dice loss is near zero on the left, has a hump around zero that is several times higher than "
        "cross-entropy, and falls to zero on the right. The sum has both, the flat part and the hump.",
        caption="Far on the wrong side only cross-entropy pulls. Across: the logit z that all object pixels share, "
        "below 0 they are called background. Upwards: minus the derivative of the loss by z, solid for cross-entropy, "
        f"dashed for the Dice loss, dotted for their sum. Data: one 64 × 64 image, {share:.0%} object pixels, "
        "background right, eps = 1.",
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


def parameter_bars(stages, transposed, bilinear) -> Picture:
    """Chapter 6: parameters of each stage in the two kinds of network."""
    fig, ax = figure(5.0, 3.8)
    places = np.arange(len(stages))
    looks = (("decoder", None, "transposed"), ("input", "///", "bilinear"))
    for counts, shift, (role, hatch, _) in zip((transposed, bilinear), (-0.2, 0.2), looks, strict=True):
        bars = ax.barh(places + shift, np.array(counts) / 1e6, 0.4, color=ink(role), edgecolor=ink("ink"), hatch=hatch)
        for bar in bars:
            bar.set_linewidth(0.5)

    def millions(number):
        return f"{number / 1e6:.2f}" if number > 5000 else f"{number / 1e6:.5f}"

    for place, before, after in zip(places, transposed, bilinear, strict=True):
        words = millions(before) if before == after else f"{millions(before)} → {millions(after)}"
        ax.text(max(before, after) / 1e6 + 0.2, place, words, va="center", fontsize=10, color=ink("ink"))
    ax.set(yticks=places, yticklabels=stages, xlabel="parameters, millions", xlim=(0, max(transposed) / 1e6 * 1.28))
    ax.invert_yaxis()
    key(fig, looks)
    return Picture(
        fig,
        alt="Pairs of bars, one for each stage. "
        + " ".join(
            f"{name}: {millions(a)} million" + (f", bilinear {millions(b)}." if a != b else " in both.")
            for name, a, b in zip(stages, transposed, bilinear, strict=True)
        ),
        caption="Most of the parameters that bilinear mode saves are in down4. Bars: millions of weights and biases in "
        "each stage, plain for the transposed network and striped for the bilinear one; one number where both are "
        "equal. Counted in UNet(3, 2).",
    )


def training_curves(history, own, classes, what: str) -> Picture:
    """Chapter 10: loss and learning rate of every step, held-out IoU of every epoch; `own`: with batch statistics."""
    fig, (top, middle, bottom) = figure(5.2, 5.6, 3, 1, sharex=True, height_ratios=(2, 1, 2))
    steps = np.arange(1, len(history.loss) + 1)
    ends = [entry["step"] for entry in history.epochs]
    top.plot(steps, history.loss, color=ink("line"), linewidth=0.8)
    starts = [0, *ends[:-1]]
    for start, end, entry in zip(starts, ends, history.epochs, strict=True):
        top.plot([start + 1, end], [entry["loss"]] * 2, color=ink("input"), linewidth=2.5)
    top.set(ylabel="training loss", ylim=(0, 1.05 * max(history.loss)))
    middle.plot(steps, history.lr, color=ink("weight"), linewidth=2)
    middle.set(ylabel="rate", ylim=(0, None))
    looks = {1: ("o-", "class-1"), 2: ("s--", "class-2")}
    for label, (line, role) in looks.items():
        scores = [np.nan if v is None else v for v in (entry["held_out"]["iou"][label] for entry in history.epochs)]
        bottom.plot(ends, scores, line, color=ink(role), label=classes[label], markeredgecolor=ink("ink"))
    bottom.plot(ends, own, "^:", color=ink("quiet"), label="mean, batch statistics")
    bottom.set(xlabel="step", ylabel="held-out IoU", ylim=(0, 1))
    bottom.legend(frameon=False, labelcolor=ink("ink"), loc="lower right")
    for ax in (top, middle, bottom):
        for end in ends:
            ax.axvline(end, color=ink("line"), linewidth=0.6, linestyle=":", zorder=0)
    first, last = history.epochs[0], history.epochs[-1]
    return Picture(
        fig,
        alt=f"Three panels over {len(history.loss)} steps. The training loss falls from {history.loss[0]:.2f}; its "
        f"mean is {first['loss']:.2f} in the first epoch and {last['loss']:.2f} in the last. The learning rate climbs "
        "in a straight line, then falls in a straight line to zero. The mean held-out IoU of the objects is "
        f"{first['held_out']['mean_iou']:.2f} after the first epoch and {last['held_out']['mean_iou']:.2f} at the end; "
        f"with the statistics of the batch it goes from {own[0]:.2f} to {own[-1]:.2f}.",
        caption="The held-out score arrives when the learning rate has fallen. Across: steps; dotted lines end epochs. "
        "Top: loss of each batch, thin, and the mean of each epoch, thick. Middle: learning rate. Bottom: IoU on "
        f"held-out images after each epoch, circles for {classes[1]}, squares for {classes[2]}; triangles: the mean of "
        f"both, when BatchNorm uses the statistics of the batch in place of its running averages. {what}",
    )


def predictions_by_epoch(images, masks, frames, classes, what: str) -> Picture:
    """Chapter 10: a row for each picture, its prediction after each epoch from left to right, its mask last."""
    fig, axes = figure(6.0, 0.55 + 0.85 * len(images), len(images), len(frames) + 2, squeeze=False)
    for row, (image, mask) in enumerate(zip(images, masks, strict=True)):
        show_grey(axes[row, 0], image)
        for column, answers in enumerate(frames, start=1):
            show_classes(axes[row, column], answers[row])
        show_classes(axes[row, -1], mask)
    titles = ["image", *(f"epoch {k}" for k in range(1, len(frames) + 1)), "mask"]
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=10, color=ink("ink"))
    key(fig, [(*CLASS_LOOK[k], word) for k, word in enumerate(classes)])
    return Picture(
        fig,
        alt=f"{len(images)} rows. In each, the predictions after the first epochs show ragged blobs near the objects, "
        "often of the wrong class, and the last one nearly equals the mask beside it.",
        caption="Places come first, classes and outlines later. From left to right: a held-out image, the predicted "
        f"mask after each epoch, and the true mask. {what}",
    )


def worst_cases(images, masks, answers, scores, numbers, what: str) -> Picture:
    """Chapter 10: the held-out pictures with the lowest IoU: image, mask, prediction, and where they differ."""
    fig, axes = figure(6.0, 6.4, 4, len(images), squeeze=False)
    verdict = {
        0: ("zero", None),
        1: ("output", None),
        2: ("cut", "////"),
        3: ("added", "\\\\\\\\"),
        4: ("quiet", "...."),
    }
    for column, (image, mask, answer, score, number) in enumerate(
        zip(images, masks, answers, scores, numbers, strict=True)
    ):
        show_grey(axes[0, column], image)
        show_classes(axes[1, column], mask)
        show_classes(axes[2, column], answer)
        compared = np.select([(mask == answer) & (mask > 0), mask == answer, answer == 0, mask == 0], [1, 0, 2, 3], 4)
        show_classes(axes[3, column], compared, roles=verdict)
        axes[0, column].set_title(f"item {number}: {score:.2f}", fontsize=10, color=ink("ink"))
    for ax, word in zip(axes[:, 0], ("image", "mask", "prediction", "compared"), strict=True):
        ax.set_ylabel(word)
    words = {1: "hit", 2: "missed", 3: "false alarm", 4: "wrong class"}
    key(fig, [(*verdict[k], word) for k, word in words.items()])
    return Picture(
        fig,
        alt=f"{len(images)} columns, each with an image, its mask, the prediction and a comparison. Most objects are "
        "found; the errors are parts of objects in the wrong class and thin lines along outlines.",
        caption="Even the worst held-out pictures are mostly right. Columns: the pictures with the lowest mean "
        "foreground IoU, which is given above each. Rows: image, mask, prediction, and the comparison in the colours "
        f"of the key. {what}",
    )


# --- chapter 8: the whole network


def cost_by_stage(stages, parameters, memory, what: str) -> Picture:
    """Chapter 8: each stage's share of the parameters, and of the bytes that are kept for the backward pass."""
    fig, axes = figure(5.6, 3.6, 1, 2, sharey=True)
    titles = (f"parameters: {sum(parameters):,}", f"maps kept: {sum(memory) / 2**20:.1f} MiB")
    shares = [[100 * number / sum(numbers) for number in numbers] for numbers in (parameters, memory)]
    most = 1.35 * max(map(max, shares))
    for ax, share, title, look in zip(axes, shares, titles, (("weight", None), ("output", "///")), strict=True):
        bars = ax.barh(stages, share, color=ink(look[0]), edgecolor=ink("ink"), linewidth=0.5, hatch=look[1])
        ax.bar_label(bars, [f"{value:.1f} %" for value in share], padding=3, color=ink("ink"), fontsize=10)
        ax.set_title(title, fontsize=11, color=ink("ink"))
        ax.set(xlim=(0, most), xlabel="share, per cent")
    axes[0].invert_yaxis()
    return Picture(
        fig,
        alt="Two rows of bars, one bar for each stage. "
        + " ".join(
            f"{name}: {a:.1f} % of the parameters, {b:.1f} % of the memory."
            for name, a, b in zip(stages, *shares, strict=True)
        ),
        caption="Parameters are at the bottom of the U, memory is at the top. Left: each stage's share of the weights "
        "and biases. Right: its share of the maps that autograd keeps for the backward pass. The stages stand in the "
        f"order of the forward pass; down4 is the bottom. Measured on {what}.",
    )
