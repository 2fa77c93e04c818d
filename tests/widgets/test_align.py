"""align.js against torch: sizes, F.pad's arguments, the values of every way, and its shifts by coordinate ramps."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.cases import skip_cases, trace_cases
from tests.widgets.joining import LEVELS, UPS, WAYS, double, entering, fed, make_equal, torch_joined
from unet_edu.shapes import unet_trace

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
