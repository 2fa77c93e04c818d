"""The alignment lab: the cells it draws are torch's, its words, the controls of its own, and the code it copies."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.cases import trace_cases
from tests.widgets.driving import run_copied_code, say, set_slider
from tests.widgets.joining import LEVELS, UPS, WAYS, fed, torch_joined
from unet_edu.shapes import unet_trace
from unet_edu.widgets import SkipAlignmentLab
from unet_edu.widgets.skip_alignment import SIDE, corner, edges

PALETTE = {"paper": (255, 255, 255), "skip": (0x1F, 0x78, 0xA8), "decoder": (0x9A, 0x3D, 0x7C)}


def level_rows(page):
    """The table of levels: name -> the texts of its other columns."""
    rows = page.evaluate(
        "[...document.querySelectorAll('.unet-formula table')[0].tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))"
    )
    return {row[0]: row[1:] for row in rows}


def test_no_drawn_cell_looks_beyond_the_corner_that_travels_with_the_page(run_js):
    least = run_js(
        """const { alignAxis } = await import("/align.js"), { windowOf } = await import("/skip_alignment.js");
        let least = Infinity;
        for (let image = 16; image <= 600; image++) for (let depth = 0; depth < 4; depth++) for (const way of arg.ways) for (const up of arg.ups) {
          const a = alignAxis(image, depth, way, up), [from, to] = windowOf(a), end = a.real + a.real % 2;
          if (a.real < arg.side) continue;
          for (let cell = from; cell < to; cell++) for (const [i] of [...a.taps(cell), ...a.upTaps(cell), [Math.floor(cell / 2)]]) least = Math.min(least, 2 * i - end + arg.side);
        }
        return least;""",
        {"ways": WAYS, "ups": UPS, "side": SIDE},
    )
    assert 0 <= least < SIDE - 17


def placed(cells, rows, cols):
    """The corner laid at the end of a level of rows x cols cells, as its caption says; zeros where nothing is known."""
    level = torch.zeros(rows + 2 * SIDE + 1, cols + 2 * SIDE + 1)
    level[rows + rows % 2 + SIDE : rows + rows % 2 + 2 * SIDE, cols + cols % 2 + SIDE : cols + cols % 2 + 2 * SIDE] = (
        cells
    )
    return level[2 * SIDE : 2 * SIDE + rows, 2 * SIDE : 2 * SIDE + cols]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("height", "width", "level", "up"),
    [(75, 101, "up4", "transposed"), (150, 93, "up3", "bilinear"), (40, 31, "up1", "bilinear")],
)
def test_the_cells_drawn_are_torchs_values(mount, height, width, level, way, up):
    page = mount(SkipAlignmentLab(height=height, width=width, level=level, way=way, up=up))
    depth = LEVELS.index(level)
    real = [height >> depth, width >> depth]
    cells = torch.from_numpy(corner(edges()).astype(np.float32))
    top = cells[-17:, -17:].max().item()
    skip = torch.zeros(1, 1, fed(height, way) >> depth, fed(width, way) >> depth)
    skip[0, 0, : real[0], : real[1]] = placed(cells, *real)
    joined = torch_joined(skip, height, width, depth, way, up)[1][0, 0]
    skip, off = (
        skip[0, 0],
        [(a - b) // 2 if way == "crop" else 0 for a, b in zip(skip.shape[2:], joined.shape, strict=True)],
    )
    missing = way == "pad"
    r0, r1, c0, c1 = map(
        int, re.search(r"rows (\d+) to (\d+), columns (\d+) to (\d+)", page.inner_text(".unet-formula")).groups()
    )
    line = width - 1 >> depth
    seen = 0
    for name, grid, canvas in (("skip", skip, 0), ("decoder", joined, 2)):
        points = []
        for r, c in itertools.product(range(r0, r1 + 1), range(c0, c1 + 1)):
            jr, jc = (r - off[0], c - off[1]) if name == "decoder" else (r, c)
            outside = way == "crop" and not (
                off[0] <= r < off[0] + joined.shape[0] and off[1] <= c < off[1] + joined.shape[1]
            )
            zero = (
                r >= real[0]
                or c >= real[1]
                or (missing and name == "decoder" and (r >= real[0] // 2 * 2 or c >= real[1] // 2 * 2))
            )
            if outside or zero or c == line:
                continue  # hatched, or under the frame of the cell looked at
            t = min(1.0, grid[jr, jc].item() / top)
            colour = [a + (b - a) * t for a, b in zip(PALETTE["paper"], PALETTE[name], strict=True)]
            points.append((r - r0, c - c0, colour))
        got = page.evaluate(
            """([canvas, points, most]) => { const node = document.querySelectorAll("figure.unet-map canvas")[canvas], pen = node.getContext("2d");
            const size = Math.floor((node.width - 6) / Math.max(...most)); // the canvas keeps its size, the cells fit it
            return points.map(([r, c]) => [...pen.getImageData(Math.floor(3 + c * size + size / 2), Math.floor(3 + r * size + size / 2), 1, 1).data].slice(0, 3)); }""",
            [canvas, [point[:2] for point in points], [r1 - r0 + 1, c1 - c0 + 1]],
        )
        worst = np.abs(np.array(got) - np.array([colour for *_, colour in points])).max()
        assert worst <= 1.5, (name, worst)
        seen += len(points)
    assert seen >= 8


def test_the_zeros_stand_hatched_at_the_bottom_and_the_right(mount):
    page = mount(SkipAlignmentLab())
    variety = page.evaluate(
        """() => [...document.querySelectorAll("figure.unet-map canvas")].map((node) => { const pen = node.getContext("2d"), size = (node.width - 6) / 17;
        const colours = (r, c) => new Set(Array.from(new Uint32Array(pen.getImageData(3 + c * size + 1, 3 + r * size + 1, size - 2, size - 2).data.buffer)));
        return [[16, 3], [3, 3], [16, 16]].map(([r, c]) => colours(r, c).size); })"""
    )
    assert variety[0][:2] == [1, 1]  # a value fills its cell evenly
    assert variety[1][:2] == [1, 1]
    assert variety[2][0] > 1  # a hatched cell does not
    assert variety[2][1] == 1


@pytest.mark.parametrize(
    "case", [case for case in trace_cases() if case["expect"]][::3], ids=lambda c: f"{c['height']}x{c['width']}"
)
def test_the_page_shows_the_list_that_the_network_gives_f_pad(mount, case):
    page = mount(SkipAlignmentLab(height=case["height"], width=case["width"], up=UPS[case["bilinear"]]))
    rows = level_rows(page)
    for stage in case["expect"]:
        if stage["name"] in rows:
            row = rows[stage["name"]]
            assert row[0] == f"{stage['height']} × {stage['width']}"
            assert row[2] == f"{stage['up'][1]} × {stage['up'][2]}"
            assert row[4] == f"F.pad {stage['pad']}"
    assert f"F.pad(x, {case['expect'][8]['pad']})" in page.locator(".unet-formula").inner_text()


def test_the_first_state_says_where_the_odd_pixels_go_and_why(mount):
    said = say(mount(SkipAlignmentLab()))
    assert "floors 75 × 101 to 37 × 50, doubling gives 74 × 100; 1 row and 1 column are missing" in said
    assert "1 row of zeros at the bottom and 1 column of zeros at the right: 1 // 2 = 0 goes before" in said
    assert "Column 100 of the skip is joined to zeros" in said


def test_each_way_says_what_it_costs(mount):
    page = mount(SkipAlignmentLab())
    page.get_by_label("cropping the skip").check()
    assert "Of the rows go 5 at the top and 6 at the bottom, of the columns 2 at the left and 3 at the right" in say(
        page
    )
    assert "Column 100 of the skip is cut away" in say(page)
    page.get_by_label("interpolating").check()
    assert "shift −1.5 px" in say(page)
    page.get_by_label("padding the image first").check()
    assert "5 rows of zeros at the bottom and 11 columns at the right: 80 × 112" in say(page)
    table = page.evaluate(
        "[...document.querySelectorAll('.unet-formula table')[1].tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))"
    )
    assert [row[0] for row in table] == ["pad", "crop", "interpolate", "pad the image"]
    assert [row[2] for row in table] == ["0", "−2", "−0.5", "0"]
    assert [row[4] for row in table] == ["1 + 1", "none", "none", "5 + 11, image"]
    assert [row[6] for row in table] == ["75 × 101", "64 × 96", "75 × 101", "75 × 101"]


def test_nothing_is_added_for_multiples_of_16(mount):
    page = mount(SkipAlignmentLab(height=64, width=96))
    assert "F.pad adds nothing" in say(page)
    for level in LEVELS:
        page.get_by_label("level", exact=True).select_option(level)
        assert "nothing is missing" in say(page)


def test_arrow_keys_walk_along_the_chart(mount):
    page = mount(SkipAlignmentLab())
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowLeft")
    assert "Column 99 of the skip is joined to decoder cell 99, which saw position 98.5: shift −0.5 px" in say(page)
    page.keyboard.press("ArrowLeft")
    assert "Column 98 of the skip is joined to decoder cell 98, which saw position 98.5: shift +0.5 px" in say(page)


def test_a_pointer_on_the_chart_chooses_the_cell(mount):
    page = mount(SkipAlignmentLab())
    box = page.get_by_role("application").bounding_box()
    page.mouse.move(box["x"] + 31, box["y"] + 60)
    assert "Column 0 of the skip" in say(page)


def test_the_table_of_drawn_cells_says_what_the_chart_shows(mount):
    page = mount(SkipAlignmentLab(level="up2", axis="width", way="pad"))
    page.get_by_text("The cells drawn, as a table").click()
    page.wait_for_function("document.querySelector('.unet-numbers td').textContent")  # filled when it is unfolded
    rows = page.evaluate(
        "[...document.querySelectorAll('.unet-numbers tbody tr')].filter(r => !r.hidden).map(r => [...r.cells].map(c => c.textContent))"
    )
    assert len(rows) == 17
    assert rows[-1] == ["24", "24", "zeros", "none"]
    assert rows[-2] == ["23", "23", "22.5", "−0.5"]
    set_slider(page, "image width", 16)
    assert page.locator(".unet-numbers tbody tr:visible").count() == 4


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("height", "width", "level", "up"),
    [
        (75, 101, "up4", "transposed"),
        (47, 79, "up3", "bilinear"),
        (16, 31, "up1", "transposed"),
        (333, 250, "up2", "bilinear"),
    ],
)
def test_copied_code_runs_and_prints_the_sizes_shown(mount, height, width, level, up, way):
    page = mount(SkipAlignmentLab(height=height, width=width, level=level, up=up, way=way))
    told, _ = run_copied_code(page)
    captions = [text.replace("\u00a0", " ") for text in page.locator("figure.unet-map figcaption").all_inner_texts()]
    doubled, joined = (re.search(r"(\d+) × (\d+)", text).groups() for text in captions[1:])
    lines = told.splitlines()
    assert lines[0] == "doubled: (1, 8, {}, {})".format(*doubled)
    assert lines[1] == "joined: (1, 16, {}, {})".format(*joined)
    assert lines[2:] == ([f"output: (1, 16, {height}, {width})"] if way == "pad_input" else [])


@pytest.mark.parametrize(
    ("up", "way", "words"),
    [
        ("transposed", "pad", "+0.5 and −0.5 in turn; mean 0"),
        ("bilinear", "pad", "From +0.5 to −0.5; mean 0"),
        ("transposed", "crop", "−1.5 and −2.5 in turn; mean −2"),
        ("transposed", "interpolate", "In turns, drifting from +0.5 to −1.5; mean −0.5"),
    ],
)
def test_the_caption_says_how_the_shift_runs(mount, up, way, words):
    page = mount(SkipAlignmentLab(up=up, way=way))
    assert words in page.locator(".unet-course figcaption").inner_text()


def test_the_box_does_not_jump_while_a_size_is_dragged(mount):
    page = mount(SkipAlignmentLab(), width=1000)
    heights = set()
    for size in (16, 47, 100, 255, 600):
        set_slider(page, "image height", size)
        heights.add(page.locator(".unet-stage").evaluate("node => node.getBoundingClientRect().height"))
    assert len(heights) == 1


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (np.zeros((3, 40, 40)), "two axes"),
        (np.ones((31, 40)), "at least 32 x 32"),
        (np.full((40, 40), np.nan), "nan or inf"),
        (np.eye(40) - 0.5, "0 or more"),
        (np.zeros((40, 40)), "livelier"),
    ],
)
def test_a_map_that_cannot_be_drawn_is_refused_in_words(cells, words):
    with pytest.raises(ValueError, match=words):
        SkipAlignmentLab(feature_map=cells)


def test_a_recorded_map_travels_as_one_kilobyte_and_within_half_a_step():
    cells = torch.rand(60, 50, generator=torch.Generator().manual_seed(0))
    kept = corner(cells)
    last = cells[-SIDE:, -SIDE:].numpy()
    assert np.abs(kept / 255 * last.max() - last).max() <= last.max() / 510 + 1e-7
    assert len(SkipAlignmentLab(feature_map=cells)._cells) < 1400


def test_what_the_map_is_stands_on_the_page(mount):
    page = mount(SkipAlignmentLab(feature_map=np.eye(40), source="a diagonal"))
    assert "The map is a diagonal;" in page.locator(".unet-formula").inner_text()


def test_the_stage_of_the_lab_is_the_trace():
    lab = SkipAlignmentLab(height=75, width=101, level="up2")
    assert lab.stage.pad == (0, 1, 0, 0)
    assert lab.stage == next(stage for stage in unet_trace(75, 101) if stage.name == "up2")


def test_the_lab_needs_no_torch():
    code = "import sys; from unet_edu.widgets import SkipAlignmentLab; SkipAlignmentLab(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_argument_is_named_with_its_cure():
    with pytest.raises(TypeError, match="did you mean 'height'"):
        SkipAlignmentLab(heigth=3)
    with pytest.raises(TypeError, match="feature_map"):
        SkipAlignmentLab(array=3)
