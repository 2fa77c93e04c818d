"""ipywidgets' own widgets on a page without a kernel: the answer of the build, and in words what a kernel adds.

The static host brings this project's widgets to life. A slider of `interact`, an upload button or a text that an
observer writes needs a kernel; left alone it would be an empty box.
"""

from __future__ import annotations

import html
import json
import re

WORDS = {
    "follows": "Torch answered this when the page was built. With a kernel, it answers each move of the widget above.",
    "controls": "With a kernel, {controls} here.",
    "moved": "With a kernel, {controls} here, and the answer follows.",
    "stand": ("stands", "stand"),
    "and": " and ",
    "kinds": {
        "Slider": ("the slider", "the sliders"),
        "Checkbox": ("the check box", "the check boxes"),
        "Dropdown": ("the list", "the lists"),
        "Text": ("the text box", "the text boxes"),
        "FileUpload": ("the button", "the buttons"),
        "Button": ("the button", "the buttons"),
    },
}
VIEW = re.compile(r'<script type="application/vnd\.jupyter\.widget-view\+json">\s*(\{.*?\})\s*</script>', re.DOTALL)


class NoStillPicture(ValueError):
    """A widget that this module knows no still picture of."""


def still_pictures(body: str, models: dict) -> str:
    """Replace each view of a widget that needs a kernel in a page's HTML; `models` is the state that the build saved.

    Raises:
        NoStillPicture: an unknown widget, or an error shown in an output.
    """

    def replace(view: re.Match) -> str:
        model = models.get(json.loads(view[1])["model_id"])
        if model is None or model["model_module"] == "anywidget":
            return view[0]
        parts, controls = [], []
        collect(json.loads(view[1])["model_id"], models, parts, controls)
        return page_text(parts, controls)

    return VIEW.sub(replace, body)


def collect(name: str, models: dict, parts: list[str], controls: list[tuple[str, str, object]]) -> None:
    """Append what the model `name` says to `parts`, and (kind, label, value) of what could be moved to `controls`."""
    model, state = models[name]["model_name"].removesuffix("Model"), models[name]["state"]
    kind = "Slider" if model.endswith("Slider") else model
    if models[name]["model_module"] == "anywidget":
        parts.append(f'<script type="application/vnd.jupyter.widget-view+json">{{"model_id": "{name}"}}</script>')
    elif "children" in state:
        for child in state["children"]:
            collect(child.removeprefix("IPY_MODEL_"), models, parts, controls)
    elif kind in WORDS["kinds"]:
        controls.append((kind, state["description"], state.get("value")))
    elif kind in ("HTML", "Label"):
        parts.append(state["value"] if kind == "HTML" else html.escape(state["value"]))
    elif kind == "Output":
        parts.extend(output(one) for one in state["outputs"])
    else:
        raise NoStillPicture(
            f"{models[name]['model_name']}: say in still_widgets.py what a page without a kernel shows"
        )


def output(one: dict) -> str:
    """One entry of an Output widget as HTML."""
    if one["output_type"] == "error":
        raise NoStillPicture(f"an Output widget holds an error: {one['ename']}: {one['evalue']}")
    data = one.get("data", {"text/plain": one.get("text", "")})
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return data[kind]
    return f"<pre>{html.escape(data['text/plain'])}</pre>"


def page_text(parts: list[str], controls: list[tuple[str, str, object]]) -> str:
    """The still picture: values as set, the answer, and one sentence on what a kernel adds."""
    said = [part for part in parts if part]
    values = [
        f"<code>{html.escape(label)} = {html.escape(str(value))}</code>"
        for _, label, value in controls
        if isinstance(value, (bool, int, float, str)) and value != ""
    ]
    if values:
        said.insert(0, f'<p class="unet-still-values">{" ".join(values)}</p>')
    note = WORDS["follows"]
    if controls:
        groups = {}
        for kind, label, _ in controls:
            groups.setdefault(kind, []).append(f"<b>{html.escape(label)}</b>")
        names = [f"{WORDS['kinds'][kind][len(group) > 1]} {WORDS['and'].join(group)}" for kind, group in groups.items()]
        words = f"{WORDS['and'].join(names)} {WORDS['stand'][len(controls) > 1]}"
        note = WORDS["moved" if any(parts) else "controls"].format(controls=words)
    return f'<div class="unet-still">{"".join(said)}<p class="unet-still-note">{note}</p></div>'
