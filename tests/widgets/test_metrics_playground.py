"""The metrics playground against torch, the metrics and the losses: the scene, each distortion, paint and every number."""

import math
import re

import pytest
import torch
import torch.nn.functional as F
import traitlets

from tests.widgets.driving import run_copied_code, say, set_slider, set_sliders
from unet_edu.losses import cross_entropy
from unet_edu.metrics import count, dice, iou, mean_foreground, pixel_accuracy
from unet_edu.widgets import MetricsPlayground
from unet_edu.widgets.base import Bounded

SIDE = 32
OBJECTS = [(1, 9, 9, 7), (2, 9, 23, 6), (2, 23, 10, 5), (1, 22, 22, 5), (1, 28, 29, 3), (2, 17, 29, 2)]
CROSS = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)
START = {
    name: trait.default_value
    for name, trait in MetricsPlayground.class_traits(sync=True).items()
    if isinstance(trait, Bounded) or name in ("scene", "pen", "painted")
}
STATES = {
    "as it starts": {},
    "perfect": {"column_shift": 0, "row_shift": 0, "lost": 0},
    "over the edge": {"column_shift": -12, "row_shift": 12, "size": 10},
    "eroded": {"erode": 2, "lost": 0, "size": 10},
    "dilated into one another": {"dilate": 5, "lost": 0, "size": 10},
    "opened": {"erode": 2, "dilate": 2, "size": 10, "column_shift": 0},
    "eaten up": {"erode": 6},
    "classes exchanged": {"mistaken": 6, "lost": 0},
    "lost and mistaken": {"mistaken": 3, "lost": 2, "dilate": 1},
    "no crystal in either": {"scene": "cells", "lost": 0},
    "crystals where there are none": {"scene": "cells", "mistaken": 1, "lost": 0},
    "nothing but crystals, none true": {"scene": "cells", "mistaken": 6, "lost": 0},
    "nothing predicted": {"lost": 6},
    "nothing in either": {"scene": "nothing"},
    "painted on nothing": {"scene": "nothing", "painted": "u100c7u25x9"},
    "objects shrunk away": {"size": 0},
    "smallest objects": {"size": 1, "column_shift": 0, "row_shift": 0},
    "unsure": {"confidence": 34},
    "painted": {"painted": "u40c3u29b5x2u300b200", "row_shift": -4, "erode": 1, "confidence": 99},
    "painted over": {"painted": "x1024"},
}
every_state = pytest.mark.parametrize("change", STATES.values(), ids=STATES)


def drawn(objects, tenths):
    """Class of each pixel, from floating-point distances."""
    rows, columns = torch.meshgrid(*[torch.arange(SIDE, dtype=torch.float64)] * 2, indexing="ij")
    mask = torch.zeros(SIDE, SIDE, dtype=torch.int64)
    for label, shape, row, column, radius in objects:
        way = torch.stack([rows - row, columns - column])
        mask[way.norm(2 if shape == 1 else torch.inf, dim=0) < radius * tenths / 10 - 1e-9] = label
    return mask


def eroded(mask):
    """Each class by a convolution with the cross, background outside: a pixel stays where all five belong to it."""
    new = torch.zeros_like(mask)
    for label in (1, 2):
        there = F.conv2d((mask == label).float()[None, None], CROSS, padding=1)[0, 0]
        new[there == 5] = label
    return new


def dilated(mask):
    """Each class by a convolution with the cross, into the background only; the larger number wins."""
    new = mask.clone()
    for label in (1, 2):
        there = F.conv2d((mask == label).float()[None, None], CROSS, padding=1)[0, 0]
        new[(there > 0) & (mask == 0)] = label
    return new


def moved(mask, down, right):
    wide = F.pad(mask, (SIDE,) * 4)
    return wide[SIDE - down : 2 * SIDE - down, SIDE - right : 2 * SIDE - right]


def judged(change):
    """(prediction, mask) of a state, by torch."""
    state = START | change
    objects = [(label, label, *rest) for label, *rest in OBJECTS]
    objects = [o for o in objects if state["scene"] == "both" or (state["scene"] == "cells" and o[0] == 1)]
    found = objects[: len(objects) - min(len(objects), state["lost"])]
    found = [((3 - o[0]) if i < state["mistaken"] else o[0], *o[1:]) for i, o in enumerate(found)]
    predicted = drawn(found, state["size"])
    for _ in range(state["erode"]):
        predicted = eroded(predicted)
    for _ in range(state["dilate"]):
        predicted = dilated(predicted)
    predicted = moved(predicted, state["row_shift"], state["column_shift"]).flatten().tolist()
    if state["painted"] != "none":
        text = "".join(letter * int(run) for letter, run in re.findall(r"(\w)(\d+)", state["painted"]))
        for i, letter in enumerate(text):
            predicted[i] = predicted[i] if letter == "u" else "bcx".index(letter)
    return torch.tensor(predicted).view(SIDE, SIDE), drawn(objects, state["size"])


def loss(predicted, mask, confidence):
    p = confidence / 100
    probabilities = torch.full((SIDE, SIDE, 3), (1 - p) / 2, dtype=torch.float64)
    probabilities[F.one_hot(predicted, 3).bool()] = p
    return cross_entropy(probabilities.log().movedim(-1, 0)[None], mask[None]).item()


def expected(change):
    """The ten values of the table, from the judges."""
    predicted, mask = judged(change)
    matrix = count(predicted, mask, n_classes=3)
    pairs = [score for both in zip(iou(matrix).tolist(), dice(matrix).tolist(), strict=True) for score in both]
    means = [mean_foreground(iou(matrix)), mean_foreground(dice(matrix))]
    return [pixel_accuracy(matrix), *pairs, *means, loss(predicted, mask, (START | change)["confidence"])]


READ = """() => {
  const all = (selector, cell) => [...document.querySelectorAll(selector)].map((row) => row.cells[cell].textContent);
  return [all(".unet-formula tbody tr", 2), all(".unet-formula tbody tr", 1), all(".unet-scores > table tr", 1),
    [...document.querySelectorAll(".unet-confusion tbody tr")].map((row) => [...row.querySelectorAll("td")].map((node) => Number(node.textContent)))];
}"""


def numbers(texts):
    return [math.nan if text == "no score" else float(text) for text in texts]


# --- the arithmetic ---


@every_state
def test_scene_and_its_spoilt_copy_are_torchs(run_js, change):
    predicted, mask = judged(change | {"painted": "none"})
    spoilt = run_js(
        """const { spoil } = await import("/distortions.js"), { truth, spoilt } = spoil(arg);
        return [[...truth], [...spoilt]];""",
        START | change,
    )
    assert spoilt == [mask.flatten().tolist(), predicted.flatten().tolist()]


@pytest.mark.parametrize("side", [1, 2, 7, 16])
def test_a_step_of_erosion_or_dilation_is_a_convolution_with_a_cross(run_js, side):
    noise = torch.randint(3, (20, side, side), generator=torch.Generator().manual_seed(side))
    noise[10:] = dilated(noise[10]).expand(10, side, side) if side > 1 else noise[10:]
    answers = run_js(
        """const { erodeClasses, dilateClasses } = await import("/distortions.js");
        return arg[0].map((map) => [erodeClasses, dilateClasses].map((step) => [...step(Uint8Array.from(map), arg[1])]));""",
        [noise.flatten(1).tolist(), side],
    )
    judge = [[step(mask).flatten().tolist() for step in (eroded, dilated)] for mask in noise]
    assert answers == judge


def test_erosion_and_dilation_of_one_class_are_pooling_over_the_cross(run_js):
    one = torch.zeros(SIDE, SIDE)
    one[4:20, 6:30] = one[25:, :9] = one[11, 3] = 1
    wide = F.pad(one, (1,) * 4)
    cross = torch.stack([one, wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]])
    answers = run_js(
        """const { erodeClasses, dilateClasses } = await import("/distortions.js"), map = Uint8Array.from(arg);
        return [erodeClasses, dilateClasses].map((step) => [...step(map)]);""",
        one.flatten().int().tolist(),
    )
    assert answers == [cross.amin(0).flatten().tolist(), cross.amax(0).flatten().tolist()]
    assert one.sum() > sum(answers[0]) > 0
    assert sum(answers[1]) > one.sum()


@pytest.mark.parametrize("confidence", [34, 50, 90, 99])
@every_state
def test_cross_entropy_of_one_confidence_is_torchs(run_js, change, confidence):
    predicted, mask = judged(change)
    right = int((predicted == mask).sum())
    value = run_js(
        "const { evenCrossEntropy } = await import('/masks.js'); return evenCrossEntropy(...arg);",
        [right, SIDE**2 - right, confidence / 100, 3],
    )
    assert value == pytest.approx(loss(predicted, mask, confidence), rel=1e-12)


@pytest.mark.parametrize("scores", [[0.9, 0.5, 0.25], [0.9, None, 0.25], [None, None, None], [0.3, 0.0, 1.0]])
def test_foreground_mean_leaves_out_what_has_no_score(run_js, scores):
    mean = run_js(
        """const { meanForeground } = await import("/masks.js"), mean = meanForeground(arg.map((v) => v ?? NaN));
        return Number.isNaN(mean) ? null : mean;""",
        scores,
    )
    judge = mean_foreground(torch.tensor([math.nan if score is None else score for score in scores]))
    assert (math.nan if mean is None else mean) == pytest.approx(judge, nan_ok=True)


def test_painted_pixels_come_back_from_their_code(run_js):
    generator = torch.Generator().manual_seed(0)
    painted = [torch.full((SIDE**2,), -1), torch.full((SIDE**2,), 2), torch.arange(SIDE**2) % 4 - 1]
    painted += [torch.randint(-1, 3, (SIDE**2,), generator=generator) for _ in range(5)]
    painted += [torch.where(torch.rand(SIDE**2, generator=generator) < 0.9, -1, p) for p in painted[3:]]
    told = run_js(
        """const { paintCode, paintOf, isPaintCode } = await import("/distortions.js");
        return arg.map((paint) => { const code = paintCode(Int8Array.from(paint)); return [code, [...paintOf(code)], isPaintCode(code)]; });""",
        [paint.tolist() for paint in painted],
    )
    for (code, back, fine), paint in zip(told, painted, strict=True):
        assert back == paint.tolist()
        assert fine
        assert MetricsPlayground(painted=code).painted == code
    assert [code for code, _, _ in told[:2]] == ["none", "x1024"]


@pytest.mark.parametrize(
    "code", ["", "u", "3c", "c0", "c-1", "c1.5", "q4", "U4", "x1025", "u1000c25", "c٣", "none ", "c3\n"]
)
def test_a_code_of_no_painted_pixels_is_refused_in_page_and_python(run_js, code):
    assert not run_js("const { isPaintCode } = await import('/distortions.js'); return isPaintCode(arg);", code)
    with pytest.raises(traitlets.TraitError, match=f"painted={re.escape(repr(code))}: (write runs|1025 pixels, but)"):
        MetricsPlayground(painted=code)


# --- what the page shows ---


@every_state
def test_every_number_of_the_page_equals_the_metrics(mount, change):
    page = mount(MetricsPlayground(**change))
    values, now, bars, matrix = page.evaluate(READ)
    judge = expected(change)
    assert numbers(values) == pytest.approx(judge, abs=5.1e-5, nan_ok=True)
    assert numbers(bars) == pytest.approx([judge[i] for i in (0, 7, 8, 9)], abs=5.1e-5, nan_ok=True)
    counts = count(*judged(change), n_classes=3)
    sums = [*counts.sum(dim=0).tolist(), counts.sum().item()]
    assert matrix == [[*row.tolist(), row.sum().item()] for row in counts] + [sums]
    for text, value in zip(now, judge, strict=True):
        if math.isnan(value):
            assert text in ("0 / 0: in neither mask nor prediction", "no class has a score")
        else:
            term = re.sub(r"−ln ([\d.]+)", lambda found: str(-math.log(float(found[1]))), text)
            assert eval(term.replace("·", "*").replace("−", "-")) == pytest.approx(value, abs=1e-4)


def test_every_position_of_every_slider_equals_the_metrics(mount):
    page = mount(MetricsPlayground())
    labels = {"shift right": "column_shift", "shift down": "row_shift", "erode": "erode", "dilate": "dilate"}
    labels |= {
        "lost objects": "lost",
        "wrong class": "mistaken",
        "size, tenths": "size",
        "confidence, %": "confidence",
    }
    traits = MetricsPlayground.class_traits()
    for label, key in labels.items():
        values = list(range(traits[key].min, traits[key].max + 1))
        shown = set_sliders(page, [{label: value} for value in values], READ)
        set_slider(page, label, START[key])
        for value, (texts, *_) in zip(values, shown, strict=True):
            assert numbers(texts) == pytest.approx(expected({key: value}), abs=5.1e-5, nan_ok=True), (key, value)


@every_state
def test_copied_code_runs_and_prints_the_shown_numbers(mount, change):
    page = mount(MetricsPlayground(**change))
    told, names = run_copied_code(page)
    predicted, mask = judged(change)
    assert torch.equal(names["predicted"], predicted)
    assert torch.equal(names["mask"], mask)
    matrix, first, *scores = told.splitlines()
    assert eval(matrix) == count(predicted, mask, n_classes=3).tolist()
    values = numbers(page.evaluate(READ)[0])
    printed = [float(word) for line in (first, *scores) for word in re.findall(r"nan|\d+\.\d+", line)]
    shown = [values[0], values[9], *values[1:7:2], values[7], *values[2:7:2], values[8]]
    assert printed == pytest.approx(shown, abs=1.1e-4, nan_ok=True)


@pytest.mark.parametrize(
    ("change", "words"),
    {
        "as it starts": ({}, ["pixels are right", "background everywhere would reach 0.748"]),
        "perfect": (STATES["perfect"], ["1024 of 1024 pixels are right", "Only cross-entropy still asks"]),
        "class in neither": (STATES["no crystal in either"], ["There is no crystal in either: no score"]),
        "class only predicted": (
            STATES["crystals where there are none"],
            ["mask has no crystal", "make its IoU and Dice 0"],
        ),
        "class only true": ({"lost": 6, "painted": "u4x9"}, ["No cell is predicted: its IoU and Dice are 0"]),
        "empty prediction": (STATES["nothing predicted"], ["Nothing but background is predicted"]),
        "both empty": (STATES["nothing in either"], ["The mask has no objects. Nor has", "0 / 0"]),
        "false alarm on nothing": (
            {"scene": "nothing", "painted": "u9c1"},
            ["has no cell, so 1 predicted pixel makes"],
        ),
        "confidence": ({"confidence": 50}, ["Cross-entropy 0."]),
    }.values(),
)
def test_sentence_says_what_is_seen(mount, change, words):
    text = say(mount(MetricsPlayground(**change)))
    for part in words:
        assert part in text


def test_what_the_confidence_means_is_said(mount):
    page = mount(MetricsPlayground(confidence=50))
    told = page.locator(".unet-scores").inner_text()
    assert "Each pixel gives its class the probability 0.5 and the two others 0.25 each." in told


def test_smaller_objects_raise_accuracy_and_lower_iou_and_dice(mount):
    page = mount(MetricsPlayground(lost=0))
    steps = set_sliders(page, [{"size, tenths": size} for size in range(10, 2, -1)], READ)
    accuracy, mean_iou, mean_dice = ([numbers(values)[i] for values, *_ in steps] for i in (0, 7, 8))
    assert accuracy == sorted(accuracy)
    assert mean_iou == sorted(mean_iou, reverse=True)
    assert mean_dice == sorted(mean_dice, reverse=True)
    assert accuracy[-1] > 0.9
    assert mean_iou[-1] < 0.25


def test_opening_brings_the_larger_objects_back_and_loses_the_two_smallest(run_js):
    state = START | {"lost": 0, "row_shift": 0, "column_shift": 0, "erode": 3, "dilate": 3}
    spoilt = run_js("const { spoil } = await import('/distortions.js'); return [...spoil(arg).spoilt]", state)
    opened = torch.tensor(spoilt).view(SIDE, SIDE)
    kept = [int(opened[row, column]) for _, row, column, _ in OBJECTS]
    assert kept == [1, 2, 2, 1, 0, 0]
    assert 0 < int((judged({**state, "erode": 0, "dilate": 0})[0] > 0).sum()) - int((opened > 0).sum()) < 100


def test_confidence_moves_cross_entropy_alone_which_is_least_at_the_accuracy(mount):
    page = mount(MetricsPlayground())
    shown = [numbers(values) for values, *_ in set_sliders(page, [{"confidence, %": p} for p in range(34, 100)], READ)]
    assert len({tuple(values[:9]) for values in shown}) == 1
    losses = [values[9] for values in shown]
    assert 34 + losses.index(min(losses)) == round(100 * shown[0][0])


def test_paint_of_a_class_that_is_absent_halves_the_mean_iou(mount):
    before, after = (
        numbers(mount(MetricsPlayground(scene="cells", painted=code)).evaluate(READ)[0]) for code in ("none", "x3")
    )
    assert before[7] == before[3]
    assert after[7] == pytest.approx(before[7] / 2, abs=1e-4)


HUES = """(n) => { const c = document.querySelectorAll(".unet-stage figure canvas")[n], pen = c.getContext("2d"), size = (c.width - 6) / 32, hues = new Map();
  const { data } = pen.getImageData(0, 0, c.width, c.height), found = [];
  for (let r = 0; r < 32; r++) for (let k = 0; k < 32; k++) { const seen = new Set(); // less the lines between cells
    for (let y = 1; y < size - 1; y++) for (let x = 1; x < size - 1; x++) { const i = 4 * (Math.floor(3 + r * size + y) * c.width + Math.floor(3 + k * size + x)); seen.add(data.slice(i, i + 3).join()); }
    found.push([...seen]); }
  return found; }"""


def test_agreement_is_drawn_in_five_colours_and_each_mistake_has_a_pattern(mount):
    change = {"mistaken": 2, "size": 10}
    page = mount(MetricsPlayground(**change))
    predicted, mask = judged(change)
    kinds = {
        "ground": (predicted == 0) & (mask == 0),
        "hit": (predicted == mask) & (mask > 0),
        "missed": (predicted == 0) & (mask > 0),
        "alarm": (predicted > 0) & (mask == 0),
        "other": (predicted != mask) & (predicted > 0) & (mask > 0),
    }
    roles = {"ground": "zero", "hit": "output", "missed": "cut", "alarm": "added", "other": "quiet"}
    seen = page.evaluate(HUES, 1)
    for kind, there in kinds.items():
        colour = page.evaluate(
            f"getComputedStyle(document.querySelector('.unet')).getPropertyValue('--unet-{roles[kind]}')"
        )
        fill = ",".join(str(int(colour.strip()[i : i + 2], 16)) for i in (1, 3, 5))
        cells = [set(hues) for hues, inside in zip(seen, there.flatten().tolist(), strict=True) if inside]
        assert cells
        assert all(fill in hues for hues in cells), kind
        assert (len(set.union(*cells)) > 1) == (kind in ("missed", "alarm", "other")), kind  # a pattern doubles it


# --- painting ---


def state_of(page):
    """The painted pixels as the link tells them."""
    page.get_by_role("button", name="Link to this state").click()
    page.wait_for_function("location.hash")
    return re.search(r"painted=(\w+)", page.url)[1]


def centre(page, row, column):
    box = page.locator("canvas[role=application]").bounding_box()
    size = (box["width"] - 6) / SIDE
    return box["x"] + 3 + (column + 0.5) * size, box["y"] + 3 + (row + 0.5) * size


@pytest.mark.parametrize("width", [1280, 360])
def test_a_stroke_of_the_mouse_paints_and_every_number_follows(mount, width):
    page = mount(MetricsPlayground(brush=1, pen="crystal"), width=width)
    page.mouse.move(*centre(page, 2, 3))
    page.mouse.down()
    page.mouse.move(*centre(page, 2, 12))
    page.mouse.up()
    code = state_of(page)
    assert code == "u67x10"
    assert numbers(page.evaluate(READ)[0]) == pytest.approx(expected({"painted": code}), abs=5.1e-5)
    assert "Painted: 10 pixels" in page.locator(".unet-told").inner_text()


def test_a_finger_paints(browser, mounted):
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(mounted(MetricsPlayground(brush=2)))
    page.wait_for_selector("html[data-widgets=ready]")
    page.locator("canvas[role=application]").scroll_into_view_if_needed()
    touch = context.new_cdp_session(page)
    for kind, cell in (("touchStart", (5, 5)), ("touchMove", (5, 9)), ("touchEnd", None)):
        points = [dict(zip("xy", centre(page, *cell), strict=True))] if cell else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    told = page.locator(".unet-told").inner_text()
    context.close()
    assert "Painted: 12 pixels" in told


def test_keys_move_the_pen_and_paint_and_the_place_is_told(mount):
    page = mount(MetricsPlayground(brush=1, size=10))
    page.locator("canvas[role=application]").focus()
    for key in (
        ["Shift+ArrowUp"] * 4 + ["Shift+ArrowLeft"] * 4 + ["ArrowDown", "ArrowRight", "Space", "ArrowRight", "Enter"]
    ):
        page.keyboard.press(key)
    told = page.locator(".unet-told").inner_text()
    assert "Row 1, column 2: true background, predicted cell." in told
    assert state_of(page) == "u33c2"


def test_paint_is_taken_off_by_its_pen_and_all_at_once(mount):
    page = mount(MetricsPlayground(brush=1, painted="u33c3"))
    page.get_by_label("take paint off").check()
    page.mouse.click(*centre(page, 1, 2))
    assert state_of(page) == "u33c1u1c1"
    page.get_by_role("button", name="Take all paint off").click()
    assert state_of(page) == "none"
    assert "Painted: 0 pixels" in page.locator(".unet-told").inner_text()


def test_paint_stays_where_it_is_while_the_prediction_moves_below(mount):
    page = mount(MetricsPlayground(painted="u33c3"))
    set_slider(page, "shift right", 9)
    values = numbers(page.evaluate(READ)[0])
    assert values == pytest.approx(expected({"painted": "u33c3", "column_shift": 9}), abs=5.1e-5)


@pytest.mark.parametrize("brush", range(1, 7))
def test_a_wide_pen_is_cut_at_the_rim(mount, brush):
    page = mount(MetricsPlayground(brush=brush, scene="nothing"))
    after, before = brush - (brush - 1) // 2, (brush - 1) // 2 + 1
    page.mouse.click(*centre(page, 0, 0))
    assert f"Painted: {after**2} pixels" in page.locator(".unet-told").inner_text()
    page.mouse.click(*centre(page, 31, 31))
    assert f"Painted: {after**2 + before**2} pixels" in page.locator(".unet-told").inner_text()


def test_nothing_jumps_while_sliders_and_pens_move(mount):
    for width in (1280, 820, 360):
        page = mount(MetricsPlayground(), width=width)
        sizes = "[document.querySelector('.unet'), ...document.querySelectorAll('.unet table')].map((n) => [n.offsetWidth, n.offsetHeight]).join()"
        before = page.evaluate(sizes)
        steps = [
            {"lost objects": 6},
            {"lost objects": 0, "wrong class": 6},
            {"shift right": -12},
            {"confidence, %": 99},
            {"size, tenths": 0},
        ]
        assert set(set_sliders(page, steps, f"() => {sizes}")) == {before}
        for label in ("cells only", "nothing", "take paint off"):
            page.get_by_label(label, exact=True).check()
            assert page.evaluate(sizes) == before
        page.locator("canvas[role=application]").focus()
        assert page.evaluate(sizes) == before
