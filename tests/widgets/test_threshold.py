"""The threshold lab against the metrics, and the class maps of the page (masks.js) against metrics.py."""

import numpy as np
import pytest
import torch
import traitlets

from tests.widgets.driving import run_copied_code
from unet_edu.data import ToyCells, stack
from unet_edu.metrics import count, dice, iou, pixel_accuracy
from unet_edu.widgets import ThresholdLab

DATA = ToyCells(6, held_out=True)
IMAGES, MASKS = stack(DATA)
GREY = torch.as_tensor(np.rint(IMAGES[:, 0] * 255).astype(np.int64))
TRUTH = torch.as_tensor(MASKS > 0).long()


def judged(picture, threshold, objects):
    found = GREY[picture] > threshold if objects == "brighter" else GREY[picture] <= threshold
    return count(found.long(), TRUTH[picture], n_classes=2)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_page_counts_and_scores_like_the_metrics(run_js, n_classes):
    rng = np.random.default_rng(n_classes)
    predicted, truth = rng.integers(0, n_classes - 1, (2, 400))  # the last class is in neither: no score
    matrix, scores = run_js(
        """const m = await import("/masks.js"), matrix = m.confusion(arg[0], arg[1], arg[2]), s = m.scoresOf(matrix, arg[2]);
        return [matrix, [s.iou, s.dice, s.accuracy]];""",
        [predicted.tolist(), truth.tolist(), n_classes],
    )
    expected = count(torch.as_tensor(predicted), torch.as_tensor(truth), n_classes)
    assert matrix == expected.flatten().tolist()
    for shown, judge in zip(scores[:2], (iou, dice), strict=True):
        torch.testing.assert_close(torch.tensor(shown, dtype=torch.float64), judge(expected), equal_nan=True)
    assert scores[2] == pytest.approx(pixel_accuracy(expected))


def test_page_scores_like_scikit_learn(run_js):
    from sklearn.metrics import f1_score, jaccard_score

    predicted, truth = np.random.default_rng(9).integers(0, 3, (2, 500))
    scores = run_js(
        "const m = await import('/masks.js'); return m.scoresOf(m.confusion(arg[0], arg[1], 3), 3)",
        [predicted.tolist(), truth.tolist()],
    )
    assert scores["iou"] == pytest.approx(jaccard_score(truth, predicted, average=None))
    assert scores["dice"] == pytest.approx(f1_score(truth, predicted, average=None))


@pytest.mark.parametrize("objects", ["brighter", "darker"])
@pytest.mark.parametrize("threshold", [0, 90, 149, 255])
@pytest.mark.parametrize("picture", [0, 5])
def test_formula_of_the_page_equals_the_metrics(mount, picture, threshold, objects):
    page = mount(ThresholdLab(DATA, picture=picture, threshold=threshold, objects=objects))
    matrix = judged(picture, threshold, objects)
    (_, alarm), (missed, hit) = matrix.tolist()
    line = page.locator(".unet-formula").inner_text()
    assert f"{hit} / ({hit} + {missed} + {alarm})" in line
    assert float(line.split("=")[-1]) == pytest.approx(iou(matrix)[1].item(), abs=5e-5)


@pytest.mark.parametrize("picture", range(6))
def test_best_threshold_of_the_page_is_the_best_of_all(run_js, picture):
    best = run_js(
        "const m = await import('/threshold.js'); return m.bestCut(m.histogram(arg[0], arg[1]))",
        [GREY[picture].flatten().tolist(), MASKS[picture].flatten().tolist()],
    )
    scores = {(t, side): iou(judged(picture, t, side))[1].item() for t in range(256) for side in ("brighter", "darker")}
    assert best["iou"] == pytest.approx(max(scores.values()))
    assert scores[best["threshold"], best["objects"]] == pytest.approx(best["iou"])
    assert best["all"] == pytest.approx(TRUTH[picture].double().mean().item())


def test_the_side_called_object_is_put_in_words(mount):
    page = mount(ThresholdLab())
    page.get_by_label("darker").check()
    assert "149 or darker" in page.locator(".unet-say").inner_text()


def test_image_and_mask_are_drawn_pixel_by_pixel(mount):
    page = mount(ThresholdLab(DATA, picture=2))
    read = "(n) => { const c = document.querySelectorAll('.unet-stage canvas')[n]; return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data] }"
    image = np.array(page.evaluate(read, 0)).reshape(64, 64, 4)
    assert (image[..., 0] == GREY[2].numpy()).all()
    mask = np.array(page.evaluate(read, 1)).reshape(64, 64, 4)[..., :3]
    looks = [{tuple(colour) for colour in mask[MASKS[2] == k]} for k in range(3)]
    assert [len(look) for look in looks] == [1, 1, 2]  # crystals have stripes
    assert not (looks[0] & looks[1] | looks[1] & looks[2] | looks[0] & looks[2])


@pytest.mark.parametrize("objects", ["brighter", "darker"])
def test_copied_code_runs_and_prints_the_shown_iou(mount, objects):
    page = mount(ThresholdLab(picture=3, threshold=104, objects=objects))
    told, _ = run_copied_code(page)
    assert float(told.split()[1]) == pytest.approx(iou(judged(3, 104, objects))[1].item(), abs=5e-5)


def test_a_picture_that_is_not_there_is_refused_in_words():
    with pytest.raises(traitlets.TraitError, match="this lab has 2"):
        ThresholdLab(ToyCells(2), picture=2)
