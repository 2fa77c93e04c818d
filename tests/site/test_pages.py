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
EVERY_SLIDER = """async () => {
  const dead = [];
  for (const slider of document.querySelectorAll("main input[type=range]")) {
    const root = slider.closest(".unet");
    const say = () => root.innerText + root.innerHTML + [...root.querySelectorAll("canvas")].map((c) => c.toDataURL()).join("");
    const before = say(), old = slider.value;
    const set = (value) => { slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true })); };
    if (slider.min === slider.max) continue;
    set(Number(old) > Number(slider.min) ? slider.min : slider.max);
    if (say() === before) dead.push(slider.labels[0]?.innerText ?? slider.outerHTML);
    set(old);
  }
  return dead;
}"""


def ready(page):
    page.wait_for_selector("html[data-widgets=ready]")
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("name", [*PAGES, "search.html", "genindex.html"])
def test_page_asks_no_other_host_and_reports_no_error(book, browser, name):
    page = browser.new_page()
    foreign, faults = [], []
    page.on("request", lambda r: None if r.url.startswith((book, "data:", "blob:")) else foreign.append(r.url))
    page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: faults.append(str(e)))
    ready(page.goto(book + name) and page)
    page.wait_for_timeout(200)
    page.close()
    assert not foreign
    assert not faults


def test_no_file_of_the_site_is_loaded_from_another_host():
    for path in SITE.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        loads = re.findall(r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["'](https?:)?//""", text)
        assert not loads, path


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, "search.html"])
def test_axe_finds_no_violation_on_desktop_and_phone(book, open_page, name, scheme):
    page = ready(open_page(book + name, scheme=scheme))
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page.add_script_tag(path=AXE)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations)")
        told = [
            (v["id"], v["nodes"][0]["html"][:160], v["nodes"][0]["failureSummary"][:300], len(v["nodes"]))
            for v in found
        ]
        assert not told, f"{width} px"


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_on_a_phone(book, open_page, name):
    page = ready(open_page(book + name, width=360, height=740, has_touch=True))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("name", LIVE)
def test_every_slider_changes_what_its_widget_says(book, open_page, name):
    page = ready(open_page(book + name))
    assert page.locator("main input[type=range]").count() > 0
    assert page.evaluate(EVERY_SLIDER) == []


@pytest.mark.parametrize("name", LIVE)
def test_page_is_alive_from_a_file_without_a_network(open_page, name):
    page = ready(open_page((SITE / name).as_uri()))
    assert page.evaluate(EVERY_SLIDER) == []
    sheet = page.evaluate("getComputedStyle(document.querySelector('.bd-main')).display")
    assert sheet == "flex"


@pytest.mark.parametrize("name", LIVE)
def test_every_control_is_reached_by_tab_and_has_a_name(book, open_page, name):
    page = ready(open_page(book + name))
    nameless = page.evaluate(
        """[...document.querySelectorAll(".unet :is(input, select, button, canvas[tabindex], summary)")].filter((node) =>
          !(node.labels?.length || node.getAttribute("aria-label") || node.textContent.trim()) || node.tabIndex < 0).map((node) => node.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_a_text(book, open_page, name):
    page = ready(open_page(book + name))
    mute = page.evaluate(
        """[...document.querySelectorAll("main :is(img, canvas, svg[role=img], figure.unet-figure svg)")].filter((node) =>
          !(node.getAttribute("alt") || node.getAttribute("aria-label") || node.getAttribute("aria-hidden"))).map((node) => node.outerHTML.slice(0, 200))"""
    )
    assert mute == []


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("notebooks/")])
def test_questions_accept_the_right_answer_and_refuse_a_wrong_one(book, open_page, name):
    page = ready(open_page(book + name))
    forms = page.locator("form.unet-question")
    assert forms.count() >= 3
    answers = page.evaluate(
        """(() => { const { texts, widgets } = JSON.parse(document.getElementById("unet-widget-state").textContent);
        return Object.fromEntries(Object.values(widgets).filter((w) => w.prompt).map((w) => [w.prompt.replaceAll("`", ""), w.answer])); })()"""
    )
    for form in forms.all():
        answer = answers[form.get_attribute("aria-label").split(": ", 1)[1]]
        radios = form.locator("input[type=radio]")
        for value, right in ((answer + 1, "false"), (answer, "true")):
            if radios.count():
                radios.nth(int(value) % radios.count()).check()
            else:
                form.locator("input").fill(repr(value))
            form.get_by_role("button", name="Check").click()
            assert form.get_attribute("data-right") == right


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
