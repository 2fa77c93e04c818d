"""Runs the cells of a chapter in this process, up to the one that is asked about."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def source(stem: str, cell: str) -> str:
    """The code of one cell, by its id."""
    cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", 4).cells
    return next(each.source for each in cells if each.id == cell)


def run_until(stem: str, cell: str) -> dict:
    """Run all code cells of a chapter up to and with the cell of this id; return their names."""
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for each in nbformat.read(NOTEBOOKS / f"{stem}.ipynb", 4).cells:
            if each.cell_type == "code":
                exec(compile(each.source, f"{stem}/{each.id}", "exec"), names)
            if each.id == cell:
                return names
    raise LookupError(f"{stem} has no cell {cell}")
