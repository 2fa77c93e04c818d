"""The pages without code against what they speak of: tests, chapters, references, palette."""

import ast
import inspect
import re
from pathlib import Path

import nbformat
import pytest
import yaml

from unet_edu.model import DoubleConv, Down, UNet, Up

ROOT = Path(__file__).resolve().parents[1]
BOOK, NOTEBOOKS = ROOT / "book", sorted((ROOT / "notebooks").glob("*.ipynb"))


def words(path):
    return path.read_text(encoding="utf-8")


def prose(notebook):
    """The markdown of a chapter."""
    return "\n".join(c.source for c in nbformat.read(notebook, 4).cells if c.cell_type == "markdown")


def test_every_mistake_of_the_article_is_named_with_its_test():
    module = ast.parse(words(ROOT / "tests" / "test_article.py"))
    tests = {node.name for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    named = re.findall(r"`(test_\w+)`", words(BOOK / "article.md"))
    assert sorted(named) == sorted(tests)


def test_the_landing_page_lists_the_chapters_as_the_contents_do():
    contents = yaml.safe_load(words(ROOT / "_toc.yml"))
    chapters = [entry["file"] for entry in contents["parts"][0]["chapters"]]
    listed = re.findall(r"^\d+\. \[(.+?)\]\(\.\./(notebooks/\w+)\.ipynb\)", words(BOOK / "intro.md"), re.M)
    assert [file for _, file in listed] == chapters == [f"notebooks/{path.stem}" for path in NOTEBOOKS]
    assert [title for title, _ in listed] == [prose(path).splitlines()[0].removeprefix("# ") for path in NOTEBOOKS]


def test_every_appendix_is_in_the_contents_and_on_the_landing_page():
    contents = yaml.safe_load(words(ROOT / "_toc.yml"))
    appendices = [Path(entry["file"]).name for entry in contents["parts"][1]["chapters"]]
    assert sorted(appendices) == sorted(path.stem for path in BOOK.glob("*.md") if path.stem != "intro")
    assert all(f"({name}.md)" in words(BOOK / "intro.md") for name in appendices)


def test_the_glossary_is_in_order_and_explains_each_term_once():
    terms = re.findall(r"^(.+)\n: ", words(BOOK / "glossary.md"), re.M)
    assert len(terms) > 40
    assert terms == sorted(set(terms), key=str.casefold)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_citation_is_in_the_references(notebook):
    entries = re.findall(r"author = \{(\w+).*?year = \{(\d+)\}", words(BOOK / "references.bib"), re.S)
    for citation in re.findall(r"\[([^\]]+)\]\(\.\./book/references\.md\)", prose(notebook)):
        found = re.match(r"\(?(\w+).*?(\d{4})", citation)
        assert found, citation
        assert found.groups() in entries, citation


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_states_its_aim_and_closes_with_what_held(notebook):
    text = prose(notebook)
    assert "**After this chapter** you can " in text
    order = [
        text.index(part)
        for part in (
            "## Predict",
            "## Play",
            "## Exercises",
            "**What held.**",
            "**When it fails.**",
            "**What comes next.**",
        )
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_shown_code_fits_the_width_of_the_page(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    shown = [cell.source for cell in cells if not {"hide-input", "remove-cell"} & set(cell.metadata.get("tags", []))]
    assert [line for source in shown for line in source.splitlines() if len(line) > 90] == []


@pytest.mark.parametrize("part", [DoubleConv, Down, Up, UNet], ids=lambda c: c.__name__)
def test_shown_classes_fit_the_width_of_the_page(part):
    assert [line for line in inspect.getsource(part).splitlines() if len(line) > 90] == []
