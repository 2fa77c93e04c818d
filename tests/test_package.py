"""What the wheel and the sdist contain, what the package asks for, and that Colab's own versions satisfy it."""

import ast
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.package import FIRST_WHEELS, build, declared, floors, pins

ROOT = Path(__file__).resolve().parents[1]
# What Colab had installed in August 2026: pip must have no reason to replace any of it.
COLAB = {
    "anywidget": "0.9.21",
    "ipywidgets": "7.7.1",
    "matplotlib": "3.10.0",
    "numpy": "2.1.3",
    "pillow": "11.3.0",
    "torch": "2.11.0+cu128",
    "tqdm": "4.67.3",
    "traitlets": "5.7.1",
}


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The sdist and the wheel that is built from it."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(archives):
    return archives[1]


def sources():
    """The files of the package that git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "unet_edu"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return {name for name in names if (ROOT / name).exists()}


def test_wheel_holds_the_package_with_its_scripts_and_styles_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == sources()
    scripts = {Path(name).name for name in names if name.endswith(".js")}
    assert {"kit.js", "shapes.js", "conv_transpose.js", "double_conv.js", "skip_alignment.js"} <= scripts
    assert any(name.endswith("widgets.css") for name in names)


def test_sdist_holds_the_package_with_its_scripts_and_styles_and_its_licence(archives):
    with tarfile.open(archives[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sources() <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops <= {
        "unet_edu",
        "tests",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "pyproject.toml",
        "PKG-INFO",
        ".gitignore",
        "",
    }


def test_a_script_in_the_wheel_is_the_source_byte_for_byte(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for name in sources():
            assert archive.read(name) == (ROOT / name).read_bytes(), name


def test_the_package_asks_for_what_it_imports_and_for_nothing_else(wheel):
    imported = set()
    for path in (ROOT / "unet_edu").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    others = imported - set(sys.stdlib_module_names) - {"unet_edu"}
    others = {{"PIL": "pillow"}.get(name, name) for name in others}
    others.remove("onnx")
    assert set(declared(wheel)) == others | {"ipywidgets"}  # what anywidget stands on; its own floor is too low


def test_onnx_is_asked_for_by_the_extra_alone_and_imported_when_it_is_needed(wheel):
    assert {str(requirement.specifier) for requirement in declared(wheel, "export").values()} == {">=1.18"}
    assert set(declared(wheel, "export")) == {"onnx"}
    assert pins()["onnx"] in declared(wheel, "export")["onnx"].specifier
    code = "import sys, unet_edu.export; sys.exit('onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_requirements_are_floors_without_ceilings_or_pins(wheel):
    for requirement in declared(wheel).values():
        assert [part.operator for part in requirement.specifier] == [">="], str(requirement)
        assert requirement.marker is None


def test_colab_keeps_its_own_versions(wheel):
    for name, requirement in declared(wheel).items():
        assert requirement.specifier.contains(COLAB[name], prereleases=True), f"{requirement} replaces {COLAB[name]}"


def test_the_versions_that_the_book_is_built_with_satisfy_the_package(wheel):
    for name, requirement in declared(wheel).items():
        assert pins()[name] in requirement.specifier, str(requirement)


def test_the_lowest_versions_are_really_lower_than_those_of_the_book(wheel):
    assert all(Version(low) < Version(pins()[name]) for name, low in floors(wheel).items())
    first = [item for versions in FIRST_WHEELS.values() for item in versions.items() if item[0] in declared(wheel)]
    assert all(Version(version) in declared(wheel)[name].specifier for name, version in first)


def test_every_pin_is_exact_and_holds_for_each_python():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all([part.operator for part in r.specifier] == ["=="] for r in listed)
    for python in ("3.10", "3.11", "3.12", "3.13"):
        names = [r.name for r in listed if r.marker is None or r.marker.evaluate({"python_version": python})]
        assert len(names) == len(set(names))
        assert set(names) == {r.name for r in listed}


def test_the_version_stands_once_in_code_and_once_in_the_archive(wheel):
    named = re.search(r'^__version__ = "(.+)"', (ROOT / "unet_edu" / "__init__.py").read_text(encoding="utf-8"), re.M)
    assert wheel.name.startswith(f"unet_edu-{named[1]}-py3-none-any")
