"""The microscope against torch: every map, sum, statistic and share, the controls, links, and the code it copies."""

import gzip
import itertools
import json
import re
from copy import deepcopy

import numpy as np
import pytest
import torch
import traitlets
from torch import nn

from tests.widgets.driving import run_copied_code, say, set_slider, set_sliders
from unet_edu.activations import STAGES, microscope
from unet_edu.model import DoubleConv
from unet_edu.widgets import DoubleConvMicroscope, double_conv

HEIGHT, WIDTH = 7, 6
MODES = ("train", "eval")
PIXELS = [(0, 0), (0, 3), (3, 0), (3, 2), (HEIGHT - 1, 2), (2, WIDTH - 1), (HEIGHT - 1, WIDTH - 1)]
CHANNELS = {"conv1": "mid_channel", "bn1": "mid_channel", "relu1": "mid_channel"}
LABELS = {"mid_channel": "middle channel", "out_channel": "output channel", "row": "row", "column": "column"}


@pytest.fixture(scope="module")
def block():
    torch.manual_seed(0)
    block = DoubleConv(2, 3, mid_channels=4)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)  # negative ones turn the map over
            nn.init.normal_(module.bias)
    block(torch.rand(4, 2, 9, 9))  # running statistics that are neither 0 and 1 nor the batch's
    block.double_conv[4].bias.data[1] = -1e3  # channel 1 of the output is dead
    return block


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def seen(block, images):
    return microscope(block, images)


@pytest.fixture(scope="module")
def make(block, images):
    return lambda **traits: DoubleConvMicroscope.from_block(block, images, **traits)


def torchs(seen, stage, mode):
    return seen["input"] if stage == "input" else seen[mode][stage]


def number(text):
    return float(text.replace("−", "-"))


def value_in(said):
    """The value that a sentence ends in: a sum, what something becomes or stays, or a pixel."""
    told = re.search(r"(?:add up to|becomes|stays) (−?\d+(?:\.\d+)?)", said) or re.search(r": (−?\d+(?:\.\d+)?)", said)
    return number(told[1])


def choose_stage(page, stage):
    page.locator(f".unet-strip input[value={stage}]").check()


@pytest.mark.parametrize("mode", MODES)
def test_every_map_on_the_page_is_what_torch_said(run_js, make, seen, mode):
    maps = run_js(
        """const read = (await import("/microscope.js")).readings(arg.data), out = {};
        for (const stage of arg.stages) out[stage] = [0, 1].map((i) => Array.from({length: read.channels(stage)}, (_, c) => [...read.map(stage, arg.mode, i, c)]));
        return out;""",
        {"data": make().data, "mode": mode, "stages": ["input", *STAGES]},
    )
    for stage, values in maps.items():
        expected = torchs(seen, stage, mode)
        away = np.abs(np.array(values).reshape(expected.shape) - expected)
        assert (away <= 2e-6 * max(1, np.abs(expected).max())).all(), stage


MAPS = """const read = (await import("/microscope.js")).readings(arg), out = {};
    for (const mode of ["train", "eval"]) for (const stage of ["conv1", "bn1", "relu1", "conv2", "bn2", "relu2"])
      out[mode + " " + stage] = [0, 1].map((i) => Array.from({length: read.channels(stage)}, (_, c) => [...read.map(stage, mode, i, c)]));
    return out;"""


def test_guessed_maps_are_to_the_last_bit_those_that_travel_whole(run_js, block, images, monkeypatch):
    block = deepcopy(block)
    block.double_conv[0].weight.data[2] = 0  # a map without any step
    guessed = DoubleConvMicroscope.from_block(block, images).data
    monkeypatch.setattr(double_conv, "WORK", 0)
    whole = DoubleConvMicroscope.from_block(block, images).data
    assert (guessed["guessed"], whole["guessed"]) == (True, False)
    assert guessed["train"]["conv2"]["planes"] != whole["train"]["conv2"]["planes"]
    assert run_js(MAPS, guessed) == run_js(MAPS, whole)


def test_a_guess_that_is_far_off_costs_bytes_and_nothing_else(run_js, seen):
    noise = np.random.default_rng(0)
    other = {**seen, "weight": [noise.normal(0, 9, weight.shape).astype(np.float32) for weight in seen["weight"]]}
    right, wrong = (double_conv.state(what, ["a", "b"]) for what in (seen, other))
    packed = [len(gzip.compress(state["train"]["conv2"]["planes"].encode())) for state in (right, wrong)]
    assert packed[1] > 1.5 * packed[0]
    assert run_js(MAPS, wrong) == run_js(MAPS, right)


@pytest.mark.parametrize(("stage", "mode"), [("conv1", "train"), ("conv2", "train"), ("conv2", "eval")])
def test_products_add_up_to_torchs_convolution_at_every_pixel(run_js, make, seen, stage, mode):
    sums = run_js(
        """const m = await import("/microscope.js"), read = m.readings(arg.data), out = [];
        for (let i = 0; i < 2; i++) for (let c = 0; c < read.channels(arg.stage); c++) for (let y = 0; y < read.rows; y++) for (let x = 0; x < read.cols; x++)
          out.push(m.products(read, arg.stage, arg.mode, i, c, y, x).reduce((a, t) => a + t.sum, 0));
        return out;""",
        {"data": make().data, "stage": stage, "mode": mode},
    )
    expected = seen[mode][stage]
    assert np.abs(np.array(sums).reshape(expected.shape) - expected).max() < 5e-6  # three decimals are shown


@pytest.mark.parametrize(("stage", "mode"), [*itertools.product(("bn1", "bn2"), MODES)])
def test_formula_of_batchnorm_gives_torchs_value_at_every_pixel(run_js, make, seen, stage, mode):
    values = run_js(
        """const m = await import("/microscope.js"), read = m.readings(arg.data), before = "conv" + arg.stage.at(-1), out = [];
        for (let i = 0; i < 2; i++) for (let c = 0; c < read.channels(arg.stage); c++)
          out.push(...read.map(before, arg.mode, i, c).map((x) => m.normalise(x, read.norm(arg.stage, arg.mode, c))));
        return out;""",
        {"data": make().data, "stage": stage, "mode": mode},
    )
    expected = seen[mode][stage]
    away = np.abs(np.array(values).reshape(expected.shape) - expected).max((0, 2, 3))
    assert (away < 5e-6 * np.maximum(1, np.abs(expected).max((0, 2, 3)))).all()


def test_window_marks_the_cells_where_padding_puts_zeros(run_js):
    outside = run_js(
        """const m = await import("/microscope.js"), values = Float64Array.from({length: 12}, (_, i) => i + 1);
        return [0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => m.windowAt(values, 3, 4, r, c)));"""
    )
    padded = nn.functional.pad(torch.arange(1.0, 13).reshape(3, 4), [1, 1, 1, 1])
    for r, c in itertools.product(range(3), range(4)):
        window = padded[r : r + 3, c : c + 3].flatten().tolist()
        assert [value or None for value in window] == outside[r][c]


@pytest.mark.parametrize("mode", MODES)
def test_sentence_states_torchs_value_for_every_stage_and_border(mount, make, seen, mode):
    page = mount(make(mode=mode))
    for stage in ["input", *STAGES]:
        choose_stage(page, stage)
        key = CHANNELS.get(stage, "out_channel")
        channels = torchs(seen, stage, mode).shape[1]
        label = "image channel" if stage == "input" else LABELS[key]
        looks = list(zip(PIXELS, itertools.cycle(range(channels))))
        sentences = set_sliders(page, [{label: c, "row": row, "column": column} for (row, column), c in looks])
        for ((row, column), channel), said in zip(looks, sentences, strict=True):
            expected = float(torchs(seen, stage, mode)[0, channel, row, column])
            assert value_in(said) == pytest.approx(expected, abs=5.1e-4 + 1e-6 * abs(expected)), (stage, said)
            outside = 9 - (1 + (row > 0) + (row < HEIGHT - 1)) * (1 + (column > 0) + (column < WIDTH - 1))
            if stage.startswith("conv") and outside:
                assert f"{outside} of the 9 window cells lie outside" in said
            else:
                assert "outside" not in said


@pytest.mark.parametrize("mode", MODES)
def test_partial_sums_and_written_products_add_up_to_the_shown_total(mount, make, seen, mode):
    page = mount(make(stage="conv2", mode=mode, out_channel=2, mid_channel=3, row=4, column=5))
    cells = [number(text) for text in page.locator(".unet-formula tbody td").all_inner_texts()]
    assert len(cells) == 4 + 1  # middle channels, total
    assert sum(cells[:-1]) == pytest.approx(cells[-1], abs=0.5e-3 * 5)
    assert cells[-1] == pytest.approx(seen[mode]["conv2"][0, 2, 4, 5], abs=5.1e-4)
    line = page.locator(".unet-formula p").first.inner_text()
    factors = [number(text) for text in re.findall(r"−?\d[\d.]*", line)]
    assert len(factors) == 2 * 9 + 1
    products = sum(x * w for x, w in zip(factors[0:18:2], factors[1:18:2], strict=True))
    assert products == pytest.approx(factors[-1], abs=0.01)
    assert factors[-1] == cells[3]


@pytest.mark.parametrize("mode", MODES)
def test_written_batchnorm_formula_has_torchs_statistics(mount, make, seen, mode):
    page = mount(make(stage="bn1", mode=mode, mid_channel=2, row=1, column=1))
    line = page.locator(".unet-formula p").nth(1).inner_text()
    x, mean, var, eps, weight, bias, y = (
        number(text) for text in re.findall(r"−?\d[\d.]*", line.replace(" − ", " , "))
    )
    norm = seen[mode]["norm"][0]
    for shown, key in ((mean, "mean"), (var, "var"), (weight, "weight"), (bias, "bias")):
        assert shown == pytest.approx(norm[key][2], rel=2e-3, abs=5.1e-4), key
    assert eps == 1e-5
    assert x == pytest.approx(seen[mode]["conv1"][0, 2, 1, 1], abs=5.1e-4)
    assert (x - mean) / (var + eps) ** 0.5 * weight + bias == pytest.approx(y, abs=0.02)
    assert ("batch" in say(page)) == (mode == "train") or "running" in say(page)


def test_histogram_counts_like_torch(run_js, seen):
    values = seen["train"]["bn1"][:, 0].ravel()
    for low, high in ((-3.0, 3.0), (float(values.min()), float(values.max()))):
        counts = run_js("return [...(await import('/charts.js')).histogram(...arg)]", [values.tolist(), low, high, 20])
        assert sum(counts) == sum(low <= value <= high for value in values.tolist())
        assert (
            torch.histc(torch.tensor(values), 20, low, high).sub(torch.tensor(counts)).abs().sum() <= 2
        )  # edges round


@pytest.mark.parametrize("mode", MODES)
def test_statistics_under_the_histograms_are_those_of_the_batch(mount, make, seen, mode):
    page = mount(make(stage="relu2", mode=mode, out_channel=2))
    told = page.locator(".unet-batch .unet-note").all_inner_texts()
    for text, stage in zip(told, ("conv2", "bn2", "relu2"), strict=True):
        mean, spread = (number(part.split()[-1]) for part in text.split(","))
        values = seen[mode][stage][:, 2].astype(float)
        assert (mean, spread) == (pytest.approx(values.mean(), abs=5.1e-4), pytest.approx(values.std(), abs=5.1e-4))


@pytest.mark.parametrize(("stage", "mode"), [*itertools.product(("relu1", "relu2"), MODES)])
def test_shares_of_zeros_are_torchs_and_a_dead_channel_is_named(mount, make, seen, stage, mode):
    page = mount(make(stage=stage, mode=mode, image=1))
    zeros = seen[mode][stage] == 0
    text = page.locator(".unet-batch > p").last.inner_text()
    here, everywhere = (number(share) for share in re.findall(r"([\d.]+) %", text))
    assert here == pytest.approx(100 * zeros[1, 0].mean(), abs=0.051)
    assert everywhere == pytest.approx(100 * zeros[:, 0].mean(), abs=0.051)
    dead = np.flatnonzero(zeros.all((0, 2, 3)))
    if stage == "relu2":
        assert 1 in dead
    named = re.search(r"0 at every pixel: channel ([\d, ]+) of", text)
    assert (named[1].split(", ") if named else []) == [str(channel) for channel in dead]


@pytest.mark.parametrize(("stage", "mode"), [("input", "train"), *itertools.product(STAGES, MODES)])
def test_copied_code_runs_and_prints_the_shown_value(mount, make, seen, stage, mode):
    page = mount(make(stage=stage, mode=mode, mid_channel=1, out_channel=2, row=0, column=3))
    told, _ = run_copied_code(page)
    channel = {"input": 0}.get(stage, 1 if stage in CHANNELS else 2)
    expected = float(torchs(seen, stage, mode)[0, channel, 0, 3])
    assert float(told) == pytest.approx(expected, abs=5.1e-4 + 1e-6 * abs(expected))
    assert float(told) == pytest.approx(value_in(say(page)), abs=1.1e-3)


def test_stages_are_chosen_by_keyboard_and_by_picture(mount, make):
    page = mount(make())
    page.locator(".unet-strip input[value=conv1]").focus()
    page.keyboard.press("ArrowRight")
    assert say(page).startswith("BatchNorm 1")
    page.locator(".unet-strip label:has(input[value=relu2]) canvas").click()
    assert say(page).startswith("ReLU 2")


def test_arrow_keys_and_a_click_choose_a_pixel(mount, make):
    page = mount(make(row=0, column=0))
    writes = page.get_by_role("application").nth(1)
    writes.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert "row 1, column 2" in say(page)
    box = writes.bounding_box()
    writes.click(position={"x": box["width"] * 5.5 / WIDTH, "y": box["height"] * 6.5 / HEIGHT})
    assert "row 6, column 5" in say(page)


def test_link_restores_the_state_and_a_foreign_value_is_named(mount, make):
    page = mount(make())
    choose_stage(page, "bn2")
    set_slider(page, "row", 2)
    page.get_by_role("button", name="Link").click()
    again = mount(make(), fragment="#" + page.url.split("#")[1])
    assert say(again) == say(page)
    broken = mount(make(), fragment="#double-conv?row=7&column=1&stage=bn1")
    assert "row = 7" in broken.get_by_role("status").inner_text()
    assert say(broken).startswith("BatchNorm 1, channel 0, row 3, column 1")


def test_one_image_with_one_channel_needs_no_choice_of_either(mount):
    block = DoubleConv(1, 2)
    page = mount(DoubleConvMicroscope.from_block(block, torch.rand(1, 1, 5, 5)))
    assert page.locator("select").count() == 0
    assert page.get_by_label("image channel").count() == 0


def test_two_images_of_32_pixels_fit_in_20_kilobytes_on_the_wire():
    torch.manual_seed(0)
    data = DoubleConvMicroscope.from_block(DoubleConv(1, 4, mid_channels=6), torch.rand(2, 1, 32, 32)).data
    assert len(gzip.compress(json.dumps(data).encode())) <= 20_000


def test_without_data_the_way_to_get_them_is_named():
    with pytest.raises(TypeError, match=r"from_block\(block, images\)"):
        DoubleConvMicroscope()


@pytest.mark.parametrize(("name", "value", "most"), [("row", 7, 6), ("out_channel", 3, 2), ("image", 2, 1)])
def test_what_lies_beyond_the_data_is_refused_with_the_range(make, name, value, most):
    with pytest.raises(traitlets.TraitError, match=f"{name}={value} does not exist here; choose 0 to {most}"):
        make(**{name: value})


def test_inf_or_nan_is_refused_in_words(block):
    with pytest.raises(ValueError, match="inf or nan"):
        DoubleConvMicroscope.from_block(block, torch.full((1, 2, 4, 4), float("nan")))


def test_names_must_be_as_many_as_images(block, images):
    with pytest.raises(ValueError, match="3 names for 2 images"):
        DoubleConvMicroscope.from_block(block, images, names=["a", "b", "c"])


def test_unfolded_code_can_be_scrolled_by_keyboard_though_the_theme_took_its_tab_stop(mount, make):
    page = mount(make(stage="conv2"))
    page.locator("section pre").evaluate(
        "node => { node.tabIndex = -1 }"
    )  # as the theme does with what does not scroll
    page.get_by_text("The same in PyTorch").click()
    page.wait_for_function("document.querySelector('section pre').tabIndex === 0")


def test_pixels_stay_square_under_a_theme_that_pads_figures(mount, make):
    page = mount(make(stage="conv2"))
    page.add_style_tag(content="figure { padding: 0.5em } figcaption { padding: 0.3em }")
    widths = page.evaluate(
        "[...document.querySelectorAll('figure canvas')].filter(c => c.clientWidth && c.style.width).map(c => [parseFloat(c.style.width), c.clientWidth])"
    )
    assert len(widths) >= 8
    assert all(drawn == pytest.approx(shown, abs=0.5) for drawn, shown in widths)


def test_another_batch_is_drawn_anew_within_its_own_bounds(run_js, make, block):
    scope = make(stage="relu2", row=6, column=5, image=1, out_channel=2)
    before = scope.data
    torch.manual_seed(2)
    scope.look_at(block, torch.rand(1, 2, 5, 12), names=["mine"])
    assert (scope.image, scope.row, scope.column, scope.out_channel, scope.stage) == (0, 4, 5, 2, "relu2")
    state = {key: getattr(scope, key) for key in ("image", "row", "column", "in_channel", "mid_channel", "out_channel")}
    expected = microscope(block, scope.images)["train"]["relu2"][0, 2, 4, 5]
    drawn = run_js(
        """const { default: widget } = await import("/double_conv.js"), listeners = [], el = document.createElement("div");
        const values = { ...arg.state, row: 6, column: 5, image: 1, stage: "relu2", mode: "train", data: arg.before };
        const model = { get: (key) => values[key], set: (key, value) => { values[key] = value; }, save_changes() {},
          on: (names, call) => listeners.push([names.split(" "), call]),
          off: (names, call) => { for (const [i, l] of [...listeners.entries()].reverse()) if (l[1] === call) listeners.splice(i, 1); } };
        document.body.append(el);
        const leave = await widget.render({ model, el }), seen = () => ({ say: el.querySelector(".unet-say").textContent,
          sections: el.querySelectorAll("section").length, rows: [...el.querySelectorAll("input[type=range]")].map((node) => Number(node.max)),
          lists: el.querySelectorAll("select").length, listeners: listeners.length });
        const first = seen();
        Object.assign(values, arg.state, { data: arg.after });  // as ipywidgets does: all values first, then the news of each
        for (const key of ["row", "image", "data"]) for (const [names, call] of [...listeners]) if (names.includes(`change:${key}`)) call();
        const second = seen();
        leave();
        return { first, second, left: [el.childElementCount, listeners.length] };""",
        {"before": before, "after": scope.data, "state": state},
    )
    assert drawn["first"]["lists"] == 1
    assert drawn["second"]["lists"] == 0  # one image needs no choice
    assert drawn["second"]["sections"] == 1
    assert drawn["first"]["rows"][-2:] == [HEIGHT - 1, WIDTH - 1]
    assert drawn["second"]["rows"][-2:] == [4, 11]
    told = re.search(r"(?:becomes|stays) (−?\d+(?:\.\d+)?)", drawn["second"]["say"])
    assert number(told[1]) == pytest.approx(expected, abs=1e-3)
    assert drawn["second"]["listeners"] == drawn["first"]["listeners"]
    assert drawn["left"] == [0, 0]


def test_the_stage_names_its_channel_and_the_layers_before_it(make, block, images, seen):
    for stage in ("input", *STAGES):
        scope = make(stage=stage, mode="eval", in_channel=1, mid_channel=3, out_channel=2)
        with torch.no_grad():
            y = block.double_conv[: scope.depth].eval()(scope.images)[0, scope.channel]
        block.train()
        channel = 1 if stage == "input" else 3 if stage in CHANNELS else 2
        assert scope.channel == channel
        assert y.numpy() == pytest.approx(torchs(seen, stage, "eval")[0, channel], abs=1e-5)
