"""What every widget owes its reader, whatever it shows: refusals in words, drawing that only reads, reset, link, copied code."""

import json
from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qsl

import anywidget
import numpy as np
import pytest
import torch
import traitlets

import unet_edu.widgets
from unet_edu.data import ToyCells
from unet_edu.film import Take, shoot
from unet_edu.model import DoubleConv
from unet_edu.widgets import (
    ConvBench,
    ConvTransposeBench,
    DoubleConvMicroscope,
    MetricsPlayground,
    OverlapLab,
    Question,
    SkipAlignmentLab,
    ThresholdLab,
    TrainingFilm,
    UNetTrace,
    UpsamplingBench,
)
from unet_edu.widgets.base import Bounded, Choice

TINY = {"width": 2, "size": 32, "n_train": 4, "n_held_out": 3, "epochs": 3, "batch_size": 2}


class Example(NamedTuple):
    """How a class is tried: how one is made, a second state, its widest state, a misspelt argument."""

    make: type
    other: dict
    widest: dict
    misspelt: str
    meant: str


def microscope(**traits):
    torch.manual_seed(0)
    block, images = DoubleConv(2, 3, mid_channels=4), torch.rand(2, 2, 7, 6)
    return DoubleConvMicroscope.from_block(block, images, **{"out_channel": 2, "mid_channel": 1} | traits)


@cache
def two_reels():
    takes = [Take("one", **TINY), Take("two", max_lr=0.01, batch_norm=False, smooth=True, **TINY)]
    return [shoot(take, shown=2, n_moments=4) for take in takes]


def film(**traits):
    return TrainingFilm(two_reels(), ToyCells(3, 32, seed=1, held_out=True), **{"reel": 1, "moment": 2} | traits)


def question(**traits):
    return Question("How large is `y`?", 7, "Because `3 + 4`.", **traits)


EXAMPLES = {
    ConvBench: Example(
        ConvBench,
        {"operation": "max_pool", "ceil_mode": True, "input_size": 9, "stride": 3, "input": "step", "row": 2},
        {"input_size": 12, "padding": 4, "kernel_size": 5},
        "kernel",
        "kernel_size",
    ),
    ConvTransposeBench: Example(
        ConvTransposeBench,
        {"stride": 3, "kernel_size": 4, "input": "constant", "view": "overlaps", "row": 0, "stamps": 2},
        {"input_size": 8, "kernel_size": 6, "stride": 4, "dilation": 3},
        "kernel",
        "kernel_size",
    ),
    DoubleConvMicroscope: Example(
        microscope,
        {"stage": "bn2", "mode": "eval", "image": 1, "row": 2, "column": 5},
        {"stage": "conv2"},
        "colum",
        "column",
    ),
    MetricsPlayground: Example(
        MetricsPlayground,
        {"row_shift": -3, "erode": 1, "mistaken": 2, "scene": "cells", "confidence": 60, "pen": "crystal", "brush": 4}
        | {"painted": "u40c3u29x5b2"},
        {"size": 10, "lost": 6, "scene": "cells", "painted": "x1024"},
        "column_shft",
        "column_shift",
    ),
    OverlapLab: Example(
        OverlapLab, {"column_shift": -7, "row_shift": 2, "radius": 5, "side": 96}, {"side": 192}, "raduis", "radius"
    ),
    Question: Example(question, {"given": "3"}, {}, "promt", "prompt"),
    SkipAlignmentLab: Example(
        SkipAlignmentLab,
        {"width": 300, "way": "crop", "level": "up3", "up": "bilinear", "axis": "height", "position": 10},
        {"height": 600, "width": 599, "way": "pad_input"},
        "heigth",
        "height",
    ),
    ThresholdLab: Example(
        ThresholdLab, {"threshold": 77, "picture": 3, "objects": "darker"}, {"picture": 0}, "treshold", "threshold"
    ),
    TrainingFilm: Example(
        film, {"reel": 0, "moment": 3, "smooth": 2, "compare": False}, {"moment": 3}, "momemt", "moment"
    ),
    UNetTrace: Example(
        UNetTrace,
        {"height": 250, "bilinear": True, "stage": "up2", "channels": 8, "n_classes": 5},
        {"height": 600, "width": 600},
        "bilinea",
        "bilinear",
    ),
    UpsamplingBench: Example(
        UpsamplingBench,
        {"align_corners": False, "input": "ramp", "input_size": 6, "pixel": 1},
        {"input_size": 10},
        "align_corner",
        "align_corners",
    ),
}
STATEFUL = [widget for widget in EXAMPLES if widget is not Question]  # a question has an answer, no state to share

# What stands in a widget: its words, a hash of each picture and the values of its controls, less the note about a copy or a link.
READ = """(root) => {
  const all = (selector) => [...root.querySelectorAll(selector)];
  const hash = (canvas) => { const { width, height } = canvas, pen = canvas.getContext("2d"); let sum = 0;
    if (width * height) for (const pixel of new Uint32Array(pen.getImageData(0, 0, width, height).data.buffer)) sum = (sum * 31 + pixel) | 0;
    return `${width} x ${height}: ${sum}`; };
  return JSON.stringify([all(".unet-body, .unet-error, .unet-say, .unet-formula, .unet-numbers").map((node) => node.innerText),
    all("canvas").filter((node) => node.checkVisibility()).map(hash), all("svg").map((node) => node.textContent),
    all("input, select").map((node) => [node.value, node.checked])]); }"""


def name(widget):
    return widget.__name__


def each(widgets):
    marked = [pytest.param(widget, id=name(widget), marks=pytest.mark.xdist_group(name(widget))) for widget in widgets]
    return pytest.mark.parametrize("widget", marked, scope="module")


def own_traits(widget):
    """The synced traits that the class declares itself."""
    stock = anywidget.AnyWidget.class_trait_names()
    return {key: trait for key, trait in widget.class_traits(sync=True).items() if key not in stock and key[0] != "_"}


def test_every_widget_has_an_example():
    assert {name(widget) for widget in EXAMPLES} == set(unet_edu.widgets.__all__)


# --- Python: what is refused ---


@each(EXAMPLES)
def test_an_unknown_argument_is_named_with_its_cure(widget):
    example = EXAMPLES[widget]
    with pytest.raises(TypeError, match=f"{name(widget)} .*{example.misspelt!r}; did you mean {example.meant!r}"):
        example.make(**{example.misspelt: 1})
    with pytest.raises(TypeError, match=f"{name(widget)} .*'colour_of_it'"):
        example.make(colour_of_it="red")


@each(EXAMPLES)
def test_an_impossible_value_is_refused_with_the_value_and_the_cure(widget):
    make, tried = EXAMPLES[widget].make, 0
    for key, trait in own_traits(widget).items():
        if isinstance(trait, Bounded):
            cure = f"{trait.min} to {trait.max}"
            wrong = {value: f"{key}={value} is outside {cure}" for value in (trait.min - 1, trait.max + 1)}
            wrong |= {value: f"{key} must be a whole number from {cure}, not {value!r}" for value in (2.5, "3", None)}
            wrong[np.bool_(True)] = f"{key} must be a whole number"
        elif isinstance(trait, Choice):
            wrong = {"nonsense": f"{key}='nonsense' is unknown; choose one of {', '.join(map(repr, trait.values))}"}
        elif isinstance(trait, traitlets.Bool):
            wrong = {"yes": f"'{key}' .*boolean.*'yes'"}
        else:
            continue
        for value, words in wrong.items():
            with pytest.raises(traitlets.TraitError, match=words):
                make(**{key: value})
            tried += 1
    assert tried >= (0 if widget is Question else 4)


# --- the module: drawing reads, gestures write, Python's changes redraw, the cleanup leaves nothing ---

SPY = (
    f"const READ = {READ};"
    + """
const url = URL.createObjectURL(new Blob([arg.esm], { type: "text/javascript" })), { default: widget } = await import(url);
const mount = async (state) => {
  const listeners = [], calls = [], values = { ...state }, el = document.createElement("div");
  const model = { get: (key) => values[key], set: (key) => calls.push(key), save_changes: () => calls.push("save_changes"), send: () => calls.push("send"),
    on: (names, f) => names.split(" ").forEach((name) => listeners.push([name, f])),
    off: (names, f) => names.split(" ").forEach((name) => { const i = listeners.findIndex(([n, g]) => n === name && g === f); if (i >= 0) listeners.splice(i, 1); }) };
  document.body.append(el);
  const cleanup = await widget.render({ model, el });
  const python = (changes) => { Object.assign(values, changes); for (const key in changes) listeners.filter(([n]) => n === "change:" + key).forEach(([, f]) => f()); };
  return { el, calls, listeners, python, cleanup, read: () => READ(el.firstElementChild) };
};
const frames = async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); };
"""
)


@each(EXAMPLES)
def test_drawing_writes_nothing_and_the_cleanup_leaves_nothing(run_js, widget):
    example = EXAMPLES[widget].make()
    drawn, calls, left = run_js(
        SPY
        + """const one = await mount(arg.state), before = document.documentElement.dataset.theme;
        one.el.style.width = "400px"; await frames();
        document.documentElement.dataset.theme = "dark"; await frames();
        document.documentElement.dataset.theme = before ?? ""; await frames();
        const drawn = one.el.innerText.length;
        one.cleanup(); one.python(arg.state); await frames();
        const left = [one.el.childElementCount, one.listeners.length];
        one.el.remove();
        return [drawn, one.calls, left];""",
        {"esm": str(widget._esm), "state": state(example)},
    )
    assert drawn > 10
    assert calls == []
    assert left == [0, 0]


@each(STATEFUL)
def test_a_change_from_python_is_drawn_at_once(run_js, widget):
    make, other = EXAMPLES[widget].make, EXAMPLES[widget].other
    before, after = state(make()), state(make(**other))
    start, changed, drawn, calls = run_js(
        SPY
        + """const one = await mount(arg.state), two = await mount(arg.changed), start = one.read();
        one.python(arg.other);
        const told = [start, one.read(), two.read(), one.calls];
        [one, two].forEach((each) => { each.cleanup(); each.el.remove(); });
        return told;""",
        {
            "esm": str(widget._esm),
            "state": before,
            "changed": after,
            "other": {key: value for key, value in after.items() if value != before[key]},
        },
    )
    assert changed == drawn
    assert told(start) != told(changed)
    assert calls == []


def test_a_question_that_python_changes_is_asked_anew(run_js):
    first, second = state(question()), state(Question("Which is `x`?", "b", "It is.", options=["a", "b"]))
    legends, forms = run_js(
        SPY
        + """const one = await mount(arg.state), legend = () => one.el.querySelector("legend").textContent, before = legend();
        one.python(arg.changed);
        const told = [[before, legend()], one.el.querySelectorAll("form").length];
        one.cleanup();
        return told;""",
        {"esm": str(Question._esm), "state": first, "changed": {"prompt": second["prompt"]}},
    )
    assert "How large is y?" in legends[0]
    assert "Which is x?" in legends[1]
    assert forms == 1


def state(widget):
    return {key: value for key, value in widget.get_state().items() if key not in ("layout", "_esm", "_css")}


# --- the page: one with two instances, the second in another state, opened once for each class ---


@pytest.fixture(scope="module")
def pair(open_example, widget):
    """A page with two of them: as it starts, and in its other state."""
    make, other = EXAMPLES[widget].make, EXAMPLES[widget].other
    yield from open_example(make(), make(**other))


@pytest.fixture(scope="module")
def open_example(browser, mounted):
    """Open widgets in a page that may use the clipboard; an error on it fails the tests of its class."""

    def opener(*widgets, fragment="", **options):
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        page, errors = context.new_page(), []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(mounted(*widgets) + fragment)
        page.wait_for_selector("html[data-widgets=ready]")
        yield page
        context.close()
        assert not errors, errors

    return opener


def roots(page):
    return page.locator("section.unet").all()


def read(root):
    return root.evaluate(READ)


def told(read_text):
    """Words and pictures only: a control that moves and does nothing else changes none of them."""
    return json.loads(read_text)[:3]


@each(STATEFUL)
def test_the_first_state_is_drawn_and_put_in_words(pair, widget):
    for root in roots(pair):
        assert len(root.locator(".unet-say").inner_text()) > 20
        assert root.locator(".unet-error").inner_text() == ""
        assert root.locator("canvas, svg").count() > 0


@each(STATEFUL)
def test_every_slider_answers_the_keyboard_and_reset_brings_the_start_back(pair, widget):
    root, second = roots(pair)
    start, untouched = read(root), read(second)
    sliders = [slider for slider in root.locator("input[type=range]").all() if slider.is_visible()]
    for slider in sliders:
        value, most, least = (slider.evaluate(f"node => Number(node.{end})") for end in ("value", "max", "min"))
        if least == most:
            continue
        slider.focus()
        pair.keyboard.press("ArrowLeft" if value == most else "ArrowRight")
        assert slider.evaluate("node => Number(node.value)") == value + (-1 if value == most else 1)
        assert told(read(root)) != told(start), slider.evaluate("node => node.labels[0].innerText")
        root.get_by_role("button", name="Reset").click()
        assert read(root) == start
    assert len(sliders) >= 2
    assert read(second) == untouched, "two on a page collide"
    ids = pair.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


@each(STATEFUL)
def test_every_choice_changes_what_the_widget_shows_and_reset_brings_the_start_back(pair, widget):
    dead, lost = pair.evaluate(
        f"""async () => {{
        const read = {READ}, root = document.querySelector("section.unet"), start = read(root), dead = [], lost = [];
        const told = (text) => JSON.stringify(JSON.parse(text).slice(0, 3));
        const tried = (label) => {{ if (told(read(root)) === told(start)) dead.push(label); root.querySelector(".unet-reset").click(); if (read(root) !== start) lost.push(label); }};
        const shown = (selector) => [...root.querySelectorAll(selector)].filter((node) => node.checkVisibility());
        for (const box of shown("input[type=radio]:not(:checked), input[type=checkbox]")) {{ box.click(); tried(box.labels[0].innerText); }}
        for (const list of shown("select")) for (const option of list.options) if (!option.selected) {{
          list.value = option.value; list.dispatchEvent(new Event("change")); tried(option.text); }}
        return [dead, lost]; }}"""
    )
    assert dead == []
    assert lost == []


@each(STATEFUL)
def test_typed_nonsense_is_refused_in_words_and_the_value_stays(pair, widget):
    root = roots(pair)[0]
    box, slider = root.locator("input[type=number]").first, root.locator("input[type=range]").first
    before, low, high = slider.input_value(), box.get_attribute("min"), box.get_attribute("max")
    box.fill(str(int(high) + 1))
    box.press("Tab")
    assert f"{int(high) + 1} is not a whole number from {low} to {high}" in root.get_by_role("status").inner_text()
    assert slider.input_value() == before
    box.fill(low)
    box.press("Tab")
    assert slider.input_value() == low
    root.get_by_role("button", name="Reset").click()
    answers = pair.evaluate(
        """() => {
        const root = document.querySelector("section.unet"), told = [], status = root.querySelector("[role=status]");
        for (const box of root.querySelectorAll("input[type=number]")) {
          const slider = box.parentElement.querySelector("input[type=range]"), { min, max } = box, before = slider.value;
          const type = (value) => { box.value = value; box.dispatchEvent(new Event("change")); };
          for (const value of [Number(max) + 1, min - 1, "1.5", ""]) {
            type(value);
            told.push([`${value === "" ? "nothing typed" : value} is not a whole number from ${min} to ${max}`, status.innerText, before, slider.value]);
          }
          type(max);
          told.push(["", status.innerText, max, slider.value]);
          root.querySelector(".unet-reset").click();
        }
        return told; }"""
    )
    assert len(answers) >= 2 * 5
    for words, status, expected, value in answers:
        assert words in status if words else status == ""
        assert value == expected, words


@each(STATEFUL)
def test_the_button_copies_the_listed_code_of_what_is_shown(pair, widget):
    copied = []
    for root in roots(pair):
        root.get_by_role("button", name="Copy as PyTorch").click()
        root.get_by_role("status").get_by_text("Copied.").wait_for()
        copied.append(pair.evaluate("navigator.clipboard.readText()"))
        root.locator("summary", has_text="The same in PyTorch").click()
        assert root.locator("pre").inner_text() == copied[-1]
        compile(copied[-1], "copied", "exec")
    assert copied[0] != copied[1]
    assert all("torch" in code for code in copied)


@each(STATEFUL)
def test_the_link_restores_the_state_of_the_widget_it_was_taken_from(pair, widget, open_example):
    make = EXAMPLES[widget].make
    start, other = map(read, roots(pair))
    roots(pair)[1].get_by_role("button", name="Link").click()
    pair.wait_for_function("location.hash")
    fragment = "#" + pair.url.split("#")[1]
    assert pair.evaluate("navigator.clipboard.readText()") == pair.url
    for page in open_example(make(), make(), fragment=fragment + "&colour_of_it=red"):
        assert list(map(read, roots(page))) == [start, other]
        assert "colour_of_it = red" in roots(page)[1].get_by_role("status").inner_text()


@each(STATEFUL)
def test_a_foreign_value_in_a_link_is_named_and_changes_nothing(pair, widget):
    roots(pair)[0].get_by_role("button", name="Link").click()
    pair.wait_for_function("location.hash")
    stem, query = pair.url.split("#")[1].split("?")
    start = read(roots(pair)[0])
    keys = [key for key, _ in parse_qsl(query)]
    assert set(EXAMPLES[widget].other) <= set(keys)
    traits, wrong = own_traits(widget), []
    for key in keys:
        beyond = [traits[key].min - 1, traits[key].max + 1] if isinstance(traits[key], Bounded) else []
        wrong += [[key, str(value)] for value in (*beyond, 1.5, "", "nonsense")]
    answers = pair.evaluate(
        f"""async ([stem, wrong]) => {{
        const read = {READ}, root = document.querySelector("section.unet"), told = [];
        for (const [key, value] of wrong) {{
          const heard = new Promise((resolve) => addEventListener("hashchange", resolve, {{ once: true }}));
          location.hash = `#${{stem}}?${{key}}=${{value}}`;
          await heard;
          told.push([root.querySelector("[role=status]").innerText, read(root)]);
        }}
        return told; }}""",
        [stem, wrong],
    )
    for (key, value), (words, after) in zip(wrong, answers, strict=True):
        assert f"{key} = {value}; " in words
        assert after == start


@each(EXAMPLES)
def test_nothing_is_wider_than_the_page(widget, open_example):
    make, widest = EXAMPLES[widget].make, EXAMPLES[widget].widest
    for page in open_example(make(), make(**widest), viewport={"width": 360, "height": 740}):
        for width, scheme in ((360, "light"), (360, "dark"), (1280, "light")):
            page.set_viewport_size({"width": width, "height": 740})
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
