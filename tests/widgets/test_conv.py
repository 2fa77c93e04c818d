"""The convolution bench against torch: sizes, values, unread pixels, refusals, keyboard, links and the code it copies."""

import itertools

import pytest
import torch
import torch.nn.functional as F
import traitlets

from tests.widgets.driving import run_copied_code, set_slider
from unet_edu.shapes import conv2d_terms
from unet_edu.widgets import ConvBench

NAMES = ("input_size", "kernel_size", "stride", "padding", "dilation")
CONVS = [
    dict(zip(NAMES, numbers, strict=True))
    for numbers in [
        (6, 3, 2, 1, 1),
        (6, 3, 2, 0, 1),
        (7, 3, 1, 1, 1),
        (12, 5, 1, 4, 1),
        (9, 3, 2, 2, 3),
        (5, 1, 3, 0, 1),
        (1, 2, 4, 3, 2),
        (4, 4, 3, 2, 2),
    ]
]
POOLS = [
    dict(zip((*NAMES, "ceil_mode"), numbers, strict=True), operation="max_pool")
    for numbers in [
        (7, 2, 2, 0, 1, False),
        (7, 2, 2, 0, 1, True),
        (8, 3, 2, 1, 1, False),
        (8, 3, 2, 1, 1, True),
        (9, 5, 3, 2, 1, True),
        (6, 3, 4, 0, 2, True),
        (1, 2, 2, 1, 2, False),  # both taps on the border: torch answers -inf
        (2, 2, 3, 1, 1, True),  # ceil_mode drops a window that would start beyond the image
    ]
]


def image(run_js, kind, n):
    value = (
        "return [...Array(arg[1])].map((_, r) => [...Array(arg[1])].map((_, c) => m.pixelValue(arg[0], arg[1], r, c)))"
    )
    return torch.tensor(run_js(f'const m = await import("/conv.js"); {value}', [kind, n]), dtype=torch.float32)


def kernel(run_js, kind, k):
    value = (
        "return [...Array(arg[1])].map((_, r) => [...Array(arg[1])].map((_, c) => m.tapValue(arg[0], arg[1], r, c)))"
    )
    return torch.tensor(run_js(f'const m = await import("/conv.js"); {value}', [kind, k]), dtype=torch.float32)


def torch_output(run_js, setting, input="digits", weight="counting"):
    numbers = {name: value for name, value in setting.items() if name not in ("operation", "input_size")}
    x = image(run_js, input, setting["input_size"])[None, None]
    if setting.get("operation") == "max_pool":
        return F.max_pool2d(x, **numbers)[0, 0]
    k = numbers.pop("kernel_size")
    return F.conv2d(x, kernel(run_js, weight, k)[None, None], **numbers)[0, 0]


def shown_table(page):
    page.locator("details.unet-numbers").evaluate("node => { node.open = true }")
    page.wait_for_selector(".unet-output td")
    rows = page.evaluate(
        "[...document.querySelectorAll('.unet-output tr')].map(r => [...r.cells].map(c => c.textContent.replace('−', '-')))"
    )
    return torch.tensor([[float(text) for text in row] for row in rows])


def name(setting):
    return "-".join(str(int(value)) for value in setting.values() if not isinstance(value, str))


@pytest.mark.parametrize("setting", CONVS + POOLS, ids=name)
def test_table_of_the_page_equals_torch(mount, run_js, setting):
    assert torch.equal(shown_table(mount(ConvBench(**setting))), torch_output(run_js, setting))


def test_every_input_and_weight_gives_torchs_values(run_js):
    call = """const m = await import("/conv.js"), [input, weight, n, k, s, p, d] = arg;
        const g = { operation: "conv", n, k, s, p, d, x: (r, c) => m.pixelValue(input, n, r, c), w: (a, b) => m.tapValue(weight, k, a, b) };
        const size = m.geometry(g).size;
        return [...Array(size)].map((_, r) => [...Array(size)].map((_, c) => m.outputValue(g, r, c)));"""
    for setting in CONVS:
        for input, weight in itertools.product(
            ["digits", "counting", "constant", "impulse", "step"], ["counting", "ones", "edge"]
        ):
            values = run_js(call, [input, weight, *setting.values()])
            assert torch.equal(
                torch.tensor(values, dtype=torch.float32), torch_output(run_js, setting, input, weight)
            ), (setting, input, weight)


def test_sizes_agree_with_torch_on_a_grid_or_both_refuse(run_js):
    grid = list(itertools.product((1, 2, 5, 8), range(1, 6), range(1, 5), (0, 1, 2, 4), range(1, 4), (False, True)))
    sizes = run_js(
        """const m = await import("/conv.js");
        return arg.map(([operation, n, k, s, p, d, ceil]) => { try { const g = m.geometry({operation, n, k, s, p, d, ceil});
          return g.steps + 1 - g.dropped === g.size ? g.size : "formula"; } catch { return null; } });""",
        [["conv", *case] for case in grid] + [["max_pool", *case] for case in grid],
    )
    expected = []
    for pool in (False, True):
        for n, k, s, p, d, ceil in grid:
            x = torch.zeros(1, 1, n, n)
            try:
                y = (
                    F.max_pool2d(x, k, s, p, d, ceil_mode=ceil)
                    if pool
                    else F.conv2d(x, torch.zeros(1, 1, k, k), None, s, p, d)
                )
                expected.append(y.shape[-1])
            except RuntimeError:
                expected.append(None)
    assert sizes == expected
    assert expected.count(None) > 100


@pytest.mark.parametrize("setting", CONVS, ids=name)
def test_unread_pixels_are_those_without_a_gradient(mount, setting):
    n, k = setting["input_size"], setting["kernel_size"]
    x = torch.zeros(1, 1, n, n, requires_grad=True)
    y = F.conv2d(x, torch.ones(1, 1, k, k), None, *[setting[key] for key in NAMES[2:]])
    y.sum().backward()
    seen = int((x.grad != 0).sum())
    page = mount(ConvBench(**setting))
    said = page.locator(".unet-say").inner_text()
    assert ("Every pixel of the image is read." if seen == n * n else f"Only {seen} of the {n * n} pixels") in said
    left = conv2d_terms(**{"size": n} | {key: setting[key] for key in NAMES[1:]}).unread
    assert ("left over" in said) == (left > 0)


@pytest.mark.parametrize(
    ("start", "values", "words"),
    [
        ({"operation": "max_pool", "kernel_size": 3}, {"padding": 2}, "at most half of kernel_size 3"),
        ({"kernel_size": 5, "padding": 0}, {"dilation": 2}, "spans 9 pixels, but size 6"),
        ({"padding": 0}, {"input size": 2}, "kernel_size 3"),
    ],
)
def test_what_torch_refuses_is_explained_and_not_clamped(mount, start, values, words):
    page = mount(ConvBench(**start))
    for label, value in values.items():
        set_slider(page, label, value)
        assert page.get_by_label(label, exact=True).input_value() == str(value)
    assert words in page.get_by_role("alert").inner_text()
    with pytest.raises(traitlets.TraitError, match=words.split(",")[0]):
        ConvBench(**start, **{label.replace(" ", "_"): value for label, value in values.items()})


def test_border_of_a_pooling_never_wins_and_that_of_a_convolution_counts_zero(mount):
    page = mount(ConvBench(row=0, column=0))
    assert "The other 5 taps lie on zeros." in page.locator(".unet-say").inner_text()
    pool = mount(ConvBench(operation="max_pool", kernel_size=3, padding=1, row=0, column=0))
    assert "max(4, 7, 1, 9) = 9" in pool.locator(".unet-say").inner_text()


def test_controls_follow_the_operation(mount):
    page = mount(ConvBench())
    assert page.get_by_label("ceil_mode").is_hidden()
    assert page.get_by_text("Weight w, not flipped").is_visible()
    page.get_by_label("max-pooling").check()
    assert page.get_by_label("ceil_mode").is_visible()
    assert page.get_by_text("Weight w, not flipped").is_hidden()


def test_ceil_mode_keeps_the_last_row(mount):
    page = mount(ConvBench(operation="max_pool"))
    assert "Output 3 × 3." in page.locator(".unet-say").inner_text()
    page.get_by_label("ceil_mode").check()
    said = page.locator(".unet-say").inner_text()
    assert "Output 4 × 4." in said
    assert "Every pixel of the image is read." in said


def test_arrow_keys_pointer_and_steps_move_the_window(mount):
    page = mount(ConvBench(padding=0, input_size=9, row=0, column=0))
    said = page.locator(".unet-say")
    for canvas in page.get_by_role("application").all():
        canvas.focus()
        page.keyboard.press("ArrowDown")
    assert "y[2, 0] =" in said.inner_text()
    page.keyboard.press("ArrowLeft")  # at the edge it stays
    assert "y[2, 0] =" in said.inner_text()
    for _ in range(4):
        page.get_by_role("button", name="Step: window").click()
    assert "y[3, 0] =" in said.inner_text()
    page.get_by_role("button", name="Step back: window").click()
    assert "y[2, 3] =" in said.inner_text()
    canvas = page.get_by_role("application").first
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 20)
    assert "y[0, 3] =" in said.inner_text()


@pytest.mark.parametrize("setting", CONVS[:3] + POOLS[:5], ids=name)
def test_copied_code_runs_and_prints_the_shown_size(mount, setting):
    page = mount(ConvBench(**setting))
    told, namespace = run_copied_code(page)
    size = ConvBench(**setting).output_size
    assert told.startswith(f"(1, 1, {size}, {size})")
    assert f"Output {size} × {size}" in page.locator(".unet-say").inner_text()
    assert torch.equal(shown_table(page), namespace["y"][0, 0].detach())


def test_pooling_starts_as_the_pooling_of_a_unet_and_a_value_given_wins():
    bench = ConvBench(operation="max_pool")
    assert (bench.kernel_size, bench.stride, bench.padding, bench.output_size) == (2, 2, 0, 3)
    assert ConvBench(operation="max_pool", kernel_size=3).kernel_size == 3
