"""The drawing canvas in a page: tools, undo, files of every kind, fingers and keys, and what it tells the network."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.widgets.driving import set_slider
from unet_edu.data import ToyCells
from unet_edu.pictures import read_picture
from unet_edu.widgets.base import Widget, inline, style
from unet_edu.widgets.scene_canvas import LAMPS, SIDE, TOOLS, TOYS, SceneControls, pack_toys

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RENDER = """
function render({ model, el }) {
  const ui = frame({ model, el, stem: "drawing", words: { title: "Drawing" }, bounds: SCENE_BOUNDS });
  window.calls = [];
  window.foreign = [];
  const drawing = window.drawing = sceneCanvas(ui, { model, changed: (shot) => { calls.push(shot); if (calls.length > 3) calls.shift(); window.count = (window.count || 0) + 1; },
    otherFile: (file) => file.name.endsWith(".onnx") && foreign.push(file.name) });
  ui.draw = (palette) => drawing.draw(palette);
  return window.leave = ui.ready();
}
export default { render };
"""


class Drawing(SceneControls, Widget):
    """The smallest widget that holds the canvas."""

    _esm = inline("kit.js", "scene_canvas.js") + RENDER
    _css = style()


TEXT = 'const text = (a) => btoa(Array.from(new Uint8Array(a.buffer), (b) => String.fromCharCode(b)).join(""));'
NOW = f"() => {{ {TEXT} const {{ image, labels }} = calls.at(-1); return [text(image), labels && text(labels)]; }}"
PIXELS = f"""(selector) => {{ {TEXT} const c = document.querySelector(selector);
  return text(c.getContext("2d").getImageData(0, 0, c.width, c.height).data); }}"""


@pytest.fixture
def drawing(mount):
    return lambda width=1280, scheme="light", **traits: mount(Drawing(**traits), width=width, scheme=scheme)


def now(page):
    """The last picture and mask that the canvas handed on."""
    image, labels = page.evaluate(NOW)
    image = np.frombuffer(base64.b64decode(image), np.float32).reshape(SIDE, SIDE)
    return image, labels and np.frombuffer(base64.b64decode(labels), np.uint8).reshape(SIDE, SIDE)


def shown(page, selector=".unet-sheet canvas"):
    """Red, green, blue and alpha of a canvas, in one row."""
    return np.frombuffer(base64.b64decode(page.evaluate(PIXELS, selector)), np.uint8)


def same(page, before):
    (image, labels), (image_before, labels_before) = now(page), before
    return np.array_equal(image, image_before) and np.array_equal(labels, labels_before)


def middle(page, row, col):
    box = page.locator(".unet-sheet").bounding_box()
    size = box["width"] / SIDE
    return box["x"] + (col + 0.5) * size, box["y"] + (row + 0.5) * size


def draw(page, *cells):
    page.mouse.move(*middle(page, *cells[0]))
    page.mouse.down()
    for cell in cells[1:]:
        page.mouse.move(*middle(page, *cell))
    page.mouse.up()


def choose(page, tool):
    page.locator(f"input[type=radio][value={tool}]").check()


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def told(page):
    return page.locator(".unet-told").inner_text()


def failed(page):
    return page.locator(".unet-scene .unet-error").inner_text()


def png(pixels, mode=None):
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels, mode)
    image.save(file, "PNG")
    return file.getvalue()


def give(page, name, data, kind="image/png"):
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": kind, "buffer": data})


def loaded(page, name):
    page.wait_for_function("(name) => document.querySelector('.unet-told').textContent.startsWith(name)", arg=name)


# --- what it starts with, and what it says to the network ---


def test_it_starts_with_cells_and_crystals_whose_mask_is_known(drawing):
    image, labels = now(drawing())
    assert set(np.unique(labels)) == {0, 1, 2}
    assert 0.2 < (labels > 0).mean() < 0.5
    assert 0.3 < image.mean() < 0.7


def test_the_canvas_shows_the_picture_that_it_hands_on(drawing):
    page = drawing()
    image, _ = now(page)
    *grey, alpha = shown(page).reshape(SIDE, SIDE, 4).transpose(2, 0, 1)
    assert (grey == np.rint(image * 255)).all()
    assert (alpha == 255).all()
    box = page.locator(".unet-sheet canvas").first.bounding_box()
    assert (box["width"], box["height"]) == (384, 384)


def test_the_same_strokes_give_the_same_picture(drawing):
    pages = [drawing(), drawing()]
    for page in pages:
        draw(page, (10, 50), (20, 60))
        choose(page, "stamp_crystal")
        draw(page, (55, 30))
    assert same(pages[0], now(pages[1]))


@pytest.mark.parametrize(("tool", "label"), [("cell", 1), ("crystal", 2), ("erase", 0)])
def test_a_pen_changes_the_classes_where_it_went_and_nowhere_else(drawing, tool, label):
    page = drawing(tool=tool, radius=5)
    _, before = now(page)
    draw(page, (20, 10), (20, 30))
    _, labels = now(page)
    ys, xs = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(ys - 20, xs - np.clip(xs, 10, 30))
    assert (labels[away < 3.4] == label).all()
    assert (labels[away > 5.2] == before[away > 5.2]).all()
    assert (labels != before).any()


@pytest.mark.parametrize(("tool", "label"), [("stamp_cell", 1), ("stamp_crystal", 2)])
def test_a_stamp_follows_the_pointer_until_it_is_let_go(drawing, tool, label):
    page = drawing(tool=tool, radius=6)
    press(page, "Clear")
    draw(page, (10, 10), (30, 20), (40, 50))
    _, labels = now(page)
    assert labels[40, 50] == label
    rows, cols = np.nonzero(labels)
    assert abs(rows.mean() - 40) < 2
    assert abs(cols.mean() - 50) < 2
    assert 50 < (labels > 0).sum() < 160


def test_noise_and_light_change_the_picture_and_not_the_mask(drawing):
    page = drawing()
    (image, labels), size = now(page), {}
    for label, value in (("camera noise (‰ of white)", 150), ("uneven light (%)", 100)):
        set_slider(page, label, value)
        other, same_labels = now(page)
        size[label] = np.abs(other - image).mean()
        assert (labels == same_labels).all()
        image = other
    assert min(size.values()) > 0.02
    page.get_by_label("brighter side").select_option("right")
    right, _ = now(page)
    assert right[:, 48:].mean() - right[:, :16].mean() > 0.1
    page.get_by_label("brighter side").select_option("left")
    left, _ = now(page)
    assert left[:, :16].mean() - left[:, 48:].mean() > 0.1


def test_a_stroke_is_handed_on_while_it_is_drawn(drawing):
    page = drawing()
    counts = []
    page.mouse.move(*middle(page, 8, 5))
    page.mouse.down()
    for col in range(6, 20, 2):
        page.mouse.move(*middle(page, 8, col))
        counts.append(page.evaluate("count"))
    assert counts == sorted(set(counts))
    page.mouse.up()


def test_all_that_happens_in_one_event_is_shown_once(drawing):
    page = drawing()
    shots = page.evaluate(
        """async () => { const canvas = document.querySelector(".unet-sheet canvas"), box = canvas.getBoundingClientRect(), before = window.count;
        const base = (x) => ({ clientX: box.left + x, clientY: box.top + 100, pointerId: 5, buttons: 1 });
        canvas.dispatchEvent(new PointerEvent("pointerdown", base(20)));
        await new Promise(requestAnimationFrame);
        const start = window.count;
        canvas.dispatchEvent(new PointerEvent("pointermove", { ...base(200), coalescedEvents: Array.from({ length: 12 }, (_, i) => new PointerEvent("pointermove", base(35 + 15 * i))) }));
        await new Promise(requestAnimationFrame);
        const moved = window.count;
        canvas.dispatchEvent(new PointerEvent("pointerup", base(200)));
        return [start - before, moved - start]; }"""
    )
    assert shots == [1, 1]


# --- undo, clear, reset ---


def test_undo_goes_back_step_by_step_to_the_start_and_then_says_so(drawing):
    page = drawing()
    states = [now(page)]
    for row in (5, 20, 60):
        draw(page, (row, 30))
        states.append(now(page))
    press(page, "Clear")
    assert not now(page)[1].any()
    for state in reversed(states):
        press(page, "Undo")
        assert same(page, state)
        assert told(page) == "The last step is undone."
    press(page, "Undo")
    assert told(page) == "Nothing is left to undo."
    assert same(page, states[0])


def test_what_is_drawn_after_an_undo_is_as_if_nothing_had_been_undone(drawing):
    page = drawing()
    draw(page, (8, 30))
    first = now(page)
    press(page, "Undo")
    draw(page, (8, 30))
    assert same(page, first)


def test_undo_reaches_back_fifty_steps(drawing):
    page = drawing(tool="stamp_cell", radius=2)
    space = """(times) => { const canvas = document.querySelector(".unet-sheet canvas");
        for (let i = 0; i < times; i++) for (const type of ["keydown", "keyup"]) canvas.dispatchEvent(new KeyboardEvent(type, { key: " " })); }"""
    page.evaluate(space, 5)
    fifth = now(page)
    page.evaluate(space, 50)
    assert not same(page, fifth)
    undo = page.get_by_role("button", name="Undo", exact=True)
    undo.evaluate("(node) => { for (let i = 0; i < 50; i++) node.click(); }")
    assert same(page, fifth)
    press(page, "Undo")
    assert told(page) == "Nothing is left to undo."


def test_reset_brings_the_first_scene_and_the_first_controls_back(drawing):
    page = drawing()
    start = now(page)
    draw(page, (8, 30))
    page.get_by_label("toy picture").select_option("3")
    set_slider(page, "uneven light (%)", 20)
    choose(page, "erase")
    press(page, "Reset")
    assert same(page, start)
    assert page.get_by_label("toy picture").input_value() == ""
    assert page.locator("input[value=cell]").is_checked()
    assert told(page) == ""
    press(page, "Undo")
    assert told(page) == "Nothing is left to undo."


# --- toy pictures ---


def test_a_toy_picture_is_shown_as_it_is_with_its_mask(drawing):
    page = drawing()
    held_out = ToyCells(64, SIDE, seed=1, held_out=True)
    for n in (1, TOYS):
        page.get_by_label("toy picture").select_option(str(n))
        image, labels = now(page)
        assert (image == held_out[n - 1][0][0]).all()
        assert (labels == held_out[n - 1][1]).all()
        assert told(page) == f"Toy picture {n}, with its mask."


def test_the_camera_of_the_drawing_comes_back_with_it(drawing):
    page = drawing(noise=60, light=80)
    start = now(page)
    page.get_by_label("toy picture").select_option("2")

    def values():
        return [page.locator("input[type=range]").nth(i).input_value() for i in (1, 2)]

    assert values() == ["0", "0"]
    press(page, "Undo")
    assert values() == ["60", "80"]
    assert same(page, start)
    page.get_by_label("toy picture").select_option("2")
    press(page, "Clear")
    assert values() == ["60", "80"]
    assert page.get_by_label("toy picture").input_value() == ""


def test_toys_that_do_not_fit_are_refused_in_words():
    with pytest.raises(ValueError, match=r"picture \(1, 32, 32\): the scene takes \(1, 64, 64\)"):
        pack_toys(ToyCells(1, 32))


# --- a picture of one's own ---

RNG = np.random.default_rng(0)
SMOOTH = np.kron(RNG.integers(0, 256, (12, 12)), np.ones((16, 16))).astype(np.uint8)  # 192 x 192
COLOUR = np.kron(RNG.integers(0, 256, (30, 20, 3)), np.ones((10, 10, 1))).astype(np.uint8)
CLEAR = np.concatenate([COLOUR, np.kron(RNG.integers(0, 256, (30, 20, 1)), np.ones((10, 10, 1))).astype(np.uint8)], -1)
LARGE = np.kron(RNG.integers(0, 256, (20, 30)), np.ones((100, 100))).astype(np.uint8)  # 3000 x 2000


def files():
    def saved(kind, array, **options):
        file = io.BytesIO()
        Image.fromarray(array).save(file, kind, **options)
        return file.getvalue()

    turned = Image.Exif()
    turned[0x0112] = 6  # a camera held upright
    return {
        "grey.png": (saved("PNG", SMOOTH), 0.6),
        "colour.png": (saved("PNG", COLOUR), 1.1),
        "clear.png": (saved("PNG", CLEAR), 1.6),
        "photo.jpg": (saved("JPEG", COLOUR, quality=95), 3),
        "upright.jpg": (saved("JPEG", COLOUR, quality=95, exif=turned), 3),
        "palette.gif": (saved("GIF", SMOOTH), 0.6),
        "bits.bmp": (saved("BMP", SMOOTH > 128), 0.6),
        "one.png": (saved("PNG", SMOOTH[:1, :1]), 0.6),
        "small.png": (saved("PNG", SMOOTH[::16, ::16]), 0.6),
        "strip.png": (saved("PNG", SMOOTH[:70]), 1.1),
        "large.png": (saved("PNG", LARGE), 2.5),
    }


@pytest.mark.parametrize("name", files())
def test_a_picture_of_any_size_and_kind_becomes_what_pillow_makes_of_it(drawing, name):
    """To the grey value where the shares of pixels are whole; where they are not, Pillow takes a pixel or leaves it."""
    content, most = files()[name]
    page = drawing()
    give(page, name, content)
    loaded(page, name)
    image, labels = now(page)
    assert labels is None
    expected = read_picture(content, size=SIDE)
    inner = np.abs(image - expected) * 255
    assert np.median(inner) <= most
    if name in ("grey.png", "palette.gif", "bits.bmp", "one.png"):
        assert inner.max() <= most
    assert image.std() == pytest.approx(expected.std(), abs=0.02)
    assert failed(page) == ""


def test_each_pixel_is_the_mean_of_the_area_that_it_covers(run_js):
    """200 x 200 to 64 x 64: a pixel covers 3.125 x 3.125 pixels, shared at its rim."""
    values = RNG.integers(0, 256, (200, 200)).astype(np.uint8)
    got = run_js(
        """const { greyPicture } = await import("/scene_files.js"), bytes = Uint8Array.from(atob(arg), (c) => c.charCodeAt(0));
        return [...await greyPicture(new File([bytes], "a.png"), 64)];""",
        base64.b64encode(png(values)).decode(),
    )
    places, step = np.arange(200), 200 / 64
    ends = np.arange(65)[:, None] * step
    share = np.clip(np.minimum(places + 1, ends[1:]) - np.maximum(places, ends[:-1]), 0, None) / step
    assert (np.abs(np.array(got).reshape(64, 64) - share @ values @ share.T) <= 0.501).all()


REFUSED = {
    "empty.png": (b"", "empty.png: the file is empty; choose another, or save it again."),
    "text.png": (b"only words " * 50, "text.png: this is no picture that the browser can read"),
    "cut.png": (png(RNG.integers(0, 256, (300, 300)).astype(np.uint8))[:2000], "cut.png: this is no picture that the browser can read"),
    "damaged.jpg": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4, "damaged.jpg: this is no picture"),
    "heavy.png": (bytes(20 * 2**20 + 1), "heavy.png: the file has 21 MB; the most is 20 MB. Make the picture smaller first."),
    "huge.png": (png(Image.new("1", (8000, 5001))), "huge.png: 8000 × 5001 pixels are more than 40 million. Make the picture smaller first."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_picture_to_take_is_refused_in_words_and_the_scene_stays(drawing, name):
    content, words = REFUSED[name]
    page = drawing()
    draw(page, (8, 30))
    before = now(page)
    if len(content) > 2**21:  # too large to be handed through the test's own channel
        page.evaluate(
            """([name, size]) => { const file = new DataTransfer(); file.items.add(new File([new Uint8Array(size)], name));
            const input = document.querySelector("input[type=file]"); input.files = file.files; input.dispatchEvent(new Event("change")); }""",
            [name, len(content)],
        )
    else:
        give(page, name, content)
    page.wait_for_function("document.querySelector('.unet-scene .unet-error').textContent")
    assert words in failed(page)
    assert told(page) == ""
    assert same(page, before)
    press(page, "Undo")  # the stroke; the refused file was no step
    assert failed(page) == ""
    assert not same(page, before)


DROP = """async ([name, text, kind, where = ".unet-sheet canvas"]) => {
  const bytes = text === null ? null : Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), data = new DataTransfer();
  if (bytes) data.items.add(new File([bytes], name, { type: kind })); else data.items.add("only words", "text/plain");
  const target = document.querySelector(where), send = (type) => { const event = new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }); target.dispatchEvent(event); return event.defaultPrevented; };
  return [send("dragover"), document.querySelector(".unet-sheet").className, send("drop"), document.querySelector(".unet-sheet").className]; }"""


def test_a_picture_can_be_dropped_on_the_canvas(drawing):
    page = drawing()
    assert page.evaluate(DROP, ["mine.png", base64.b64encode(png(SMOOTH)).decode(), "image/png"]) == [
        True, "unet-sheet unet-over", True, "unet-sheet",
    ]  # fmt: skip
    loaded(page, "mine.png")
    assert (np.abs(now(page)[0] - read_picture(png(SMOOTH), size=SIDE)) * 255 <= 0.6).all()


def test_a_file_that_falls_beside_the_canvas_does_not_make_the_browser_leave(drawing):
    page = drawing()
    mine = ["mine.png", base64.b64encode(png(SMOOTH)).decode(), "image/png"]
    assert page.evaluate(DROP, [*mine, ".unet-foot"])[2] is True
    loaded(page, "mine.png")
    assert page.evaluate(DROP, ["", None, "", "input[type=number]"])[2] is False  # words go where they always went


def test_a_stroke_drawn_while_a_picture_is_read_does_not_lose_it(drawing):
    page = drawing()
    before = now(page)
    page.evaluate(
        f"""async (mine) => {{ const read = ({DROP})(mine), canvas = document.querySelector(".unet-sheet canvas"), box = canvas.getBoundingClientRect();
        for (const type of ["pointerdown", "pointermove", "pointerup"]) canvas.dispatchEvent(new PointerEvent(type, {{ clientX: box.left + 183, clientY: box.top + 51, pointerId: 1, buttons: 1 }}));
        await read; }}""",
        ["large.png", base64.b64encode(png(LARGE)).decode(), "image/png"],
    )
    loaded(page, "large.png")
    press(page, "Undo")
    assert now(page)[1][8, 30] == 1
    press(page, "Undo")
    assert same(page, before)


def test_a_file_that_is_no_picture_is_offered_to_the_widget_first(drawing):
    page = drawing()
    before = now(page)
    page.evaluate(DROP, ["net.onnx", base64.b64encode(b"a network").decode(), ""])
    assert page.evaluate("foreign") == ["net.onnx"]
    assert same(page, before)
    assert failed(page) == ""


def test_words_that_are_dropped_are_no_file(drawing):
    page = drawing()
    page.evaluate(DROP, ["", None, ""])
    assert failed(page) == "What was dropped is no file; drop a picture file."


def test_of_two_files_the_later_one_stays(drawing):
    page = drawing()
    page.evaluate(DROP, ["large.png", base64.b64encode(png(LARGE)).decode(), "image/png"])
    page.evaluate(DROP, ["small.png", base64.b64encode(png(SMOOTH)).decode(), "image/png"])
    loaded(page, "small.png")
    page.wait_for_timeout(700)
    assert told(page).startswith("small.png")


def test_a_scene_with_an_own_picture_can_be_drawn_on_and_undone(drawing):
    page = drawing()
    start = now(page)
    give(page, "mine.png", png(SMOOTH))
    loaded(page, "mine.png")
    own = now(page)
    draw(page, (30, 30), (30, 40))
    assert now(page)[1] is None
    assert not same(page, own)
    press(page, "Undo")
    assert same(page, own)
    press(page, "Undo")
    assert same(page, start)


# --- fingers and keys ---


def test_a_finger_draws(browser, mounted):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    page.goto(mounted(Drawing()))
    page.wait_for_selector("html[data-widgets=ready]")
    page.locator(".unet-sheet").scroll_into_view_if_needed()
    before, scroll = now(page), page.evaluate("scrollY")
    client = context.new_cdp_session(page)
    for kind, cells in (
        ("touchStart", [(30, 5)]),
        *(("touchMove", [(row, 5)]) for row in range(32, 60, 3)),
        ("touchEnd", []),
    ):
        points = [dict(zip("xy", middle(page, *cell), strict=True)) for cell in cells]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    _, labels = now(page)
    assert (labels[30:59, 5] == 1).all()
    assert not np.array_equal(labels, before[1])
    assert page.evaluate("scrollY") == scroll
    context.close()


def test_keys_place_stamps_and_what_they_did_is_said(drawing):
    page = drawing(tool="stamp_crystal", radius=4)
    press(page, "Clear")
    page.locator(".unet-sheet canvas").first.focus()
    for key in ("ArrowUp", "Shift+ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    assert told(page) == "Row 32, column 27: background."
    page.keyboard.press("Space")
    assert told(page) == "A crystal is stamped at row 32, column 27."
    _, labels = now(page)
    assert labels[31, 26] == 2
    page.keyboard.press("ArrowRight")
    assert told(page) == "Row 32, column 28: crystal."
    assert page.locator(".unet-told").get_attribute("aria-live") == "polite"


def test_a_line_is_drawn_by_keys_alone(drawing):
    page = drawing(radius=3)
    press(page, "Clear")
    page.locator(".unet-sheet canvas").first.focus()
    page.keyboard.down("Space")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.up("Space")
    _, labels = now(page)
    assert (labels[32, 32:48] == 1).all()
    press(page, "Undo")
    assert not now(page)[1].any()


def test_the_frame_of_the_keys_is_seen_with_keys_and_stands_where_the_stamp_will(drawing):
    page = drawing(radius=5)
    mark, canvas = page.locator(".unet-mark"), page.locator(".unet-sheet canvas").first
    draw(page, (10, 20))
    assert not mark.is_visible()
    page.keyboard.press("ArrowDown")
    assert mark.is_visible()
    box, sheet = mark.bounding_box(), canvas.bounding_box()
    size = sheet["width"] / SIDE
    assert (box["x"] - sheet["x"]) / size == pytest.approx(20.5 - 5.5)
    assert (box["y"] - sheet["y"]) / size == pytest.approx(11.5 - 5.5)
    assert box["width"] / size == pytest.approx(11)


# --- what the network says, laid over the picture ---


def veil(page, says, **arrays):
    """The overlay as (row, column, row within the pixel, column within it, RGBA)."""
    packed = {key: base64.b64encode(array.tobytes()).decode() for key, array in arrays.items()}
    page.evaluate(
        """([says, packed]) => { const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        if (packed.mask) says.mask = bytes(packed.mask);
        if (packed.probabilities) says.probabilities = new Float32Array(bytes(packed.probabilities).buffer);
        drawing.overlay(says); }""",
        [says, packed],
    )
    return shown(page, ".unet-veil").reshape(SIDE, 4, SIDE, 4, 4).transpose(0, 2, 1, 3, 4)


def test_classes_differ_by_more_than_colour(drawing):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[10:20, 10:20], mask[30:50, 30:50] = 1, 2
    looks = veil(drawing(), {}, mask=mask)
    alpha = looks[..., 3]
    assert (alpha[mask == 0] == 0).all()
    assert (alpha[mask > 0] > 0).all()
    assert len(np.unique(alpha[12:18, 12:18])) == 1  # cells are plain
    assert len(np.unique(alpha[33:47, 33:47])) == 2  # crystals have stripes
    assert (alpha[10, 10:20, 0] == 255).all()  # both have an outline, on their inner side
    assert (alpha[30:50, 49, :, 3] == 255).all()


def test_a_probability_is_a_veil_with_a_line_where_it_reaches_the_threshold(drawing):
    page = drawing()
    ramp = np.tile(np.linspace(0, 1, SIDE), (SIDE, 1))
    chances = np.stack([1 - ramp, ramp, 0 * ramp]).astype(np.float32)
    looks = veil(page, {"view": 1, "threshold": 0.5}, probabilities=chances)
    alpha = looks[..., 3]
    assert (np.diff(alpha[20, :, 2, 2]) >= 0).all()
    assert (alpha[:, 32, :, 0] == 255).all()  # the first column at 0.5 or more
    assert (alpha[:, 33, :, 0] < 255).all()
    without = veil(page, {"view": 1}, probabilities=chances)[..., 3]
    assert without.max() < 255
    assert veil(page, None).max() == 0


def test_the_overlay_follows_the_theme(drawing):
    page = drawing()
    light = veil(page, {}, mask=np.ones(SIDE * SIDE, np.uint8))[5, 5, 1, 1, :3]
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        "(light) => document.querySelector('.unet-veil').getContext('2d').getImageData(21, 21, 1, 1).data.slice(0, 3).join() !== light",
        arg=",".join(map(str, light)),
    )


# --- the page ---


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(drawing, width, scheme):
    page = drawing(width=width, scheme=scheme)
    press(page, "Clear")
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document).then((result) => result.violations.map((v) => [v.id, v.nodes[0].html]))")
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    box = page.locator(".unet-sheet").bounding_box()
    assert box["width"] == box["height"] == (256 if width == 360 else 384)


def test_nothing_jumps_when_words_change(drawing):
    page = drawing(width=360)
    height = page.locator("section.unet").bounding_box()["height"]
    for tool in TOOLS:
        choose(page, tool)
        draw_in_view(page)
        assert page.locator("section.unet").bounding_box()["height"] == height, tool


def draw_in_view(page):
    page.locator(".unet-sheet").scroll_into_view_if_needed()
    draw(page, (40, 60), (50, 60))


def test_after_the_cleanup_nothing_listens_and_nothing_is_left(drawing):
    page = drawing()
    count = page.evaluate("count")
    canvas = page.evaluate_handle("document.querySelector('.unet-sheet canvas')")
    page.evaluate("leave()")
    assert page.locator("section.unet").count() == 0
    canvas.evaluate(
        """(canvas) => { document.body.append(canvas); const box = canvas.getBoundingClientRect();
        for (const type of ["pointerdown", "pointermove", "pointerup"]) canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + 5, clientY: box.top + 5, pointerId: 1, buttons: 1 }));
        canvas.dispatchEvent(new KeyboardEvent("keydown", { key: " " })); }"""
    )
    assert page.evaluate("count") == count


STROKES = """async (n) => {
  const canvas = document.querySelector(".unet-sheet canvas"), box = canvas.getBoundingClientRect(), tools = [...document.querySelectorAll("input[type=radio]")];
  for (let k = 0; k < n; k++) {
    tools[k % tools.length].click();
    const send = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, { clientX: box.left + x, clientY: box.top + y, pointerId: 1, buttons: 1, bubbles: true }));
    const x = 20 + (k * 37) % 340, y = 20 + (k * 53) % 340;
    send("pointerdown", x, y);
    for (let i = 1; i < 5; i++) { send("pointermove", x + 3 * i, y + 2 * i); await null; }
    send("pointerup", x + 12, y + 8);
    if (k % 50 === 49) await new Promise(requestAnimationFrame);
  }
}"""


def test_500_strokes_do_not_grow_the_memory(drawing):
    """After the 50 that undo keeps, each further stroke leaves as much as it takes."""
    page = drawing()
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.enable")

    def heap():
        client.send("HeapProfiler.collectGarbage")
        return client.send("Runtime.getHeapUsage")

    page.evaluate(STROKES, 60)
    before = heap()
    page.evaluate(STROKES, 500)
    after = heap()
    for kind in ("usedSize", "backingStorageSize"):
        assert after[kind] - before[kind] < 300_000, (kind, before, after)  # one stroke kept is 20,000 bytes


def test_python_names_what_the_page_knows(run_js):
    words = run_js("const { SCENE_BOUNDS } = await import('/scene_canvas.js'); return SCENE_BOUNDS;")
    assert words["tool"] == TOOLS
    assert words["lamp"] == LAMPS
    for name in ("radius", "noise", "light"):
        trait = SceneControls.class_traits()[name]
        assert words[name] == [trait.min, trait.max]


def test_every_reader_visible_word_of_the_canvas_stands_in_its_words():
    source = Path(inline.__wrapped__.__code__.co_filename).parent / "scene_canvas.js"
    text = source.read_text(encoding="utf-8").split("SCENE_BOUNDS =")[1]
    assert re.findall(r'h\("[a-z]+", \{[^}]*\}, "[A-Z]', text) == []
