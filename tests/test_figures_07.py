"""The figure of chapter 7 says what was measured."""

import numpy as np

from unet_edu.figures import PALETTE, Picture, skip_shifts

ROWS = np.arange(20.0)
MEASURED = {
    "pad": (ROWS, np.where(ROWS < 16, 7.5 - ROWS, np.nan)),
    "crop": (ROWS[2:18], 5.5 - np.arange(16.0)),
}


def test_each_way_has_a_panel_with_its_mean():
    picture = skip_shifts(MEASURED, size=20)
    assert isinstance(picture, Picture)
    assert [ax.get_title() for ax in picture.fig.axes] == ["pad\nmean 0 px", "crop\nmean −2.0 px"]


def test_every_row_with_content_is_a_point_where_it_was_measured():
    for ax, (rows, shift) in zip(skip_shifts(MEASURED, size=20).fig.axes, MEASURED.values(), strict=True):
        drawn = ax.lines[1].get_xydata()
        assert np.array_equal(drawn[:, 0], rows)
        assert np.array_equal(drawn[:, 1], shift, equal_nan=True)


def test_rows_without_content_and_rows_cut_away_are_striped():
    panels = skip_shifts(MEASURED, size=20).fig.axes
    spans = [[(patch.get_x(), patch.get_width()) for patch in ax.patches] for ax in panels]
    assert spans == [[(15.5, 4)], [(-0.5, 2), (17.5, 2)]]


def test_it_follows_light_and_dark_and_has_its_words():
    picture = skip_shifts(MEASURED, size=20)
    svg = picture.svg()
    for role in ("decoder", "cut", "quiet", "ink"):
        assert f"var(--unet-{role}, {PALETTE['light'][role]})" in svg
    assert "20 rows" in picture.caption
    assert "saw-tooth" in picture.alt
