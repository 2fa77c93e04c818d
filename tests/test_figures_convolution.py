"""The figures of chapters 2, 4 and 6: they show the numbers that they are given, and no others."""

import numpy as np

from unet_edu import figures


def test_kernel_effects_shows_each_map_on_a_scale_of_its_own():
    rng = np.random.default_rng(0)
    image, maps = rng.random((8, 8)), rng.normal(size=(3, 6, 6)) * np.array([0.1, 2, 5])[:, None, None]
    picture = figures.kernel_effects(image, maps, ["mean", "edge", "spot"], "made up")
    shown = [ax.images[0] for ax in picture.fig.axes]
    for drawn, expected in zip(shown, [image, *maps], strict=True):
        np.testing.assert_array_equal(drawn.get_array(), expected)
    assert [drawn.get_clim() for drawn in shown[:2]] == [(0, 1), (0, 1)]
    for drawn, values in zip(shown[2:], maps[1:], strict=True):
        assert drawn.get_clim() == (-abs(values).max(), abs(values).max())
    assert f"{abs(maps[1]).max():.1f} and {abs(maps[2]).max():.1f}" in picture.caption


def test_floor_cost_stacks_to_what_is_lost():
    sizes = list(range(64, 97))
    lost = [[(n >> level) % 2 * 2**level for level in range(4)] for n in sizes]
    (ax,) = figures.floor_cost(sizes, lost).fig.axes
    top = dict.fromkeys(sizes, 0)
    for bar in ax.patches:
        middle = round(bar.get_x() + bar.get_width() / 2)
        assert bar.get_y() == top[middle], "bars of one size leave a gap"
        top[middle] += bar.get_height()
    assert top == {n: n % 16 for n in sizes}


def test_receptive_fields_draws_a_square_of_the_measured_size_for_each_level():
    reached = [(78, 82), (18, 157)]
    (ax,) = figures.receptive_fields(np.zeros((160, 160)), reached, ["inc", "down4"], "made up").fig.axes
    assert {(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in ax.patches} == {
        (77.5, 77.5, 5, 5),
        (17.5, 17.5, 140, 140),
    }
    assert {text.get_text() for text in ax.texts} == {"inc: 5", "down4: 140"}


def test_sample_positions_marks_each_position_and_states_the_largest_drift():
    places = {True: ([0, 1 / 3, 2 / 3, 1], [0.0, 0.0]), False: ([0, 0.25, 0.75, 1], [0.0, 0.0])}
    picture = figures.sample_positions(places)
    for ax, (whole, crop) in zip(picture.fig.axes, places.values(), strict=True):
        drawn = [[segment[0][0] for segment in lines.get_segments()] for lines in ax.collections]
        assert drawn == [whole, crop]
    assert "up to 0.33 pixels apart" in picture.caption


def test_doubled_maps_scales_only_the_map_with_fresh_weights():
    image, smooth, stamped = np.full((4, 4), 0.5), np.full((8, 8), 0.5), np.linspace(-3, 1, 64).reshape(8, 8)
    picture = figures.doubled_maps(image, smooth, stamped, "made up")
    shown = [np.asarray(ax.images[0].get_array()) for ax in picture.fig.axes]
    assert (shown[0] == 0.5).all()
    assert (shown[1] == 0.5).all()
    np.testing.assert_allclose(shown[2], (stamped + 3) / 4)
    assert "from -3.00 (black) to 1.00 (white)" in picture.caption


def test_parameter_bars_are_as_long_as_the_counts_and_say_them():
    picture = figures.parameter_bars(["down4", "outc"], [14_159_872, 130], [4_720_640, 130])
    (ax,) = picture.fig.axes
    np.testing.assert_allclose([bar.get_width() * 1e6 for bar in ax.patches], [14_159_872, 130, 4_720_640, 130])
    assert [text.get_text() for text in ax.texts] == ["14.16 → 4.72", "0.00013"]
    assert "down4: 14.16 million, bilinear 4.72. outc: 0.00013 million in both." in picture.alt
