"""The bench against torch: sizes, values, sums, refusals, keyboard, links and the code it copies."""

import itertools

import pytest
import torch
import traitlets
from torch import nn

from tests.widgets.driving import run_copied_code, set_slider
from unet_edu.widgets import ConvTransposeBench

SETTINGS = [
    dict(zip(("input_size", "kernel_size", "stride", "padding", "output_padding", "dilation"), numbers, strict=True))
    for numbers in [
        (3, 3, 2, 1, 1, 1),
        (3, 2, 2, 0, 0, 1),
        (5, 4, 2, 1, 0, 1),
        (4, 3, 3, 0, 2, 1),
        (2, 3, 1, 0, 1, 2),
        (5, 3, 2, 4, 1, 1),
        (7, 1, 3, 2, 2, 1),
        (1, 6, 4, 0, 3, 3),
        (8, 5, 3, 5, 1, 2),
    ]
]


def torch_output(setting, kind="counting", weight="counting"):
    n, k = setting["input_size"], setting["kernel_size"]
    up = nn.ConvTranspose2d(1, 1, bias=False, **{key: value for key, value in setting.items() if key != "input_size"})
    x = torch.arange(1.0, n * n + 1).reshape(1, 1, n, n) if kind == "counting" else torch.ones(1, 1, n, n)
    w = torch.arange(1.0, k * k + 1).reshape(1, 1, k, k) if weight == "counting" else torch.ones(1, 1, k, k)
    with torch.no_grad():
        up.weight.copy_(w)
        return up(x)[0, 0]


def shown_table(page):
    page.locator("details.unet-numbers").evaluate("node => { node.open = true }")
    page.wait_for_selector(".unet-output td")
    rows = page.evaluate(
        "[...document.querySelectorAll('.unet-output tr')].map(r => [...r.cells].map(c => c.textContent.replace('−', '-')))"
    )
    return torch.tensor([[float(text) for text in row] for row in rows])


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(map(str, s.values())))
def test_table_of_the_page_equals_torch(mount, setting):
    shown = shown_table(mount(ConvTransposeBench(**setting)))
    assert torch.equal(shown, torch_output(setting))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: "-".join(map(str, s.values())))
def test_sum_of_every_cell_equals_torch(run_js, setting):
    n, k, s, p, _, d = setting.values()
    sums = run_js(
        """const m = await import("/conv_transpose.js");
        const [n, k, s, p, d, size] = arg, out = [];
        for (let r = 0; r < size; r++) { out.push([]); for (let c = 0; c < size; c++) out[r].push(
          m.contributions({n, k, s, p, d}, r, c).reduce((a, t) => a + m.inputValue("counting", n, t.r, t.c) * m.weightValue("counting", k, t.a, t.b), 0)); }
        return out;""",
        [n, k, s, p, d, ConvTransposeBench(**setting).output_size],
    )
    assert torch.equal(torch.tensor(sums, dtype=torch.float32), torch_output(setting))


def test_gather_picture_is_a_convolution_with_the_flipped_kernel():
    for setting in SETTINGS:
        n, k, s, p, q, d = setting.values()
        x = torch.arange(1.0, n * n + 1).reshape(1, 1, n, n)
        w = torch.arange(1.0, k * k + 1).reshape(1, 1, k, k)
        inserted = torch.zeros(1, 1, (n - 1) * s + 1, (n - 1) * s + 1)
        inserted[:, :, ::s, ::s] = x
        border = d * (k - 1) - p
        padded = nn.functional.pad(inserted, [border, border + q, border, border + q])
        slid = nn.functional.conv2d(padded, w.flip(-2, -1), dilation=d)
        assert torch.equal(slid[0, 0], torch_output(setting))


def test_phases_tell_even_from_uneven_overlap(run_js):
    for k, s, d in itertools.product(range(1, 7), range(1, 5), range(1, 4)):
        up = nn.ConvTranspose2d(1, 1, k, s, dilation=d, bias=False)
        nn.init.ones_(up.weight)
        with torch.no_grad():
            middle = up(torch.ones(1, 1, 24, 24))[0, 0]
        at = (middle.shape[0] // 2) // s * s
        square = middle[at : at + s, at : at + s]
        phases = torch.tensor(
            run_js("return (await import('/conv_transpose.js')).phases(...arg)", [k, s, d]), dtype=torch.float32
        )
        expected = phases[:, None] * phases[None, :]
        assert torch.allclose(square, expected), (k, s, d)


def test_bilinear_weights_double_like_interpolate_inside(run_js):
    weights = run_js(
        "const m = await import('/conv_transpose.js'); return [0,1,2,3].map(r => [0,1,2,3].map(c => m.weightValue('bilinear', 4, r, c)))"
    )
    x = torch.rand(1, 1, 6, 6)
    up = nn.functional.conv_transpose2d(x, torch.tensor(weights, dtype=torch.float32)[None, None], stride=2, padding=1)
    torch.testing.assert_close(
        up[..., 1:-1, 1:-1], nn.functional.interpolate(x, scale_factor=2, mode="bilinear")[..., 1:-1, 1:-1]
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"stride": 1, "output_padding": 1}, "output_padding 1"),
        ({"stride": 2, "output_padding": 3}, "use at most 1"),
        ({"input_size": 1, "kernel_size": 1, "padding": 4, "output_padding": 0}, "padding 4"),
    ],
)
def test_what_torch_refuses_is_explained_and_not_clamped(mount, values, words):
    page = mount(ConvTransposeBench())
    labels = {"input_size": "input size"}
    for key, value in values.items():
        set_slider(page, labels.get(key, key), value)
    assert words in page.get_by_role("alert").inner_text()
    for key, value in values.items():
        assert page.get_by_label(labels.get(key, key), exact=True).input_value() == str(value)
    with pytest.raises(traitlets.TraitError):
        ConvTransposeBench(**values)


def test_an_explanation_takes_the_sentences_place_and_leaves_no_old_numbers_beside_it(mount):
    page = mount(ConvTransposeBench())
    words, alert = (page.locator(".unet-say, .unet-formula, .unet-numbers"), page.get_by_role("alert"))

    def state():
        return page.locator(".unet").bounding_box()["height"], [node.is_visible() for node in words.all()]

    assert words.count() == 3
    height, shown = state()
    assert shown == [True] * 3
    place = page.locator(".unet-say").bounding_box()
    set_slider(page, "output_padding", 3)
    assert state() == (height, [False] * 3)
    told = alert.bounding_box()
    assert told["y"] == place["y"]
    assert told["height"] <= place["height"]
    set_slider(page, "output_padding", 1)
    assert state() == (height, [True] * 3)
    assert alert.count() == 0


def test_arrow_keys_walk_over_the_output(mount):
    page = mount(ConvTransposeBench())
    canvas = page.get_by_role("application").first
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert "y[2, 2] =" in page.locator(".unet-say").inner_text()


def test_stamps_are_counted_and_stepped(mount):
    page = mount(ConvTransposeBench(input_size=4))
    page.get_by_role("button", name="Step back: stamps laid").click()
    assert "15 of 16 stamps" in page.locator(".unet-say").inner_text()


@pytest.mark.parametrize("setting", SETTINGS[:5], ids=lambda s: "-".join(map(str, s.values())))
def test_copied_code_runs_and_prints_the_shown_size(mount, setting):
    page = mount(ConvTransposeBench(**setting))
    told, _ = run_copied_code(page)
    size = ConvTransposeBench(**setting).output_size
    assert told.startswith(f"(1, 1, {size}, {size})")
    assert f"Output {size} × {size}" in page.locator(".unet-say").inner_text()


def test_play_is_hidden_under_reduced_motion(mount):
    assert mount(ConvTransposeBench()).get_by_role("button", name="Play").count() == 1
    assert mount(ConvTransposeBench(), reduced_motion="reduce").get_by_role("button", name="Play").count() == 0
