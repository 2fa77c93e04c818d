"""What every widget owes its reader in a page: two instances, the second in another state, opened once for each class."""

from urllib.parse import parse_qsl

import pytest

from tests.widgets.examples import EXAMPLES, READ, STATEFUL, each, own_traits, told
from unet_edu.widgets.base import Bounded


@pytest.fixture(scope="module")
def pair(open_example, widget):
    """A page with two of them: as it starts, and in its other state."""
    make, other = EXAMPLES[widget].make, EXAMPLES[widget].other
    yield from open_example(make(), make(**other))


@pytest.fixture(scope="module")
def open_example(browser, mounted, live):
    """Open widgets in a page that may use the clipboard; an error on it fails the tests of its class."""

    def opener(*widgets, fragment="", **options):
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        page, errors = context.new_page(), []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(mounted(*widgets) + fragment)
        page.wait_for_selector("html[data-widgets=ready]")
        page.evaluate("document.querySelectorAll('.unet-controls details').forEach((part) => { part.open = true; })")
        if page.locator(".unet-live").count():  # the recorded answer to the first scene comes when the page rests
            page.wait_for_function("window.unetRecorded")
            page.wait_for_timeout(1000)
        yield page
        context.close()
        assert not errors, errors

    return opener


def roots(page):
    return page.locator("section.unet").all()


def read(root):
    return root.evaluate(READ)


@each(STATEFUL)
def test_the_first_state_is_drawn_and_put_in_words(pair, widget):
    for root in roots(pair):
        assert len(root.locator(".unet-say").inner_text()) > 20
        assert root.locator("xpath=./p[contains(@class, 'unet-error')]").inner_text() == ""
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
