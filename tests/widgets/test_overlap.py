"""The overlap lab against the metrics."""

import contextlib
import io
import math

import pytest
import torch
import traitlets

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


def shown(page):
    texts = [row.locator("td").first.inner_text() for row in page.locator(".unet-formula tbody tr").all()]
    return [math.nan if text == "no score" else float(text) for text in texts]


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
    for label in LABELS.values():
        slider = page.get_by_label(label, exact=True)
        low, high = (int(slider.get_attribute(end)) for end in ("min", "max"))
        for value in range(low, high + 1, 5):
            slider.evaluate(
                "(node, v) => { node.value = v; node.dispatchEvent(new Event('input', {bubbles: true})) }", str(value)
            )
            scores = shown(page)
            assert scores[2] == pytest.approx(scores[3], abs=1e-4, nan_ok=True)


def test_every_slider_changes_what_the_widget_says_and_reset_restores_it(mount):
    page = mount(OverlapLab())
    say = "document.querySelector('.unet').innerText"
    for label in LABELS.values():
        before = page.evaluate(say)
        page.get_by_label(label, exact=True).focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate(say) != before, label
        page.get_by_role("button", name="Reset").click()
        assert page.evaluate(say) == before, label


def test_a_larger_image_raises_accuracy_only(mount):
    small, large = (shown(mount(OverlapLab(side=side))) for side in (64, 192))
    assert large[0] > small[0]
    assert large[1:] == small[1:]


@pytest.mark.parametrize("state", STATES, ids=names)
def test_copied_code_runs_and_prints_the_shown_scores(mount, state):
    page = mount(OverlapLab(**state))
    page.locator("summary", has_text="The same in PyTorch").click()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(page.locator("pre").inner_text(), {})
    printed = [float(part.split()[-1]) for part in out.getvalue().split(",")]
    assert printed == pytest.approx(expected(judged(state))[:3], abs=5e-5, nan_ok=True)


def test_link_restores_the_state(mount):
    page = mount(OverlapLab(**STATES[2]))
    page.get_by_role("button", name="Link").click()
    again = mount(OverlapLab(), fragment="#" + page.url.split("#")[1])
    assert shown(again) == shown(page)


def test_a_value_out_of_range_is_refused_in_words():
    with pytest.raises(traitlets.TraitError, match="radius=33 is outside 0 to 32"):
        OverlapLab(radius=33)
    with pytest.raises(TypeError, match="did you mean 'radius'"):
        OverlapLab(raduis=3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(mount, scheme):
    page = mount(OverlapLab(), width=360, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
