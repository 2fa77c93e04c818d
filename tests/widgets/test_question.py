"""A question checks at once, explains, and keeps its solution folded."""

import pytest

from unet_edu.widgets import Question

NUMBER = {"prompt": "How large is `y`?", "answer": 7, "why": "Because `3 + 4`.", "hint": "Add."}


def test_right_answer_is_told_with_its_reason(mount):
    page = mount(Question(**NUMBER))
    page.get_by_label("Your answer").fill("7")
    page.keyboard.press("Enter")
    assert page.locator(".unet-told").inner_text() == "Right. Because 3 + 4."


def test_wrong_answer_gets_the_hint_and_may_be_tried_again(mount):
    page = mount(Question(**NUMBER))
    page.get_by_label("Your answer").fill("6")
    page.get_by_role("button", name="Check").click()
    assert page.locator(".unet-told").inner_text() == "Not yet. Add."
    page.get_by_label("Your answer").fill("7.0")
    page.get_by_role("button", name="Check").click()
    assert "Right" in page.locator(".unet-told").inner_text()


def test_a_large_whole_number_must_be_exact_and_a_fraction_may_be_rounded(mount):
    for answer, given, right in (
        (31037698, "31037699", "false"),
        (1 / 3, "0.3333333", "true"),
        (1 / 3, "0.333", "false"),
    ):
        page = mount(Question(**{**NUMBER, "answer": answer}))
        page.get_by_label("Your answer").fill(given)
        page.keyboard.press("Enter")
        assert page.locator("form").get_attribute("data-right") == right


def test_an_empty_answer_is_no_answer(mount):
    page = mount(Question("Is it?", "yes", "It is.", options=["yes", "no"]))
    page.get_by_role("button", name="Check").click()
    assert "first" in page.locator(".unet-told").inner_text()


def test_options_are_chosen_by_keyboard_and_checked(mount):
    page = mount(Question("Is it?", "no", "It is not.", options=["yes", "no"], kind="predict"))
    page.get_by_label("yes").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator(".unet-told").inner_text() == "Right. It is not."


def test_solution_is_folded_until_asked_for(mount):
    page = mount(Question(**NUMBER))
    assert not page.locator("details p").is_visible()
    page.locator("summary").click()
    assert page.locator("details p").inner_text() == "Because 3 + 4."


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"prompt": "", "answer": 1, "why": "x"}, ValueError, "prompt"),
        ({"prompt": "x", "answer": 1, "why": ""}, ValueError, "solution"),
        ({"prompt": "x", "answer": "c", "why": "x", "options": ["a", "b"]}, ValueError, "not among"),
        ({"prompt": "x", "answer": "7", "why": "x"}, TypeError, "number"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        Question(**arguments)
