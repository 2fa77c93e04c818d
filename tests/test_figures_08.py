"""The figure of chapter 8 says what was measured."""

import pytest

from unet_edu.figures import PALETTE, Picture, cost_by_stage

STAGES = ["inc", "down4", "up1"]


def drawn():
    return cost_by_stage(STAGES, [10, 60, 30], [3 * 2**20, 2**18, 3 * 2**18], "three made-up stages")


def test_every_bar_is_the_share_of_its_stage():
    left, right = drawn().fig.axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx([10, 60, 30])
    assert [bar.get_width() for bar in right.patches] == pytest.approx([75, 6.25, 18.75])
    assert [text.get_text() for text in left.texts] == ["10.0 %", "60.0 %", "30.0 %"]


def test_the_titles_give_the_totals():
    assert [ax.get_title() for ax in drawn().fig.axes] == ["parameters: 100", "maps kept: 4.0 MiB"]


def test_the_first_stage_stands_at_the_top():
    ax = drawn().fig.axes[0]
    assert ax.yaxis_inverted()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == STAGES


def test_no_label_leaves_the_axes_and_the_kinds_differ_by_more_than_colour():
    left, right = drawn().fig.axes
    assert left.get_xlim()[1] >= 1.3 * 75
    assert left.patches[0].get_hatch() != right.patches[0].get_hatch()


def test_it_follows_light_and_dark_and_has_its_words():
    picture = drawn()
    assert isinstance(picture, Picture)
    svg = picture.svg()
    for role in ("weight", "output", "ink"):
        assert f"var(--unet-{role}, {PALETTE['light'][role]})" in svg
    assert "down4: 60.0 % of the parameters, 6.2 % of the memory." in picture.alt
    assert picture.caption.endswith("Measured on three made-up stages.")
