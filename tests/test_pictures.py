"""Any picture becomes a small grey square, whatever its size and kind; what is no picture is refused in words."""

import contextlib
import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image

from unet_edu.pictures import LARGEST, read_picture, uploaded

RAMP = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)  # dark at the top, light at the bottom


def saved(image, kind="PNG", **options):
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def quarters(image, **options):
    """Means over 8 x 8 quarters of what is read; for RAMP they grow from left to right and from top to bottom."""
    return read_picture(saved(image, **options), size=2)


EXPECTED = RAMP.reshape(2, 4, 2, 4).mean((1, 3)) / 255

MODES = {
    "1": lambda: Image.fromarray(RAMP).convert("1"),
    "L": lambda: Image.fromarray(RAMP),
    "LA": lambda: Image.fromarray(RAMP).convert("LA"),
    "RGB": lambda: Image.fromarray(RAMP).convert("RGB"),
    "RGBA": lambda: Image.fromarray(RAMP).convert("RGBA"),
    "P": lambda: Image.fromarray(RAMP).convert("P"),
    "CMYK": lambda: Image.fromarray(RAMP).convert("RGB").convert("CMYK"),
    "YCbCr": lambda: Image.fromarray(RAMP).convert("RGB").convert("YCbCr"),
    "LAB": lambda: Image.merge("LAB", [Image.fromarray(RAMP), *[Image.new("L", (8, 8), 128)] * 2]),
    "I;16": lambda: Image.fromarray(RAMP.astype(np.uint16) * 257),
    "I": lambda: Image.fromarray(RAMP.astype(np.int32) * 257),
    "F": lambda: Image.fromarray(RAMP.astype(np.float32) / 255),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_the_same_grey(mode):
    image = MODES[mode]()
    assert image.mode == mode
    kind = "JPEG" if mode == "YCbCr" else "TIFF" if mode in ("CMYK", "LAB", "I", "F") else "PNG"
    grey = quarters(image, kind=kind)
    assert grey.dtype == np.float32
    assert grey == pytest.approx(EXPECTED, abs=0.12 if mode == "1" else 0.01)


def test_a_16_bit_picture_keeps_more_than_256_greys():
    values = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    picture = read_picture(saved(Image.fromarray(values)), size=32)
    assert len(np.unique(picture)) == 1024
    assert picture == pytest.approx(values / 65535, abs=1e-7)


@pytest.mark.parametrize("scale", [2.0**20, -3.0])
def test_numbers_without_a_fixed_white_are_stretched(scale):
    values = RAMP.astype(np.float32) * scale
    picture = read_picture(saved(Image.fromarray(values), "TIFF"), size=8)
    assert picture == pytest.approx((values - values.min()) / (values.max() - values.min()), abs=1e-6)


def test_a_constant_float_picture_is_black_and_not_nan():
    picture = read_picture(saved(Image.fromarray(np.full((4, 4), 7, np.float32)), "TIFF"), size=2)
    assert (picture == 0).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    options = {}
    if mode == "P":
        image = Image.new("P", (4, 4), 1)
        image.putpalette([255, 0, 0, 0, 0, 0])
        image.putpixel((0, 0), 0)
        options = {"transparency": 0}
    picture = read_picture(saved(image.convert(mode), **options), size=4)
    assert picture[0, 0] == 1
    assert picture[1:].max() == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_note_says(orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose members that make the stored picture
    image = Image.fromarray(RAMP).resize((64, 64), Image.Resampling.NEAREST)
    stored = image if orientation == 1 else image.transpose(Image.Transpose(undo[orientation]))
    note = Image.Exif()
    note[0x0112] = orientation
    assert quarters(stored, kind="JPEG", exif=note, quality=95) == pytest.approx(EXPECTED, abs=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 5), (31, 33), (640, 480), (480, 640)])
@pytest.mark.parametrize("size", [1, 32, 33])
def test_any_size_becomes_the_size_that_was_asked_for(shape, size):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    picture = read_picture(saved(Image.fromarray(values)), size=size)
    assert picture.shape == (size, size)
    assert 0 <= picture.min() <= picture.max() <= 1


def test_only_the_middle_square_counts():
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 255
    assert read_picture(saved(Image.fromarray(wide)), size=5).min() == 1
    assert read_picture(saved(Image.fromarray(wide.T)), size=5).min() == 1


def test_fine_stripes_become_an_even_grey_and_not_a_moire():
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))
    assert read_picture(saved(Image.fromarray(stripes)), size=32) == pytest.approx(0.5, abs=1e-6)


def test_a_small_picture_is_enlarged_in_squares():
    picture = read_picture(saved(Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8))), size=4)
    assert (picture == np.kron([[0, 1], [1, 0]], np.ones((2, 2)))).all()


@pytest.mark.filterwarnings("error")
def test_a_huge_picture_agrees_with_the_same_picture_made_small():
    side = 9_500  # 90 million pixels: Pillow alone would warn
    big = Image.fromarray(RAMP).resize((side, side), Image.Resampling.NEAREST)
    assert read_picture(saved(big, "BMP"), size=8) == pytest.approx(RAMP / 255, abs=0.01)


def test_beyond_what_pillow_takes_the_limit_is_named(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    with pytest.raises(ValueError, match=r"big\.png: more than 2 million pixels; make it smaller"):
        read_picture(saved(Image.new("1", (1500, 1500))), name="big.png")


def test_of_a_film_the_first_frame_is_taken():
    frames = [Image.new("L", (4, 4), grey) for grey in (255, 0, 0)]
    film = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_picture(film, size=2).min() == 1


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_bytes_and_a_path_give_the_same(tmp_path, make):
    data = saved(Image.fromarray(RAMP))
    (tmp_path / "ramp.png").write_bytes(data)
    expected = read_picture(data)
    for source in (make(data), tmp_path / "ramp.png", str(tmp_path / "ramp.png")):
        assert (read_picture(source) == expected).all()


def test_the_path_of_a_real_photograph():
    path = get_sample_data("grace_hopper.jpg", asfileobj=False)
    picture = read_picture(path, size=32)
    assert picture.shape == (32, 32)
    assert picture.std() > 0.1


GOOD = {
    "png": saved(Image.fromarray(np.kron(RAMP, np.ones((9, 9), np.uint8)))),
    "jpg": saved(Image.fromarray(np.kron(RAMP, np.ones((9, 9), np.uint8))), "JPEG"),
    "gif": saved(Image.fromarray(np.kron(RAMP, np.ones((9, 9), np.uint8))), "GIF"),
    "tif": saved(Image.fromarray(np.kron(RAMP, np.ones((9, 9), np.uint8))), "TIFF", compression="tiff_lzw"),
    "bmp": saved(Image.fromarray(np.kron(RAMP, np.ones((9, 9), np.uint8))), "BMP"),
    "webp": saved(Image.fromarray(np.kron(RAMP, np.ones((9, 9), np.uint8))), "WEBP"),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_file_cut_off_in_the_middle_is_refused_by_name(kind):
    with pytest.raises(ValueError, match=rf"half\.{kind}: .*(damaged|no picture).*save it"):
        read_picture(GOOD[kind][: len(GOOD[kind]) // 2], name=f"half.{kind}")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", GOOD)
def test_a_damaged_file_gives_a_picture_or_a_refusal_and_nothing_else(kind):
    random = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(GOOD[kind])
        for place in random.integers(0, len(data), 8):
            data[place] = random.integers(0, 256)
        with contextlib.suppress(ValueError):
            assert read_picture(bytes(data), size=8).shape == (8, 8)


def test_nan_is_refused():
    values = np.full((4, 4), np.nan, np.float32)
    with pytest.raises(ValueError, match="nan or inf"):
        read_picture(saved(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (b"", ValueError, "the file is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ValueError, "no picture that Pillow can read; save it as PNG"),
        ("missing.png", FileNotFoundError, r"missing\.png: there is no such file; paths start at"),
        ("https://example.org/a.png", FileNotFoundError, "download it first"),
        (None, ValueError, "NoneType: give the path"),
        (3, ValueError, "int: give the path"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_cure(source, error, words):
    with pytest.raises(error, match=words):
        read_picture(source)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_picture(tmp_path)


@pytest.mark.parametrize("size", [0, -1, LARGEST + 1, 2.5, True, "32", None])
def test_an_impossible_size_is_named(size):
    with pytest.raises(ValueError, match=r"size=.* give a whole number of pixels from 1 to 512"):
        read_picture(GOOD["png"], size=size)


def test_the_value_of_an_upload_is_read_as_ipywidgets_7_and_8_give_it():
    seven = {"a.png": {"metadata": {"name": "a.png", "size": 3}, "content": b"abc"}}
    eight = ({"name": "a.png", "type": "image/png", "size": 3, "content": memoryview(b"abc"), "last_modified": None},)
    assert uploaded(seven) == uploaded(eight) == [("a.png", b"abc")]
    assert uploaded({}) == uploaded(()) == []


def test_reading_pictures_and_showing_answers_import_no_torch():
    modules = "unet_edu.pictures, unet_edu.widgets.picture_upload, unet_edu.widgets.answer"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
