"""The book as it is published, on loopback, and the two homes of a notebook: Colab's versions, and JupyterLab 4.

Run by `make colab`; a plain `pytest` leaves this folder out.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

from tests.hosts.host import HOSTS

ROOT = Path(__file__).resolve().parents[2]
COLAB = ROOT / ".venv-colab" / ("Scripts" if os.name == "nt" else "bin") / "python"


@dataclass
class Published:
    """The site that `make publish` built: its address, its stamped notebooks, and what was asked of its server."""

    url: str
    notebooks: Path
    site: Path
    asked: list[str] = field(default_factory=list)

    @property
    def wheel(self) -> str:
        """The address of the one wheel of the site."""
        (path,) = (self.site / "wheels").iterdir()
        return f"{self.url}wheels/{path.name}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files as they are, as GitHub Pages serves them; remembers what it was asked for."""

    def __init__(self, *args, asked, **kwargs):
        self.asked = asked
        super().__init__(*args, **kwargs)

    def log_message(self, *args):
        self.asked.append(self.path)


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Published:
    """`make publish` for a repository that exists nowhere; the chapters' results come from the build before."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(ROOT / "_build", folder / "_build")
    found = Published("", folder / "_build" / "colab" / "notebooks", folder / "_build" / "html")
    handler = functools.partial(Quiet, directory=str(found.site), asked=found.asked)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "publish", "REPOSITORY=reader/the-book", f"PAGES_URL={found.url}", f"BUILD={folder}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def clean(python: Path, folder: Path) -> dict[str, str]:
    """An environment in which `python` finds its own packages and writes below `folder` only."""
    own = ("PYTHON", "JUPYTER", "IPYTHON", "VIRTUAL_ENV", "MPL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    homes = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ipython",
    }
    made = {name: str(folder / "home" / part) for name, part in homes.items()}
    path = os.pathsep.join([str(python.parent), kept.get("PATH", "")])
    return kept | made | {"PATH": path, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


@dataclass
class Environment:
    """A Python with its packages, and a folder to work in."""

    python: Path
    folder: Path

    def run(self, *arguments: str, **options) -> str:
        command = [str(self.python), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=clean(self.python, self.folder), capture_output=True, text=True, **options
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done.stdout

    def packages(self) -> set[str]:
        """Every installed package with its version or its origin, as `pip freeze` lists it."""
        return set(self.run("-m", "pip", "freeze", "--all", "--disable-pip-version-check").split("\n")) - {""}

    def execute(self, notebook: Path) -> nbformat.NotebookNode:
        """Run a copy of a notebook top to bottom, in this environment's own kernel."""
        if notebook.parent != self.folder:
            shutil.copy(notebook, self.folder)
        convert = ["-m", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.timeout=600"]
        self.run(*convert, "--inplace", notebook.name)
        return nbformat.read(self.folder / notebook.name, 4)


@pytest.fixture
def colab(tmp_path) -> Environment:
    """Colab's versions; the package of the book is not installed there, before and after."""
    assert COLAB.exists(), "no environment with Colab's versions: run `make colab`"
    found = Environment(COLAB, tmp_path)
    uninstall = ["-m", "pip", "uninstall", "--quiet", "--yes", "--disable-pip-version-check", "unet_edu"]
    found.run(*uninstall)
    yield found
    found.run(*uninstall)


@pytest.fixture(scope="module", params=HOSTS, ids=lambda host: host.name)
def host(request, published, browser, tmp_path_factory):
    """A notebook server with the published chapters, and a browser that opens them: see host.py."""
    folder = tmp_path_factory.mktemp(request.param.name)
    shutil.copytree(published.notebooks, folder / "work")
    python = COLAB if request.param.name == "notebook6" else Path(sys.executable)
    with contextlib.closing(request.param(python, folder, clean(python, folder), browser)) as running:
        yield running
