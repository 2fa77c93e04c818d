"""Fixtures that open widgets and built pages in a real browser."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import pytest
import torch

from tests.site.chromium import ARGS, find
from tests.site.server import serve

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "book" / "_ext"))
torch.set_num_threads(1)  # the networks in tests are tiny; a second thread would only wait

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>One widget</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<script>document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"</script>
</head><body><main><h1>One widget</h1>{views}</main>
<script type="application/json" id="unet-widget-state">{state}</script><script src="/host.js"></script></body></html>"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests that open a page or read the built book, so that the others can run without: `make unit`.

    Tests side by side: what a module prepares is prepared by one worker, so its tests stay together there,
    unless they name a smaller group.
    """
    for item in items:
        if {"browser", "book"} & set(getattr(item, "fixturenames", ())) or item.path.parent.name == "site":
            item.add_marker("browser")
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    path = find()
    assert path, "no Chromium: run `python -m tests.site.chromium` (make test does)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages():
    """Path -> HTML text: further pages of the source server."""
    return {"/blank.html": "<!doctype html><title>blank</title><link rel='icon' href='data:,'>"}


@pytest.fixture(scope="session")
def sources(pages):
    """Base URL of a server for the modules of unet_edu/widgets, plus host.js."""
    with serve(ROOT / "unet_edu" / "widgets", pages) as url:
        yield url


@pytest.fixture
def open_page(browser):
    """Open a URL in a fresh context; console errors and uncaught exceptions fail the test at its end."""
    contexts, errors = [], []

    def opener(url=None, width=1280, height=900, scheme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        if url:
            page.goto(url)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture(scope="session")
def mounted(sources, pages):
    """Write a page with live Python widgets in the static host, without a book: mounted(widget, ...) -> its URL."""
    from unet_book import compact_state

    numbers = itertools.count()
    pages["/host.js"] = (ROOT / "book" / "_static" / "host.js").read_text(encoding="utf-8")

    def write(*widgets):
        models = {
            f"w{i}": {
                "model_module": "anywidget",
                "state": {k: v for k, v in widget.get_state().items() if k != "layout"},
            }
            for i, widget in enumerate(widgets)
        }
        views = "\n".join(
            f'<div class="cell_output"><script type="application/vnd.jupyter.widget-view+json">{{"model_id": "w{i}"}}</script></div>'
            for i in range(len(widgets))
        )
        path = f"/mounted-{next(numbers)}.html"
        state = compact_state(json.dumps({"state": models}))
        pages[path] = PAGE.replace("{views}", views).replace("{state}", state)
        return sources.rstrip("/") + path

    return write


@pytest.fixture(scope="session")
def live_files(tmp_path_factory):
    """A folder with the files of the live network, made as the book makes them."""
    import live_network

    assert live_network.RUNTIME.is_dir(), "onnxruntime-web is not here: run `npm ci` (make test does)"
    folder = tmp_path_factory.mktemp("live")
    live_network.write_live(folder)
    return folder


@pytest.fixture(scope="session")
def live(live_files, sources, pages):
    """Those files beside host.js, where widgets of `mount` find them: address of the folder."""
    pages["/live/"] = live_files
    return sources + "live/"


@pytest.fixture
def as_file(mounted, pages, live_files, tmp_path):
    """Write a page with live widgets and all that it loads into a folder: as_file(widget, ...) -> its file: address."""

    def write(*widgets):
        text = pages["/" + mounted(*widgets).rsplit("/", 1)[-1]]
        (tmp_path / "page.html").write_text(text.replace("/host.js", "host.js"), encoding="utf-8")
        (tmp_path / "host.js").write_text(pages["/host.js"], encoding="utf-8")
        (tmp_path / "live").symlink_to(live_files)
        return (tmp_path / "page.html").as_uri()

    return write


@pytest.fixture(scope="session")
def idle_pages(browser):
    """Pages that wait for the next test: opening one takes as long as drawing a widget."""
    idle = []
    yield idle
    for page, _ in idle:
        page.context.close()


@pytest.fixture
def mount(browser, mounted, idle_pages):
    """Open a page with live widgets: mount(widget, ..., fragment, width, height, scheme, reduced_motion) -> page.

    Each call has a page to itself until the test ends; console errors and uncaught exceptions fail the test then.
    """
    taken = []

    def take():
        if idle_pages:
            return idle_pages.pop()
        page, errors = browser.new_context().new_page(), []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page, errors

    def mounter(*widgets, fragment="", width=1280, height=900, scheme="light", reduced_motion="no-preference"):
        page, errors = take()
        taken.append((page, errors))
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion=reduced_motion)
        page.goto(mounted(*widgets) + fragment)
        page.wait_for_selector("html[data-widgets=ready]")
        return page

    yield mounter
    told = [error for _, errors in taken for error in errors]
    for page, errors in taken:
        page.goto("about:blank")
        page.mouse.move(0, 0)
        errors.clear()
    idle_pages.extend(taken)
    assert not told, told


@pytest.fixture(scope="session")
def script_page(browser, sources):
    page = browser.new_page()
    page.goto(sources + "blank.html")
    yield page
    page.close()


@pytest.fixture
def run_js(script_page):
    """Run the body of an async JS function with `arg`; it may import the widgets' modules: import("/shapes.js")."""
    return lambda body, arg=None: script_page.evaluate(f"async (arg) => {{ {body} }}", arg)


@pytest.fixture(scope="session")
def book():
    """Base URL of the built book."""
    assert (SITE / "index.html").exists(), "build the book first: make book"
    with serve(SITE) as url:
        yield url
