"""The built site and what publishing adds to it: the wheel, the downloads, a button for Colab only where one can work."""

import re
import zipfile
from pathlib import Path

import nbformat
import publish
import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def little_book(tmp_path_factory, build_book):
    """build(repository, site) -> the folder of a book with one chapter, built for that site, or for none."""
    folder = tmp_path_factory.mktemp("book")
    chapter = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# One\n\nBack to the [start](../start.md)."),
            nbformat.v4.new_code_cell("1"),
        ]
    )
    publish.place_setup(chapter)
    publish.write(chapter, folder / "notebooks" / "one.ipynb")
    (folder / "start.md").write_text("# Start\n\nOne sentence.\n")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: start\nchapters: [{file: notebooks/one}]\n")
    (folder / "_config.yml").write_text(
        "title: Little\nonly_build_toc_files: true\nexecute: {execute_notebooks: 'off'}\n"
        f"sphinx: {{local_extensions: {{publish: {ROOT / 'book' / '_ext'}}}}}\n"
    )

    def build(repository=None, site=None):
        build_book(folder, **({"BOOK_REPOSITORY": repository, "BOOK_PAGES_URL": site} if repository else {}))
        return folder / "_build"

    return build


def test_the_button_comes_and_goes_with_the_repository_and_the_cell_that_installs_is_on_no_page(little_book):
    for repository in ("reader/the-book", None, "someone/a-fork"):
        built = little_book(repository, "https://reader.example/the-book/")
        chapter = (built / "html" / "notebooks" / "one.html").read_text(encoding="utf-8")
        found = re.findall(r'href="(https://colab[^"]*)"', chapter)
        wanted = f"https://colab.research.google.com/github/{repository}/blob/colab/notebooks/one.ipynb"
        assert found == ([wanted] if repository else [])
        assert ("Open in Colab" in chapter) == bool(repository)
        assert "cell_input" in chapter
        assert "Install the package" not in chapter  # the cell that installs is for a copy, not for the page
        assert "Open in Colab" not in (built / "html" / "start.html").read_text(encoding="utf-8")
        assert (built / "colab" / "notebooks" / "one.ipynb").exists() == bool(repository)

        download = nbformat.read(built / "html" / "_sources" / "notebooks" / "one.ipynb", 4)
        installs = "https://reader.example/the-book/wheels/unet_edu-0.1.0-py3-none-any.whl" in download.cells[1].source
        assert installs == bool(repository)
        if repository:
            assert nbformat.read(built / "colab" / "notebooks" / "one.ipynb", 4) == download
            assert "[start](https://reader.example/the-book/start.html)" in download.cells[0].source


def test_a_book_built_without_a_repository_has_no_button_and_names_none():
    for path in SITE.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "Open in Colab" not in text, path
        assert not re.search(r"colab\.research|github\.com/|github\.io", text), path


def test_the_site_carries_the_one_wheel_that_it_was_built_with():
    (wheel,) = (SITE / "wheels").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        inside = {name: archive.read(name) for name in archive.namelist() if name.startswith("unet_edu/")}
    sources = [path for path in (ROOT / "unet_edu").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert inside == {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sources}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_download_of_a_chapter_is_the_chapter(path):
    page = (SITE / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
    (address,) = re.findall(r'href="([^"]*_sources[^"]*)"', page)
    assert (SITE / "notebooks" / address).resolve().read_bytes() == path.read_bytes()


def test_every_download_of_the_site_is_there():
    for path in SITE.rglob("*.html"):
        for address in re.findall(r'href="([^"#?]*_sources/[^"#?]*)"', path.read_text(encoding="utf-8")):
            assert (path.parent / address).is_file(), (path, address)
