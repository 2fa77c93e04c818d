"""Facts about the wheel as pip installs it.

`make package` copies this file out of the tree and runs it in throw-away environments: one with the lowest versions
that the package allows, one with those that the book is built with. Neither has torch.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import anywidget
import numpy as np
import pytest
import traitlets
from packaging.version import Version

import unet_edu
from unet_edu import figures, shapes, widgets
from unet_edu.widgets import base

CLASSES = [getattr(widgets, name) for name in widgets.__all__]


ALONE = [widgets.ConvBench, widgets.ConvTransposeBench, widgets.MetricsPlayground, widgets.OverlapLab]
ALONE += [widgets.SkipAlignmentLab, widgets.ThresholdLab, widgets.UNetTrace, widgets.UpsamplingBench]  # without data


def test_the_wheel_is_tested_and_not_the_sources():
    assert Path(unet_edu.__file__).resolve().is_relative_to(Path(sys.prefix).resolve())
    assert "site-packages" in unet_edu.__file__
    assert version("unet_edu") == unet_edu.__version__


def test_the_versions_are_those_that_were_asked_for():
    wanted = json.loads(os.environ["WANTED"])
    assert {name: Version(version(name)) for name in wanted} == {name: Version(asked) for name, asked in wanted.items()}
    assert {"anywidget", "ipywidgets", "numpy"} <= set(wanted)


def test_importing_the_widgets_needs_neither_torch_nor_matplotlib():
    assert importlib.util.find_spec("torch") is None
    code = "import sys, unet_edu.widgets; sys.exit(bool({'torch', 'matplotlib', 'tqdm'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_tool_of_the_book_is_asked_for():
    for tool in ("jupyter-book", "sphinx", "jupyterlab", "playwright", "pytest", "nbformat", "scikit-learn"):
        assert not any(line.lower().startswith(tool) for line in requires("unet_edu"))


@pytest.mark.parametrize("widget", CLASSES, ids=lambda c: c.__name__)
def test_module_and_style_are_whole(widget):
    assert "export default" in str(widget._esm)
    assert 'from "./' not in str(widget._esm)
    assert ".unet-" in str(widget._css)


@pytest.mark.parametrize("widget", ALONE, ids=lambda c: c.__name__)
def test_an_unknown_argument_is_refused_by_name(widget):
    with pytest.raises(TypeError, match=f"{widget.__name__}.*colour"):
        widget(colour="red")


@pytest.mark.parametrize("widget", ALONE, ids=lambda c: c.__name__)
def test_the_state_that_the_page_gets_is_complete(widget):
    state = widget().get_state()
    assert "export default" in state["_esm"]
    assert ".unet-" in state["_css"]
    assert state["_model_module"] == state["_view_module"] == "anywidget"
    shown = set(widget.keys_shown()) & set(widget.class_trait_names())
    assert len(shown) >= 3
    json.dumps({key: state[key] for key in shown})


def test_a_widget_of_data_says_what_it_needs():
    question = widgets.Question("How many pixels?", 6, "Count them.")
    assert question.get_state()["prompt"] == "How many pixels?"
    with pytest.raises(TypeError, match="from_block"):
        widgets.DoubleConvMicroscope()


def test_this_anywidget_takes_a_module_with_a_default_export():
    script = Path(anywidget.__file__).parent / "nbextension" / "index.js"  # what a classic Notebook loads
    assert re.search(r"\.default\b", script.read_text(encoding="utf-8"))


def test_a_move_in_the_page_reaches_the_kernel():
    bench, heard = widgets.ConvTransposeBench(kernel_size=3), []
    bench.observe(lambda change: heard.append((change["old"], change["new"])), "kernel_size")
    bench.set_state({"kernel_size": 4})
    assert heard == [(3, 4)]
    bench.kernel_size = 2
    assert heard[1:] == [(4, 2)]
    assert bench.get_state("kernel_size") == {"kernel_size": 2}


def test_a_wrong_value_is_refused_in_words_and_changes_nothing():
    bench = widgets.ConvTransposeBench(kernel_size=3)
    for wrong in (0, 99, 2.5, "3", None):
        with pytest.raises(traitlets.TraitError, match="kernel_size"):
            bench.kernel_size = wrong
    assert bench.kernel_size == 3


def test_a_widget_shows_itself():
    bench = widgets.ConvTransposeBench()
    if hasattr(bench, "_repr_mimebundle_"):  # ipywidgets 8
        bundle = bench._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == bench.model_id
    else:  # ipywidgets 7
        assert callable(bench._ipython_display_)
        assert bench.model_id


def test_numbers_are_packed_with_this_numpy():
    assert base.pack(np.array([1, -1], dtype=">i2")) == "AQD//w=="


def test_sizes_need_no_other_package():
    assert shapes.conv_transpose2d_size(3, kernel_size=3, stride=2, padding=1, output_padding=1) == 6


def test_a_figure_is_drawn_with_this_matplotlib():
    fig, ax = figures.figure()
    ax.imshow(np.arange(4).reshape(2, 2))
    picture = figures.Picture(fig, alt="four cells", caption="Four cells.")
    assert "<svg" in picture._repr_html_()
