"""The live network's two engines: both answer as torch does, the newest picture first, and refuse in words."""

import numpy as np
import pytest
import torch

from tests.widgets.engine.conftest import CASES, OPEN, answer, differences, expected
from unet_edu import pretrained
from unet_edu.data import SCORED, ToyCells, draw, stack
from unet_edu.model import UNet
from unet_edu.stages import run_stages
from unet_edu.train import evaluate
from unet_edu.weights import card
from unet_edu.widgets.live_unet import LiveUNet

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
    images, masks = stack(ToyCells(**SCORED))

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
