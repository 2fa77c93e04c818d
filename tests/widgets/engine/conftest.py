"""Pages that import engine.js, with the network in the browser or a kernel behind them, and what torch says to the same."""

import base64
import json

import numpy as np
import pytest
import torch

from tests import live_server
from tests.conftest import ROOT
from unet_edu import pretrained
from unet_edu.stages import STAGES, run_stages

WIDGETS = ROOT / "unet_edu" / "widgets"
BLANK = "<!doctype html><title>blank</title><link rel='icon' href='data:,'>"
OPEN = """async () => {
  const { openEngine } = await import("/engine.js");
  window.progress = [];
  window.engine = await openEngine({ model: { live: location.origin + "/live/" }, onProgress: (...at) => progress.push(at) });
}"""
# Numbers travel between Python and the page as base64, which is exact and quick.
HELPERS = """
window.unpack = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
window.pack = (array) => { let text = ""; for (const byte of new Uint8Array(array.slice().buffer)) text += String.fromCharCode(byte); return btoa(text); };
window.packed = (answer) => answer && Object.fromEntries(Object.entries(answer.stages).map(([name, { data, shape }]) => [name, [shape, pack(data)]]));
window.refusal = (promise) => promise.then(() => "taken", (error) => error.message);
window.picture = (seed) => Float32Array.from({ length: 4096 }, (_, i) => ((i * 37 + seed * 101) % 256) / 255);
"""
RUN = (
    "async ([image, height, width, gates]) => packed(await engine.run({ image: unpack(image), height, width, gates }))"
)
CASES = [
    (64, 64, (1, 1, 1, 1)),
    (64, 64, (0, 1, 1, 1)),
    (64, 64, (1, 0, 0.5, 0.25)),
    (64, 64, (0, 0, 0, 0)),
    (17, 31, (1, 1, 1, 1)),
    (17, 31, (0.3, 0.7, 0.1, 0.9)),
    (96, 64, (1, 1, 1, 1)),
    (96, 64, (0.5, 0, 1, 0)),
    (16, 16, (1, 1, 1, 1)),
]


def pack(array) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def answer(page, image, gates=(1, 1, 1, 1)) -> dict[str, np.ndarray]:
    """What the page's engine says of an image (1, H, W)."""
    told = page.evaluate(RUN, [pack(image), *image.shape[1:], list(gates)])
    return {
        name: np.frombuffer(base64.b64decode(data), dtype="<f4").reshape(shape) for name, (shape, data) in told.items()
    }


@torch.no_grad()
def expected(model, image, gates=(1, 1, 1, 1)) -> dict[str, np.ndarray]:
    stages = run_stages(model.eval(), torch.from_numpy(image)[None], gates)
    return {name: stage[0].numpy() for name, stage in stages.items()}


def differences(told, wanted):
    assert list(told) == list(STAGES)
    assert {name: stage.shape for name, stage in told.items()} == {name: s.shape for name, s in wanted.items()}
    return {name: float(np.abs(told[name] - wanted[name]).max()) for name in STAGES}


@pytest.fixture
def site(live_files):
    """A server that the test may slow down or break."""
    folders = {"/live/": live_files, "/": WIDGETS}
    with live_server.serve(live_server.Site(folders, {"/blank.html": BLANK})) as running:
        yield running


@pytest.fixture
def visit(site, open_page):
    """Open a blank page of that server, ready to import engine.js."""

    def opener(script=None):
        page = open_page()
        page.add_init_script(HELPERS)
        if script:
            page.add_init_script(script)
        page.goto(site.url + "blank.html")
        return page

    return opener


@pytest.fixture(scope="module")
def started(browser, live, sources):
    """A page with one browser engine for all tests that only ask it."""
    page = browser.new_page()
    page.add_init_script(HELPERS)
    page.goto(sources + "blank.html")
    page.evaluate(OPEN)
    yield page
    page.close()


@pytest.fixture(scope="module")
def network():
    return pretrained()


class Kernel:
    """The kernel's side of a widget whose page is elsewhere: what the page sends comes in, what Python sends goes back."""

    def __init__(self, page, widget):
        self.page, self.widget, self.back, self.heard = page, widget, [], []
        widget.send = lambda content, buffers=None: self.back.append(
            [content, [base64.b64encode(bytes(part)).decode() for part in buffers or []]]
        )
        page.expose_function("toPython", self.hear)
        page.evaluate(
            """() => { const hears = new Set(); window.tell = (told) => { for (const [content, parts] of told)
                for (const hear of hears) hear(content, parts.map((text) => new DataView(unpack(text).buffer))); };
              window.model = { on: (name, hear) => hears.add(hear), off: (name, hear) => hears.delete(hear),
                send: (content, callbacks, buffers) => toPython(JSON.stringify(content), buffers.map((part) => pack(new Float32Array(part)))).then(tell) }; }"""
        )

    def hear(self, content, buffers):
        content = json.loads(content)
        self.heard.append(content)
        self.widget._handle_custom_msg(content, [memoryview(base64.b64decode(part)) for part in buffers])
        told, self.back = self.back, []
        return told


@pytest.fixture
def kernel(open_page, sources):
    """Open the kernel engine of a widget in a page: kernel(widget) -> (page, Kernel)."""

    def opener(widget):
        page = open_page()
        page.add_init_script(HELPERS)
        page.goto(sources + "blank.html")
        joined = Kernel(page, widget)
        page.evaluate(
            "async () => { window.engine = await (await import('/engine.js')).openEngine({ model, onInfo: (info) => { window.told = info; } }); }"
        )
        return page, joined

    return opener
