"""The three central widgets where notebooks live: the page moves the kernel, the kernel moves the page, nonsense is refused."""

import nbformat
import pytest

CASES = {
    "bench": {
        "notebook": "05_conv_transpose.ipynb", "widget": "ConvTransposeBench", "stem": "conv-transpose",
        "slider": ("kernel_size", "kernel_size", 6), "set": ("stride", "stride", 3),
        "wrong": ("kernel_size", 99, "TraitError: kernel_size=99 is outside 1 to 6; choose a value in that range"),
    },
    "lab": {
        "notebook": "07_skip_alignment.ipynb", "widget": "SkipAlignmentLab", "stem": "skip-alignment",
        "slider": ("image width", "width", 600), "set": ("image height", "height", 130),
        "wrong": ("level", "up9", "TraitError: level='up9' is unknown; choose one of 'up4', 'up3', 'up2', 'up1'"),
    },
    "microscope": {
        "notebook": "03_double_conv.ipynb", "widget": "DoubleConvMicroscope", "stem": "double-conv",
        "slider": ("row", "row", None), "set": ("column", "column", 5),
        "wrong": ("row", 400, "TraitError: row=400 does not exist here; choose 0 to "),
    },
}  # fmt: skip
FIND = """import ipywidgets
instances = getattr(ipywidgets.widgets.widget, "_instances", None) or ipywidgets.Widget.widgets
shown = next(widget for widget in instances.values() if type(widget).__name__ == {name!r})"""


@pytest.fixture(scope="module", params=CASES)
def shown(request, host):
    """A chapter that was opened and run: (host, page, the first widget of the kind in the page, case)."""
    case = CASES[request.param]
    page = host.open(case["notebook"])
    host.run_all(page)
    widget = page.locator(f".unet-{case['stem']}").first
    widget.scroll_into_view_if_needed()
    told = host.kernel(page, FIND.format(name=case["widget"]))
    assert not told["error"], told["error"]
    yield host, page, widget, case
    page.close()


def slider(widget, label):
    return widget.get_by_label(label, exact=True)


def wait_for(host, page, expression, value, seconds=20):
    for _ in range(seconds * 5):
        if (now := host.ask(page, expression)) == value:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{expression} is {now!r} in the kernel, not {value!r}")


def test_the_slider_moves_and_the_kernel_hears_it(shown):
    host, page, widget, case = shown
    label, trait, most = case["slider"]
    thumb = slider(widget, label)
    before = host.ask(page, f"shown.{trait}")
    assert thumb.input_value() == str(before)
    said = widget.locator(".unet-say").inner_text()
    thumb.press("ArrowRight")
    wait_for(host, page, f"shown.{trait}", before + 1)
    assert widget.locator(".unet-say").inner_text() != said

    most = most or int(thumb.get_attribute("max"))
    box = thumb.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    wait_for(host, page, f"shown.{trait}", most)


def test_the_kernel_sets_a_trait_and_the_page_follows(shown):
    host, page, widget, case = shown
    label, trait, value = case["set"]
    said = widget.locator(".unet-say").inner_text()
    assert host.kernel(page, f"shown.{trait} = {value}")["error"] == ""
    page.wait_for_function(
        "([node, value]) => node.value === value", arg=[slider(widget, label).element_handle(), str(value)]
    )
    assert widget.locator(".unet-say").inner_text() != said


def test_a_wrong_value_is_refused_in_words(shown):
    host, page, _, case = shown
    trait, value, words = case["wrong"]
    before = host.ask(page, f"shown.{trait}")
    assert host.kernel(page, f"shown.{trait} = {value!r}")["error"].startswith(words)
    assert host.ask(page, f"shown.{trait}") == before


def test_a_wrong_number_typed_into_the_page_is_refused_in_words_and_stays_there(shown):
    host, page, widget, case = shown
    label, trait, _ = case["slider"]
    before = host.ask(page, f"shown.{trait}")
    box = widget.get_by_label(f"{label}, typed", exact=True)
    box.fill("9999")
    box.press("Tab")
    assert f"{label}: 9999 is not a whole number from " in widget.locator(".unet-foot [role=status]").inner_text()
    assert host.ask(page, f"shown.{trait}") == before


def test_a_question_is_answered_by_keyboard(shown):
    _, page, _, _ = shown
    radios = page.locator(".unet-question:has(input[type=radio])").first.locator("input[type=radio]")
    radios.nth(0).press("Space")
    radios.nth(0).press("ArrowDown")
    assert radios.nth(1).is_checked()


def test_the_page_reports_no_error_and_asks_no_other_host(shown):
    host, page, _, _ = shown
    assert [fault for fault in page.faults if fault != host.broken] == []
    assert page.foreign == []


def test_what_a_page_cannot_draw_it_cannot_draw_without_this_package_either(host):
    cell = nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.Output()")
    # Lab asks which kernel to start where a notebook names none.
    python = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=python), host.work / "output.ipynb")
    page = host.open("output.ipynb")
    host.run_all(page)
    page.wait_for_timeout(2000)
    assert set(page.faults) == ({host.broken} if host.broken else set())
    page.close()
