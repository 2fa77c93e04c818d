"""The lab against torch: sizes, F.pad's arguments, the values of every way, shifts by ramps, the drawing and its controls."""

import contextlib
import io
import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import traitlets

from tests.cases import skip_cases, trace_cases
from unet_edu.shapes import unet_trace
from unet_edu.widgets import SkipAlignmentLab
from unet_edu.widgets.skip_alignment import SIDE, corner, edges

WAYS = ["pad", "crop", "interpolate", "pad_input"]
UPS = ["transposed", "bilinear"]
LEVELS = ["up4", "up3", "up2", "up1"]  # by depth
PALETTE = {"paper": (255, 255, 255), "skip": (0x1F, 0x78, 0xA8), "decoder": (0x9A, 0x3D, 0x7C)}

# Every joined cell of a level, its value and its shift along both axes, as the page computes them.
JOIN = """const { alignAxis, blend, poolOf } = await import("/align.js");
return arg.map(({ map, height, width, depth, way, up }) => {
  const y = alignAxis(height, depth, way, up), x = alignAxis(width, depth, way, up);
  const below = poolOf((r, c) => map[r]?.[c] ?? 0), out = [];
  for (let r = y.offset; r < y.offset + y.joined; r++) { out.push([]); for (let c = x.offset; c < x.offset + x.joined; c++) out.at(-1).push(blend(below, y.taps(r), x.taps(c))); }
  return out; });"""
SHIFT = """const { alignAxis } = await import("/align.js");
return arg.map(([image, depth, way, up]) => { const a = alignAxis(image, depth, way, up);
  return Array.from({ length: a.joined }, (_, j) => a.shift(j + a.offset)); });"""
SIZES = """const { alignAxis } = await import("/align.js");
return arg.map(([height, width, depth, up]) => { const y = alignAxis(height, depth, "pad", up), x = alignAxis(width, depth, "pad", up);
  return { skip: [y.skip, x.skip], pooled: [y.pooled, x.pooled], up: [y.doubled, x.doubled], diff: [y.diff, x.diff], pad: [x.before, x.after, y.before, y.after], output: [y.output, x.output] }; });"""


def double(x, up):
    """Twice the size: a stamp of four ones, or the layer that the bilinear network uses."""
    if up == "bilinear":
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    channels = x.shape[1]
    return F.conv_transpose2d(x, torch.ones(channels, 1, 2, 2, dtype=x.dtype), stride=2, groups=channels)


def make_equal(skip, x, way, fill=0.0):
    """The two maps as they are joined: (skip, decoder map)."""
    diff_y, diff_x = skip.size(2) - x.size(2), skip.size(3) - x.size(3)
    if way == "crop":
        top, left = diff_y // 2, diff_x // 2
        skip = skip[:, :, top : top + x.size(2), left : left + x.size(3)]
    elif way == "interpolate":
        x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
    else:
        x = F.pad(x, [diff_x // 2, diff_x - diff_x // 2, diff_y // 2, diff_y - diff_y // 2], value=fill)
        assert way == "pad" or diff_y == diff_x == 0
    torch.cat([skip, x], dim=1)  # the judge of "equal"
    return skip, x


def entering(size, depth, way):
    """Size of the decoder map that comes up to a level, found by running all levels below it on empty maps."""
    x = torch.zeros(1, 1, size, 1)
    skips = [x]
    for _ in range(4):
        skips.append(F.max_pool2d(skips[-1], (2, 1)))
    x = skips.pop()
    while len(skips) > depth + 1:
        _, x = make_equal(skips.pop(), x.repeat_interleave(2, dim=2), way)
    return x.size(2)


def fed(size, way):
    return -(-size // 16) * 16 if way == "pad_input" else size


def torch_joined(skip, height, width, depth, way, up):
    below = F.max_pool2d(skip, 2)[
        :, :, : entering(fed(height, way), depth, way), : entering(fed(width, way), depth, way)
    ]
    return make_equal(skip, double(below, up), way)


def labels(page):
    return page.locator(".unet-say").inner_text()


def set_slider(page, label, value):
    page.get_by_label(label, exact=True).evaluate(
        "(node, v) => { node.value = v; node.dispatchEvent(new Event('input', {bubbles: true})) }", str(value)
    )


def level_rows(page):
    """The table of levels: name -> the texts of its other columns."""
    rows = page.evaluate(
        "[...document.querySelectorAll('.unet-formula table')[0].tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))"
    )
    return {row[0]: row[1:] for row in rows}


def test_the_level_table_is_that_of_a_real_network(run_js):
    cases = [case for case in trace_cases() if case["expect"]]
    asked = [
        [case["height"], case["width"], depth, UPS[case["bilinear"]]]
        for case, depth in itertools.product(cases, range(4))
    ]
    stages = [
        (case["expect"][depth], case["expect"][depth + 1], case["expect"][8 - depth])
        for case, depth in itertools.product(cases, range(4))
    ]
    assert len(asked) >= 50
    for ours, (skip, below, stage) in zip(run_js(SIZES, asked), stages, strict=True):
        assert ours["skip"] == [skip["height"], skip["width"]]
        assert ours["pooled"] == [below["height"], below["width"]]
        assert ours["up"] == stage["up"][1:]
        assert ours["pad"] == stage["pad"]


def test_the_level_table_is_the_trace_up_to_600_pixels(run_js):
    asked = [[size, 616 - size, depth, up] for size in range(16, 601, 7) for depth in range(4) for up in UPS]
    for (height, width, depth, up), ours in zip(asked, run_js(SIZES, asked), strict=True):
        trace = {stage.name: stage for stage in unet_trace(height, width, bilinear=up == "bilinear")}
        stage, skip = trace[LEVELS[depth]], trace[["inc", "down1", "down2", "down3"][depth]]
        assert ours["up"] == list(stage.up[1:])
        assert ours["pad"] == list(stage.pad)
        assert ours["skip"] == [skip.height, skip.width]
        assert ours["output"] == [height, width]


def test_one_level_pads_as_the_forward_pass_of_up_does(run_js):
    cases = [case for case in skip_cases() if case["large"] >= 16 and case["small"] == case["large"] // 2 * 2]
    assert len(cases) == 25
    ours = run_js(SIZES, [[case["large"], case["large"], 0, "transposed"] for case in cases])
    assert [got["pad"] for got in ours] == [case["expect"] * 2 for case in cases]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("up", UPS)
def test_every_value_of_the_joined_map_is_torchs(run_js, way, up):
    generator = torch.Generator().manual_seed(7)
    asked, expected = [], []
    for (height, width), depth in itertools.product([(16, 17), (31, 47), (47, 33), (50, 30)], range(4)):
        sizes = [fed(side, way) >> depth for side in (height, width)]
        skip = torch.rand(1, 1, *sizes, generator=generator)
        expected.append(torch_joined(skip, height, width, depth, way, up)[1][0, 0])
        asked.append(
            {"map": skip[0, 0].tolist(), "height": height, "width": width, "depth": depth, "way": way, "up": up}
        )
    for ours, theirs, what in zip(run_js(JOIN, asked), expected, asked, strict=True):
        torch.testing.assert_close(torch.tensor(ours), theirs, atol=2e-5, rtol=0, msg=str(what.get("depth")))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("up", UPS)
def test_shifts_are_those_of_coordinate_ramps_through_torch(run_js, way, up):
    asked = [[size, depth, way, up] for size in [*range(16, 48), 79, 101, 575, 599, 600] for depth in range(4)]
    for (size, depth, _, _), ours in zip(asked, run_js(SHIFT, asked), strict=True):
        side = fed(size, way) >> depth
        skip = torch.arange(side, dtype=torch.float64).view(1, 1, side, 1).expand(1, 1, side, 2)
        below = F.avg_pool2d(skip, 2)[:, :, : entering(fed(size, way), depth, way)]
        skip, x = make_equal(skip, double(below, up), way, fill=float("nan"))
        theirs = (x - skip)[0, 0, :, 0]
        ours = torch.tensor([float("nan") if s is None else s for s in ours], dtype=torch.float64)
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0, equal_nan=True)


def test_padding_shifts_nothing_on_average_and_cropping_up_to_7_pixels(run_js):
    sizes = range(16, 601)
    body = SHIFT.replace("return Array.from", "const all = Array.from").replace(
        "; });", "; const s = all.filter((v) => v !== null); return s.reduce((a, b) => a + b, 0) / s.length; });"
    )
    means = {
        way: run_js(body, [[size, 0, way, "transposed"] for size in sizes])
        for way in ("pad", "crop", "interpolate", "pad_input")
    }
    assert means["pad"] == means["pad_input"] == [0] * len(sizes)
    assert means["crop"] == [-(size % 16 // 2) for size in sizes]
    assert np.allclose(means["interpolate"], [-(size % 2) / 2 for size in sizes], atol=0.03)


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
    page = mount(SkipAlignmentLab(height=height, width=width, level=level, way=way, up=up), device_scale_factor=1)
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
    page = mount(SkipAlignmentLab(), device_scale_factor=1)
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
    said = labels(mount(SkipAlignmentLab()))
    assert "floors 75 × 101 to 37 × 50, doubling gives 74 × 100; 1 row and 1 column are missing" in said
    assert "1 row of zeros at the bottom and 1 column of zeros at the right: 1 // 2 = 0 goes before" in said
    assert "Column 100 of the skip is joined to zeros" in said


def test_each_way_says_what_it_costs(mount):
    page = mount(SkipAlignmentLab())
    page.get_by_label("cropping the skip").check()
    assert "Of the rows go 5 at the top and 6 at the bottom, of the columns 2 at the left and 3 at the right" in labels(
        page
    )
    assert "Column 100 of the skip is cut away" in labels(page)
    page.get_by_label("interpolating").check()
    assert "shift −1.5 px" in labels(page)
    page.get_by_label("padding the image first").check()
    assert "5 rows of zeros at the bottom and 11 columns at the right: 80 × 112" in labels(page)
    table = page.evaluate(
        "[...document.querySelectorAll('.unet-formula table')[1].tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))"
    )
    assert [row[0] for row in table] == ["pad", "crop", "interpolate", "pad the image"]
    assert [row[2] for row in table] == ["0", "−2", "−0.5", "0"]
    assert [row[4] for row in table] == ["1 + 1", "none", "none", "5 + 11, image"]
    assert [row[6] for row in table] == ["75 × 101", "64 × 96", "75 × 101", "75 × 101"]


def test_nothing_is_added_for_multiples_of_16(mount):
    page = mount(SkipAlignmentLab(height=64, width=96))
    assert "F.pad adds nothing" in labels(page)
    for level in LEVELS:
        page.get_by_label("level", exact=True).select_option(level)
        assert "nothing is missing" in labels(page)


def test_every_control_changes_what_the_widget_says(mount):
    page = mount(SkipAlignmentLab())
    say = "document.querySelector('.unet').innerText"
    before = page.evaluate(say)
    for label in ("image height", "image width", "cell of the skip"):
        page.get_by_label(label, exact=True).focus()
        page.keyboard.press("ArrowLeft")
        assert page.evaluate(say) != before, label
        page.get_by_role("button", name="Reset").click()
        assert page.evaluate(say) == before, label
    for label in ("cropping the skip", "interpolating", "padding the image first", "bilinear, align_corners", "height"):
        page.get_by_role("radio", name=label, exact=True).check()
        assert page.evaluate(say) != before, label
        page.get_by_role("button", name="Reset").click()
    page.get_by_label("level", exact=True).select_option("up2")
    assert "18 × 25" in labels(page)


def test_a_typed_size_out_of_range_is_refused_in_words(mount):
    page = mount(SkipAlignmentLab())
    box = page.get_by_label("image height, typed")
    box.fill("15")
    box.press("Tab")
    assert "15 is not a whole number from 16 to 600" in page.get_by_role("status").inner_text()
    assert page.get_by_label("image height", exact=True).input_value() == "75"
    with pytest.raises(traitlets.TraitError, match="height=15"):
        SkipAlignmentLab(height=15)


def test_arrow_keys_walk_along_the_chart(mount):
    page = mount(SkipAlignmentLab())
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowLeft")
    assert "Column 99 of the skip is joined to decoder cell 99, which saw position 98.5: shift −0.5 px" in labels(page)
    page.keyboard.press("ArrowLeft")
    assert "Column 98 of the skip is joined to decoder cell 98, which saw position 98.5: shift +0.5 px" in labels(page)


def test_a_pointer_on_the_chart_chooses_the_cell(mount):
    page = mount(SkipAlignmentLab())
    box = page.get_by_role("application").bounding_box()
    page.mouse.move(box["x"] + 31, box["y"] + 60)
    assert "Column 0 of the skip" in labels(page)


def test_the_table_of_drawn_cells_says_what_the_chart_shows(mount):
    page = mount(SkipAlignmentLab(level="up2", axis="width", way="pad"))
    page.get_by_text("The cells drawn, as a table").click()
    rows = page.evaluate(
        "[...document.querySelectorAll('.unet-numbers tbody tr')].filter(r => !r.hidden).map(r => [...r.cells].map(c => c.textContent))"
    )
    assert len(rows) == 17
    assert rows[-1] == ["24", "24", "zeros", "none"]
    assert rows[-2] == ["23", "23", "22.5", "−0.5"]
    set_slider(page, "image width", 16)
    assert page.locator(".unet-numbers tbody tr:visible").count() == 4


def test_link_restores_the_state(mount):
    page = mount(SkipAlignmentLab())
    set_slider(page, "image width", 300)
    page.get_by_label("cropping the skip").check()
    page.get_by_label("level", exact=True).select_option("up3")
    page.get_by_role("button", name="Link").click()
    again = mount(SkipAlignmentLab(), fragment="#" + page.url.split("#")[1])
    assert labels(again) == labels(page)
    assert again.get_by_label("image width", exact=True).input_value() == "300"


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
    page.get_by_text("The same in PyTorch").click()
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(page.locator("section pre").inner_text(), {})
    captions = [text.replace("\u00a0", " ") for text in page.locator("figure.unet-map figcaption").all_inner_texts()]
    doubled, joined = (re.search(r"(\d+) × (\d+)", text).groups() for text in captions[1:])
    lines = told.getvalue().splitlines()
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


def test_two_labs_on_a_page_do_not_collide(mount):
    page = mount(SkipAlignmentLab(), SkipAlignmentLab(height=64, width=64))
    first, second = page.locator(".unet-skip-alignment").all()
    first.get_by_label("cropping the skip").check()
    assert second.get_by_label("padding the decoder map").is_checked()


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_wider_than_the_page(mount, width):
    page = mount(SkipAlignmentLab(height=600, width=599, way="pad_input"), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


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
