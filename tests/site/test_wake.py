"""A chapter's bench answers while the rest of its page is still on the way."""

import functools
import http.server
import json
import re
import threading

import pytest
from unet_book import wake_at_bench

from tests.conftest import SITE
from tests.site.test_pages import LIVE

VIEW = '<script type="application/vnd.jupyter.widget-view+json">\n{"model_id": "%s"}\n</script>'
HOST = re.compile(r'<script src="[^"]*_static/host\.js[^"]*"></script>')


def woken(views, modules):
    body = "".join(f"<p>{name}</p>{VIEW % name}" for name in views) + "<p>end</p>"
    state = json.dumps({"widgets": {name: {"_esm": module} for name, module in modules.items()}})
    woken = wake_at_bench(body, state, "<script src='host.js'></script>")
    placed = f'<script type="application/json" id="unet-widget-state">{state}</script><script src=\'host.js\'></script>'
    assert woken.replace(placed, "") == body
    return re.findall(r"<p>(\w+)</p>", woken.split(placed)[0])


def test_the_state_stands_behind_the_first_widget_whose_module_is_used_once():
    modules = {"question": 0, "bench": 1, "other": 2, "exercise": 0}
    assert woken(["question", "bench", "other", "exercise"], modules) == ["question", "bench"]
    assert woken(["question", "exercise"], {"question": 0, "exercise": 0}) == ["question", "exercise"]
    assert woken(["unknown", "bench"], {"bench": 0}) == ["unknown", "bench"]
    assert woken([], {}) == ["end"]


@pytest.fixture
def halting():
    """(address of a server that stops in the middle of a page, the event that lets it go on)."""
    go_on = threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            if not self.path.endswith(".html"):
                return super().do_GET()
            text = (SITE / self.path.lstrip("/")).read_text(encoding="utf-8")
            half = HOST.search(text).end()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text[:half].encode())
            self.wfile.flush()
            go_on.wait(60)
            self.wfile.write(text[half:].encode())

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", go_on
    go_on.set()
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize("name", [name for name in LIVE if "10_" in name or "05_" in name])
def test_a_bench_answers_before_the_rest_of_its_page_is_there(name, halting, open_page):
    base, go_on = halting
    page = open_page()
    page.goto(base + name, wait_until="commit")
    slider = page.locator(".unet input[type=range]").first
    slider.wait_for()
    said = page.locator(".unet-say").first.text_content()
    slider.press("Home")
    page.wait_for_function("said => document.querySelector('.unet-say').textContent !== said", arg=said)
    assert page.evaluate("document.readyState") == "loading"
    assert page.get_by_role("heading", name="Exercises").count() == 0
    there = page.locator(".unet").count()
    go_on.set()
    page.wait_for_selector("html[data-widgets=ready]")
    assert page.locator(".unet").count() > there
    assert page.locator("script[type*=widget-view]").count() == 0
    assert page.get_by_role("heading", name="Exercises").count() == 1
