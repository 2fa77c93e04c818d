"""The live network in the built book: its files are there, they are what the list says, and no page loads one by itself."""

import base64
import hashlib
import json
import os
import subprocess

import numpy as np
import pytest
import torch

from tests.conftest import ROOT, SITE
from unet_edu import pretrained
from unet_edu.data import draw
from unet_edu.export import live_files
from unet_edu.stages import run_stages
from unet_edu.widgets.base import inline

LIVE = SITE / "_static" / "live"


def test_the_list_names_every_file_with_its_size_and_hash():
    files = json.loads((LIVE / "files.json").read_text(encoding="utf-8"))["files"]
    assert {path.name for path in LIVE.iterdir()} == {*files, "files.json", "recorded.js"}
    for name, said in files.items():
        data = (LIVE / name).read_bytes()
        assert said == {"bytes": len(data), "hash": hashlib.sha256(data).hexdigest()[:16]}


def test_the_network_is_the_one_of_the_package_and_the_runtime_the_one_of_the_lock_file(tmp_path):
    network, _ = live_files(tmp_path)
    assert (LIVE / "unet.onnx").read_bytes() == network.read_bytes()
    assert (LIVE / "engine_worker.js").read_bytes() == (ROOT / "unet_edu/widgets/engine_worker.js").read_bytes()
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    version = lock["packages"]["node_modules/onnxruntime-web"]["version"]
    assert f"ONNX Runtime Web v{version}" in (LIVE / "onnxruntime.mjs").read_text(encoding="utf-8")[:200]


def test_the_licence_of_the_runtime_travels_with_it():
    assert "Licensed under the MIT License" in (LIVE / "onnxruntime.mjs").read_text(encoding="utf-8")[:300]


def test_what_comes_from_npm_is_pinned_and_named_without_an_address():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    locked = json.loads(text)["packages"]
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert locked[f"node_modules/{name}"]["version"] == version  # no range: exactly this one
    assert all("integrity" in entry for path, entry in locked.items() if path)
    assert "://" not in text


@pytest.mark.parametrize("target", ["book", "serve", "publish", "bench", "test"])
def test_every_target_that_builds_the_book_first_fetches_what_its_live_network_needs(target):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    plan = ["make", "--dry-run", "--always-make", target]
    told = subprocess.run(plan, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert 0 < told.index("npm ci") < told.index("jupyter-book build")


@pytest.mark.parametrize("page", ["book/intro.html", "notebooks/05_conv_transpose.html"])
def test_no_page_loads_a_file_of_it_by_itself(book, open_page, page):
    opened, asked = open_page(), []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(book + page)
    opened.wait_for_selector("html[data-widgets=ready]")
    opened.wait_for_load_state("networkidle")
    assert asked
    assert {url.rsplit("/", 1)[-1] for url in asked if "/live/" in url} <= {"recorded.js"}  # answers to look at first


def test_from_the_built_book_it_answers_as_torch(book, open_page):
    page, image = open_page(book + "book/intro.html"), draw(8)[0]
    told = page.evaluate(
        """async ([source, live, text]) => {
        const { openEngine } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
        const engine = await openEngine({ model: { live } }), image = new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
        const { stages } = await engine.run({ image, height: 64, width: 64 });
        return Array.from(stages.logits.data); }""",
        [inline("engine.js"), book + "_static/live/", base64.b64encode(image.tobytes()).decode()],
    )
    with torch.no_grad():
        wanted = run_stages(pretrained(), torch.from_numpy(image)[None])["logits"]
    assert np.abs(np.reshape(told, (3, 64, 64)) - wanted[0].numpy()).max() < 1e-4
