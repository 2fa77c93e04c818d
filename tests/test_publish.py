"""What a published copy adds: addresses that can be right, a first cell that installs only what is missing, links that hold."""

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from types import SimpleNamespace

import nbformat
import publish
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HERE = publish.Publication("reader/the-book", "https://reader.example/the-book/")
FIND = importlib.util.find_spec


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return publish.build_wheel(tmp_path_factory.mktemp("wheel") / "wheels")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def stamped(request, wheel):
    notebook = nbformat.read(request.param, 4)
    publish.stamp(notebook, f"notebooks/{request.param.stem}", HERE, wheel)
    return notebook


@pytest.fixture
def alone(monkeypatch):
    """A machine without the package, and without the modules that are named; what pip is asked for is written down."""

    def away(*names, rc=0):
        asked = []
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name in {"unet_edu", *names} else FIND(name)
        )

        def run(command, **_):
            asked.append(command)
            return SimpleNamespace(returncode=rc, stderr="ERROR: 404 Client Error")

        monkeypatch.setattr(subprocess, "run", run)
        return asked

    return away


def source_of_setup(notebook):
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.id == publish.SETUP_ID
    return first.source


def run(source):
    exec(source, {})


@pytest.mark.parametrize(
    "name",
    [
        "",
        "book",
        "owner/",
        "/book",
        "owner/book/more",
        "own er/book",
        "https://host/owner/book",
        "owner/..",
        "-o/b",
        "o/b;rm",
        'o/"b',
        "o/b\n",
    ],
)
def test_a_wrong_repository_is_refused_with_the_form_wanted(name):
    with pytest.raises(ValueError, match=re.escape(f"REPOSITORY={name!r} is not of the form owner/name")):
        publish.Publication(name, HERE.site)


def test_an_address_to_clone_from_is_refused():
    with pytest.raises(ValueError, match=r"leave out \.git"):
        publish.Publication("owner/book.git", HERE.site)


@pytest.mark.parametrize(
    "site",
    [
        "",
        "reader.example",
        "ftp://reader.example",
        "https://",
        "https://a b",
        'https://h/"',
        "https://h/p?x=1",
        "https://h/p#x",
        "https://me:word@h/",
        "https://h:port/",
        "https://[::1",
    ],
)
def test_a_wrong_address_is_refused_with_the_form_wanted(site):
    with pytest.raises(ValueError, match=re.escape(f"PAGES_URL={site!r} is not the address of a site")):
        publish.Publication("owner/book", site)


def test_an_unprotected_address_is_refused_unless_it_is_this_machine():
    with pytest.raises(ValueError, match="give an https address"):
        publish.Publication("owner/book", "http://reader.example/")
    assert publish.Publication("owner/book", "http://127.0.0.1:8000/").site == "http://127.0.0.1:8000"


@pytest.mark.parametrize("ref", ["a..b", "a b", "-a", "a/", "a.lock", "a//b", 'a"', "a\n"])
def test_a_wrong_branch_is_refused(ref):
    with pytest.raises(ValueError, match="is not the name of a branch"):
        publish.Publication("owner/book", HERE.site, ref)


def test_without_make_publish_there_is_no_publication_and_half_of_one_is_refused(monkeypatch):
    for name in ("BOOK_REPOSITORY", "BOOK_PAGES_URL", "BOOK_REF"):
        monkeypatch.delenv(name, raising=False)
    assert publish.Publication.from_environment() is None
    monkeypatch.setenv("BOOK_REPOSITORY", "owner/book")
    with pytest.raises(ValueError, match="PAGES_URL=''"):
        publish.Publication.from_environment()
    monkeypatch.setenv("BOOK_PAGES_URL", "https://host.example")
    assert publish.Publication.from_environment() == publish.Publication("owner/book", "https://host.example", "colab")


def test_publishing_without_a_repository_stops_before_it_builds():
    done = subprocess.run(
        [sys.executable, ROOT / "book" / "_ext" / "publish.py", "check"],
        env=os.environ | {"BOOK_REPOSITORY": "", "BOOK_PAGES_URL": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["REPOSITORY='' is not of the form owner/name; give the two words only"]


def test_colab_opens_the_chapter_of_the_stamped_repository():
    address = "https://colab.research.google.com/github/reader/the-book/blob/colab/notebooks/02_conv.ipynb"
    assert HERE.colab("notebooks/02_conv") == address


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_in_git_starts_with_the_setup_cell_and_names_no_address(path):
    source = source_of_setup(nbformat.read(path, 4))
    assert source == publish.SETUP, "run `make fix`"
    assert not re.search(r"github\.(com|io)|colab\.research|//", source)


def test_the_setup_cell_is_placed_once():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("1")]
    )
    publish.place_setup(notebook)
    once = [cell.source for cell in notebook.cells]
    publish.place_setup(notebook)
    assert [cell.source for cell in notebook.cells] == once == ["# Title", publish.SETUP, "1"]


def test_a_chapter_without_its_setup_cell_is_not_published(wheel):
    with pytest.raises(ValueError, match=r"notebooks/x: the cell that installs .* run `make fix`"):
        publish.stamp(nbformat.v4.new_notebook(), "notebooks/x", HERE, wheel)


def test_the_setup_cell_says_nothing_where_the_package_is_there(stamped, capsys):
    run(publish.SETUP)
    run(source_of_setup(stamped))
    assert capsys.readouterr() == ("", "")


def test_an_unstamped_chapter_without_the_package_says_how_to_get_it(alone):
    alone()
    with pytest.raises(ModuleNotFoundError, match=r"needs the package unet_edu.*`pip install \.` in a clone"):
        run(publish.SETUP)


def test_a_stamped_chapter_installs_the_wheel_of_its_site_and_nothing_else(stamped, alone, capsys):
    asked, address = alone(), "https://reader.example/the-book/wheels/unet_edu-0.1.0-py3-none-any.whl"
    run(source_of_setup(stamped))
    assert [command[-2:] for command in asked] == [["--no-deps", address]]
    assert capsys.readouterr().out == f"Installed {address}\n"


def test_a_missing_dependency_is_installed_first_and_one_that_is_there_is_not_touched(stamped, alone):
    asked = alone("tqdm")
    run(source_of_setup(stamped))
    assert [command[-1].split(">=")[0].split("/")[-1] for command in asked] == [
        "tqdm",
        "unet_edu-0.1.0-py3-none-any.whl",
    ]


def test_an_installation_that_fails_says_what_pip_said(stamped, alone):
    alone(rc=1)
    with pytest.raises(RuntimeError, match=r"(?s)pip could not install --no-deps https://reader.*404 Client Error"):
        run(source_of_setup(stamped))


def test_links_of_a_stamped_chapter_lead_to_pages_of_the_site(stamped):
    text = "\n".join(cell.source for cell in stamped.cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    contents = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = {f"https://reader.example/the-book/{name}.html" for name in contents}
    assert targets
    assert {target.split("#")[0] for target in targets if not target.startswith("#")} <= pages


def test_the_wheel_asks_for_what_the_package_asks_for_and_all_of_it_can_be_imported(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = [
            text
            for text in Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist")
            if "extra ==" not in text
        ]
    needs = publish.needs(wheel)
    assert sorted(needs.values()) == sorted(asked)
    assert all(FIND(module) for module in needs)


def test_the_stamp_is_valid_python_and_changes_no_other_cell(stamped):
    nbformat.validate(stamped)
    original = nbformat.read(
        next(
            path
            for path in NOTEBOOKS
            if nbformat.read(path, 4).cells[0].source.splitlines()[0] == stamped.cells[0].source.splitlines()[0]
        ),
        4,
    )
    changed = [
        cell.id
        for cell, old in zip(stamped.cells, original.cells, strict=True)
        if cell.cell_type == "code" and cell != old
    ]
    assert changed == [publish.SETUP_ID]


def test_the_branch_that_is_named_is_the_one_that_buttons_open():
    assert "/blob/preview/" in publish.Publication("owner/book", HERE.site, "preview").colab("notebooks/x")


def test_contents_and_configuration_leave_the_owner_out():
    for name in ("_config.yml", "_toc.yml", "Makefile", "pyproject.toml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"github\.(com|io)/\w", text), name
    options = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"][
        "html_theme_options"
    ]
    assert "repository_url" not in options
