"""Every stamped chapter runs with Colab's versions, from the wheel that its own first cell installs."""

from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def outputs(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_environment_has_the_versions_that_colab_publishes(colab):
    there = {line.split("==")[0].lower().replace("_", "-"): line.split("==")[-1] for line in colab.packages()}
    for line in (Path(__file__).parent / "colab.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate():
                assert pin.specifier.contains(there[pin.name.lower().replace("_", "-")]), line


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_stamped_chapter_installs_its_wheel_replaces_nothing_and_runs(colab, published, chapter):
    before = colab.packages()
    published.asked.clear()
    ran = colab.execute(published.notebooks / chapter)
    added, gone = colab.packages() - before, before - colab.packages()
    assert gone == set()
    assert [line.split("#")[0] for line in added] == [f"unet_edu @ {published.wheel}"]
    assert "/wheels/" + published.wheel.rsplit("/", 1)[1] in published.asked

    code = [cell for cell in ran.cells if cell.cell_type == "code"]
    assert outputs(code[0]) == f"Installed {published.wheel}\n"
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    spoken = [(cell.source, output) for cell in code for output in cell.outputs if output.get("name") == "stderr"]
    assert spoken == []


def test_a_chapter_that_runs_again_installs_nothing(colab, published):
    chapter = published.notebooks / CHAPTERS[1]
    first = nbformat.read(chapter, 4)
    first.cells = first.cells[:2]  # the title and the cell that installs
    path = colab.folder / "first.ipynb"
    nbformat.write(first, path)
    installs, silent = (colab.execute(path) for _ in range(2))
    assert outputs(installs.cells[1]) == f"Installed {published.wheel}\n"
    assert silent.cells[1].outputs == []


def test_a_missing_dependency_is_added_and_no_other_package_moves(colab, published):
    pin = next(
        line
        for line in (Path(__file__).parent / "colab.txt").read_text(encoding="utf-8").split()
        if line.startswith("tqdm==")
    )
    colab.run("-m", "pip", "uninstall", "--quiet", "--yes", "tqdm")
    try:
        before = colab.packages()
        colab.run("-c", nbformat.read(published.notebooks / CHAPTERS[1], 4).cells[1].source)
        after = colab.packages()
    finally:
        colab.run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", pin)
    assert before - after == set()
    assert sorted(line.split("=")[0].split(" ")[0] for line in after - before) == ["tqdm", "unet_edu"]


def test_an_unstamped_chapter_says_how_to_get_the_package(colab):
    source = nbformat.read(ROOT / "notebooks" / CHAPTERS[1], 4).cells[1].source
    with pytest.raises(AssertionError, match=r"Run `pip install \.` in a clone"):
        colab.run("-c", source)
