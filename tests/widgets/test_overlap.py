"""The overlap lab against the metrics."""

import math

import pytest
import torch

from tests.widgets.driving import run_copied_code, set_sliders
from unet_edu.metrics import count, dice, iou, pixel_accuracy
from unet_edu.widgets import OverlapLab

STATES = [
    dict(zip(("column_shift", "row_shift", "radius", "true_radius", "side"), numbers, strict=True))
    for numbers in [
        (6, 3, 12, 10, 64),
        (0, 0, 10, 10, 65),
        (-7, 2, 5, 20, 33),
        (32, -32, 32, 3, 32),  # cut off by the edge, and apart
        (0, 0, 0, 9, 192),
        (4, 0, 9, 0, 100),
        (0, 0, 0, 0, 32),
        (1, 1, 1, 1, 40),
    ]
]
LABELS = {
    "column_shift": "shift right",
    "row_shift": "shift down",
    "radius": "predicted radius",
    "true_radius": "true radius",
    "side": "image side",
}


def judged(state):
    rows, columns = torch.meshgrid(torch.arange(state["side"]), torch.arange(state["side"]), indexing="ij")
    middle = state["side"] // 2

    def disc(row, column, radius):
        return ((rows - row) ** 2 + (columns - column) ** 2 < radius**2).long()

    predicted = disc(middle + state["row_shift"], middle + state["column_shift"], state["radius"])
    return count(predicted, disc(middle, middle, state["true_radius"]), n_classes=2)


READ = "() => [...document.querySelectorAll('.unet-formula tbody tr')].map((row) => row.querySelector('td').innerText)"


def numbers(texts):
    return [math.nan if text == "no score" else float(text) for text in texts]


def shown(page):
    return numbers(page.evaluate(READ))


def expected(matrix):
    i = iou(matrix)[1].item()
    return [pixel_accuracy(matrix), i, dice(matrix)[1].item(), 2 * i / (1 + i)]


def names(state):
    return "-".join(map(str, state.values()))


@pytest.mark.parametrize("state", STATES, ids=names)
def test_scores_of_the_page_equal_the_metrics(mount, state):
    page = mount(OverlapLab(**state))
    matrix = judged(state)
    assert shown(page) == pytest.approx(expected(matrix), abs=5e-5, nan_ok=True)
    (right, alarm), (missed, hit) = matrix.tolist()
    say = page.locator(".unet-say").inner_text()
    assert f"{hit} object pixels are hit, {missed} missed, {alarm} are false alarms; {right} background" in say


def test_dice_row_equals_its_link_with_iou_for_every_slider_position(mount):
    page = mount(OverlapLab())
    for key, label in LABELS.items():
        trait = OverlapLab.class_traits()[key]
        for texts in set_sliders(page, [{label: value} for value in range(trait.min, trait.max + 1)], READ):
            scores = numbers(texts)
            assert len(scores) == 4
            assert scores[2] == pytest.approx(scores[3], abs=1e-4, nan_ok=True)


def test_a_larger_image_raises_accuracy_only(mount):
    small, large = (shown(mount(OverlapLab(side=side))) for side in (64, 192))
    assert large[0] > small[0]
    assert large[1:] == small[1:]


@pytest.mark.parametrize("state", STATES, ids=names)
def test_copied_code_runs_and_prints_the_shown_scores(mount, state):
    page = mount(OverlapLab(**state))
    told, _ = run_copied_code(page)
    printed = [float(part.split()[-1]) for part in told.split(",")]
    assert printed == pytest.approx(expected(judged(state))[:3], abs=5e-5, nan_ok=True)
