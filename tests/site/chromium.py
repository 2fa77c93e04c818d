"""Find a Chromium for the browser tests, or install one: Debian's package as root, Playwright's own otherwise.

Tests prefer the one without a window, to which a new page is less work; `make bench` measures in the whole browser,
as readers have it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


SHELL = ("chromium-headless-shell",)
WHOLE = ("chromium", "chromium-browser", "google-chrome")


def find(whole: bool = False) -> str | None:
    """Return the path of an installed Chromium: $CHROMIUM, one on the PATH, or the one that Playwright installed."""
    from playwright.sync_api import sync_playwright

    for name in (os.environ.get("CHROMIUM"), *(() if whole else SHELL), *WHOLE):
        if name and (path := shutil.which(name)):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install(whole: bool = False) -> None:
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        apt = ["apt-get", "-q", "-y"]
        subprocess.run([*apt, "update"], check=True, env=environment)
        for name in ("chromium",) if whole else (*SHELL, "chromium"):  # not every Debian has the first
            if subprocess.run([*apt, "install", name], check=False, env=environment).returncode == 0:
                return
        raise SystemExit("apt-get could install no Chromium: see above")
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


if __name__ == "__main__":
    whole = "--whole" in sys.argv
    if not find(whole):
        install(whole)
    path = find(whole)
    if not path:
        sys.exit("no Chromium found and none could be installed; set CHROMIUM to the path of one")
    print(f"Chromium: {path}")
