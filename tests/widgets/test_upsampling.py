"""The up-sampling bench against torch: values, positions, weights, the code it copies, and its controls."""

import pytest
import torch
import torch.nn.functional as F

from tests.widgets.driving import run_copied_code, say
from unet_edu.widgets import UpsamplingBench

WAYS = [("bilinear", True), ("bilinear", False), ("nearest", True), ("transposed_4", True), ("transposed_2", True)]
TAPS = {"transposed_4": [0.25, 0.75, 0.75, 0.25], "transposed_2": [1.5, 0.5]}


def torch_doubles(x, mode, align):
    """A row (n,) doubled by torch."""
    x = x[None, None]
    if mode in TAPS:
        weight = torch.tensor(TAPS[mode])[None, None]
        return F.conv_transpose1d(x, weight, stride=2, padding=len(TAPS[mode]) // 2 - 1)[0, 0]
    if mode == "nearest":
        return F.interpolate(x, scale_factor=2)[0, 0]
    return F.interpolate(x, scale_factor=2, mode="linear", align_corners=align)[0, 0]


def shown_row(page):
    page.locator("details.unet-numbers").evaluate("node => { node.open = true }")
    page.wait_for_selector(".unet-output td")
    return torch.tensor([float(text) for text in page.locator(".unet-output td").all_inner_texts()])


@pytest.mark.parametrize(("mode", "align"), WAYS)
def test_weights_of_every_size_are_torchs(run_js, mode, align):
    rows = run_js(
        """const m = await import("/upsampling.js"), [mode, align] = arg;
        return [...Array(10)].map((_, s) => { const n = s + 1; return [...Array(2 * n)].map((_, j) => {
          const row = Array(n).fill(0); m.sources({ mode, align, n }, j).forEach((s) => { row[s.i] += s.weight; }); return row; }); });""",
        [mode, align],
    )
    for n, weights in enumerate(rows, 1):
        expected = torch.stack([torch_doubles(one, mode, align) for one in torch.eye(n)], dim=1)
        torch.testing.assert_close(torch.tensor(weights, dtype=torch.float32), expected)


@pytest.mark.parametrize("input", ["digits", "ramp", "constant", "impulse"])
@pytest.mark.parametrize(("mode", "align"), WAYS)
def test_table_of_the_page_equals_torch(mount, run_js, mode, align, input):
    page = mount(UpsamplingBench(mode=mode, align_corners=align, input=input, input_size=5))
    row = run_js("const m = await import('/upsampling.js'); return [0,1,2,3,4].map(i => m.rowValue(arg, 5, i))", input)
    expected = torch_doubles(torch.tensor(row, dtype=torch.float32), mode, align)
    torch.testing.assert_close(shown_row(page), expected, atol=6e-5, rtol=0)


def test_step_is_said_and_depends_on_the_size_only_with_align_corners(mount):
    page = mount(UpsamplingBench(input_size=4))
    assert f"= {3 / 7:.4f} apart. With one pixel more they would be {4 / 9:.4f} apart." in say(page)
    page.get_by_label("align_corners").uncheck()
    assert "0.5 apart for every input size" in say(page)


def test_edge_of_the_transposed_convolution_is_said_to_be_darker(mount):
    page = mount(UpsamplingBench(mode="transposed_4", input="constant", pixel=0))
    assert "y[0] = 0.75 · 4 = 3." in say(page)
    assert "add up to 0.75 only" in say(page)
    page.get_by_label("output pixel", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert "add up" not in say(page)


def test_align_corners_is_offered_for_bilinear_only(mount):
    page = mount(UpsamplingBench(mode="nearest"))
    assert page.get_by_label("align_corners").is_hidden()
    page.get_by_label("mode").select_option("bilinear")
    assert page.get_by_label("align_corners").is_visible()


def test_arrow_keys_and_pointer_choose_an_output_pixel(mount):
    page = mount(UpsamplingBench())
    canvas = page.get_by_role("application")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    assert "y[4] =" in say(page)
    box = canvas.bounding_box()
    page.mouse.move(
        box["x"] + 3 + 7.5 * 44, box["y"] + 3 + 6.5 * 44
    )  # the eighth of eight cells, 44 pixels each, in the last row
    assert "y[7] =" in say(page)
    page.keyboard.press("ArrowRight")  # at the end it stays
    assert "y[7] =" in say(page)


@pytest.mark.parametrize(("mode", "align"), WAYS)
def test_copied_code_runs_and_gives_the_shown_values(mount, mode, align):
    page = mount(UpsamplingBench(mode=mode, align_corners=align))
    told, namespace = run_copied_code(page)
    assert told.startswith("(1, 1, 8)")
    torch.testing.assert_close(shown_row(page), namespace["y"][0, 0].detach(), atol=6e-5, rtol=0)
