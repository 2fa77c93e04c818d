"""shapes.js and shapes.py are held to torch by one table of cases, and to each other in every message."""

import pytest

from tests import cases
from unet_edu import shapes

TABLES = {
    "conv2dSize": (cases.conv2d_cases, ("size", "kernel_size", "stride", "padding", "dilation")),
    "maxPool2dSize": (
        cases.max_pool2d_cases,
        ("size", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    ),
    "convTranspose2dSize": (
        cases.conv_transpose_cases,
        ("size", "kernel_size", "stride", "padding", "output_padding", "dilation"),
    ),
}
TWINS = {
    "conv2dSize": shapes.conv2d_size,
    "maxPool2dSize": shapes.max_pool2d_size,
    "convTranspose2dSize": shapes.conv_transpose2d_size,
}
CALL = """const m = await import("/shapes.js");
return arg[1].map((numbers) => { try { return m[arg[0]](...numbers); } catch (error) { return error.message; } });"""


@pytest.mark.parametrize("name", TABLES)
def test_javascript_agrees_with_torch_and_says_what_python_says(run_js, name):
    table, names = TABLES[name]
    table = table()
    arguments = [[case[key] for key in names] for case in table]
    answers = run_js(CALL, [name, arguments])
    refused = 0
    for case, numbers, answer in zip(table, arguments, answers, strict=True):
        if case["expect"] is None:
            refused += 1
            with pytest.raises(ValueError) as told:
                TWINS[name](**dict(zip(names, numbers, strict=True)))
            assert answer == str(told.value)
        else:
            assert answer == case["expect"], case
    assert len(table) > 4000
    assert refused > 1000


def test_javascript_skip_padding_agrees_with_torch(run_js):
    table = cases.skip_cases()
    pairs = [[case["small"], case["large"]] for case in table]
    answers = run_js("const m = await import('/shapes.js'); return arg.map(([a, b]) => m.skipPadding(a, b));", pairs)
    for case, answer in zip(table, answers, strict=True):
        assert answer == list(shapes.skip_padding(case["small"], case["large"])), case


@pytest.mark.parametrize("bilinear", [False, True])
def test_javascript_trace_equals_python_at_odd_and_even_sizes(run_js, bilinear):
    sizes = [(16, 16), (17, 31), (75, 101), (96, 101), (333, 600), (572, 572), (15, 40), (40, 3)]
    answers = run_js(
        """const m = await import("/shapes.js");
        return arg[0].map(([height, width]) => { try { return m.unetTrace(height, width, 1, 3, 24, arg[1]); } catch (error) { return error.message; } });""",
        [sizes, bilinear],
    )
    for (height, width), answer in zip(sizes, answers, strict=True):
        try:
            stages = [
                {key: list(value) if isinstance(value, tuple) else value for key, value in stage._asdict().items()}
                for stage in shapes.unet_trace(height, width, 1, 3, 24, bilinear)
            ]
        except ValueError as error:
            stages = str(error)
        assert answer == stages, (height, width)


def test_javascript_upsample_agrees_with_torch(run_js):
    table = [case for case in cases.upsample_cases() if isinstance(case["scale_factor"], int | float)]
    answers = run_js(CALL, ["upsampleSize", [[case["size"], case["scale_factor"]] for case in table]])
    for case, answer in zip(table, answers, strict=True):
        assert (answer if isinstance(answer, int) else None) == case["expect"], case
