"""What all widgets share: one text, refusals in words, no torch, one palette, one contract."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys

import anywidget
import numpy as np
import pytest
import traitlets

import unet_edu.widgets
from unet_edu.widgets import base

CLASSES = [getattr(unet_edu.widgets, name) for name in unet_edu.widgets.__all__]


def test_importing_the_widgets_does_not_import_torch():
    code = "import sys, unet_edu.widgets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_in_the_package_imports_the_widgets():
    for module in pkgutil.iter_modules(unet_edu.__path__):
        if module.name == "widgets":
            continue
        tree = ast.parse(inspect.getsource(importlib.import_module(f"unet_edu.{module.name}")))
        names = [
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", "") or "", *(alias.name for alias in node.names)]
        ]
        assert not [name for name in names if "widgets" in name], module.name


def test_shapes_imports_nothing_of_the_package_and_no_torch():
    tree = ast.parse(inspect.getsource(importlib.import_module("unet_edu.shapes")))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {getattr(node, "module", None) for node in imported} <= {"typing", "__future__"}


@pytest.mark.parametrize("widget", CLASSES, ids=lambda c: c.__name__)
def test_module_text_is_self_contained_and_loads_from_a_blob(run_js, widget):
    keys = run_js(
        """const url = URL.createObjectURL(new Blob([arg], { type: "text/javascript" }));
        return Object.keys((await import(url)).default);""",
        str(widget._esm),
    )
    assert "render" in keys
    assert 'from "./' not in str(widget._esm)


@pytest.mark.parametrize("widget", CLASSES, ids=lambda c: c.__name__)
def test_every_whole_number_is_bounded(widget):
    own = {
        name: trait
        for name, trait in widget.class_traits(sync=True).items()
        if name not in anywidget.AnyWidget.class_trait_names()
    }
    assert own
    for name, trait in own.items():
        if isinstance(trait, traitlets.Int):
            assert trait.min is not None, name
            assert trait.max is not None, name


def test_import_in_another_form_is_refused(tmp_path, monkeypatch):
    (tmp_path / "odd.js").write_text('import * as kit from "./kit.js";\nexport default {};\n')
    monkeypatch.setattr(base, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"odd\.js: write imports as"):
        base.inline.__wrapped__("odd.js")


def test_a_file_imported_twice_is_pasted_once(tmp_path, monkeypatch):
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = a;\n')
    (tmp_path / "c.js").write_text(
        'import { a } from "./a.js";\nimport { b } from "./b.js";\nexport default { a, b };\n'
    )
    monkeypatch.setattr(base, "HERE", tmp_path)
    text = base.inline.__wrapped__("c.js")
    assert text.count("const a = 1") == 1
    assert text.index("const a") < text.index("const b") < text.index("export default")


@pytest.mark.parametrize("kind", ["int16", "uint8", "float32"])
def test_packed_array_is_decoded_to_the_same_numbers(run_js, kind):
    values = (np.arange(-3, 9) % 200).astype(kind)
    names = {"int16": "Int16Array", "uint8": "Uint8Array", "float32": "Float32Array"}
    told = run_js(
        "const m = await import('/dom.js'); return [...m.decode(arg[0], globalThis[arg[1]])];",
        [base.pack(values), names[kind]],
    )
    assert told == values.tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (-2, "−2"),
        (1 / 3, "0.33"),
        (-0.001, "0"),
        (1e9, "1000000000"),
        (float("nan"), "nan"),
        (float("-inf"), "−inf"),
    ],
)
def test_numbers_are_shown_short_with_a_true_minus(run_js, value, text):
    assert (
        run_js(
            "return (await import('/dom.js')).show(Number(arg));",
            repr(value).replace("inf", "Infinity").replace("nan", "NaN"),
        )
        == text
    )


def test_bounded_refuses_what_is_no_whole_number_in_range():
    class One(anywidget.AnyWidget):
        _esm = "export default {}"
        size = base.Bounded(3, 1, 8, "a size")

    for wrong in (0, 9, 2.5, True, "3"):
        with pytest.raises(traitlets.TraitError, match="size"):
            One(size=wrong)
    assert One(size=8).size == 8
