"""The live network's two engines: both answer as torch does, refuse in words, and never make a reader wait for old pictures."""

import base64
import json

import numpy as np
import pytest
import torch

from tests import live_server
from tests.conftest import ROOT
from tests.site.chromium import ARGS, find
from unet_edu import pretrained
from unet_edu.data import ToyCells, draw, stack
from unet_edu.export import to_onnx
from unet_edu.model import UNet
from unet_edu.stages import STAGES, run_stages
from unet_edu.train import evaluate
from unet_edu.weights import card
from unet_edu.widgets.base import inline
from unet_edu.widgets.live_unet import LiveUNet

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


# --- the same answers ---


@pytest.mark.parametrize(("height", "width", "gates"), CASES)
def test_the_browser_answers_as_torch(started, network, height, width, gates):
    for seed in (3, 4):
        image = draw(seed, height, width)[0]
        found = differences(answer(started, image, gates), expected(network, image, gates))
        assert max(found.values()) < 1e-4, found


@pytest.mark.parametrize("make", [pretrained, lambda: UNet(1, 2, bilinear=True, width=4)], ids=["pretrained", "own"])
def test_the_kernel_answers_as_torch_and_as_the_browser(kernel, started, make):
    torch.manual_seed(1)
    model = make()
    page, _ = kernel(LiveUNet(model))
    trained = model.n_classes == 3
    for height, width, gates in CASES:
        image = draw(5, height, width)[0]
        told = answer(page, image, gates)
        assert max(differences(told, expected(model, image, gates)).values()) < 1e-5
        if trained:
            assert max(differences(told, answer(started, image, gates)).values()) < 1e-4


def test_only_the_stages_that_are_asked_for_are_sent(started, kernel):
    page, _ = kernel(LiveUNet(UNet(1, 2, width=2)))
    for one in (started, page):
        told = one.evaluate(
            "async () => Object.keys((await engine.run({ image: picture(1), height: 64, width: 64, stages: ['up4', 'logits'] })).stages)"
        )
        assert told == ["up4", "logits"]


@pytest.mark.parametrize("gates", [(1, 1, 1, 1), (0, 1, 1, 1), (1, 1, 0.5, 0)])
def test_the_score_is_the_one_that_evaluate_gives(started, kernel, network, gates):
    images, masks = stack(ToyCells(64, seed=1, held_out=True))

    class Gated(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network

        def forward(self, x):
            return run_stages(self.net, x, gates)["logits"]

    wanted = evaluate(Gated(), (images, masks), amp=False)
    page, joined = kernel(LiveUNet(network))
    for one in (started, page):
        told = one.evaluate("(gates) => engine.score({ gates })", list(gates))
        assert told["pictures"] == 64
        assert np.asarray(told["matrix"]).sum() == 64**3
        assert int(np.abs(np.asarray(told["matrix"]) - wanted.matrix).sum()) <= 8  # of 262,144 pixels: ties
        assert told["iou"] == pytest.approx(wanted.iou, abs=1e-3)
        assert told["mean_iou"] == pytest.approx(wanted.mean_iou, abs=1e-3)
        if gates == (1, 1, 1, 1):
            assert told["mean_iou"] == pytest.approx(card()["live"]["mean_iou"], abs=1e-3)
    assert [content["first"] for content in joined.heard if content["ask"] == "score"] == list(range(0, 64, 8))


def test_scores_of_a_matrix_are_those_of_metrics(run_js):
    from unet_edu import metrics

    rng = np.random.default_rng(0)
    for matrix in (*rng.integers(0, 50, (20, 3, 3)), np.diag([5, 0, 0]), np.zeros((3, 3), int)):
        told = run_js("return (await import('/engine.js')).engineScores(arg, 3)", matrix.flatten().tolist())
        iou = metrics.iou(torch.from_numpy(matrix))
        nan = [np.nan if value is None else value for value in [*told["iou"], told["mean_iou"]]]
        assert nan == pytest.approx([*iou.tolist(), metrics.mean_foreground(iou)], nan_ok=True)
        assert told["matrix"] == matrix.tolist()


def test_both_engines_describe_the_network(started, kernel, network):
    page, _ = kernel(LiveUNet())
    wanted = {
        "width": network.width,
        "n_channels": 1,
        "n_classes": 3,
        "class_names": ["background", "cell", "crystal"],
        "bilinear": False,
    }
    assert started.evaluate("({ ...engine.info, kind: engine.kind })") == wanted | {"kind": "browser"}
    assert page.evaluate("({ ...engine.info, kind: engine.kind })") == wanted | {"kind": "kernel"}


# --- one at a time, the newest first ---

NEWEST = """async () => {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("a picture was never answered")), 20_000));
  const answers = await Promise.race([late, Promise.all([1, 2, 3, 4, 5].map((seed) => engine.run({ image: picture(seed), height: 64, width: 64 })))]);
  const last = await engine.run({ image: picture(5), height: 64, width: 64 });
  return [answers.map((answer) => answer !== null), answers[4].stages.logits.data.every((v, i) => v === last.stages.logits.data[i])];
}"""


def test_of_the_pictures_that_wait_only_the_newest_is_answered(started, kernel):
    page, joined = kernel(LiveUNet(UNet(1, 3, width=2)))
    for one in (started, page):
        answered, same = one.evaluate(NEWEST)
        assert answered == [True, False, False, False, True]
        assert same
    assert len([content for content in joined.heard if content["ask"] == "run"]) == 3  # nothing piles up there


def test_a_picture_drawn_during_a_score_is_answered_before_the_score(started, kernel):
    page, _ = kernel(LiveUNet(UNet(1, 3, width=2)))
    for one in (started, page):
        order = one.evaluate(
            """async () => { const order = [];
            const score = engine.score({ gates: [1, 1, 1, 1] }).then(() => order.push("score"));
            for (const seed of [1, 2]) await engine.run({ image: picture(seed), height: 64, width: 64 }).then(() => order.push("picture"));
            await score; return order; }"""
        )
        assert order == ["picture", "picture", "score"]


def test_a_newer_score_takes_the_place_of_one_under_way(started):
    first, second, alone = started.evaluate(
        """async () => { const both = [[0, 0, 0, 0], [1, 1, 1, 1]].map((gates) => engine.score({ gates }));
        return [...await Promise.all(both), await engine.score({ gates: [1, 1, 1, 1] })]; }"""
    )
    assert first is None
    assert second == alone


def test_the_page_stays_free_while_the_network_runs(started):
    longest = started.evaluate(
        """async () => { let longest = 0, last = performance.now(), on = true;
        const tick = () => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; if (on) setTimeout(tick); };
        tick(); await engine.score({ gates: [1, 1, 1, 1] }); on = false; return longest; }"""
    )
    assert longest < 200  # a score alone takes longer


def test_a_closed_engine_answers_with_nothing(visit, kernel):
    page = visit()
    page.evaluate(OPEN)
    other, _ = kernel(LiveUNet(UNet(1, 3, width=2)))
    for one in (page, other):
        told = one.evaluate(
            """async () => { const run = () => engine.run({ image: picture(1), height: 64, width: 64 });
            const under = [run(), run(), engine.score()]; engine.close(); return Promise.all([...under, run(), engine.score()]); }"""
        )
        assert told == [None] * 5


# --- what is asked of the network wrongly ---


def test_wrong_pictures_and_gates_are_refused_in_words(started, kernel):
    page, joined = kernel(LiveUNet(UNet(1, 3, width=2)))
    before = len(joined.heard)
    for one in (started, page):
        refused = lambda values, one=one: one.evaluate(f"() => refusal(engine.run({{ image: picture(1), {values} }}))")  # noqa: E731
        words = "give whole sides from 16 to 512 and one value for each pixel"
        assert refused("height: 15, width: 64") == f"the picture is 15 x 64 with 4096 values; {words}"
        assert refused("height: 64, width: 63").endswith(words)
        assert refused("height: 513, width: 64").endswith(words)
        for gates in ("[1, 1, 1]", "[1, 1, 1, 1.5]", "[1, NaN, 1, 1]", "null"):
            assert refused(f"height: 64, width: 64, gates: {gates}").endswith("give four numbers from 0 to 1")
        assert one.evaluate("refusal(engine.score({ gates: [2, 1, 1, 1] }))").endswith("give four numbers from 0 to 1")
    assert len(joined.heard) == before


def test_the_kernel_refuses_what_a_page_would_not_send(kernel):
    page, _ = kernel(LiveUNet(UNet(1, 3, width=2)))
    ask = """([content, buffers]) => new Promise((resolve) => { const id = "by hand", hear = (told) => { if (told.id === id) resolve(told.error); };
      model.on("msg:custom", hear); model.send({ unet: "ask", id, ...content }, undefined, buffers.map((n) => new Float32Array(n).buffer)); })"""
    run = {"ask": "run", "height": 16, "width": 16, "gates": [1, 1, 1, 1]}
    assert page.evaluate(ask, [run, [256]]) is None
    assert "255 values for 16 x 16 pixels" in page.evaluate(ask, [run, [255]])
    assert "8 x 16 pixels: give sides from 16" in page.evaluate(ask, [run | {"height": 8}, [128]])
    assert "gate 2 of inc" in page.evaluate(ask, [run | {"gates": [2, 1, 1, 1]}, [256]])
    assert "'dance' is no question" in page.evaluate(ask, [{"ask": "dance"}, []])


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (UNet(3, 2, width=2), ValueError, "model reads pictures of 3 channels, the canvas has 1"),
        (
            UNet(1, 1, width=2),
            ValueError,
            r"model has n_classes=1; the page has colours for 2 or 3.*UNet\(n_channels=1, n_classes=3\)",
        ),
        (torch.nn.Conv2d(1, 3, 1), TypeError, "model is a Conv2d: give a unet_edu.model.UNet"),
        ("unet.pt", TypeError, "model is a str: give a unet_edu.model.UNet"),
    ],
    ids=["channels", "one class", "no UNet", "a path"],
)
def test_python_refuses_a_network_that_cannot_answer_a_drawing(model, error, words):
    with pytest.raises(error, match=words):
        LiveUNet(model)
    widget = LiveUNet(UNet(1, 2, width=2))
    with pytest.raises(error, match=words):
        widget.model = model
    assert widget.model.n_classes == 2


def test_the_network_is_left_in_its_mode(kernel):
    for mode in (True, False):
        model = UNet(1, 2, width=2).train(mode)
        mean = model.inc.double_conv[1].running_mean.clone()
        page, _ = kernel(LiveUNet(model))
        answer(page, draw(1)[0])
        assert model.training is mode
        assert torch.equal(model.inc.double_conv[1].running_mean, mean)


def test_another_network_given_in_python_answers_from_then_on(kernel):
    widget = LiveUNet(UNet(1, 2, width=2))
    page, joined = kernel(widget)
    widget.model = other = UNet(1, 3, width=3)
    page.evaluate("(told) => tell(told)", joined.back)
    joined.back = []
    assert page.evaluate("[engine.info.n_classes, told.width]") == [3, 3]
    image = draw(2)[0]
    assert max(differences(answer(page, image), expected(other, image)).values()) < 1e-5


def test_a_network_of_two_classes_has_no_score_and_answers_on(kernel):
    page, _ = kernel(LiveUNet(UNet(1, 2, width=2)))
    assert page.evaluate("refusal(engine.score())") == (
        "the held-out pictures have 3 classes, this network has 2, so it has no score on them"
    )
    assert answer(page, draw(2)[0])["logits"].shape == (2, 64, 64)


def test_a_kernel_that_says_nothing_is_told_of(run_js):
    told = run_js(
        """const real = setTimeout; window.setTimeout = (f, ms) => real(f, ms / 1000);
        try { await (await import("/engine.js")).openEngine({ model: { send() {}, on() {}, off() {} } }); } catch (error) { return error.message; } finally { window.setTimeout = real; }"""
    )
    assert told == (
        "The network cannot run here: no kernel has answered for 60 seconds. "
        "It is busy or gone; run the cell of this widget again."
    )


# --- a file that the reader drops ---

LOAD = """async ([text, name]) => { const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return refusal(engine.load(new File([bytes], name))); }"""
STAYS = " The network before it stays."


def load(page, data, name="mine.onnx"):
    return page.evaluate(LOAD, [base64.b64encode(data).decode(), name])


def exported(tmp_path, model) -> bytes:
    to_onnx(model, tmp_path / "a.onnx")
    return (tmp_path / "a.onnx").read_bytes()


@pytest.fixture
def own(visit):
    page = visit()
    page.evaluate(OPEN)
    return page


@pytest.mark.parametrize(
    "arguments", [{"n_classes": 3, "width": 5}, {"n_classes": 2, "bilinear": True, "width": 4}], ids=["3", "bilinear"]
)
def test_a_network_of_the_readers_own_takes_over(own, site, tmp_path, arguments):
    torch.manual_seed(5)
    model = UNet(1, **arguments).eval()
    data = exported(tmp_path, model)
    before = len(site.asked)
    assert load(own, data) == "taken"
    info = own.evaluate("engine.info")
    assert (info["width"], info["n_classes"], info["bilinear"]) == (model.width, model.n_classes, model.bilinear)
    assert len(info["class_names"]) == model.n_classes
    for height, width, gates in CASES:
        image = draw(6, height, width)[0]
        assert max(differences(answer(own, image, gates), expected(model, image, gates)).values()) < 1e-4
    assert len(site.asked) == before  # it stayed in the browser
    assert {method for method, _, _ in site.asked} == {"GET"}


def test_each_gate_makes_a_difference_and_the_one_that_torch_sees(own, tmp_path):
    model, image = pretrained(16), draw(3)[0]
    assert load(own, exported(tmp_path, model)) == "taken"
    whole = answer(own, image)["logits"]
    for i in range(4):
        gates = [1, 1, 1, 1]
        gates[i] = 0
        told = answer(own, image, gates)
        assert float(np.abs(told["logits"] - whole).max()) > 0.1, i
        assert max(differences(told, expected(model, image, gates)).values()) < 1e-4


def test_a_score_under_way_begins_again_with_the_network_that_takes_over(own, tmp_path, network):
    data = base64.b64encode(exported(tmp_path, UNet(1, 3, width=4))).decode()
    told = own.evaluate(
        """async (text) => { const score = engine.score(), bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        await engine.load(bytes.buffer); return [await score, await engine.score()]; }""",
        data,
    )
    assert told[0] == told[1]
    assert np.asarray(told[0]["matrix"]).shape == (3, 3)


def test_other_files_are_refused_in_words_and_the_network_before_stays(own, network, tmp_path):
    import onnx

    whole = exported(tmp_path, UNet(1, 3, width=2))
    marked = UNet(1, 3, width=2)
    marked.outc.conv.bias.data[:] = 1234.5
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    opset = [onnx.helper.make_opsetid("", 17)]
    relu = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    no_onnx = (
        "this is not an ONNX file. Export your network with unet_edu.export.to_onnx(model, path) and drop that file"
    )
    cases = {
        b"": "it is empty",
        b"\x89PNG\r\n\x1a\n" + bytes(2000): no_onnx,
        b"not a network at all": no_onnx,
        bytes(range(256)) * 40: no_onnx,
        whole[: len(whole) // 2]: no_onnx,
        relu: 'this is an ONNX file of another network: it has no "image", "gates", "inc"',
        whole.replace(b"down3", b"dawn3"): 'this is an ONNX file of another network: it has no "down3"',
        exported(tmp_path, UNet(3, 3, width=2)): "this network reads pictures of 3 channels; the canvas has 1",
        exported(tmp_path, marked).replace(
            np.float32(1234.5).tobytes(), np.float32("nan").tobytes()
        ): "this network answers a black picture with nan or inf: its weights are broken",
        whole.replace(b"Relu", b"Rulu"): "onnxruntime-web cannot read this file: ",
    }
    for data, words in cases.items():
        told = load(own, data, "a file.onnx")
        assert told.startswith(f"“a file.onnx” was not taken: {words}"), told
        assert told.endswith(STAYS)
    image = draw(7)[0]
    assert max(differences(answer(own, image), expected(network, image)).values()) < 1e-4


def test_a_huge_file_is_refused_before_it_is_read(own):
    told = own.evaluate(
        """async () => { const file = new File([new Uint8Array(64_000_001)], "huge.onnx"); let read = false;
        file.arrayBuffer = () => { read = true; return Promise.reject(); };
        return [await refusal(engine.load(file)), read]; }"""
    )
    assert told == ["“huge.onnx” was not taken: it has 65 MB, and 64 MB is the limit." + STAYS, False]


def test_a_file_that_the_browser_cannot_read_is_refused_in_words(own):
    told = own.evaluate(
        "refusal(engine.load(Object.assign(new File(['a'], 'gone.onnx'), { arrayBuffer: () => Promise.reject(new Error('NotReadable')) })))"
    )
    assert told == "“gone.onnx” was not taken: the browser could not read it." + STAYS


def test_in_a_notebook_the_network_comes_from_python(kernel):
    page, _ = kernel(LiveUNet(UNet(1, 3, width=2)))
    assert (
        load(page, b"any")
        == "“mine.onnx” was not taken: in a notebook, give your network to Python: LiveUNet(model)." + STAYS
    )


# --- where it cannot run, and how it gets there ---

CANNOT = "The network cannot run here: "
START = "async () => refusal((" + OPEN + ")())"


def test_nothing_is_fetched_before_the_engine_is_opened(visit, site):
    page = visit()
    page.evaluate("import('/engine.js').then(() => 0)")
    assert [name for _, name, _ in site.asked if name not in ("blank.html", "engine.js")] == []


def test_only_what_is_needed_is_fetched_and_from_this_host(visit, site, live_files):
    page = visit()
    foreign = []
    page.on("request", lambda r: foreign.append(r.url) if not r.url.startswith((site.url, "blob:", "data:")) else None)
    page.evaluate(OPEN)
    wanted = ["engine_worker.js", "files.json", "held_out.gzip", "onnxruntime.gzip", "onnxruntime.mjs", "unet.onnx"]
    assert sorted(name for _, name, _ in site.asked if name not in ("blank.html", "engine.js")) == wanted
    assert {path.name for path in live_files.iterdir()} == {*wanted, "recorded.js"}  # that one is for who cannot run it
    assert foreign == []
    assert sum(path.stat().st_size for path in live_files.iterdir()) < 6e6


def test_over_a_slow_network_the_progress_moves_and_the_page_stays_free(visit, site):
    site.pause = 0.02
    page = visit()
    page.evaluate(
        f"""() => {{ window.longest = 0; let last = performance.now();
        const tick = () => {{ const now = performance.now(); longest = Math.max(longest, now - last); last = now; setTimeout(tick); }}; tick();
        window.opening = ({OPEN})(); }}"""
    )
    page.wait_for_function("window.progress?.length > 10")
    seen = [page.evaluate("progress.at(-1)[0]")]
    page.wait_for_timeout(300)
    seen.append(page.evaluate("progress.at(-1)[0]"))
    page.evaluate("opening")
    progress = page.evaluate("progress")
    loaded, totals = zip(*progress, strict=True)
    assert 0 < seen[0] < seen[1] < totals[0]
    assert list(loaded) == sorted(loaded)
    assert loaded[0] == 0
    assert set(totals) == {loaded[-1]}
    assert page.evaluate("longest") < 500


def test_a_second_visit_takes_everything_heavy_from_the_browsers_cache(visit, site):
    page = visit()
    page.evaluate(OPEN)
    site.asked.clear()
    page.reload()
    page.evaluate(OPEN)
    fetched = {name: count for _, name, count in site.asked if name not in ("blank.html", "engine.js")}
    assert set(fetched) == {"files.json", "engine_worker.js"}
    assert sum(fetched.values()) < 20_000
    assert page.evaluate("progress.at(-1)[0] === progress[0][1]")
    assert (
        page.evaluate(
            "engine.run({ image: picture(1), height: 64, width: 64 }).then((answer) => answer.stages.inc.shape[1])"
        )
        == 64
    )


def test_what_has_changed_on_the_site_is_fetched_anew_and_the_old_copy_dropped(visit, site):
    page = visit()
    page.evaluate(OPEN)
    site.asked.clear()
    page.reload()
    page.evaluate(
        """() => { const real = fetch; window.fetch = async (...rest) => { const list = await (await real(...rest)).json();
        list.files["unet.onnx"].hash = "another"; return new Response(JSON.stringify(list)); }; }"""
    )
    page.evaluate(OPEN)
    assert sorted(name for _, name, _ in site.asked if name.endswith(("onnx", "gzip", "mjs"))) == ["unet.onnx"]
    kept = page.evaluate(
        "caches.open('unet-live').then((store) => store.keys()).then((all) => all.map(({ url }) => url.split('/').pop()))"
    )
    assert len(kept) == 4
    assert "unet.onnx?v=another" in kept


def test_without_a_cache_it_runs_all_the_same(visit, site):
    site.above["engine_worker.js"] = "Object.defineProperty(self, 'caches', { value: undefined });"
    page = visit()
    page.evaluate(OPEN)
    assert page.evaluate("engine.kind") == "browser"
    assert page.evaluate("caches.keys()") == []


def test_without_webassembly_it_says_so(visit):
    assert (
        visit("delete globalThis.WebAssembly").evaluate(START)
        == CANNOT + "this browser has no WebAssembly, or it is switched off."
    )


@pytest.mark.parametrize("gone", ["delete globalThis.DecompressionStream", "WebAssembly.validate = () => false"])
def test_an_old_browser_is_told_so(visit, gone):
    assert visit(gone).evaluate(START) == CANNOT + "this browser is too old for it."


def test_where_workers_are_refused_it_says_so(visit):
    page = visit("window.Worker = class { constructor() { throw new DOMException('denied', 'SecurityError'); } }")
    assert page.evaluate(START) == CANNOT + "the browser refused to start a worker (denied)."


def test_a_copy_that_was_built_without_the_engine_says_so(visit, site, tmp_path):
    import live_network

    live_network.write_live(tmp_path / "live", package=tmp_path / "nothing")
    assert {path.name for path in (tmp_path / "live").iterdir()} == {"files.json", "recorded.js"}
    site.folders["/live/"] = tmp_path / "live"
    assert (
        visit().evaluate(START)
        == CANNOT + "this copy of the book was built without it. `make book` builds a copy that has it."
    )


def test_opened_as_a_file_it_says_why_it_cannot_run(open_page, mounted, pages, live_files, tmp_path):
    path = "/" + mounted(LiveUNet()).rsplit("/", 1)[-1]
    (tmp_path / "page.html").write_text(pages[path].replace("/host.js", "host.js"), encoding="utf-8")
    (tmp_path / "host.js").write_text(pages["/host.js"], encoding="utf-8")
    (tmp_path / "live").symlink_to(live_files)
    page = open_page((tmp_path / "page.html").as_uri())
    page.wait_for_selector("html[data-widgets=ready]")
    told = page.evaluate(
        """async ([source, live]) => { const { openEngine } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
        return openEngine({ model: { live } }).then(() => "open", (error) => error.message); }""",
        [(WIDGETS / "engine.js").read_text(encoding="utf-8"), (tmp_path / "live").as_uri() + "/"],
    )
    assert told.startswith(CANNOT + "this page was opened as a file, and a browser lets such a page fetch nothing.")


# The browser itself reports these failures in its console: the page is told to expect that.


@pytest.fixture
def loud(browser, site):
    """As `visit`, for failures that the browser's console reports by itself."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(HELPERS)
    page.goto(site.url + "blank.html")
    yield page
    context.close()


@pytest.mark.parametrize("name", ["files.json", "engine_worker.js", "onnxruntime.gzip", "unet.onnx"])
def test_a_file_that_is_missing_is_told_and_a_later_try_works(loud, site, name):
    site.missing.add(name)
    told = loud.evaluate(START)
    assert told.startswith(CANNOT)
    assert "404" in told or name == "engine_worker.js"
    site.missing.clear()
    assert loud.evaluate(START) == "taken"


def test_a_network_that_fails_midway_is_told_and_a_later_try_works(loud, site, live_files):
    site.cut["onnxruntime.gzip"] = 1_000_000
    size = (live_files / "onnxruntime.gzip").stat().st_size
    told = loud.evaluate(START)
    assert told.startswith(CANNOT + "the connection broke after ")
    assert f" of {size} bytes of onnxruntime.gzip. Try again" in told
    site.cut.clear()
    site.asked.clear()
    assert loud.evaluate(START) == "taken"
    assert site.sent("onnxruntime.gzip") == [size]


def test_a_worker_that_dies_is_told(visit, site):
    site.above["engine_worker.js"] = (
        "self.addEventListener('message', ({ data }) => { if (data.ask === 'score') throw new Error('dead'); });"
    )
    page = visit()
    page.evaluate(OPEN)
    assert page.evaluate("refusal(engine.score())") == "its worker has stopped. Load the page again"


def test_five_hundred_pictures_and_fifteen_networks_leave_the_memory_as_it_was(browser, site):
    """All of it, the worker's and that of WebAssembly too: the browser measures it for a page that is isolated."""
    site.headers.update({"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"})
    site.above["engine_worker.js"] = (
        "const Real = WebAssembly.Memory; WebAssembly.Memory = function (...rest) { return (self.memory = new Real(...rest)); };"
    )
    at_once = "--enable-blink-features=ForceEagerMeasureMemory"  # not when the browser next tidies up
    other = browser.browser_type.launch(executable_path=find(), args=[*ARGS, at_once])
    page = other.new_page()
    page.add_init_script(HELPERS)
    page.goto(site.url + "blank.html")
    page.evaluate(OPEN)
    many = (
        "async (n) => { for (let i = 0; i < n; i++) await engine.run({ image: picture(i), height: 64, width: 64 }); }"
    )

    def memory():
        whole = page.evaluate("performance.measureUserAgentSpecificMemory()")["bytes"]
        return whole, page.workers[0].evaluate("self.memory.buffer.byteLength")

    page.evaluate(many, 100)
    (before, wasm), _, (after, wasm_after) = memory(), page.evaluate(many, 500), memory()
    network = "fetch('/live/unet.onnx').then((answer) => answer.arrayBuffer())"
    loads = f"async (n) => {{ const bytes = await {network}; for (let i = 0; i < n; i++) await engine.load(bytes); }}"
    page.evaluate(loads, 3)
    (_, wasm_few), _, (_, wasm_many) = memory(), page.evaluate(loads, 15), memory()
    other.close()
    assert wasm < before < 80e6
    assert after < before + 2e6, (before, after)  # the stages of one picture are 0.4 MB
    assert wasm_after == wasm
    assert wasm_many <= wasm_few + 2e6  # a network takes 4 MB there: the one before has gone


def test_the_static_host_tells_a_widget_where_the_files_lie(mount, live):
    class Probe(LiveUNet):
        _esm = inline("engine.js") + (
            "\nexport default { render({ model }) { window.openLive = () => openEngine({ model }); window.live = model.live; } };"
        )

    page = mount(Probe())
    assert page.evaluate("live") == live
    assert page.evaluate("openLive().then((engine) => { engine.close(); return engine.kind; })") == "browser"
