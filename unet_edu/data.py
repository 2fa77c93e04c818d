"""Toy microscopy: pictures of cells and crystals that come with a perfect mask, because we drew both.

Source: none; every picture is computed from its seed, nothing is downloaded, and numpy is all that is imported.
Like a real micrograph it has uneven light, camera noise, dust, blobs out of focus and objects that touch.
Deviation from a plain numpy sketch: only + - * / and square roots, which IEEE 754 fixes to the last bit (no sin, exp
or `rng.normal`), and an 8-bit camera at the end: the same seed gives the same picture on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np

CLASSES = ("background", "cell", "crystal")
SMALLEST = 16  # pixels a side: four poolings of the U-Net need them
PER_SET = 1_000_000  # pictures that one seed of `ToyCells` can hold
SCORED = {"n": 64, "size": 64, "seed": 1, "held_out": True}  # `ToyCells(**SCORED)`: for the live score
AREA_PER_OBJECT = 480  # pixels: 8 or 9 objects on 64 x 64

# Outward normals of a square and of a hexagon: literals, since cos and sin differ in the last bit between machines.
SQUARE = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
HEXAGON = ((1.0, 0.0), (0.5, 0.8660254), (-0.5, 0.8660254), (-1.0, 0.0), (-0.5, -0.8660254), (0.5, -0.8660254))


def whole(name: str, value: int, least: int) -> int:
    """`value` as an int, or a ValueError that names it when it is not whole or lies below `least`."""
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} {value!r}: take a whole number, {least} or more")
    return int(value)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A uniform number in [low, high); spelt out because a compiler may fuse the two steps of `rng.uniform`."""
    return low + (high - low) * rng.random()


def direction(rng: np.random.Generator) -> tuple[float, float]:
    """A random unit vector, by rejection from the square."""
    while True:
        x, y = between(rng, -1, 1), between(rng, -1, 1)
        if 0.01 < x * x + y * y < 1:
            length = sqrt(x * x + y * y)
            return x / length, y / length


def ramp(distance: np.ndarray, width: float) -> np.ndarray:
    """A soft step from 0 to 1, `width` pixels wide, centred where `distance` is 0."""
    t = np.minimum(np.maximum(distance / width + 0.5, 0), 1)  # np.clip takes three times as long on small arrays
    return t * t * (3 - 2 * t)


def clouds(rng: np.random.Generator, height: int, width: int, cell: int) -> np.ndarray:
    """Smooth random texture (height, width) in -1..1: random values every `cell` pixels, interpolated between."""
    knots = 2 * rng.random((height // cell + 2, width // cell + 2)) - 1
    row, fy = np.divmod(np.arange(height), cell)
    column, fx = np.divmod(np.arange(width), cell)
    fy, fx = (fy / cell)[:, None], fx / cell
    rows = knots[row] * (1 - fy) + knots[row + 1] * fy
    return rows[:, column] * (1 - fx) + rows[:, column + 1] * fx


def around(x: float, y: float, reach: int) -> tuple[slice, slice]:
    """The window of `reach` pixels on each side of (x, y), rows first: all that a small object can change."""
    x, y = int(x), int(y)
    return slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1)


def cell(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, radius: float, grain: np.ndarray):
    """A round cell: distance inside its outline (pixels, negative outside) and brightness, over offsets x, y."""
    rho = np.sqrt(x * x + y * y) + 1e-9
    ux, uy = direction(rng)
    c, s = (x * ux + y * uy) / rho, (y * ux - x * uy) / rho  # cos and sin of the angle, without calling either
    oval, lobes = between(rng, -0.12, 0.12), between(rng, -0.06, 0.06)
    inside = radius * (1 + oval * (c * c - s * s) + lobes * c * (c * c - 3 * s * s)) - rho
    nx, ny = between(rng, -0.25, 0.25) * radius, between(rng, -0.25, 0.25) * radius
    nucleus = between(rng, 0.34, 0.46) * radius - np.sqrt((x - nx) ** 2 + (y - ny) ** 2)
    brightness = between(rng, 0.44, 0.64) + 0.07 * grain
    brightness = brightness - between(rng, 0.08, 0.2) * (1 - ramp(inside - 1.4, 2.0))  # the membrane is darker
    return inside, brightness - between(rng, 0.1, 0.24) * ramp(nucleus, 1.8)


def crystal(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, radius: float, grain: np.ndarray):
    """A cut crystal: each edge carries a facet that is lit by its slope, around a flat table; returns like `cell`."""
    normals = HEXAGON if rng.random() < 0.5 else SQUARE
    ux, uy = direction(rng)
    lx, ly = direction(rng)
    edges, light = [], []
    for a, b in normals:
        nx, ny = a * ux - b * uy, a * uy + b * ux
        edges.append(radius * between(rng, 0.72, 1.02) - (nx * x + ny * y))
        light.append(0.46 + between(rng, 0.14, 0.28) * (nx * lx + ny * ly) + between(rng, -0.05, 0.05))
    edges = np.stack(edges)
    facet, inside = edges.argmin(0), edges.min(0)
    brightness = np.array(light)[facet] + 0.03 * grain
    table = ramp(inside - between(rng, 0.3, 0.45) * radius, 1.2)
    brightness = brightness + table * (between(rng, 0.36, 0.6) - brightness)
    return inside, brightness - between(rng, 0.08, 0.2) * (1 - ramp(inside - 0.9, 1.4))  # a thin dark rim


def places(rng: np.random.Generator, height: int, width: int) -> list[tuple[float, float, float]]:
    """Centres and radii (x, y, radius) in pixels: half of the objects are set down touching an earlier one."""
    found: list[tuple[float, float, float]] = []
    wanted = height * width * between(rng, 0.8, 1.2) / AREA_PER_OBJECT
    for _ in range(max(1, int(wanted + 0.5))):
        radius = min(between(rng, 5, 9.5), min(height, width) / 4)
        for _ in range(12):
            x, y = between(rng, 0, width), between(rng, 0, height)
            if found and rng.random() < 0.5:
                nx, ny, other = found[int(rng.random() * len(found))]
                ux, uy = direction(rng)
                x, y = nx + 0.93 * (radius + other) * ux, ny + 0.93 * (radius + other) * uy
            on_picture = 0 <= x < width and 0 <= y < height
            if on_picture and all((x - a) ** 2 + (y - b) ** 2 > (0.88 * (radius + r)) ** 2 for a, b, r in found):
                found.append((x, y, radius))
                break
    return found


def draw(seed: int, height: int = 64, width: int = 64, noise: float = 0.035) -> tuple[np.ndarray, np.ndarray]:
    """One picture and its mask.

    Returns the image, float32 (1, height, width) in 0..1 in steps of 1/255, and the mask, int64 (height, width), which
    holds the class of each pixel's centre as an index into `CLASSES`. `noise` is the camera's standard deviation at
    middle grey, in units of full white. About 1 ms for 64 x 64.
    Raises ValueError for a negative seed, a side below 16 pixels or a noise outside 0..1.
    """
    seed, height, width = whole("seed", seed, 0), whole("height", height, SMALLEST), whole("width", width, SMALLEST)
    if not 0 <= noise <= 1:
        raise ValueError(f"noise {noise}: it is a share of full white; take 0..1, e.g. 0.035")
    rng = np.random.default_rng(seed)
    albedo = 0.46 + 0.035 * clouds(rng, height, width, 16) + 0.02 * clouds(rng, height, width, 5)
    grain = clouds(rng, height, width, 3)
    mask = np.zeros((height, width), dtype=np.int64)
    ys, xs = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5  # pixel centres

    for _ in range(max(1, height * width // 1400)):  # out of focus: a soft glow which belongs to the background
        dx, dy = xs - between(rng, 0, width), ys - between(rng, 0, height)
        share = 1 / (1 + (dx * dx + dy * dy) / between(rng, 20, 60))
        albedo = albedo + between(rng, -0.12, 0.12) * share * share
    for x, y, radius in places(rng, height, width):
        window = around(x, y, int(1.45 * radius) + 4)
        label, make = (1, cell) if rng.random() < 0.5 else (2, crystal)
        inside, brightness = make(rng, xs[window[1]] - x, ys[window[0]] - y, radius, grain[window])
        under = albedo[window]
        if label == 1:
            under = under + 0.06 * ramp(inside + 3, 4.0)  # cells shine a little beyond their edge
        albedo[window] = under + ramp(inside, between(rng, 1.2, 2.2)) * (brightness - under)
        mask[window][inside > 0] = label
    for _ in range(height * width // 700):  # dust: dark specks, background by definition only where no object lies
        x, y = between(rng, 0, width), between(rng, 0, height)
        window = around(x, y, 3)
        speck = between(rng, 0.6, 1.5) - np.sqrt((xs[window[1]] - x) ** 2 + (ys[window[0]] - y) ** 2)
        albedo[window] -= between(rng, 0.05, 0.25) * ramp(speck, 1.2)

    fx, fy = between(rng, 0.2, 0.8) * width, between(rng, 0.2, 0.8) * height  # where the lamp points
    far = ((xs - fx) ** 2 + (ys - fy) ** 2) / (height * height + width * width)
    tilt_x, tilt_y = between(rng, -0.25, 0.25), between(rng, -0.25, 0.25)
    light = (1.25 + tilt_x * (xs / width - 0.5) + tilt_y * (ys / height - 0.5)) / (1 + between(rng, 0.6, 2.0) * far)
    image = albedo * light
    # Shot noise grows with the root of the light; four uniforms minus their mean are near enough a normal variable.
    bell = rng.random((4, height, width), dtype=np.float32)
    bell = (bell[0] + bell[1] + bell[2] + bell[3] - 2) * np.float32(1.7320508)  # standard deviation 1
    image = image + noise * np.sqrt(np.maximum(image, 0) / 0.5) * bell
    camera = np.floor(np.clip(image, 0, 1) * 255 + 0.5).astype(np.float32) / np.float32(255)
    return camera[None], mask


class ToyCells:
    """`n` pictures drawn when asked for: item i is (image (1, H, W) float32, mask (H, W) int64), always the same.

    `size` is one side or (height, width) in pixels, at least 16. Training pictures have even seeds and held-out ones
    (`held_out=True`) odd seeds, and each `seed` owns a range of its own: no two sets share a picture. It has all that
    a torch `DataLoader` needs, without torch.
    Raises ValueError for n outside 1..1,000,000, a negative seed or a side below 16; IndexError beyond the last item.
    """

    def __init__(self, n: int, size: int | tuple[int, int] = 64, seed: int = 0, held_out: bool = False):
        self.n, self.seed, self.held_out = whole("n", n, 1), whole("seed", seed, 0), bool(held_out)
        if n > PER_SET:
            raise ValueError(f"n {n}: one seed holds {PER_SET} pictures; use a second seed for more")
        sides = (size, size) if np.ndim(size) == 0 else tuple(size)
        if len(sides) != 2:
            raise ValueError(f"size {size}: give one side or (height, width), e.g. 64 or (48, 64)")
        self.size = (whole("height", sides[0], SMALLEST), whole("width", sides[1], SMALLEST))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return draw(self.picture_seed(index), *self.size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (self[i] for i in range(self.n))

    def picture_seed(self, index: int) -> int:
        """The seed with which `draw` makes item `index`; negative indices count from the end."""
        if not -self.n <= index < self.n:
            raise IndexError(f"picture {index}: this set has {self.n}, numbered 0..{self.n - 1}")
        return 2 * (self.seed * PER_SET + int(index) % self.n) + self.held_out


def stack(data: Sequence, indices: Sequence[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Many pictures at once: images (N, 1, H, W) float32 and masks (N, H, W) int64, all or those of `indices`."""
    pairs = [data[i] for i in (range(len(data)) if indices is None else indices)]
    if not pairs:
        raise ValueError("0 pictures asked for: give at least one index")
    images, masks = zip(*pairs, strict=True)
    return np.stack(images), np.stack(masks)
