"""Runs last: building and testing left the working tree as it was."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BEFORE = ROOT / "_build" / "git-status-before"


@pytest.mark.alone
def test_build_and_tests_leave_git_status_as_it_was():
    now = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert BEFORE.exists(), "`make test` notes the status before it builds; run `make test`"
    assert now == BEFORE.read_text(encoding="utf-8")
