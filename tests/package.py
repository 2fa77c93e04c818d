"""Install the wheel in throw-away environments and run tests/installed.py there: `make package`.

The lowest versions are the floors that the wheel itself declares, the newest those of requirements.txt. Torch stays
out: the widgets have to work without it, and the other tests run with it.
"""

from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "_build" / "package"
WITHOUT = {"torch"}
# Where the floor has no wheel for a newer Python, the first version that has one.
FIRST_WHEELS = {
    (3, 12): {"pillow": "10.1.0"},
    (3, 13): {"matplotlib": "3.9.2", "numpy": "2.1.0", "pillow": "10.4.0"},
}


def declared(wheel: Path, extra: str | None = None) -> dict[str, Requirement]:
    """Return what the wheel asks for, by name: always, or with an extra only."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []
    listed = [Requirement(line) for line in lines]
    if extra is None:
        return {r.name: r for r in listed if "extra" not in str(r.marker)}
    return {r.name: r for r in listed if r.marker and r.marker.evaluate({"extra": extra})}


def floors(wheel: Path) -> dict[str, str]:
    """Return the lowest version of each requirement, as this Python can install it."""
    first, lowest = FIRST_WHEELS.get(sys.version_info[:2], {}), {}
    for name, requirement in declared(wheel).items():
        (floor,) = [part.version for part in requirement.specifier if part.operator == ">="]
        lowest[name] = first.get(name, floor)
    return lowest


def pins() -> dict[str, str]:
    """Return the versions of requirements.txt that hold for this Python."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {r.name: next(iter(r.specifier)).version for r in listed if r.marker is None or r.marker.evaluate()}


def build(out: Path) -> tuple[Path, Path]:
    """Build the sdist, and from it the wheel; return both."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the package does not build:\n{done.stdout}{done.stderr}")
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


def check(name: str, versions: dict[str, str], wheel: Path) -> None:
    """Make an environment with these versions and the wheel, and run the tests of the installed package in it."""
    start, place = time.perf_counter(), OUT / name
    subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = {name: version for name, version in versions.items() if name not in WITHOUT}
    pytest = f"pytest=={pins()['pytest']}"
    subprocess.run([*pip, "--only-binary=:all:", pytest, *(f"{n}=={v}" for n, v in wanted.items())], check=True)
    subprocess.run([*pip, "--no-deps", wheel], check=True)
    away = place / "tests"
    away.mkdir()
    shutil.copy(ROOT / "tests" / "installed.py", away)
    (away / "pytest.ini").write_text("[pytest]\n")  # else pytest would find the settings of the tree
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"WANTED": json.dumps(wanted)}
    print(f"{name}: " + ", ".join(f"{n} {v}" for n, v in wanted.items()), flush=True)
    tests = [python, "-m", "pytest", "-q", "--disable-warnings", "installed.py"]
    done = subprocess.run(tests, cwd=away, env=environment, check=False)
    if done.returncode:
        sys.exit(f"the installed package fails with the {name} versions")
    print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    shutil.rmtree(place)


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    _, wheel = build(OUT)
    check("lowest", floors(wheel), wheel)
    check("newest", {name: pins()[name] for name in declared(wheel)}, wheel)


if __name__ == "__main__":
    main()
