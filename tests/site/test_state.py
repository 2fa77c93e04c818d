"""What the build saves for the static host: each source file once, and every module whole when it is put together."""

import json

import one_stylesheet
import pytest
from unet_book import SHEET, compact_state, mark_long_lines

from tests.conftest import SITE
from unet_edu.widgets import ConvBench, ConvTransposeBench


def saved(*widgets, sheet=None):
    state = {
        f"m{i}": {
            "model_module": "anywidget",
            "state": {"_esm": str(w._esm), "_css": str(w._css), "layout": "IPY_MODEL_x"},
        }
        for i, w in enumerate(widgets)
    }
    return json.loads(compact_state(json.dumps({"state": state}), sheet))


def test_files_that_modules_share_are_saved_once():
    data = saved(ConvBench, ConvTransposeBench, ConvBench)
    assert len(data["texts"]) == 3  # two modules and one style sheet
    assert len(set(data["files"])) == len(data["files"])
    assert sum("export default" in file for file in data["files"]) == 2
    assert sum("function drawGrid(" in file for file in data["files"]) == 1


def test_a_module_put_together_again_is_its_own_text():
    data = saved(ConvBench, ConvTransposeBench)
    for name, widget in (("m0", ConvBench), ("m1", ConvTransposeBench)):
        state = data["widgets"][name]
        assert "".join(data["files"][i] for i in data["texts"][state["_esm"]]) == str(widget._esm)
        assert "".join(data["files"][i] for i in data["texts"][state["_css"]]) == str(widget._css)
        assert "layout" not in state


def test_a_sheet_that_the_page_links_is_not_saved_with_it_and_another_is():
    sheet = SHEET.read_text(encoding="utf-8")
    linked, other = saved(ConvBench, ConvTransposeBench, sheet=sheet), saved(ConvBench, sheet="a {}")
    assert sheet not in linked["files"]
    assert not any("_css" in state for state in linked["widgets"].values())
    assert sheet in other["files"]
    assert all("_css" in state for state in other["widgets"].values())


@pytest.mark.usefixtures("book")
def test_the_books_sheet_has_every_rule_of_the_widgets():
    rules = one_stylesheet.purge(SHEET.read_text(encoding="utf-8"), None)
    assert len(rules) > 10_000
    assert rules in (SITE / "_static" / "book.css").read_text(encoding="utf-8")


def test_a_message_wraps_and_a_table_keeps_its_columns():
    def output(*lines):
        return '<div class="output stream"><div class="highlight"><pre><span></span>' + "\n".join(lines) + "</pre>"

    message, table, short = output("x" * 70), output(*["y" * 70] * 4), output("z" * 20)
    marked = mark_long_lines(message + table + short)
    assert marked == message.replace("stream", "stream unet-long") + table + short
    assert "unet-long" in mark_long_lines(output(*["y" * 91] * 4))
