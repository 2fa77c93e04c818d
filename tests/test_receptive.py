"""receptive.py against torch: what a pixel sees is where the gradient of a network with open paths is not 0."""

import pytest

from tests.cases import RECEPTIVE_SIZES, open_network, receptive_cases, seen_by
from unet_edu import stages
from unet_edu.model import UNet
from unet_edu.receptive import LEVELS, STAGES, receptive_field, stage_size

REACH = {"inc": {5}, "down1": {14}, "down2": {32}, "down3": {68}, "down4": {140}}  # the encoder's, in either mode
UP = {
    False: {"up1": {172}, "up2": {188}, "up3": {188, 204}, "up4": {188, 204}},
    True: {"up1": {172, 188}, "up2": {188, 204, 220}, "up3": {204, 220, 236}, "up4": {204, 220, 236}},
}


def ours(case):
    return receptive_field(case["stage"], case["index"], case["size"], case["bilinear"])


def test_every_pixel_of_every_stage_sees_just_what_torch_says():
    table = receptive_cases()
    wrong = [(case, ours(case)) for case in table if list(ours(case)[:2]) != case["expect"]]
    assert not wrong, f"{len(wrong)} cases, the first: {wrong[0]}"
    assert len(table) > 4000
    assert {(case["stage"], case["size"]) for case in table} == {(s, n) for s in STAGES for n in RECEPTIVE_SIZES}


def test_the_stages_are_those_of_the_network():
    names = [name for name, _ in UNet(1, 2, width=2).named_children()]
    assert names == [*STAGES[:-1], "outc"]
    assert STAGES == stages.STAGES
    assert [stage_size(stage, 101) for stage in STAGES] == [101 >> level for level in LEVELS]


@pytest.mark.parametrize("bilinear", [False, True])
def test_far_from_the_edges_a_stage_reaches_as_far_as_the_book_says(bilinear):
    sizes = (400, 401, 431)
    for stage, expect in {**REACH, **UP[bilinear], "logits": UP[bilinear]["up4"]}.items():
        found = {receptive_field(stage, i, n, bilinear).reach for n in sizes for i in range(stage_size(stage, n))}
        assert found == expect, stage


@pytest.mark.parametrize("bilinear", [False, True])
def test_in_a_large_image_torch_sees_the_whole_reach(bilinear):
    net = open_network(bilinear)
    for stage in STAGES:
        middle = stage_size(stage, 288) // 2
        seen = seen_by(net, stage, 288, [(middle, middle)])[0].any(1).nonzero().flatten()
        field = receptive_field(stage, middle, 288, bilinear)
        assert (field.first, field.last) == (seen[0].item(), seen[-1].item()), stage
        assert field.size == field.reach, "an edge is in the way"


def test_inside_the_image_is_the_reach_cut_at_its_edges():
    for case in receptive_cases():
        field = ours(case)
        assert field.reach_first <= field.first <= field.last <= field.reach_last
        if not case["bilinear"]:  # with align_corners the grid is stretched to fit
            cut = max(field.reach_first, 0), min(field.reach_last, case["size"] - 1)
            assert (field.first, field.last) == cut or case["size"] % 16, case


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("outc", 0, 64), ValueError, "stage 'outc': must be one of inc, .*logits"),
        (("down4", 4, 64), ValueError, "index 4: down4 has 4 pixels at size 64, numbered 0 to 3"),
        (("inc", -1, 64), ValueError, "index -1: must be at least 0"),
        (("inc", 1.0, 64), TypeError, "index 1.0: must be a whole number"),
        (("inc", 0, 15), ValueError, "size 15: four poolings leave 0 pixels; use at least 16"),
        (("inc", 0, 64, 1), TypeError, "bilinear 1: must be True or False"),
    ],
)
def test_what_cannot_be_seen_is_refused_in_words(arguments, error, words):
    with pytest.raises(error, match=words):
        receptive_field(*arguments)
