"""What the live network needs in a reader's browser, beside the pages: onnxruntime-web, the network, held-out pictures.

A page fetches these files when a reader starts the network, and not before: see `unet_edu/widgets/engine.js`.
onnxruntime-web comes from `node_modules`, which `make book` fills. Without it the book still builds, and its pages say
that this copy has no engine.

Deviation from its own layout: the WebAssembly file is stored compressed, 3.7 instead of 14.2 MB, since not every server
compresses such files; and modules are stored under names that no server treats in a way of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "node_modules" / "onnxruntime-web"
FOLDER = "live"


def runtime_files(package: Path) -> dict[str, bytes]:
    """The smallest set that runs on one thread of any processor: one module and its WebAssembly."""
    return {
        "onnxruntime.mjs": (package / "dist" / "ort.wasm.bundle.min.mjs").read_bytes(),
        "onnxruntime.gzip": squeeze((package / "dist" / "ort-wasm-simd-threaded.wasm").read_bytes()),
    }


def network_files() -> dict[str, bytes]:
    """The trained network and the held-out pictures that it is scored on."""
    from unet_edu.export import live_files

    with TemporaryDirectory() as folder:
        network, pictures = live_files(folder)
        return {"unet.onnx": network.read_bytes(), "held_out.gzip": squeeze(pictures.read_bytes())}


def recordings() -> str:
    """What the network answers, for browsers that cannot run it: a script, as a page opened as a file may load one."""
    from unet_edu.recorded import recorded
    from unet_edu.weights import pretrained

    return json.dumps(recorded(pretrained()), separators=(",", ":"))


def squeeze(data: bytes) -> bytes:
    """gzip, the same bytes every time."""
    return gzip.compress(data, 9, mtime=0)


def write_live(folder: Path, package: Path = RUNTIME) -> None:
    """Fill `folder` with what engine.js fetches, and with a list of it; without `package` the list says so."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    listed = None
    if package.is_dir():
        worker = ROOT / "unet_edu" / "widgets" / "engine_worker.js"
        files = {worker.name: worker.read_bytes()} | runtime_files(package) | network_files()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        # A hash in the address: a browser keeps a file as long as it likes, and asks anew for one that has changed.
        listed = {
            name: {"bytes": len(data), "hash": hashlib.sha256(data).hexdigest()[:16]} for name, data in files.items()
        }
    (folder / "recorded.js").write_text(f"window.unetRecorded = {recordings()};\n", encoding="utf-8")
    (folder / "files.json").write_text(json.dumps({"files": listed}, indent=1) + "\n", encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        write_live(Path(app.outdir) / "_static" / FOLDER)


def setup(app: Sphinx) -> dict:
    app.connect("build-finished", finish, priority=850)  # before one_stylesheet looks at all scripts
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
