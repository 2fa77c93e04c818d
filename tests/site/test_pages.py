"""Every page of the built book, opened as a reader would: complete, quiet, accessible, alive without a kernel or a network."""

import contextlib
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml
from playwright.sync_api import TimeoutError

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def chapters() -> list[str]:
    """The pages of the table of contents, in order."""

    def files(node):
        if isinstance(node, dict):
            yield from ([node["root"]] if "root" in node else [])
            yield from ([node["file"]] if "file" in node else [])
            for value in node.values():
                yield from files(value)
        elif isinstance(node, list):
            for item in node:
                yield from files(item)

    return [f"{name}.html" for name in files(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))]


PAGES = chapters()
LIVE = [name for name in PAGES if name.startswith("notebooks/") or name == "book/intro.html"]
CHAPTERS = [name for name in PAGES if name.startswith("notebooks/")]
SERVED = [*PAGES, "search.html"]
EVERY_SLIDER = """() => {
  const dead = [];
  for (const slider of document.querySelectorAll("main input[type=range]")) {
    if (slider.min === slider.max || slider.disabled) continue;
    const root = slider.closest(".unet"), old = slider.value;
    const words = () => root.innerText + root.innerHTML;
    const pixels = () => [...root.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL()).join("");
    const set = (value) => { slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true })); };
    const other = Number(old) > Number(slider.min) ? slider.min : slider.max;
    const before = words();
    set(other);
    if (words() === before) { // said nothing: is anything drawn otherwise?
      const after = pixels();
      set(old);
      if (pixels() === after) dead.push(slider.labels[0]?.innerText ?? slider.outerHTML);
    }
    set(old);
  }
  return dead;
}"""
# Each slider of the page from end to end: how often its widget became taller or shorter, illegal values included.
JUMPS = """async () => {
  let moves = 0;
  const jumps = [], frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame(); await frame();
  for (const slider of document.querySelectorAll("main input[type=range]")) {
    const root = slider.closest(".unet"), old = slider.value;
    const low = Number(slider.min), high = Number(slider.max), steps = Math.min(12, high - low);
    const set = (value) => { slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true })); };
    for (let i = 0, last = null; i <= steps && high > low; i++) {
      set(String(Math.round(low + ((high - low) * i) / steps)));
      const height = root.offsetHeight;
      moves += 1;
      if (last && height !== last) jumps.push(`${slider.labels[0]?.innerText} ${slider.value}: ${last} px, then ${height}`);
      last = height;
    }
    set(old);
  }
  return [moves, jumps];
}"""
# Whatever a screen reader or a layout could meet: each element with its role-giving attributes and whether it is shown.
STRUCTURE = """[...document.body.querySelectorAll("*")].map((node) => [node.tagName, node.checkVisibility({ visibilityProperty: true }),
  Math.round(node.getBoundingClientRect().width), node.tabIndex, ...[...node.attributes].filter(({ name }) => /^(aria-|role$|alt$|title$)/.test(name)).map(({ name, value }) => name + value)].join("|"))"""
# The rules of axe that look at colours; the others look at what STRUCTURE lists, which no scheme changes (asserted).
COLOUR_RULES = ["color-contrast", "link-in-text-block"]


class Visit:
    """A page of the book in the browser, opened once; `faults` and `foreign` grow as long as it is open."""

    def __init__(self, browser, book, name):
        self.foreign, self.faults = [], []
        self.page = page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        page.on("request", lambda r: None if r.url.startswith((book, "data:", "blob:")) else self.foreign.append(r.url))
        page.on("response", lambda r: self.faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.faults.append(str(e)))
        page.goto(book + name)
        ready(page)

    def show(self, width=1280, scheme="light"):
        """The page at this width and in this scheme, when the theme has followed and no colour is on its way."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
        self.page.evaluate(
            "document.getAnimations().forEach((one) => { if (one instanceof CSSTransition) one.finish(); })"
        )
        return self.page


def ready(page):
    """Wait for the widgets, and for the theme's own scripts, which a page from a server loads after them."""
    page.wait_for_selector("html[data-widgets=ready]")
    page.wait_for_function(
        """document.readyState === "complete" && !document.querySelector("script[data-later]") && (location.protocol === "file:" ||
        [...document.scripts].every((script) => !script.src || performance.getEntriesByName(script.src).length))"""
    )
    return page


def of_each(names):
    """One test for each page; pytest runs all tests of a page in a row, and xdist gives them to one worker."""
    pages = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
    return pytest.mark.parametrize("visit", pages, indirect=True, scope="module")


@pytest.fixture(scope="module")
def visit(request, browser, book):
    """The page that the test names, opened once for all tests about it; they leave it as they found it."""
    visit = Visit(browser, book, request.param)
    yield visit
    visit.page.close()


def settle(page):
    """Wait for the theme: some time after a resize it makes each listing that scrolls reachable by Tab.

    If it never does, this gives up after ten seconds, and axe then reports the listing.
    """
    page.wait_for_timeout(350)
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(
            "[...document.querySelectorAll('pre')].every((pre) => pre.tabIndex === 0 || pre.scrollWidth <= pre.clientWidth)",
            timeout=10_000,
        )


def violations(page, only=None):
    """What axe finds: (rule, first element, what to do, how many)."""
    page.evaluate("window.axe !== undefined") or page.add_script_tag(path=AXE)
    options = {"resultTypes": ["violations"]} | ({"runOnly": only} if only else {})
    found = page.evaluate("(options) => axe.run(document, options).then((result) => result.violations)", options)
    return [
        (v["id"], v["nodes"][0]["html"][:160], v["nodes"][0]["failureSummary"][:300], len(v["nodes"])) for v in found
    ]


@of_each(SERVED)
def test_axe_finds_no_violation_on_desktop_and_phone_in_light_and_dark(visit):
    """All rules at both widths; in the dark again those about colour, after a look that nothing else changed."""
    for width in (1280, 360):
        page = visit.show(width)
        settle(page)
        assert violations(page) == [], f"{width} px, light"
        light = page.evaluate(STRUCTURE)
        page = visit.show(width, "dark")
        assert page.evaluate(STRUCTURE) == light, f"{width} px: the dark scheme changes more than colours"
        assert violations(page, COLOUR_RULES) == [], f"{width} px, dark"


def test_the_rules_run_again_in_the_dark_are_all_that_axe_has_about_colour(book, open_page):
    page = open_page(book + "genindex.html")
    page.add_script_tag(path=AXE)
    rules = page.evaluate("axe.getRules(['cat.color']).map((rule) => rule.ruleId)")
    assert sorted(rules) == sorted([*COLOUR_RULES, "color-contrast-enhanced"])  # the last is off in axe's default run


@of_each(PAGES)
def test_nothing_sticks_out_on_a_phone(visit):
    page = visit.show(360)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@of_each(PAGES)
def test_pictures_have_a_text(visit):
    mute = visit.show().evaluate(
        """[...document.querySelectorAll("main :is(img, canvas, svg[role=img], figure.unet-figure svg)")].filter((node) =>
          !(node.getAttribute("alt") || node.getAttribute("aria-label") || node.getAttribute("aria-hidden"))).map((node) => node.outerHTML.slice(0, 200))"""
    )
    assert mute == []


@of_each(LIVE)
def test_every_control_is_reached_by_tab_and_has_a_name(visit):
    nameless = visit.show().evaluate(
        """[...document.querySelectorAll(".unet :is(input, select, button, canvas[tabindex], summary)")].filter((node) =>
          !(node.labels?.length || node.getAttribute("aria-label") || node.textContent.trim()) || node.tabIndex < 0).map((node) => node.outerHTML)"""
    )
    assert nameless == []


@of_each(LIVE)
def test_every_slider_changes_what_its_widget_says(visit):
    page = visit.show()
    assert page.locator("main input[type=range]").count() > 0
    assert page.evaluate(EVERY_SLIDER) == []


@of_each(LIVE)
@pytest.mark.parametrize("width", [1280, 768, 360])
def test_what_is_below_a_widget_stays_in_its_place_while_a_slider_moves(visit, width):
    moves, jumps = visit.show(width).evaluate(JUMPS)
    assert moves >= 10
    assert len(jumps) <= moves / 10, f"{len(jumps)} jumps in {moves} moves: {jumps}"


@of_each(CHAPTERS)
def test_questions_accept_the_right_answer_and_refuse_a_wrong_one(visit):
    told = visit.show().evaluate(
        """() => {
        const { widgets } = JSON.parse(document.getElementById("unet-widget-state").textContent);
        const answers = Object.fromEntries(Object.values(widgets).filter((w) => w.prompt).map((w) => [w.prompt.replaceAll("`", ""), w.answer]));
        return [...document.querySelectorAll("form.unet-question")].map((form) => {
          const prompt = form.getAttribute("aria-label").replace(/^.*?: /, ""), radios = form.querySelectorAll("input[type=radio]");
          return [prompt, ...[answers[prompt] + 1, answers[prompt]].map((value) => {
            if (radios.length) radios[value % radios.length].click();
            else form.querySelector("input").value = String(value);
            form.querySelector("button").click();
            return form.dataset.right;
          })];
        }); }"""
    )
    assert len(told) >= 3
    for prompt, wrong, right in told:
        assert (wrong, right) == ("false", "true"), prompt


@of_each([*SERVED, "genindex.html"])
def test_page_asks_no_other_host_and_reports_no_error(visit):
    """After the tests above, so that what they made the page do is judged too."""
    visit.page.wait_for_load_state("networkidle")
    assert visit.foreign == []
    assert visit.faults == []


@pytest.mark.parametrize("name", LIVE)
def test_page_is_alive_from_a_file_without_a_network(open_page, name):
    page = ready(open_page((SITE / name).as_uri()))
    page.wait_for_load_state("networkidle")
    assert page.evaluate(EVERY_SLIDER) == []
    sheet = page.evaluate("getComputedStyle(document.querySelector('.bd-main')).display")
    assert sheet == "flex"


def test_theme_button_changes_the_theme_and_search_finds_a_word(book, open_page):
    page = ready(open_page(book + PAGES[0]))
    page.wait_for_function("window.bootstrap !== undefined")
    before = page.evaluate("document.documentElement.dataset.theme")
    seen = set()
    for _ in range(3):
        page.locator(".theme-switch-button").first.click()
        seen.add(page.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}
    assert before in seen
    page = ready(open_page(book + "search.html?q=output_padding"))
    page.wait_for_selector("ul.search li a")


def test_no_file_of_the_site_is_loaded_from_another_host():
    for path in SITE.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loads = re.findall(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["'](https?:)?//""", text)
        assert not loads, path


def test_notebooks_hold_no_outputs_and_run_under_a_plain_kernel_name():
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert len(paths) >= 1
    for path in paths:
        notebook = nbformat.read(path, 4)
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3"
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert cell.outputs == [], path
                assert cell.execution_count is None, path


def test_every_notebook_was_executed_in_the_build():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = (SITE / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert "cell_output" in page, path
        assert "Traceback (most recent call last)" not in page, path
    assert not list((SITE / "reports").rglob("*.err.log"))


def test_what_is_generated_is_ignored_by_git():
    for name in (
        "_build/html/index.html",
        ".venv/bin/python",
        "node_modules/axe-core/axe.min.js",
        "dist/x.whl",
        "unet_edu/__pycache__/x.pyc",
    ):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0, name
