"""The X-ray against torch: its numbers, its frames, its pictures; all of it by keyboard; and quick enough to follow a pen."""

import re

import numpy as np
import pytest

from tests.site.test_pages import AXE
from tests.widgets.driving import set_slider
from tests.widgets.xray_bench import ask, bench, collapsed, network, pictures
from unet_edu.effective import effective_field, held_by
from unet_edu.receptive import STAGES, receptive_field
from unet_edu.widgets.xray import XRay

SAID = ".unet-xray-say"
HASHES = """() => Object.fromEntries([...document.querySelectorAll(".unet-xray canvas")].map((canvas, i) => {
  const { width, height } = canvas; let sum = width * 31 + height;
  if (width * height) for (const pixel of new Uint32Array(canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer)) sum = (sum * 31 + pixel) | 0;
  return [canvas.closest("[data-stage]")?.dataset.stage ?? canvas.closest("figure").className + i, sum]; }))"""


def numbers(page):
    cells = page.locator(".unet-xray-numbers div").all_inner_texts()
    return dict(cell.split() if "%" not in cell else cell.replace(" %", "").split() for cell in cells)


def number(text):
    return float(text.replace("−", "-"))


def sight(stage, row, column, size=64):
    """The sentence's own numbers: rows, columns, and what there would be without edges."""
    down, across = receptive_field(stage, row, size), receptive_field(stage, column, size)
    return [down.first, down.last, across.first, across.last, down.size, across.size], (down.reach, across.reach)


def told(text):
    seen = re.search(r"rows (\d+) to (\d+) and columns (\d+) to (\d+) of the image, (\d+) × (\d+) pixels", text)
    reach = re.search(r"Without edges it would be (\d+) × (\d+)", text)
    return [int(n) for n in seen.groups()], reach and tuple(int(n) for n in reach.groups())


@pytest.mark.parametrize(("stage", "channel"), [("inc", 3), ("down4", 100), ("up2", 17), ("logits", 2)])
def test_the_numbers_of_a_channel_are_torchs(mount, stage, channel):
    page = mount(bench(stage=stage, channel=channel))
    values = ask(network(), pictures()[0])[stage][channel].numpy()
    shown = {name: number(text) for name, text in numbers(page).items()}
    assert shown["min"] == pytest.approx(values.min(), abs=6e-4)
    assert shown["mean"] == pytest.approx(values.mean(), abs=6e-4)
    assert shown["max"] == pytest.approx(values.max(), abs=6e-4)
    assert shown["zeros"] == pytest.approx(100 * (values == 0).mean(), abs=0.06)


def test_a_pixels_value_is_torchs(mount):
    page = mount(bench(stage="up3", channel=5, map_row=3, map_column=30))
    value = ask(network(), pictures()[0])["up3"][5, 3, 30].item()
    assert f"up3, channel 5, row 3, column 30: {value:.3f}".rstrip("0").rstrip(".") in page.locator(SAID).inner_text()


def test_logits_go_by_the_names_of_their_classes(mount):
    page = mount(bench(stage="logits", channel=1))
    assert page.locator(".unet-xray-map figcaption").inner_text() == "logits, channel 1 (cell)"


@pytest.mark.parametrize("size", [64, 50])
def test_what_is_said_to_be_seen_is_the_receptive_field(mount, size):
    page = mount(bench(size))
    for stage, row, column in [("inc", 0, 9), ("down2", 6, 5), ("down4", 2, 0), ("up1", 5, 1), ("up4", 40, 12)]:
        page.locator(f"button[data-stage={stage}]").click(position={"x": 4, "y": 4})
        set_slider(page, "row", row)
        set_slider(page, "column", column)
        seen, reach = told(page.locator(SAID).inner_text())
        expect, whole = sight(stage, row, column, size)
        assert seen == expect
        assert reach == (None if tuple(expect[4:]) == whole else whole), stage


def framed(page):
    """The box that the frame over the large image spans, [first row, last row, first column, last column]."""
    return page.evaluate(
        """() => { const canvas = document.querySelector(".unet-xray-input canvas"), { width, height } = canvas;
        const window_ = getComputedStyle(document.querySelector(".unet")).getPropertyValue("--unet-window").trim(), [r, g, b] = [1, 3, 5].map((i) => parseInt(window_.slice(i, i + 2), 16));
        const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data, cell = width / 64, rows = [], cols = [];
        for (let i = 0; i < width * height; i++) if (Math.abs(pixels[4 * i] - r) + Math.abs(pixels[4 * i + 1] - g) + Math.abs(pixels[4 * i + 2] - b) < 12) { rows.push(Math.floor(i / width)); cols.push(i % width); }
        const ends = (list) => { let low = Infinity, high = -1; for (const v of list) { low = Math.min(low, v); high = Math.max(high, v); } return [Math.floor(low / cell), Math.floor(high / cell)]; };
        return [...ends(rows), ...ends(cols)]; }"""
    )


def test_the_frame_over_the_image_spans_the_receptive_field(mount):
    for stage, row, column in [("inc", 20, 30), ("down1", 12, 3), ("down2", 8, 9), ("down3", 0, 7)]:
        page = mount(bench(stage=stage, map_row=row, map_column=column))
        expect, _ = sight(stage, row, column)
        assert framed(page) == expect[:4], stage


def test_pointing_at_a_thumbnail_tells_what_its_pixel_sees_and_changes_nothing(mount):
    page = mount(bench(stage="logits"), height=2000)
    before = page.locator(SAID).inner_text()
    canvas = page.locator("button[data-stage=down2] canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.2)
    during = page.locator(SAID).inner_text()
    stage, channel, row, column = re.match(r"(\w+), channel (\d+), row (\d+), column (\d+):", during).groups()
    assert (stage, channel) == ("down2", "3")
    assert told(during)[0] == sight("down2", int(row), int(column))[0]
    assert framed(page) == sight("down2", int(row), int(column))[0][:4]
    page.mouse.move(1, 1)
    assert page.locator(SAID).inner_text() == before


def test_a_click_on_a_thumbnail_opens_that_channel_at_that_pixel(mount):
    page = mount(bench())
    canvas = page.locator("button[data-stage=up1] canvas")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.99, box["y"] + box["height"] * 0.98)
    assert page.locator(SAID).inner_text().startswith("up1, channel 11, row 7, column 7")


def test_every_stage_opens_by_keyboard_at_the_same_place_of_the_image(mount):
    page = mount(bench())
    page.locator(".unet-xray-u button").first.focus()
    opened = []
    for _ in STAGES:
        page.keyboard.press("Enter")
        opened.append(page.evaluate("document.activeElement.dataset.stage"))
        name = page.locator(".unet-xray-u button[aria-pressed=true]").get_attribute("data-stage")
        assert page.locator(".unet-xray-map figcaption").inner_text().startswith(f"{name}, channel 0")
        assert name == opened[-1]
        row, column = re.search(r"row (\d+), column (\d+)", page.locator(SAID).inner_text()).groups()
        size = ask(network(), pictures()[0])[name].shape[-1]
        assert (int(row), int(column)) == (20 * size // 64, 30 * size // 64)
        page.keyboard.press("Tab")
    assert opened == list(STAGES)


def test_arrow_keys_move_the_pixel_and_the_channel_and_stop_at_the_edge(mount):
    page = mount(bench(stage="down4", map_row=2, map_column=3, channel=1))
    page.get_by_role("application", name="The enlarged map").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.locator(SAID).inner_text().startswith("down4, channel 1, row 3, column 2")
    page.get_by_role("application", name="The channels of down4").focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.locator(SAID).inner_text().startswith("down4, channel 2, row 3, column 2")


def test_a_click_in_the_strip_chooses_a_channel(mount):
    page = mount(bench(stage="up4"), height=2000)
    box = page.locator(".unet-xray-strip canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5)
    assert page.locator(".unet-xray-map figcaption").inner_text() == "up4, channel 5"


def test_every_stage_is_painted_anew_by_a_new_answer(mount):
    page = mount(bench(), height=2000)
    before = page.evaluate(HASHES)
    set_slider(page, "picture", 1)
    after = page.evaluate(HASHES)
    same = {name for name in before if before[name] == after[name]}
    assert {name for name in same if "bar" not in name} <= {name for name in before if name.startswith("unet-xray-map")}
    assert {*STAGES, "image"} <= set(before) - same
    set_slider(page, "picture", 0)
    assert page.evaluate(HASHES) == before


def test_thumbnails_are_the_maps_pixel_for_pixel(mount):
    page = mount(bench())
    levels = page.evaluate(
        """async () => { const canvas = document.querySelector("[data-stage=down1] canvas"), { width, height } = canvas;
        return [width, height, [...canvas.getContext("2d").getImageData(0, 0, width, height).data].filter((_, i) => i % 4 === 0)]; }"""
    )
    width, height, red = levels
    picture = np.array(red).reshape(height, width)
    stage = ask(network(), pictures()[0])["down1"].numpy()
    most = stage.max()
    for channel in range(6):
        row, column = divmod(channel, 3)
        seen = picture[row * 34 : row * 34 + 32, column * 34 : column * 34 + 32]
        weak = stage[channel] < 0.5 * most  # from paper, 255, to output, 0, in light mode; above it turns to ink
        assert np.abs(seen[weak] - 255 * (1 - 2 * stage[channel][weak] / most)).max() <= 3


def test_what_is_out_of_sight_is_not_painted_until_it_is_looked_at(mount):
    page = mount(bench(), height=400)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(150)
    before = page.evaluate(HASHES)["inc"]
    page.get_by_label("picture", exact=True).evaluate(
        "(node) => { node.value = 1; node.dispatchEvent(new Event('input', {bubbles: true})) }"
    )
    assert page.evaluate(HASHES)["inc"] == before
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(f"(before) => ({HASHES})()['inc'] !== before", arg=before)


def test_a_gate_shows_on_its_skip_in_words_and_in_the_line(mount):
    page = mount(bench(gate0=0, gate2=40))
    words = page.locator(".unet-xray .unet-note").all_inner_texts()
    assert "Skips: inc → up4 × 0 (shut), down1 → up3 × 1, down2 → up2 × 0.4, down3 → up1 × 1." in words
    lines = page.evaluate(
        "[...document.querySelectorAll('.unet-xray-u .unet-xray-skip')].map((path) => path.getAttribute('stroke-dasharray'))"
    )
    assert lines[0] != "none"
    assert lines[2] not in ("none", lines[0])
    assert [lines[1], lines[3]] == ["none", "none"]
    assert page.locator(".unet-xray-u text").all_text_contents() == ["× 0", "× 1", "× 0.4", "× 1"]


def test_on_demand_the_input_gradient_is_shown_and_its_share_told(mount):
    page = mount(bench(stage="up2", map_row=9, map_column=2))
    before = page.evaluate(HASHES)
    page.get_by_label("show what it does see").check()
    text = page.locator(SAID).inner_text()
    row, column = map(int, re.search(r"at row (\d+), column (\d+), the recorded pixel", text).groups())
    assert (row, column) == (8, 2)
    field = effective_field(network(), pictures()[0], "up2", row, column)
    assert f"90 % of the gradient comes from {held_by(field):,} of 4,096 pixels" in text
    key = next(name for name in before if name.startswith("unet-xray-input"))
    assert page.evaluate(HASHES)[key] != before[key]
    assert page.locator(".unet-xray-input figcaption").inner_text() == "Sample: what it does see"


def test_recorded_gradients_unpack_to_what_torch_says(run_js):
    table = bench().fields
    for stage, row, column in [("down1", 15, 20), ("down4", 3, 0), ("logits", 32, 50)]:
        rows = ask(network(), pictures()[0])[stage].shape[-1]
        place, which, values = run_js(
            """const { recordedFields } = await import("/feature_maps.js"), [table, stage, row, column, rows] = arg;
            const near = recordedFields(table).nearest(stage, row, column, rows, rows);
            return [[near.row, near.col], near.which, [...near.field()]];""",
            [table, stage, row, column, rows],
        )
        won = ask(network(), pictures()[0])[stage][:, place[0], place[1]].argmax().item() if stage == "logits" else None
        field = effective_field(network(), pictures()[0], stage, *place, won)
        block = table["stages"][stage]["boxes"][which][4]
        means = field.reshape(64 // block, block, -1, block).mean((1, 3)).repeat(block, 0).repeat(block, 1)
        assert np.abs(np.array(values).reshape(64, 64) - means / means.max()).max() <= 0.5 / table["steps"] + 1e-6


def test_a_dead_channel_is_counted(mount):
    stage = ask(network(), pictures()[0])["down4"].numpy()
    dead = int((stage.reshape(128, -1) == 0).all(1).sum())
    page = mount(bench(stage="down4"))
    note = page.locator(".unet-xray-strip .unet-note").inner_text()
    assert (f"{dead} of 128 are 0 everywhere" in note) == (dead > 0)


def test_a_level_that_says_nothing_is_told_from_one_that_speaks(mount):
    page = mount(bench(make=collapsed, stage="down3", channel=2, gradient=True))
    assert "64 of 64 have one value everywhere" in page.locator(".unet-xray-strip .unet-note").inner_text()
    peak = max(bench(make=collapsed).fields["stages"]["down3"]["peak"])
    assert 0 < peak < 1e-6
    text = page.locator(SAID).inner_text()
    assert "in truth it sees next to nothing" in text
    assert re.search(r"no input pixel has a gradient above \d\.?\d* × 10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+:", text)
    page.locator("button[data-stage=down2]").click()
    assert "one value everywhere" not in page.locator(".unet-xray-strip .unet-note").inner_text()
    assert "90 % of the gradient comes from" in page.locator(SAID).inner_text()


def test_small_numbers_keep_their_digits(run_js):
    values = [0, 5.714e-6, -0.0002, 0.01, 3.14159, 1.5e-18]
    shown = run_js(
        "const { showSmall } = await import('/feature_maps.js'); return arg.map((v) => showSmall(v));", values
    )
    assert shown == ["0", "5.71 × 10⁻⁶", "−2 × 10⁻⁴", "0.01", "3.14", "1.5 × 10⁻¹⁸"]


def test_without_recorded_gradients_none_is_offered(mount):
    widget = bench()
    widget.fields = None
    page = mount(widget)
    assert page.get_by_text("show what it does see").is_hidden()


def test_before_the_first_answer_the_u_stands_and_says_so(mount):
    widget = bench()
    widget.recorded = []
    page = mount(widget)
    assert (
        page.locator(SAID)
        .inner_text()
        .startswith("inc, channel 0, row 20, column 30: the network has not answered yet. It can see rows 18 to 22")
    )
    assert page.locator(".unet-xray-u button").count() == 10
    page.locator("button[data-stage=up4]").click()


def test_another_network_takes_the_place_of_the_first(mount):
    page = mount(bench(stage="down4", channel=120))
    page.evaluate("bench.ray.know({ channels: 4, n_classes: 2, bilinear: true }, ['a', 'b']); bench.ui.redraw()")
    assert page.locator("button[data-stage=down4]").inner_text().split()[0] == "down4"
    assert (
        "32\u2009×\u20094" in page.locator("button[data-stage=down4]").inner_text()
    )  # no doubling at the bottom when bilinear
    assert (
        page.locator(SAID)
        .inner_text()
        .startswith("down4, channel 31, row 3, column 3: the network has not answered yet.")
    )
    assert page.get_by_text("show what it does see").is_hidden()
    assert page.get_by_label("channel", exact=True).get_attribute("max") == "31"


def test_the_bounds_of_the_state_are_the_same_in_the_page_and_in_python(run_js):
    bounds = run_js("return (await import('/xray.js')).XRAY_BOUNDS;")
    for name, bound in bounds.items():
        trait = XRay.class_traits()[name]
        expect = getattr(trait, "values", None) or ([trait.min, trait.max] if hasattr(trait, "min") else [False, True])
        assert bound == list(expect), name
    assert set(bounds) == set(XRay.class_trait_names(sync=True))


@pytest.mark.parametrize("width", [320, 360, 500, 700, 1280])
@pytest.mark.parametrize("size", [64, (48, 80), (81, 47)])
def test_no_stage_overlaps_another_or_leaves_the_picture(mount, width, size):
    page = mount(bench(size), width=width)
    overlaps = page.evaluate(
        """() => { const u = document.querySelector(".unet-xray-u").getBoundingClientRect(), boxes = [...document.querySelectorAll(".unet-xray-box")].map((n) => [n.dataset.stage, n.getBoundingClientRect()]), bad = [];
        for (const [name, a] of boxes) { if (a.left < u.left - 1 || a.right > u.right + 1 || a.top < u.top - 1 || a.bottom > u.bottom + 1) bad.push(name);
          for (const [other, b] of boxes) if (name < other && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) bad.push(`${name} ${other}`); }
        return bad; }"""
    )
    assert overlaps == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.unet-xray-label')).fontSize)") >= 12


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_jumps_from_stage_to_stage(mount, width):
    page = mount(bench(), width=width)
    heights = set()
    for stage in STAGES:
        page.locator(f"button[data-stage={stage}]").focus()
        page.keyboard.press("Enter")
        heights.add(page.evaluate("document.querySelector('.unet').offsetHeight"))
    assert len(heights) == 1


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_no_barrier_is_found(mount, width, scheme):
    page = mount(bench(gradient=True, gate1=30), width=width, scheme=scheme)
    page.add_style_tag(
        content="body { background: light-dark(#fff, #14181d); color-scheme: light dark; color: canvastext }"
    )
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document.querySelector('.unet'))")
    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []


@pytest.mark.alone
def test_a_whole_answer_is_drawn_within_6_ms(mount):
    page = mount(bench(stage="up4"), height=2000)
    times = page.evaluate(
        """async () => { const { ray, ui, answers } = window.bench, times = [];
        for (let i = 0; i < 60; i++) {
          await new Promise(requestAnimationFrame);
          const { stages, ...image } = answers[i % 2], fresh = Object.fromEntries(Object.entries(stages).map(([name, { data, shape }]) => [name, { data, shape }]));
          const start = performance.now();
          ray.update(fresh, image);
          ui.redraw();
          times.push(performance.now() - start);
        }
        return times.sort((a, b) => a - b); }"""
    )
    assert times[30] <= 6, f"median {times[30]:.1f} ms, p95 {times[56]:.1f} ms"
