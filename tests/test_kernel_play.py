"""With a kernel: the cells that observe a widget answer each move as torch does, and say in words what it refuses."""

import copy
import functools
import html
import itertools
import re

import numpy as np
import pytest
import torch
import traitlets
from torch import nn
from torch.nn import functional as F

from tests.notebook_cells import NOTEBOOKS, run_until, source
from unet_edu.activations import microscope
from unet_edu.widgets import ConvTransposeBench
from unet_edu.widgets.answer import Answer

CELLS = {
    "03_double_conv": ["c03-live-torch", "c03-own-picture"],
    "05_conv_transpose": ["c05-live-torch", "c05-interact-stamps"],
    "07_skip_alignment": ["c07-live-torch"],
}


@pytest.fixture(scope="module")
def chapter():
    """Chapter -> the names of its notebook, run up to its last cell on kernel-side play."""
    return functools.cache(lambda stem: run_until(stem, CELLS[stem][-1]))


def said(answer):
    """What an answer shows, as plain text."""
    return html.unescape(re.sub(r"<[^>]*>", "", answer.value))


def move(widget, **state):
    """What arrives from a page when a reader moves something."""
    widget.set_state(state)


@pytest.mark.parametrize(("stem", "cell"), [(stem, cell) for stem, cells in CELLS.items() for cell in cells])
def test_the_cells_are_short_and_fit_the_page(stem, cell):
    lines = source(stem, cell).splitlines()
    assert len(lines) <= 17
    assert len([line for line in lines if line]) <= 15
    assert max(map(len, lines)) <= 88


@pytest.mark.parametrize("stem", ["03_double_conv", "05_conv_transpose", "07_skip_alignment"])
def test_each_central_chapter_observes_its_widget_in_plain_ipywidgets(stem):
    assert re.search(r"^\w+\.observe\(answer\.ask\)$", source(stem, CELLS[stem][0]), re.M)


def test_interact_stands_over_code_of_the_readers_own_once_in_the_book():
    uses = [path.stem for path in NOTEBOOKS.glob("*.ipynb") if "@interact(" in path.read_text(encoding="utf-8")]
    assert uses == ["05_conv_transpose"]


LEGAL = [
    (n, k, s, p, q, d)
    for n, k, s, p, q, d in itertools.product((1, 3, 5), (1, 2, 4), (1, 3), (0, 1), (0, 2), (1, 3))
    if (q < s or q < d) and (n - 1) * s - 2 * p + d * (k - 1) + q + 1 > 0
]


def test_the_bench_is_answered_by_conv_transpose2d_at_every_move(chapter):
    names = chapter("05_conv_transpose")
    bench, answer = names["bench"], names["answer"]
    assert len(LEGAL) > 50
    for (n, k, s, p, q, d), (kind, weight) in zip(
        LEGAL, itertools.cycle(itertools.product(["counting", "constant", "impulse"], ["counting", "ones", "bilinear"]))
    ):
        move(bench, input_size=n, kernel_size=k, stride=s, padding=p, output_padding=q, dilation=d,
             input=kind, weight=weight, row=2, column=63)  # fmt: skip
        x, w = (torch.from_numpy(each)[None, None] for each in bench.maps)
        y = F.conv_transpose2d(x, w, stride=s, padding=p, output_padding=q, dilation=d)[0, 0]
        row, column = min(2, len(y) - 1), len(y) - 1
        assert f"{len(y)} × {len(y)} pixels, y[{row}, {column}] = {y[row, column]:g}" in said(answer)
        assert f"kernel_size=({k}, {k})" in said(answer)


@pytest.mark.parametrize("weight", ["counting", "ones", "bilinear"])
@pytest.mark.parametrize("kind", ["counting", "constant", "impulse"])
def test_python_has_the_input_and_the_kernel_that_the_page_draws(run_js, kind, weight):
    for side in range(1, 7):
        drawn = run_js(
            """const m = await import('/conv_transpose.js'), [n, kind, weight] = arg, all = [...Array(n * n).keys()];
            return [all.map((i) => m.inputValue(kind, n, Math.floor(i / n), i % n)), all.map((i) => m.weightValue(weight, n, Math.floor(i / n), i % n))];""",
            [side, kind, weight],
        )
        maps = ConvTransposeBench(
            input_size=side, kernel_size=side, stride=4, padding=0, output_padding=0, input=kind, weight=weight
        ).maps
        for page, python in zip(drawn, maps, strict=True):
            assert python.dtype == np.float32
            assert python.ravel() == pytest.approx(np.array(page), abs=1e-6)


def test_an_illegal_state_never_reaches_the_answer_and_is_refused_by_name(chapter):
    names = chapter("05_conv_transpose")
    bench = names["bench"]
    move(bench, input_size=3, kernel_size=3, stride=2, padding=1, output_padding=1, dilation=1, row=0, column=0)
    before = said(names["answer"])
    with pytest.raises(traitlets.TraitError, match="output_padding"):
        bench.output_padding = 2
    assert said(names["answer"]) == before
    assert "6 × 6" in before


@pytest.mark.parametrize(
    ("stem", "cell", "old", "new", "words"),
    [
        ("05_conv_transpose", "c05-live-torch", "**bench.arguments", '**bench.arguments | {"output_padding": 4}',
         "Refused. RuntimeError: output padding must be smaller than either stride or dilation"),
        ("07_skip_alignment", "c07-live-torch", "y = F.pad(x, lab.stage.pad)", "y = x",
         "Refused. RuntimeError: Sizes of tensors must match except in dimension 1. Expected size 75 but got size 74"),
    ],
)  # fmt: skip
def test_the_edits_that_the_text_proposes_show_torchs_refusal_in_words(chapter, stem, cell, old, new, words):
    text = source(stem, cell)
    assert text.count(old) == 1
    names = dict(chapter(stem))
    if stem.startswith("07"):
        move(names["lab"], height=75, width=101, level="up4")
    exec(text.replace(old, new), names)
    assert said(names["answer"]).startswith(words)
    assert "\n" not in said(names["answer"])


def test_the_lab_is_answered_by_pad_and_cat_at_every_move(chapter):
    names = chapter("07_skip_alignment")
    lab, answer = names["lab"], names["answer"]
    for height, width, level in itertools.product((16, 47, 75, 96), (17, 101, 160), ("up1", "up2", "up3", "up4")):
        move(lab, height=height, width=width, level=level)
        factor = 2 ** (4 - int(level[2]))
        h, w = height // factor, width // factor
        expected = f"F.pad(x, [0, {w % 2}, 0, {h % 2}])\n(1, 1, {h - h % 2}, {w - w % 2}) -> (1, 2, {h}, {w})"
        assert said(answer) == expected


def test_the_microscope_is_answered_by_the_block_at_every_move(chapter):
    names = chapter("03_double_conv")
    scope, answer, images = names["scope"], names["answer"], names["images"]
    scope.look_at(names["block"], images)
    seen = microscope(names["block"], images)
    state = copy.deepcopy(names["block"].state_dict())
    stages = ["input", "conv1", "bn1", "relu1", "conv2", "bn2", "relu2"]
    for (stage, mode), image in itertools.product(itertools.product(stages, ("train", "eval")), (0, 1)):
        move(scope, stage=stage, mode=mode, image=image, mid_channel=5, out_channel=3, row=7 + image, column=31)
        channel = 0 if stage == "input" else 5 if stage.endswith("1") else 3
        torchs = seen["input"] if stage == "input" else seen[mode][stage]
        assert float(said(answer).split(",")[0]) == pytest.approx(torchs[image, channel, 7 + image, 31], abs=6e-5)
        assert said(answer).count("\n  (") == stages.index(stage)
    for key, value in names["block"].state_dict().items():
        assert torch.equal(value, state[key]), f"{key}: asking moved the block"


def test_interact_calls_the_readers_function_with_what_the_sliders_say(chapter, capsys):
    stamps = chapter("05_conv_transpose")["stamps"]
    stamps(kernel_size=4, stride=3)
    printed = [list(map(int, line.split())) for line in capsys.readouterr().out.splitlines()]
    up = nn.ConvTranspose2d(1, 1, 4, 3, bias=False)
    nn.init.ones_(up.weight)
    assert printed == up(torch.ones(1, 1, 3, 3))[0, 0].tolist()


def test_a_readers_own_picture_goes_under_the_microscope_and_leaves_the_chapter_as_it_was(chapter):
    names = chapter("03_double_conv")
    before = names["images"].clone()
    picture = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    names["look"](picture, "mine.png")
    scope = names["scope"]
    assert scope.data["names"] == ["mine.png", "toy micrograph"]
    move(scope, stage="input", image=0, row=3, column=4)
    assert said(names["answer"]).startswith(f"{picture[3, 4]:.4f}, after")
    move(scope, stage="relu2", mode="train", out_channel=0)
    own = before.clone()
    own[0, 0] = torch.from_numpy(picture)
    expected = microscope(names["block"], own)["train"]["relu2"][0, 0, 3, 4]
    assert float(said(names["answer"]).split(",")[0]) == pytest.approx(expected, abs=6e-5)
    assert torch.equal(names["images"], before)


def test_an_answer_shows_text_as_it_is_and_an_error_in_one_line():
    assert Answer(lambda: "1 < 2 & more").value == "<pre>1 &lt; 2 &amp; more</pre>"
    assert said(Answer(lambda: missing)) == "Refused. NameError: name 'missing' is not defined"  # noqa: F821
