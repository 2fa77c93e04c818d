"""A notebook that was saved with its widgets shows them again when it is reopened, with a kernel that never made them."""

import contextlib
import json

import nbformat

STEM = ".unet-conv-transpose"
MIME = "application/vnd.jupyter.widget-state+json"


def states(path, page, seconds=30):
    """The widgets' states in a notebook's file, once the server has written them."""
    for _ in range(seconds * 5):
        page.wait_for_timeout(200)
        with contextlib.suppress(ValueError):  # half written
            if found := json.loads(path.read_text(encoding="utf-8"))["metadata"].get("widgets"):
                return found[MIME]["state"]
    raise AssertionError("the file holds no widgets")


def test_a_notebook_saved_with_its_widgets_shows_them_again(host):
    chapter, path = nbformat.read(host.work / "05_conv_transpose.ipynb", 4), host.work / "saved.ipynb"
    if host.broken:
        chapter.cells = [cell for cell in chapter.cells if "interact" not in cell.source]
    nbformat.write(chapter, path)
    page = host.open(path.name)
    host.run_all(page)
    widget = page.locator(STEM).first
    widget.get_by_label("kernel_size", exact=True).press("ArrowRight")
    said = widget.locator(".unet-say").inner_text()
    host.save_with_widgets(page)
    kept = states(path, page)
    assert 4 in [model["state"].get("kernel_size") for model in kept.values()]
    host.stop_kernel(page)
    page.close()

    page = host.open(path.name)
    widget = page.locator(STEM).first
    slider = widget.get_by_label("kernel_size", exact=True)
    assert slider.input_value() == "4"
    assert widget.locator(".unet-say").inner_text() == said
    slider.press("ArrowRight")
    assert slider.input_value() == "5"
    assert widget.locator(".unet-say").inner_text() != said
    assert "unet_edu" not in host.kernel(page, "import sys; print(*sys.modules)")["text"]
    assert page.faults == []
    page.close()


def test_a_widget_that_was_scrolled_away_has_followed_when_it_comes_back(host):
    page = host.open("05_conv_transpose.ipynb")
    host.run_all(page)
    slider = page.locator(STEM).first.get_by_label("stride", exact=True)
    slider.scroll_into_view_if_needed()
    before = slider.input_value()
    host.scroll_to_cell(page, -1)
    page.wait_for_timeout(500)
    assert before != "3"
    code = """from unet_edu.widgets import ConvTransposeBench
import ipywidgets
instances = getattr(ipywidgets.widgets.widget, "_instances", None) or ipywidgets.Widget.widgets
next(widget for widget in instances.values() if isinstance(widget, ConvTransposeBench)).stride = 3"""
    assert host.kernel(page, code)["error"] == ""
    page.wait_for_timeout(500)
    host.scroll_to_cell(page, 0)
    slider.scroll_into_view_if_needed()
    assert slider.input_value() == "3"
    page.close()
