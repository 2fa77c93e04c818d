"""Read a picture of any size and kind as one grey map that a network can take: floats from 0 to 1, small and square.

Source: Pillow reads the file; a pixel of the answer is the mean of the pixels that it covers (Pillow's box filter).
Deviation: a picture smaller than the answer is enlarged in squares, so that no value is invented.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

LARGEST = 512  # pixels per side of the answer
WIDE = 4096  # a picture larger than this is first reduced in whole steps, which saves memory


def read_picture(source, size: int = 32, name: str | None = None) -> np.ndarray:
    """Return the picture's middle square as grey values, float32 (size, size), from 0 (black) to 1 (white).

    source: a path, or the bytes of a file. name: what to call it in an error.
    Turned as its EXIF note says; what is transparent becomes white; of several frames or pages the first is taken.
    16-bit grey is divided by 65535. Numbers without a fixed white (32-bit integers above 65535, floats outside 0 to 1)
    are stretched: the least becomes 0, the greatest 1.

    Raises:
        FileNotFoundError: no file at that path.
        ValueError: a size out of range, or a file that is broken, too large or no picture.
    """
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST:
        raise ValueError(f"size={size!r}: give a whole number of pixels from 1 to {LARGEST}")
    data, name = _bytes(source, name)
    if not data:
        raise ValueError(f"{name}: the file is empty; choose another, or save it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on notes and palettes in the file, which change no pixel
            with Image.open(io.BytesIO(data)) as file:
                grey = _grey(ImageOps.exif_transpose(file))
    except Image.DecompressionBombError:
        most = 2 * Image.MAX_IMAGE_PIXELS // 1_000_000
        raise ValueError(f"{name}: more than {most} million pixels; make it smaller first") from None
    except Image.UnidentifiedImageError:
        raise ValueError(
            f"{name}: this is no picture that Pillow can read; save it as PNG, JPEG or TIFF and try again"
        ) from None
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise ValueError(f"{name}: the picture is damaged ({error}); save it again, as PNG or JPEG") from error
    square = ImageOps.fit(grey, (size, size), Image.Resampling.BOX)
    return np.clip(np.asarray(square, np.float32), 0, 1)


def uploaded(value) -> list[tuple[str, bytes]]:
    """The files in the `value` of an `ipywidgets.FileUpload`, as (name, bytes).

    ipywidgets 7 keeps a dict from name to file, ipywidgets 8 a tuple of files.
    """
    files = value.items() if isinstance(value, dict) else [(file["name"], file) for file in value]
    return [(name, bytes(file["content"])) for name, file in files]


def _bytes(source, name):
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), name or "the picture"
    if not isinstance(source, (str, os.PathLike)):
        raise ValueError(f"{type(source).__name__}: give the path of a picture, or the bytes of a file")
    path = Path(source).expanduser()
    try:
        return path.read_bytes(), name or path.name
    except FileNotFoundError:
        cure = "download it first" if "://" in str(source) else f"paths start at {Path.cwd()}"
        raise FileNotFoundError(f"{source}: there is no such file; {cure}") from None
    except OSError as error:
        raise ValueError(f"{source}: cannot be read ({error.strerror}); give the path of a picture") from None


def _grey(image):
    """An opened picture -> mode "F", 0 (black) to 1 (white), no larger than it needs to be."""
    if image.mode.startswith(("I", "F")):
        return _reduced(Image.fromarray(_unit(image.mode, np.asarray(image))))
    if image.mode.endswith(("A", "a")) or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode == "LAB":
        image = image.getchannel("L")
    elif image.mode not in ("1", "L"):
        image = image.convert("RGB")
    return Image.fromarray(np.asarray(_reduced(image.convert("L")), np.float32) / 255)


def _unit(mode, values):
    """16-bit or 32-bit numbers -> float32 from 0 to 1."""
    if not np.isfinite(values).all():
        raise ValueError("it holds nan or inf")
    low, high = float(values.min()), float(values.max())
    if mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    elif mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return ((values - np.float64(low)) / max(high - low, 1e-300)).astype(np.float32)


def _reduced(image):
    side = min(image.size)
    return image.reduce(side // (WIDE // 2)) if side > WIDE else image
