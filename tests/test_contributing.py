"""CONTRIBUTING.md against the tree: it names only what exists, and its example widget works as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from torch import nn

from unet_edu.widgets import base

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^ *```.*?^ *```$", "", GUIDE, flags=re.M | re.S)
NEW = {"unet_edu/widgets/pool_size.py", "unet_edu/widgets/pool_size.js", "tests/widgets/test_pool_size.py"}


def example(name):
    """The code block that follows the name of a file."""
    indented = re.search(rf"`{re.escape(name)}`:\n\n( *)```\w+\n(.*?)^ *```$", GUIDE, re.M | re.S)
    return re.sub(rf"^{indented[1]}", "", indented[2], flags=re.M)


def code():
    """What stands between backticks in the prose."""
    return re.findall(r"`([^`]+)`", PROSE)


def test_every_file_that_is_named_exists():
    named = {
        word
        for text in code()
        for word in text.split()
        if re.fullmatch(r"[\w./]+\.(py|js|ipynb|md|yml|toml|txt)", word)
    }
    assert len(named) > 12
    missing = {name for name in named if not (ROOT / name).exists()}
    assert missing <= NEW | {"notebooks/12_pooling.ipynb"}  # the reader's own, in the examples


def test_every_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]\w*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {target for text in code() for target in re.findall(r"^make (\w+)$", text)}
    assert {"serve", "test", "fix", "lab", "package"} <= named <= targets


def test_every_name_of_code_exists():
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "unet_edu" / "widgets").glob("*.*")}
    kit, python = sources[ROOT / "unet_edu/widgets/kit.js"], "".join(sources.values())
    assert "export function frame" in kit
    for name, found in {"ui.draw": "ui.draw(colours(", "ui.say": "ui.say = ("}.items():
        assert f"`{name}`" in PROSE
        assert found in kit
    for name in ("Bounded", "Choice", "Question"):
        assert f"`{name}`" in PROSE
        assert f"class {name}(" in python
    assert "def mount(" in (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")


def test_every_heading_that_a_chapter_keeps_is_in_the_one_that_is_copied():
    (source,) = re.findall(r"`cp (\S+) ", PROSE)
    text = "\n".join(cell.source for cell in nbformat.read(ROOT / source, 4).cells if cell.cell_type == "markdown")
    for heading in ("Predict", "Play", "The formula", "Check against torch", "What goes wrong", "Exercises"):
        assert f"`{heading}`" in PROSE
        assert f"## {heading}\n" in text + "\n"


def test_the_guide_is_one_page():
    assert len(PROSE.split()) < 600


@pytest.fixture
def pool_size(tmp_path, monkeypatch):
    """The class of the example, made from the two files of the guide."""
    for path in (ROOT / "unet_edu" / "widgets").glob("*.js"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pool_size.js").write_text(example("unet_edu/widgets/pool_size.js"), encoding="utf-8")
    base.style()  # kept: the sheet is not in the copy
    monkeypatch.setattr(base, "HERE", tmp_path)
    scope = {"__name__": "pool_size"}
    exec(compile(example("unet_edu/widgets/pool_size.py"), "pool_size.py", "exec"), scope)
    yield scope["PoolSize"]
    base.inline.cache_clear()


def test_the_example_says_what_torch_says(mount, pool_size):
    page = mount(pool_size())
    slider = page.get_by_label("kernel_size", exact=True)
    for kernel in (2, 3, 8, 1):
        slider.fill(str(kernel))
        after = nn.MaxPool2d(kernel)(torch.zeros(1, 1, 25, 25)).shape[-1]
        assert page.locator(".unet-say").inner_text().startswith(f"25 pixels become {after}; {25 - after * kernel} ")
    page.locator("details > summary").click()
    listing = page.locator("pre").inner_text()
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert done.stdout == "25\n"


def test_the_examples_bounds_are_those_of_its_class(run_js, pool_size):
    text = str(pool_size._esm)
    bounds = yaml.safe_load(re.search(r"^const BOUNDS = (\{.*\});$", text, re.M)[1])
    traits = pool_size.class_traits(sync=True)
    assert bounds == {name: [traits[name].min, traits[name].max] for name in bounds}
    assert set(bounds) == set(pool_size.keys_shown())


def test_the_examples_test_is_a_test():
    text = example("tests/widgets/test_pool_size.py")
    compile(text, "test_pool_size.py", "exec")
    assert "def test_size_that_is_said_is_torchs(mount" in text
