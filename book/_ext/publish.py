"""What a published copy of the book knows and git does not: its repository, its address and its wheel.

Every build puts the package's wheel beside the pages. A build that is told where it will be published also gives each
chapter a button for Colab, and stamps the notebooks: their first cell installs that wheel where the package is missing.
Colab opens notebooks from branches on GitHub only, so the stamped notebooks go to a branch of the same repository.

Deviation from the theme's own launch buttons: those hide in a menu that needs a script, and open unstamped notebooks.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zipfile import Path as ZipPath

import nbformat

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "unet_edu"
SETUP_ID = "setup"
TITLE = "# @title Install the package of this book where it is missing"  # Colab shows this line, and folds the rest
SETUP = f"""{TITLE}
import importlib.util

if importlib.util.find_spec("{PACKAGE}") is None:
    raise ModuleNotFoundError(
        "this chapter needs the package {PACKAGE}, and this copy knows no address to "
        "install it from. Run `pip install .` in a clone of the book's repository, or "
        "take the chapter from the published book: there this cell installs it"
    )"""
STAMPED = """@TITLE@
# It comes from the site of the book. Packages that are already here stay as they are.
import importlib.util
import subprocess
import sys

WHEEL = @WHEEL@
NEEDS = @NEEDS@


def install(*what):
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    done = subprocess.run([*pip, *what], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pip could not install {' '.join(what)}\\n{done.stderr}")
    print("Installed", what[-1])


if importlib.util.find_spec("@PACKAGE@") is None:
    for name, needed in NEEDS.items():
        if importlib.util.find_spec(name) is None:
            install(needed)
    install("--no-deps", WHEEL)
    importlib.invalidate_caches()"""
IMPORTED_AS = {"pillow": "PIL"}  # where the name to import is not the name to install
BUTTON = {"type": "link", "label": "colab", "text": "Open in Colab", "tooltip": "Run this chapter in Google Colab"}
README = "The chapters of {site} as Colab opens them.\nTheir build writes them: changes made here are lost.\n"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")


@dataclass(frozen=True)
class Publication:
    """Where a build will be published: repository "owner/name" on GitHub, address of the site, branch of the notebooks.

    Raises:
        ValueError: a name or an address that cannot be right, with what was given and what is wanted.
    """

    repository: str
    site: str
    ref: str = "colab"

    def __post_init__(self):
        if not re.fullmatch(r"[A-Za-z\d][A-Za-z\d-]{0,38}/(?!\.{1,2}$)[\w.-]{1,100}", self.repository, re.ASCII):
            raise ValueError(f"REPOSITORY={self.repository!r} is not of the form owner/name; give the two words only")
        if self.repository.endswith(".git"):
            raise ValueError(f"REPOSITORY={self.repository!r} is an address to clone from; leave out .git")
        try:
            parts = urlsplit(self.site)
            host, _ = parts.hostname, parts.port
        except ValueError:
            parts = host = None
        if not host or not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w.~%/-]*)?", self.site, re.ASCII):
            raise ValueError(
                f"PAGES_URL={self.site!r} is not the address of a site; give it as https://host/path, without ? or #"
            )
        if parts.scheme != "https" and host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError(f"PAGES_URL={self.site!r} would install a package unprotected; give an https address")
        if not re.fullmatch(r"[A-Za-z\d][\w./-]*", self.ref, re.ASCII) or re.search(r"\.\.|//|[./]$|\.lock$", self.ref):
            raise ValueError(f"REF={self.ref!r} is not the name of a branch; give a plain name such as colab")
        object.__setattr__(self, "site", self.site.rstrip("/"))

    @classmethod
    def from_environment(cls) -> Publication | None:
        """What `make publish` passed on, or None: a local build knows no repository."""
        if "BOOK_REPOSITORY" not in os.environ:
            return None
        repository, site, ref = (os.environ.get(f"BOOK_{name}", "") for name in ("REPOSITORY", "PAGES_URL", "REF"))
        return cls(repository, site, ref or cls.ref)

    def colab(self, page: str) -> str:
        """The address that opens a chapter, for example page "notebooks/02_conv", in Colab."""
        return f"https://colab.research.google.com/github/{self.repository}/blob/{self.ref}/{page}.ipynb"


def build_wheel(folder: Path) -> Path:
    """Build the package of this tree into `folder`, which then holds this wheel and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder.resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the wheel could not be built:\n{done.stdout}{done.stderr}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def needs(wheel: Path) -> dict[str, str]:
    """What the wheel asks for: name to import -> requirement, as pip takes it; extras are left out."""
    (info,) = (part for part in ZipPath(wheel).iterdir() if part.name.endswith(".dist-info"))
    found = {}
    for text in PathDistribution(info).requires or []:
        requirement, _, marker = (part.strip() for part in text.partition(";"))
        if "extra" not in marker:
            name = re.match(r"[\w.-]+", requirement)[0].lower()
            found[IMPORTED_AS.get(name, name.replace("-", "_"))] = requirement
    return found


def place_setup(notebook: nbformat.NotebookNode) -> None:
    """Put the address-free setup cell below the title, or bring the one that is there up to date."""
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != SETUP_ID]
    cell = nbformat.v4.new_code_cell(SETUP, id=SETUP_ID, metadata={"cellView": "form", "tags": ["remove-cell"]})
    notebook.cells.insert(1, cell)


def stamp(notebook: nbformat.NotebookNode, page: str, publication: Publication, wheel: Path) -> None:
    """Make a chapter stand alone: its setup cell installs the wheel of the site, its links lead to the site's pages.

    Raises:
        ValueError: the notebook has no setup cell.
    """
    setup = [cell for cell in notebook.cells if cell.get("id") == SETUP_ID]
    if not setup or setup[0].source != SETUP:
        raise ValueError(f"{page}: the cell that installs the package is missing or out of date; run `make fix`")
    lines = "".join(f'    "{name}": "{requirement}",\n' for name, requirement in needs(wheel).items())
    address = f'"{publication.site}/wheels/{wheel.name}"'
    setup[0].source = STAMPED
    for mark, text in (("TITLE", TITLE), ("PACKAGE", PACKAGE), ("WHEEL", address), ("NEEDS", "{\n" + lines + "}")):
        setup[0].source = setup[0].source.replace(f"@{mark}@", text)

    def lead(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link[1]))
        return f"{publication.site}/{re.sub(r'[.](ipynb|md)$', '.html', target)}{link[2] or ''}"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lead, cell.source)


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def start(app: Sphinx, config) -> None:
    """Look at what was given before anything is built; all pages are written anew when it changes."""
    config.unet_publication = repr(Publication.from_environment())


def is_chapter(app: Sphinx, page: str) -> bool:
    return page in app.env.found_docs and str(app.env.doc2path(page)).endswith(".ipynb")


def add_button(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    publication = Publication.from_environment()
    if publication and is_chapter(app, pagename):
        context["header_buttons"].insert(0, {**BUTTON, "url": publication.colab(pagename)})


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Put the wheel beside the pages; stamp the notebooks that a reader can download and those for Colab."""
    if exception or app.builder.name != "html":
        return
    site, colab = Path(app.outdir), Path(app.outdir).parent / "colab"
    wheel = build_wheel(site / "wheels")
    publication = Publication.from_environment()
    shutil.rmtree(colab, ignore_errors=True)  # of an earlier build, perhaps for another repository
    for page in sorted(page for page in app.env.found_docs if is_chapter(app, page)):
        notebook = nbformat.read(app.env.doc2path(page), 4)
        if publication:
            stamp(notebook, page, publication, wheel)
            write(notebook, colab / f"{page}.ipynb")
        write(notebook, site / "_sources" / f"{page}.ipynb")
    if publication:
        (colab / "README.md").write_text(README.format(site=publication.site), encoding="utf-8")
        shutil.copy2(ROOT / "LICENSE", colab)


def setup(app: Sphinx) -> dict:
    app.add_config_value("unet_publication", "", "html")
    app.connect("config-inited", start)
    app.connect("html-page-context", add_button, priority=800)
    app.connect("build-finished", finish, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def main(verb: str) -> None:
    """`check`: what `make publish` was given. `cells`: the setup cell of every chapter."""
    if verb == "check":
        try:
            Publication.from_environment()
        except ValueError as error:
            sys.exit(str(error))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if verb == "cells" else []:
        chapter = nbformat.read(path, 4)
        place_setup(chapter)
        write(chapter, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
