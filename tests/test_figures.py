"""The frame of all figures: one palette, text equivalents, ids that do not collide, and pictures that do not change by themselves."""

import base64
import io
import re
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from unet_edu import figures
from unet_edu.data import CLASSES, ToyCells, stack
from unet_edu.figures import PALETTE, Picture, figure, ink, show_source
from unet_edu.figures.maps import outline, runs, show_classes
from unet_edu.figures.picture import grey_png, shorter
from unet_edu.figures.style import MARKS
from unet_edu.widgets.base import style


def variables(selector: str) -> dict[str, str]:
    """Role -> colour, as the rule with this selector in widgets.css sets them."""
    rule = re.search(rf"^{re.escape(selector)}[^{{]*\{{(.*?)\}}", style(), re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"--unet-([\w-]+):\s*(#[0-9a-f]{6})", rule[1]))


def a_picture(alt="A line.", caption="It rises."):
    fig, ax = figure(3, 2)
    ax.plot([0, 1], [0, 1], color=ink("input"))
    ax.fill_between([0, 1], [0, 1], color=ink("output"), hatch="//", alpha=0.5)
    return Picture(fig, alt=alt, caption=caption)


def a_history():
    scores = {"iou": [0.9, 0.5, None], "mean_iou": 0.5}
    epochs = [{"epoch": k, "step": 2 * k, "loss": 1 / k, "held_out": scores} for k in (1, 2)]
    return SimpleNamespace(loss=[1.1, 0.9, 0.6, 0.4], lr=[0.1, 0.3, 0.2, 0.0], epochs=epochs)


def some_pictures():
    data = ToyCells(4)
    mask = data[3][1]
    images, masks = stack(data, [1, 3])
    answers = np.roll(masks, 5, axis=2)
    yield a_picture()
    yield figures.toy_preview(data, [0, 1], CLASSES)
    yield figures.resized_masks(mask, mask, mask, CLASSES, "one mask")
    yield figures.loss_gradients([-1, 1], {"cross-entropy": [2, 1], "Dice loss": [0, 1], "sum": [2, 2]}, 0.05)
    yield figures.training_curves(a_history(), [0.6, 0.7], CLASSES, "Made up.")
    yield figures.predictions_by_epoch(images[:, 0], masks, [answers, masks], CLASSES, "Made up.")
    yield figures.worst_cases(images[:, 0], masks, answers, [0.1, 0.2], [1, 3], "Made up.")


NAMES = ["line", "preview", "resized", "gradients", "curves", "by_epoch", "worst"]


@pytest.fixture(scope="module")
def svgs():
    return [picture.svg() for picture in some_pictures()]


@pytest.fixture(params=range(len(NAMES)), ids=NAMES)
def svg(request, svgs):
    return svgs[request.param]


@pytest.mark.parametrize(("theme", "selector"), [("light", ":root, .unet"), ("dark", 'html[data-theme="dark"]')])
def test_palette_equals_the_css_variables(theme, selector):
    assert variables(selector) == PALETTE[theme]


def test_both_themes_know_the_same_roles():
    assert list(PALETTE["light"]) == list(PALETTE["dark"])


@pytest.mark.parametrize("words", [{"alt": " "}, {"caption": ""}])
def test_a_picture_without_alt_text_or_caption_is_refused(words):
    with pytest.raises(ValueError, match="needs an alt text and a caption"):
        a_picture(**words)


def test_an_unknown_role_is_refused_with_the_list():
    with pytest.raises(KeyError, match="no colour for 'inpt'; known roles: ink, quiet"):
        ink("inpt")


def test_no_colour_that_marks_a_role_is_left(svg):
    assert not [role for role, mark in MARKS.items() if mark in svg.lower()]
    assert "var(--unet-ink, #1b1f24)" in svg


def test_every_colour_is_a_role_so_that_the_dark_page_can_change_it(svg):
    plain = re.sub(r"var\(--unet-[\w-]+, #[0-9a-f]{6}\)", "", svg)
    plain = re.sub(r'data:image/png;base64,[^"]*', "", plain)
    assert re.findall(r"#[0-9a-f]{6}\b(?!-)", re.sub(r'(href="#|url\(#|id=")[^")]*', "", plain)) == []


def test_ids_are_unique_and_every_reference_finds_its_own(svg):
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^")]*)', svg)) <= set(ids)


def test_ids_of_two_figures_on_a_page_differ():
    first, second = (set(re.findall(r'\bid="([^"]*)"', a_picture(alt=alt).svg())) for alt in ("A.", "B."))
    assert first
    assert not first & second


def test_a_figure_is_the_same_each_time():
    for first, second in zip(some_pictures(), some_pictures(), strict=True):
        assert first.svg() == second.svg() == first.svg()


def test_a_figure_is_well_formed_and_carries_its_text():
    page = a_picture(alt='5 < 6 & "so on"', caption="a < b")._repr_html_()
    tree = ElementTree.fromstring(page)
    picture = next(node for node in tree.iter() if node.tag.endswith("svg"))
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == '5 < 6 & "so on"'
    assert tree.find("figcaption").text == "a < b"


def test_a_rectangle_is_written_short_and_stays_where_it_was():
    long = "M 1.23999 2.5 \nL 7.125 2.5 \nL 7.125 4.75 \nL 1.23999 4.75 \nL 1.23999 2.5 \nz\nM 0 0 \nL 1 1 \n"
    assert shorter(long) == "M1.23 2.5h5.89v2.25h-5.89z\nM 0 0 \nL 1 1 \n"
    back = "M 7.00 4.75 \nL -1.5 4.75 \nL -1.5 2.5 \nL 7.00 2.5 \nz"
    assert shorter(back) == "M7 4.75h-8.5v-2.25h8.5z"


def test_text_stays_text():
    fig, ax = figure(3, 2)
    ax.set_title("learning rate")
    assert ">learning rate</text>" in Picture(fig, alt="x", caption="y").svg()


def test_runs_cover_exactly_the_true_pixels():
    inside = np.random.default_rng(0).random((9, 12)) < 0.5
    centres = [(x, y) for y in range(9) for x in range(12)]
    covered = np.zeros_like(inside)
    vertices = runs(np.pad(inside, 1)).vertices.reshape(-1, 5, 2)
    for (left, top), _, (right, bottom), _, _ in vertices:
        for x, y in centres:
            covered[y, x] |= left < x < right and top < y < bottom
    assert (covered == inside).all()


def test_outline_is_as_long_as_the_border_between_the_pixels():
    inside = np.pad(np.random.default_rng(1).random((9, 12)) < 0.5, 1)
    border = (inside[1:] != inside[:-1]).sum() + (inside[:, 1:] != inside[:, :-1]).sum()
    pieces = outline(inside).vertices.reshape(-1, 2, 2)
    assert np.abs(pieces[:, 1] - pieces[:, 0]).sum() == border


def test_wrong_pixels_of_the_worst_pictures_have_a_colour_for_each_kind_of_mistake():
    mask = np.repeat([[0, 1, 2, 1]], 4, axis=0)
    answer = np.repeat([[1, 1, 1, 0]], 4, axis=0)  # false alarm, hit, wrong class, missed
    picture = figures.worst_cases(np.zeros((1, 4, 4)), [mask], [answer], [0.2], [0], "Made up.")
    compared = picture.fig.axes[3].patches
    columns = {to_hex(patch.get_facecolor()): patch.get_path().vertices[0, 0] + 0.5 for patch in compared}
    assert columns == {ink(role): column for column, role in enumerate(("added", "output", "quiet", "cut"))}


def test_a_class_map_shows_every_class_in_its_colour_and_class_2_with_stripes():
    fig, ax = figure(2, 2)
    show_classes(ax, np.array([[0, 1], [2, 2]]))
    svg = Picture(fig, alt="x", caption="y").svg()
    assert all(f"var(--unet-class-{k}," in svg for k in range(3))
    assert "<pattern" in svg


def test_shown_source_is_the_source():
    text = show_source(runs)._repr_markdown_()
    assert text.startswith("```python\ndef runs(")
    assert text.endswith("\n```")


def test_a_hatch_of_dots_becomes_one_small_tile():
    fig, ax = figure(2, 2)
    show_classes(ax, np.array([[0, 1], [1, 0]]), roles={0: ("zero", None), 1: ("quiet", "....")})
    svg = Picture(fig, alt="x", caption="y").svg()
    (pattern,) = re.findall(r"<pattern.*?</pattern>", svg, re.DOTALL)
    assert len(pattern) < 600
    side = int(re.search(r'width="(\d+)"', pattern)[1])
    assert side < 72
    assert pattern.count("h.7v.7h-.7z") >= 1
    assert "var(--unet-ink," in pattern


def test_a_grey_image_loses_channels_but_no_pixel():
    grey = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)

    def link(pixels):
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, format="png")
        return f'"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"'

    opaque, coloured = np.dstack([grey] * 3 + [np.full_like(grey, 255)]), np.dstack([grey, grey, 255 - grey])
    find = re.compile(r'"data:image/png;base64,([^"]*)"')
    smaller = find.sub(grey_png, link(opaque))
    image = Image.open(io.BytesIO(base64.b64decode(find.match(smaller)[1])))
    assert image.mode == "L"
    assert (np.asarray(image) == grey).all()
    assert find.sub(grey_png, link(coloured)) == link(coloured)
