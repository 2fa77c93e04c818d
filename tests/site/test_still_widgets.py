"""Pages without a kernel: ipywidgets' own widgets leave their answer and a word on what a kernel adds, and nothing dead."""

import html
import json
import re

import ipywidgets
import pytest
from ipywidgets.embed import embed_data
from still_widgets import NoStillPicture, still_pictures

from tests.notebook_cells import NOTEBOOKS, run_until
from tests.site.test_pages import LIVE, SITE, ready
from unet_edu.widgets import Question

CENTRAL = {
    "03_double_conv": "c03-live-torch",
    "05_conv_transpose": "c05-live-torch",
    "07_skip_alignment": "c07-live-torch",
}
KERNEL_ONLY = re.compile(r"@interact\(|\bAnswer\(|\bPictureUpload\(")


def still(widget, outputs=()):
    """The HTML that stands for a widget; `outputs` go into its Output, as the build's kernel client does."""
    models = embed_data(views=[widget], drop_defaults=False)["manager_state"]["state"]
    for model in models.values():
        if model["model_name"] == "OutputModel":
            model["state"]["outputs"] = list(outputs)
    view = json.dumps({"version_major": 2, "version_minor": 0, "model_id": widget.model_id})
    return still_pictures(
        f'<p>before</p><script type="application/vnd.jupyter.widget-view+json">\n{view}\n</script>', models
    )


def text(page):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def stream(words):
    return {"output_type": "stream", "name": "stdout", "text": words}


def test_interact_leaves_its_values_its_answer_and_a_word_on_its_sliders():
    widget = ipywidgets.interactive(lambda n, on, way: None, n=(1, 9), on=True, way=["up", "down"])
    page = still(widget, [stream("1 < 2\n")])
    assert "n = 5 on = True" in text(page)
    assert "<pre>1 &lt; 2\n</pre>" in page
    words = "With a kernel, the slider n and the check box on and the list way stand here, and the answer follows."
    assert words in text(page)
    assert not re.search("<script|<input|<button", page)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"text/plain": "a < b"}, "<pre>a &lt; b</pre>"),
        ({"text/plain": "x", "text/html": "<i>x</i>"}, "<i>x</i>"),
        ({"text/plain": "x", "image/svg+xml": "<svg></svg>"}, "<svg></svg>"),
    ],
)
def test_what_an_output_displays_is_shown(data, found):
    page = still(ipywidgets.Output(), [{"output_type": "display_data", "metadata": {}, "data": data}])
    assert found in page
    assert "With a kernel, it answers each move" in text(page)


def test_a_text_is_kept_and_a_button_is_named():
    box = ipywidgets.VBox([ipywidgets.FileUpload(description="Choose"), ipywidgets.HTML("<pre>as it is</pre>")])
    page = still(box)
    assert "<pre>as it is</pre>" in page
    assert "the button Choose stands here" in text(page)


def test_a_widget_of_this_project_stays_alive_also_inside_a_box():
    question = Question("1 + 1?", answer=2, why="It is 2.")
    alone, boxed = still(question), still(ipywidgets.VBox([question, ipywidgets.Label("a < b")]))
    assert f'"model_id": "{question.model_id}"' in alone
    assert "unet-still" not in alone
    assert f'{{"model_id": "{question.model_id}"}}</script>a &lt; b' in boxed


def test_what_has_no_still_picture_stops_the_build_by_name():
    with pytest.raises(NoStillPicture, match="IntProgress"):
        still(ipywidgets.IntProgress())
    error = {"output_type": "error", "ename": "NameError", "evalue": "name 'x' is not defined", "traceback": []}
    with pytest.raises(NoStillPicture, match="NameError: name 'x' is not defined"):
        still(ipywidgets.Output(), [error])


@pytest.mark.parametrize("name", LIVE)
def test_no_output_is_empty_and_no_slider_is_dead(book, open_page, name):
    page = ready(open_page(book + name))
    assert page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count() == 0
    assert page.locator("main input[type=range]").count() == page.locator("main .unet input[type=range]").count()
    empty = page.evaluate(
        """[...document.querySelectorAll("div.cell_output")].filter((node) => !node.closest("details:not([open])")
          && node.getBoundingClientRect().height < 20).map((node) => node.outerHTML.slice(0, 200))"""
    )
    assert empty == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_each_cell_that_needs_a_kernel_says_what_a_kernel_adds(path):
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    asked = sum(bool(KERNEL_ONLY.search("".join(cell["source"]))) for cell in cells)
    page = (SITE / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
    notes = re.findall(r'<p class="unet-still-note">(.*?)</p>', page)
    assert len(notes) == asked
    assert all("With a kernel" in note for note in notes)
    assert "Refused." not in "".join(re.findall(r'<div class="unet-still">.*?</div>', page, re.DOTALL))


@pytest.mark.parametrize("stem", CENTRAL)
def test_the_answer_on_the_page_is_torchs_for_the_state_at_first(book, open_page, stem):
    answer = run_until(stem, CENTRAL[stem])["answer"]
    page = ready(open_page(f"{book}notebooks/{stem}.html"))
    shown = page.locator(".unet-still pre").first.inner_text()
    assert shown.strip() == html.unescape(re.sub(r"<[^>]+>", "", answer.value)).strip()
