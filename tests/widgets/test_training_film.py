"""The training film in the page against the run that it was made from."""

import json
import re

import numpy as np
import pytest
import traitlets

from tests.widgets.driving import run_copied_code, say, set_slider
from unet_edu.data import ToyCells, stack
from unet_edu.film import Take, shoot
from unet_edu.widgets import TrainingFilm
from unet_edu.widgets.training_film import pack_bits

TINY = {"width": 2, "size": 32, "n_train": 8, "n_held_out": 6, "epochs": 5, "batch_size": 2}
DATA = ToyCells(6, 32, seed=1, held_out=True)
IMAGES, MASKS = stack(DATA)
SHOWN, GAP = 2, 2


@pytest.fixture(scope="module")
def reels():
    """A run, and one with every mistake at once that is long over when the film ends."""
    good = shoot(Take("One", max_lr=0.3, **TINY), shown=SHOWN, n_moments=6, channel=1)
    bad = shoot(Take("Two", max_lr=0.001, batch_norm=False, smooth=True, **TINY), shown=SHOWN, n_moments=4, channel=1)
    return [good, bad]


def pixels(page, label):
    """What a picture shows, as (rows, columns, 3)."""
    canvas = page.locator(f"canvas[aria-label='{label}']")
    wide, data = canvas.evaluate("(c) => [c.width, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]")
    return np.array(data).reshape(-1, wide, 4)[..., :3]


def parts(picture):
    """The pictures of a strip."""
    step = 32 + GAP
    return [picture[:, k * step : k * step + 32] for k in range(SHOWN)]


@pytest.mark.parametrize("bits", [2, 6])
def test_packed_numbers_come_back_in_the_page(run_js, bits):
    values = np.random.default_rng(bits).integers(0, 1 << bits, (3, 5, 7))
    back = run_js(
        """const m = await import("/training_film.js"), k = await import("/dom.js");
        return [0, arg[3]].map((from) => [...m.unpackBits(k.decode(arg[0], Uint8Array), arg[1], arg[2] - from, from)]);""",
        [pack_bits(values, bits), bits, values.size, 7],  # 7 numbers in: in the middle of a byte
    )
    assert back == [values.flatten().tolist(), values.flatten().tolist()[7:]]


def test_a_number_that_does_not_fit_its_bits_is_refused():
    with pytest.raises(ValueError, match="4 does not fit 2 bits: 0 to 3 do"):
        pack_bits(np.array([1, 4]), 2)


def test_the_trailing_mean_is_numpys(run_js):
    values = np.random.default_rng(0).random(20).tolist()
    for n in (1, 4, 32):
        shown = run_js("return (await import('/training_film.js')).trailing(arg[0], arg[1]);", [values, n])
        np.testing.assert_allclose(shown, [np.mean(values[max(0, i + 1 - n) : i + 1]) for i in range(20)])


@pytest.mark.parametrize("moment", [0, 3, 5])
def test_the_masks_of_the_moment_are_drawn_beside_the_truth(mount, reels, moment):
    page = mount(TrainingFilm(reels, DATA, moment=moment))
    for k, grey in enumerate(parts(pixels(page, "Held-out pictures"))):
        assert (grey[..., 0] == np.rint(IMAGES[k, 0] * 255)).all()
    for label, classes in (
        ("Their masks", MASKS[:SHOWN]),
        ("What the network answers now", reels[0].masks[moment]),
    ):
        drawn = np.stack(parts(pixels(page, label)))
        looks = [{tuple(colour) for colour in drawn[classes == k]} for k in range(3)]
        assert sum(map(len, looks)) == len(set.union(*looks))  # no two classes share a colour
    verdict, right = np.stack(parts(pixels(page, "The answer against the mask"))), reels[0].masks[moment] == MASKS[:2]
    agree, differ = ({tuple(colour) for colour in verdict[where]} for where in (right, ~right))
    assert len(differ) == 0 or differ - agree  # its own colours, with stripes or dots in the paper's


@pytest.mark.parametrize(("reel", "moment"), [(0, 0), (0, 4), (1, 2)])
def test_the_sentence_and_the_formula_say_what_the_run_did(mount, reels, reel, moment):
    page, run = mount(TrainingFilm(reels, DATA, reel=reel, moment=moment)), reels[reel]
    step, scores = run.steps[moment], run.iou[moment]
    words = say(page)
    if step:
        assert f"step {step} of 20" in words
        rate, loss = re.search(r"learning rate ([\d.e-]+): loss ([\d.]+)\. ", words).groups()
        assert float(rate) == pytest.approx(run.lr[step - 1], rel=5e-3)
        assert float(loss) == pytest.approx(run.loss[step - 1], abs=6e-4)
    else:
        assert "before the first step" in words
    for score, name in zip(scores[1:], ("cells", "crystals"), strict=True):
        shown = words.split(f" for {name}")[0].split()[-1]
        assert float(shown) == pytest.approx(score, abs=6e-4)
    wrong = int((run.masks[moment] != MASKS[:SHOWN]).sum())
    assert f"in the 2 shown, {wrong} pixels are wrong" in words
    mean = float(page.locator(".unet-formula .unet-big").inner_text().split("= ")[-1])
    assert mean == pytest.approx(run.mean_iou[moment], abs=6e-4)


def test_smoothing_averages_the_loss_that_is_told(mount, reels):
    page = mount(TrainingFilm(reels, DATA, moment=5))
    set_slider(page, "steps averaged", 4)
    assert "the mean of 4 steps" in say(page)
    told = float(say(page).split("loss ")[1].split(",")[0])
    assert told == pytest.approx(reels[0].loss[-4:].mean(), abs=6e-4)


def test_filter_and_map_tell_their_numbers(mount, reels):
    page = mount(TrainingFilm(reels, DATA, moment=5))
    label = page.locator("canvas[aria-label^='Filter 1 of the first convolution']").get_attribute("aria-label")
    told = [float(word) for word in label.split(": ")[1].replace(";", "").replace("−", "-").split()]
    np.testing.assert_allclose(told, reels[0].filters[5].flatten(), atol=5.1e-3)
    label = page.locator("canvas[aria-label^='Feature map']").get_attribute("aria-label")
    assert float(label.split("value is ")[1]) == pytest.approx(reels[0].peaks[5], abs=6e-3)
    assert page.locator(".unet-scale").inner_text().split() == ["0", label.split("value is ")[1]]


def test_the_table_lists_every_moment_and_marks_the_one_that_is_shown(mount, reels):
    page = mount(TrainingFilm(reels, DATA, moment=2))
    page.locator("summary", has_text="The moments as a table").click()
    page.wait_for_selector("tr[aria-current]")
    rows = [row.locator("th, td").all_inner_texts() for row in page.locator("tbody tr").all()]
    assert [int(row[0]) for row in rows] == reels[0].steps
    assert [float(row[5]) for row in rows] == pytest.approx(reels[0].mean_iou, abs=6e-4)
    assert page.locator("tr[aria-current] th").inner_text() == str(reels[0].steps[2])


def test_the_first_reel_stands_behind_the_others_only(mount, reels):
    page = mount(TrainingFilm(reels, DATA, moment=0))
    box = page.get_by_label("compare with the first reel")
    assert not box.is_visible()
    page.get_by_label("reel", exact=True).select_option("1")
    assert box.is_visible()
    assert "dashed: One" in page.locator("figcaption").first.inner_text()
    assert "At this moment the first reel (One)" in say(page)
    box.click()
    assert "dashed" not in page.locator("figcaption").first.inner_text()
    assert "first reel" not in say(page)


def test_a_shorter_reel_ends_the_slider_earlier(mount, reels):
    page = mount(TrainingFilm(reels, DATA, moment=5))
    page.get_by_label("reel", exact=True).select_option("1")
    slider = page.get_by_label("moment", exact=True)
    assert slider.get_attribute("max") == slider.input_value() == "3"
    assert "step 20 of 20" in say(page)


def test_pointing_at_the_curve_and_its_arrow_keys_choose_the_moment(mount, reels):
    page = mount(TrainingFilm(reels, DATA, moment=1))
    curve, slider = page.get_by_role("application"), page.get_by_label("moment", exact=True)
    curve.focus()
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "2"
    box = curve.bounding_box()
    curve.click(position={"x": box["width"] - 10, "y": 40})
    assert slider.input_value() == "5"
    page.keyboard.press("ArrowRight")  # beyond the end: stays
    assert slider.input_value() == "5"


def test_a_reel_that_stopped_says_why_at_its_end(mount, reels):
    broken = shoot(Take("Two", **TINY), shown=SHOWN, n_moments=4, channel=1)
    broken.stopped = "step 21: the loss is nan"
    page = mount(TrainingFilm([reels[0], broken], DATA, reel=1, moment=3))
    assert "step 21: the loss is nan" in page.locator(".unet-formula").inner_text()
    set_slider(page, "moment", 2)
    assert "nan" not in page.locator(".unet-formula").inner_text()


@pytest.mark.parametrize(("reel", "moment"), [(0, 0), (0, 3), (1, 3)])
def test_copied_code_trains_the_reel_and_prints_the_scores_of_the_moment(mount, reels, reel, moment):
    page = mount(TrainingFilm(reels, DATA, reel=reel, moment=moment))
    told, names = run_copied_code(page)
    run = reels[reel]
    assert told.startswith(f"step {run.steps[moment]}: IoU ")
    assert json.loads(told.split("IoU ")[1].replace("None", "null")) == run.iou[moment]
    assert names["model"].inc.double_conv[0].weight[1, 0].detach().numpy() == pytest.approx(run.filters[-1])


def test_what_does_not_fit_is_refused_in_words(reels):
    with pytest.raises(ValueError, match=r"reel 0 holds masks \(2, 32, 32\).*the data have masks \(2, 48, 48\)"):
        TrainingFilm(reels, ToyCells(3, 48, seed=1, held_out=True))
    with pytest.raises(ValueError, match="0 reels: a film holds 1 to 8"):
        TrainingFilm([], DATA)
    with pytest.raises(traitlets.TraitError, match="moment=6 is outside 0 to 5: not in this film"):
        TrainingFilm(reels, DATA, moment=6)
    with pytest.raises(traitlets.TraitError, match="reel=2 is outside 0 to 1: not in this film"):
        TrainingFilm(reels, DATA, reel=2)


def test_a_reel_without_its_settings_is_sent_back(reels):
    bare = shoot(Take("Two", **TINY), shown=SHOWN, n_moments=4)
    del bare.settings["width"], bare.settings["title"]
    with pytest.raises(ValueError, match="reel 1 does not say its title, width: make it with unet_edu"):
        TrainingFilm([reels[0], bare], DATA)
