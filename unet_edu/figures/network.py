"""Chapters 6 to 8: what a skip is shifted by, and what the whole network costs."""

from __future__ import annotations

import numpy as np

from unet_edu.figures.maps import key
from unet_edu.figures.picture import Picture
from unet_edu.figures.style import figure, ink


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
