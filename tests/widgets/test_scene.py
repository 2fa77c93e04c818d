"""The scene that a reader draws against data.py: the same cells, crystals, light and camera for the same uniform numbers."""

import base64

import numpy as np
import pytest

from unet_edu import data

SIDE = 64
DECODE = """const S = await import("/scene.js"), grey = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const text = (array) => btoa(Array.from(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), (b) => String.fromCharCode(b)).join(""));
"""


class Dealt:
    """A generator for data.py that deals given numbers, in order."""

    def __init__(self, numbers):
        self.numbers, self.dealt = np.asarray(numbers), 0

    def random(self, shape=()):
        count = int(np.prod(shape))
        part = self.numbers[self.dealt : self.dealt + count]
        assert part.size == count
        self.dealt += count
        return part.reshape(shape) if shape else float(part[0])


@pytest.fixture
def scene(run_js):
    """Run JS with S (scene.js), grey (base64 -> bytes) and text (array -> base64)."""
    return lambda body, arg=None: run_js(DECODE + body, arg)


def array(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def square(text, dtype):
    return array(text, dtype).reshape(SIDE, SIDE)


def encoded(values):
    return base64.b64encode(np.asarray(values, np.uint8).tobytes()).decode()


def draws(scene, seed, count=1000):
    return scene("const r = S.sceneUniform(arg[0]); return Array.from({ length: arg[1] }, r);", [seed, count])


OFFSETS = np.arange(-12.0, 13)


def test_uniform_numbers_are_uniform_and_the_seed_chooses_them(scene):
    one, same, other = (np.array(draws(scene, seed, 20_000)) for seed in (1, 1, 2))
    assert (one == same).all()
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    assert one.min() >= 0
    assert one.max() < 1
    counts = np.histogram(one, 20, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 50  # chi-square, 19 degrees of freedom: beyond 50 in 1 of 7,000 seeds


@pytest.mark.parametrize("cell", [16, 5, 3])
def test_clouds_equal_those_of_the_pictures(scene, cell):
    numbers = draws(scene, 3)
    drawn = scene("return text(S.sceneClouds(S.sceneUniform(3), arg));", cell)
    expected = data.clouds(Dealt(numbers), SIDE, SIDE, cell)
    np.testing.assert_allclose(square(drawn, np.float64), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("name", ["cell", "crystal"])
def test_an_object_looks_as_the_pictures_draw_it(scene, name, seed):
    radius, grain = 5 + seed / 2, 0.3
    expected = getattr(data, name)(
        Dealt(draws(scene, seed)), OFFSETS[None], OFFSETS[:, None], radius, np.full((25, 25), grain)
    )
    drawn = scene(
        """const [name, seed, radius, grain, offsets] = arg, look = (name === "cell" ? S.sceneCell : S.sceneCrystal)(S.sceneUniform(seed), radius);
        return offsets.map((y) => offsets.map((x) => { const inside = look.inside(x, y);
          return [inside, look.brightness(inside, name === "cell" ? look.nucleus(x, y) : look.facet(x, y), grain)]; }));""",
        [name, seed, radius, grain, OFFSETS.tolist()],
    )
    inside, brightness = np.moveaxis(np.array(drawn), -1, 0)
    np.testing.assert_allclose(inside, expected[0], atol=1e-12)
    np.testing.assert_allclose(brightness, expected[1], atol=1e-12)


@pytest.mark.parametrize(("label", "make"), [(1, data.cell), (2, data.crystal)])
def test_a_stamp_is_laid_over_the_background_as_the_pictures_lay_it(scene, label, make):
    drawn, labels, before, grain = scene(
        """const blank = S.blankScene(4), one = S.stampedScene(blank, { label: arg, row: 20, col: 61, radius: 8, seed: 9 });
        return [text(one.albedo), text(one.labels), text(blank.albedo), text(blank.grain)];""",
        label,
    )
    under, grain = square(before, np.float32).astype(float), square(grain, np.float64)
    rng = Dealt(draws(scene, 9))
    inside, brightness = make(rng, np.arange(SIDE) - 61.0, np.arange(SIDE)[:, None] - 20.0, 8, grain)
    if label == 1:
        under = under + 0.06 * data.ramp(inside + 3, 4.0)
    expected = under + data.ramp(inside, data.between(rng, 1.2, 2.2)) * (brightness - under)
    np.testing.assert_allclose(square(drawn, np.float32), expected, atol=1e-6)
    assert (square(labels, np.uint8) == np.where(inside > 0, label, 0)).all()
    assert (square(labels, np.uint8) == label).sum() > 50


@pytest.mark.parametrize("name", ["left", "top_right", "bottom"])
@pytest.mark.parametrize("uneven", [0, 0.5, 1])
def test_light_and_camera_follow_the_formula_of_the_pictures(scene, name, uneven):
    noise = 0.05
    image, albedo, bell, ux, uy = scene(
        """const [uneven, name, noise] = arg, one = S.stampedScene(S.blankScene(1), { label: 2, row: 30, col: 30, radius: 9, seed: 5 }), bell = S.blankScene(1).bell;
        return [text(S.photograph({ ...one, bell }, S.lampLight(uneven, name), noise)), text(one.albedo), text(bell), ...S.SCENE_LAMPS[name]];""",
        [uneven, name, noise],
    )
    assert ux * ux + uy * uy == pytest.approx(1)
    assert (np.sign(ux), np.sign(uy)) == {"left": (-1, 0), "top_right": (1, -1), "bottom": (0, 1)}[name]
    xs, ys = np.arange(SIDE) + 0.5, np.arange(SIDE)[:, None] + 0.5
    fx, fy = (0.5 + 0.3 * uneven * ux) * SIDE, (0.5 + 0.3 * uneven * uy) * SIDE
    far = ((xs - fx) ** 2 + (ys - fy) ** 2) / (SIDE * SIDE + SIDE * SIDE)
    tilt_x, tilt_y = 0.25 * uneven * ux, 0.25 * uneven * uy
    light = (1.25 + tilt_x * (xs / SIDE - 0.5) + tilt_y * (ys / SIDE - 0.5)) / (1 + 2.0 * uneven * far)
    seen = square(albedo, np.float32) * light
    seen = seen + noise * np.sqrt(np.maximum(seen, 0) / 0.5) * square(bell, np.float32)
    expected = np.floor(np.clip(seen, 0, 1) * 255 + 0.5)
    got = square(image, np.float32)
    assert (np.abs(got * 255 - expected) < 1e-3).all()
    assert (
        got == np.rint(got * 255).astype(np.float32) / np.float32(255)
    ).all()  # the very numbers that data.draw gives


def test_noise_has_the_spread_that_is_asked_for(scene):
    bell = array(scene("return text(S.blankScene(6).bell);"), np.float32)
    assert bell.std() == pytest.approx(1, abs=0.03)
    assert bell.mean() == pytest.approx(0, abs=0.05)
    assert np.abs(bell).max() <= 2 * 1.7320509
    quiet, loud = (
        array(
            scene(
                "return text(S.photograph({ ...S.blankScene(6), albedo: new Float32Array(4096).fill(0.4) }, S.lampLight(0, 'top'), arg));",
                noise,
            ),
            np.float32,
        )
        for noise in (0, 0.08)
    )
    assert len(set(quiet)) == 1
    assert loud.std() == pytest.approx(0.08, rel=0.05)  # 0.4 under full light is middle grey


def test_the_same_seed_gives_the_same_picture_and_another_seed_another(scene):
    body = """const picture = (seed) => { let s = S.blankScene(seed); s = { ...s, ...S.stampedScene(s, { label: 1, row: 20, col: 20, radius: 8, seed }) };
        const pen = S.penStroke(s, { label: 2, radius: 5, seed }); pen.add({ row: 40, col: 10 }, { row: 45, col: 40 });
        return text(S.photograph({ ...s, ...pen.layers() }, S.lampLight(0.5, "left"), 0.03)); };
        return [1, 1, 2].map(picture);"""
    one, same, other = scene(body)
    assert one == same
    assert one != other


def path(*corners):
    """All cells of a way through corners, as the pen visits them, and the JS that draws it."""
    steps = "".join(
        f"pen.add({{ row: {a}, col: {b} }}, {{ row: {r}, col: {c} }});"
        for (a, b), (r, c) in zip([corners[0], *corners], corners, strict=False)
    )
    return steps


def test_labels_of_a_pen_are_the_discs_that_it_swept_and_no_more(scene):
    labels = square(
        scene(
            f"""const scene = S.blankScene(2), pen = S.penStroke(scene, {{ label: 1, radius: 4, seed: 3 }});
            {path((10, 10), (10, 30), (2, 62))} return text(pen.layers().labels);"""
        ),
        np.uint8,
    )
    ways = scene(
        "const { line } = await import('/paint.js'); return [...line({row:10,col:10},{row:10,col:30}), ...line({row:10,col:30},{row:2,col:62})].map((c) => [c.row, c.col]);"
    )
    ys, xs = np.mgrid[:SIDE, :SIDE]
    swept = np.zeros((SIDE, SIDE), bool)
    for row, col in ways:
        swept |= (ys - row) ** 2 + (xs - col) ** 2 < 16
    assert (labels == swept).all()


def test_depths_are_the_distances_to_the_nearest_pixel_outside(scene):
    marked = np.zeros((SIDE, SIDE), np.uint8)
    ys, xs = np.mgrid[:SIDE, :SIDE]
    marked[(ys - 20) ** 2 + (xs - 25) ** 2 < 150] = 1
    marked[40:, 50:] = 1  # reaches the picture's corner, where it goes on
    marked[18:22, 20:24] = 0
    got = square(scene("return text(S.sceneDepths(grey(arg)));", encoded(marked)), np.float64)
    outside = np.argwhere(marked == 0)
    for row, col in np.argwhere(marked):
        assert got[row, col] == pytest.approx(np.sqrt(((outside - (row, col)) ** 2).sum(1).min()))
    assert (got[marked == 0] == 0).all()


def test_a_blob_filled_by_many_passes_has_one_rim_and_one_nucleus(scene):
    """Drawn with a thin pen, a filled disc is darkest at its rim and nucleus, not along the ways of the pen."""
    rows = [(r, c) for k, r in enumerate(range(24, 41, 2)) for c in ((24, 40) if k % 2 == 0 else (40, 24))]
    albedo, labels = scene(
        f"""const scene = S.blankScene(2), pen = S.penStroke(scene, {{ label: 1, radius: 3, seed: 3 }});
        {path(*rows)} const {{ albedo, labels }} = pen.layers(); return [text(albedo), text(labels)];"""
    )
    albedo, labels = square(albedo, np.float32), square(labels, np.uint8)
    assert labels[24:41, 24:41].all()
    depth = square(scene("return text(S.sceneDepths(grey(arg)));", encoded(labels)), np.float64)
    rim, nucleus, body = albedo[(depth > 0) & (depth <= 2)], albedo[depth > 8.5], albedo[(depth > 3.5) & (depth < 5)]
    assert nucleus.size >= 4
    assert body.mean() - rim.mean() > 0.03
    assert body.mean() - nucleus.mean() > 0.06
    assert body.std() < 0.06


def test_an_eraser_brings_back_the_ground_and_the_class_background(scene):
    albedo, labels, ground, before = scene(
        """let s = S.blankScene(2); s = { ...s, ...S.stampedScene(s, { label: 1, row: 30, col: 30, radius: 9, seed: 1 }) };
        const pen = S.penStroke(s, { label: 0, radius: 6, seed: 3 }), at = { row: 30, col: 30 }; pen.add(at, at);
        const out = pen.layers(); return [text(out.albedo), text(out.labels), text(s.ground), text(s.labels)];"""
    )
    ys, xs = np.mgrid[:SIDE, :SIDE]
    gone = (ys - 30) ** 2 + (xs - 30) ** 2 < 36
    labels, before = square(labels, np.uint8), square(before, np.uint8)
    assert (labels == np.where(gone, 0, before)).all()
    assert before[gone].all()
    core = (ys - 30) ** 2 + (xs - 30) ** 2 < 25
    np.testing.assert_allclose(square(albedo, np.float32)[core], square(ground, np.float32)[core], atol=1e-6)


def test_a_picture_taken_before_is_shown_unchanged(scene):
    grey = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 256
    for labels in (None, encoded(grey % 3)):
        image, kept = scene(
            """const s = S.pictureScene(grey(arg[0]), arg[1] && grey(arg[1]));
            return [text(S.photograph(s, S.lampLight(0, "left"), 0)), s.labels && text(s.labels)];""",
            [encoded(grey), labels],
        )
        assert (square(image, np.float32) == grey.astype(np.float32) / np.float32(255)).all()
        assert kept == labels


def test_what_is_drawn_on_an_own_picture_has_no_truth_and_the_eraser_brings_the_picture_back(scene):
    grey = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE))
    labels, image = scene(
        """let s = S.pictureScene(grey(arg)); s = { ...s, ...S.stampedScene(s, { label: 1, row: 30, col: 30, radius: 6, seed: 1 }) };
        const pen = S.penStroke(s, { label: 0, radius: 20, seed: 3 }), at = { row: 30, col: 30 }; pen.add(at, at);
        const out = pen.layers(); return [out.labels, text(S.photograph({ ...s, ...out }, S.lampLight(0, "left"), 0))];""",
        encoded(grey),
    )
    assert labels is None
    assert (square(image, np.float32) == grey.astype(np.float32) / np.float32(255)).all()


def test_what_an_eraser_leaves_on_a_toy_picture_is_as_bright_as_its_background(scene):
    for index in range(4):
        image, mask = data.ToyCells(4, seed=1, held_out=True)[index]
        ground = square(
            scene(
                "return text(S.pictureScene(grey(arg[0]), grey(arg[1])).ground);",
                [encoded(np.rint(image * 255)), encoded(mask)],
            ),
            np.float32,
        )
        off = (ground * 1.25 - image[0])[mask == 0]
        assert abs(off.mean()) < 0.01
        assert off.std() < 0.06
        assert ground[mask > 0].min() * 1.25 > 0.2
        assert ground[mask > 0].max() * 1.25 < 0.8


def test_a_toy_picture_without_background_can_be_erased(scene):
    ground = array(
        scene("return text(S.pictureScene(new Uint8Array(4096).fill(90), new Uint8Array(4096).fill(1)).ground);"),
        np.float32,
    )
    assert np.isfinite(ground).all()


def test_a_pen_move_takes_less_than_a_third_of_a_frame(scene):
    """Worst case: one stroke that covers half of the picture."""
    times = scene(
        """const s = S.blankScene(1), light = S.lampLight(0.5, "left"), times = [];
        for (const label of [1, 2]) { const pen = S.penStroke(s, { label, radius: 8, seed: 1 });
          for (let k = 0; k < 40; k++) { const row = 8 + (k * 7) % 48, t = performance.now(); pen.add({ row, col: 10 }, { row, col: 40 });
            S.photograph({ ...s, ...pen.layers() }, light, 0.03); times.push(performance.now() - t); } }
        return times;"""
    )
    assert np.median(times) < 5
