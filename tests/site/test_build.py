"""The build itself: what is executed again, formulas without scripts, one style sheet, no dead rule kept and no live one lost."""

import json
import re
from pathlib import Path

import nbformat
import one_stylesheet
import pytest
import unet_book

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"

NOTE = """---
jupytext: {{text_representation: {{extension: .md, format_name: myst, format_version: 0.13}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---
# {name}

```{{code-cell}} ipython3
import os
with open({log!r}, "a") as file:
    file.write("{name}:" + os.environ.get("OMP_NUM_THREADS", "all") + " ")
```
"""


def test_second_build_executes_only_what_changed_and_a_changed_package_everything(tmp_path, build_book):
    """A text with cells, and three notebooks: two that are executed side by side, one that asked for all cores."""
    log = tmp_path / "log.txt"
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: text\nchapters: [{file: a}, {file: b}, {file: alone}]\n")
    (tmp_path / "_config.yml").write_text(
        "title: Notes\nonly_build_toc_files: true\nexecute: {execute_notebooks: cache}\n"
        f"sphinx: {{local_extensions: {{unet_book: {ROOT / 'book' / '_ext'}}}, config: {{nb_ipywidgets_js: {{}}, "
        "nb_execution_raise_on_error: true, unet_execute_alone: [alone]}}\n"
    )
    (tmp_path / "text.md").write_text(NOTE.format(name="text", log=str(log)))

    def write(name, *more):
        code = f'import os\nwith open({str(log)!r}, "a") as file:\n    file.write("{name}:" + os.environ.get("OMP_NUM_THREADS", "all") + " ")'
        cells = [nbformat.v4.new_markdown_cell(f"# {name}"), *map(nbformat.v4.new_code_cell, (code, *more))]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")

    def build(fails=""):
        log.write_text("")
        output = build_book(tmp_path, bool(fails), OMP_NUM_THREADS=None)
        assert fails in output
        return sorted(log.read_text().split())

    for name in ("a", "b", "alone"):
        write(name)
    assert build() == ["a:1", "alone:all", "b:1", "text:all"]
    assert build() == []
    write("b", "1 + 1")
    assert build() == ["b:all"]  # one notebook has all cores to itself
    (tmp_path / "_build" / "package.sha256").write_text("of an older package")
    assert build() == ["a:1", "alone:all", "b:1", "text:all"]
    write("a", "1 / 0")
    write("b", "1 + 2")
    assert build(fails="a.ipynb: WARNING: Executing notebook failed: CellExecutionError") == [
        "a:1",
        "a:all",
        "b:1",
    ]  # what fails is told by the build itself
    write("a", "1 / 1")
    assert build() == ["a:all"]


def test_formulas_are_mathml_with_plain_underscores():
    text = unet_book.render_math(r"n_\text{out} = \text{kernel\_size} - 1", "block")
    assert text.startswith("<math")
    assert "kernel_size" in text


def test_formulas_of_the_book_need_no_script():
    pages = [path.read_text(encoding="utf-8") for path in (SITE / "notebooks").glob("*.html")]
    assert sum("<math" in page for page in pages) >= 5
    assert not any(re.search(r"<script[^>]*(mathjax|katex)", page.lower()) for page in pages)


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".seen{color:red}", ".seen{color:red}"),
        (".unseen{color:red}", ""),
        (".seen,.unseen .seen{color:red}", ".seen{color:red}"),
        ("a:not(.unseen){color:red}", "a:not(.unseen){color:red}"),
        ("@media print{.unseen{color:red}.seen{color:blue}}", "@media print{.seen{color:blue}}"),
        ("@media print{.unseen{color:red}}", ""),
        ("/* gone */ h1 > p{margin:0}", "h1 > p{margin:0}"),
        ('[data-mode=".unseen"]{color:red}', '[data-mode=".unseen"]{color:red}'),
    ],
)
def test_purge_keeps_what_can_match(css, kept):
    assert one_stylesheet.purge(css, {"seen"}) == kept


def test_purged_sheet_changes_no_element_of_a_chapter(book, open_page):
    """The same page with the theme's own sheets put back computes the same styles for every element."""
    page = open_page(book + "notebooks/05_conv_transpose.html")
    page.wait_for_selector("html[data-widgets=ready]")
    page.wait_for_load_state("networkidle")
    take = """() => [...document.querySelectorAll("body *")].map((node) => { const s = getComputedStyle(node);
      return [node.tagName, node.className, s.display, s.color, s.backgroundColor, s.font, s.margin, s.padding, s.visibility, s.opacity, s.width].join("|"); })"""
    before = page.evaluate(take)
    page.evaluate(
        """async (names) => {
        const book = document.querySelector("link[href*='book.css']");
        const loads = names.map((name) => new Promise((resolve) => { const link = document.createElement("link");
          link.rel = "stylesheet"; link.href = book.href.replace("book.css", name); link.onload = resolve; book.before(link); }));
        await Promise.all(loads); book.remove(); }""",
        [*one_stylesheet.FIRST, *later_sheets()],
    )
    page.wait_for_timeout(300)
    after = page.evaluate(take)
    different = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert not different, [
        [x for x in zip(a.split("|"), b.split("|"), strict=True) if x[0] != x[1]] for a, b in different
    ][:5]
    assert len(before) > 300


def later_sheets() -> list[str]:
    """The sheets that stock pages load after the theme's own, in their order."""
    names = json.loads((ROOT / "_build" / ".doctrees" / one_stylesheet.NOTES).read_text(encoding="utf-8"))
    return names[len(one_stylesheet.FIRST) :]
