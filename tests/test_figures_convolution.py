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
