"""shapes.py against torch: every size and every refusal, on more than 20,000 real calls."""

import re
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.cases import (
    conv2d_cases,
    conv_transpose_cases,
    max_pool2d_cases,
    skip_cases,
    trace_cases,
    traced,
    upsample_cases,
)
from unet_edu import shapes

JUDGED = {
    "conv2d": (shapes.conv2d_size, conv2d_cases),
    "max_pool2d": (shapes.max_pool2d_size, max_pool2d_cases),
    "conv_transpose2d": (shapes.conv_transpose2d_size, conv_transpose_cases),
    "upsample": (shapes.upsample_size, upsample_cases),
}
sizes = st.integers(1, 400)
quick = settings(deadline=None, max_examples=60)


def ours(function, case):
    """(size, None) or (None, message) for one case."""
    arguments = {name: value for name, value in case.items() if name != "expect"}
    try:
        return function(**arguments), None
    except ValueError as refusal:
        return None, str(refusal)


def test_the_table_holds_more_than_20_000_cases_and_many_are_illegal():
    tables = {name: cases() for name, (_, cases) in JUDGED.items()}
    assert sum(len(table) for name, table in tables.items() if name != "upsample") >= 20_000
    for name, table in tables.items():
        illegal = sum(case["expect"] is None for case in table) / len(table)
        assert 0.1 < illegal < 0.8, name


@pytest.mark.parametrize("name", JUDGED)
def test_sizes_and_refusals_agree_with_torch(name):
    function, cases = JUDGED[name]
    wrong = [(case, ours(function, case)) for case in cases() if ours(function, case)[0] != case["expect"]]
    assert not wrong, f"{len(wrong)} cases, the first: {wrong[0]}"


@pytest.mark.parametrize("name", JUDGED)
def test_every_refusal_names_an_argument_and_its_value(name):
    function, cases = JUDGED[name]
    for case in cases():
        _, message = ours(function, case)
        if message:
            argument, value = re.match(r"(\w+) ([-\w.]+)", message).groups()
            actual = case["kernel_size"] if argument == "stride" and case["stride"] is None else case[argument]
            assert value == str(actual), message


@pytest.mark.parametrize("name", JUDGED)
def test_the_number_that_a_refusal_recommends_is_no_longer_refused_for_that(name):
    function, cases = JUDGED[name]
    tried = 0
    for case in cases():
        _, message = ours(function, case)
        cure = message and re.search(r"(?:use at most|must be at least) (\d+)$", message)
        if cure:
            argument = message.split()[0]
            _, again = ours(function, {**case, argument: int(cure[1])})
            assert again is None or not again.startswith(f"{argument} {cure[1]}:"), (message, again)
            tried += 1
    assert tried > 10


def test_odd_input_floors_like_torch():
    assert shapes.max_pool2d_size(13, 2) == F.max_pool2d(torch.zeros(1, 1, 13, 13), 2).shape[2] == 6


def test_ceil_mode_drops_a_window_that_would_start_beyond_the_border():
    image = torch.zeros(1, 1, 2, 2)
    assert F.max_pool2d(image, 1, stride=3, ceil_mode=True).shape[2] == shapes.max_pool2d_size(2, 1, 3, ceil_mode=True)
    assert shapes.max_pool2d_size(2, 1, 3, ceil_mode=True) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shapes.conv2d_size(2, 5, padding=1), "spans 5 pixels, but size 2 with padding 1 has only 4"),
        (lambda: shapes.max_pool2d_size(8, 3, padding=2), "at most half of kernel_size 3; use at most 1"),
        (lambda: shapes.conv_transpose2d_size(3, 2, 2, output_padding=2), "smaller than stride 2 or dilation 1"),
        (lambda: shapes.conv_transpose2d_size(1, 2, 2, padding=1), "cuts 2 pixels from 2 and leaves none"),
        (lambda: shapes.upsample_size(3, 0.2), "leaves 0 of 3 pixels"),
        (lambda: shapes.upsample_size(3, float("inf")), "finite"),
        (lambda: shapes.upsample_size(3, float("nan")), "finite"),
        (lambda: shapes.skip_padding(0, 3), "small 0: must be at least 1"),
        (lambda: shapes.unet_trace(64, 12), "width 12: four poolings leave 0 pixels; use at least 16"),
        (lambda: shapes.unet_trace(15, 64), "height 15: four poolings leave 0 pixels; use at least 16"),
        (lambda: shapes.unet_trace(64, 64, channels=0), "channels 0: must be at least 1"),
    ],
)
def test_a_refusal_says_the_number_and_the_cure(call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


@pytest.mark.parametrize("wrong", [True, 2.0, "2", None, torch.tensor(2.0)])
@pytest.mark.parametrize(
    "call",
    [
        lambda value: shapes.conv2d_size(value, 1),
        lambda value: shapes.conv2d_size(8, 3, padding=value),
        lambda value: shapes.max_pool2d_size(8, value),
        lambda value: shapes.conv_transpose2d_size(8, 3, 2, output_padding=value),
        lambda value: shapes.upsample_size(value),
        lambda value: shapes.skip_padding(4, value),
        lambda value: shapes.unet_trace(value, 64),
        lambda value: shapes.unet_trace(64, 64, n_classes=value),
    ],
)
def test_only_whole_numbers_are_taken(call, wrong):
    with pytest.raises(TypeError, match="must be a whole number"):
        call(wrong)


def test_flags_are_true_or_false():
    with pytest.raises(TypeError, match="ceil_mode 1: must be True or False"):
        shapes.max_pool2d_size(8, 2, ceil_mode=1)
    with pytest.raises(TypeError, match="bilinear 16: must be True or False"):
        shapes.unet_trace(64, 64, bilinear=16)
    with pytest.raises(TypeError, match="scale_factor True: must be a number"):
        shapes.upsample_size(8, True)


def test_the_terms_of_both_formulas_add_up_to_torchs_size():
    for case in conv_transpose_cases():
        if case["expect"] is not None:
            arguments = {name: value for name, value in case.items() if name != "expect"}
            terms = shapes.conv_transpose2d_terms(**arguments)
            scatter = terms.spread - terms.cropped + terms.overhang + terms.output_padding + 1
            gather = terms.inserted + 2 * terms.border + terms.output_padding - terms.overhang
            assert scatter == gather == terms.size == case["expect"]
    for case in conv2d_cases():
        if case["expect"] is not None:
            arguments = {name: value for name, value in case.items() if name != "expect"}
            terms = shapes.conv2d_terms(**arguments)
            last_read = terms.steps * case["stride"] + terms.span
            assert last_read + terms.unread == terms.padded
            assert terms.size == case["expect"]


@quick
@given(size=sizes, kernel_size=st.integers(1, 9), stride=st.integers(1, 6), padding=st.integers(0, 4))
def test_a_transposed_convolution_undoes_the_size_of_a_convolution(size, kernel_size, stride, padding):
    assume(kernel_size <= size + 2 * padding)
    terms = shapes.conv2d_terms(size, kernel_size, stride, padding)
    # What the division dropped is what output_padding brings back: this is what it is for.
    assert shapes.conv_transpose2d_size(terms.size, kernel_size, stride, padding, terms.unread) == size


def test_skip_padding_is_what_up_does():
    assert len(skip_cases()) == 1600
    for case in skip_cases():
        assert list(shapes.skip_padding(case["small"], case["large"])) == case["expect"], case


@quick
@given(small=sizes, large=sizes)
def test_skip_padding_sums_to_the_difference_and_is_centred(small, large):
    before, after = shapes.skip_padding(small, large)
    assert small + before + after == large
    assert after - before in (0, 1)


@quick
@given(small=st.tuples(sizes, sizes), large=st.tuples(sizes, sizes))
def test_a_padded_map_lies_over_its_skip(small, large):
    pad = shapes.skip_padding(small[1], large[1]) + shapes.skip_padding(small[0], large[0])
    assert F.pad(torch.zeros(1, 1, *small), pad).shape[2:] == large


def differences(trace, expect):
    """What differs between our trace and the stages that a real network showed."""
    found = []
    for stage, real in zip(trace, expect, strict=True):
        for name, value in real.items():
            mine = getattr(stage, name)
            if (list(mine) if isinstance(mine, tuple) else mine) != value:
                found.append((stage.name, name, mine, value))
    return found


def test_the_trace_is_what_a_real_network_does():
    refused = 0
    for case in trace_cases():
        arguments = {name: value for name, value in case.items() if name != "expect"}
        if case["expect"] is None:
            refused += 1
            with pytest.raises(ValueError, match="four poolings"):
                shapes.unet_trace(**arguments)
        else:
            assert differences(shapes.unet_trace(**arguments), case["expect"]) == []
    assert 0 < refused < len(trace_cases())


@settings(deadline=None, max_examples=12)
@given(
    height=st.integers(16, 80),
    width=st.integers(16, 80),
    n_channels=st.integers(1, 4),
    n_classes=st.integers(1, 4),
    channels=st.integers(1, 3),
    bilinear=st.booleans(),
)
def test_the_trace_of_any_network_is_what_it_does(**arguments):
    assert differences(shapes.unet_trace(**arguments), traced(**arguments)) == []


def test_a_stage_tells_its_kind_and_only_ups_tell_of_joining():
    trace = shapes.unet_trace(33, 50)
    assert [stage.kind for stage in trace] == ["double_conv"] + ["down"] * 4 + ["up"] * 4 + ["out"]
    assert all(bool(stage.up and stage.pad and stage.concat) == (stage.kind == "up") for stage in trace)


@quick
@given(height=st.integers(16, 600), width=st.integers(16, 600))
def test_multiples_of_16_need_no_padding_and_all_others_do(height, width):
    for h, w in ((height, width), (16 * height, 16 * width)):
        padded = any(any(stage.pad) for stage in shapes.unet_trace(h, w))
        assert padded == bool(h % 16 or w % 16)


def test_the_arithmetic_needs_no_torch():
    code = "import sys, unet_edu.shapes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
