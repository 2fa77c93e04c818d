"""What every widget owes its reader, whatever it shows: refusals in words, drawing that only reads, a cleanup."""

import numpy as np
import pytest
import traitlets

import unet_edu.widgets
from tests.widgets.examples import EXAMPLES, READ, STATEFUL, each, name, own_traits, question, told
from unet_edu.widgets import Question
from unet_edu.widgets.base import Bounded, Choice


def test_every_widget_has_an_example():
    assert {name(widget) for widget in EXAMPLES} == set(unet_edu.widgets.__all__)


# --- Python: what is refused ---


@each(EXAMPLES)
def test_an_unknown_argument_is_named_with_its_cure(widget):
    example = EXAMPLES[widget]
    with pytest.raises(TypeError, match=f"{name(widget)} .*{example.misspelt!r}; did you mean {example.meant!r}"):
        example.make(**{example.misspelt: 1})
    with pytest.raises(TypeError, match=f"{name(widget)} .*'colour_of_it'"):
        example.make(colour_of_it="red")


@each(EXAMPLES)
def test_an_impossible_value_is_refused_with_the_value_and_the_cure(widget):
    make, tried = EXAMPLES[widget].make, 0
    for key, trait in own_traits(widget).items():
        if isinstance(trait, Bounded):
            cure = f"{trait.min} to {trait.max}"
            wrong = {value: f"{key}={value} is outside {cure}" for value in (trait.min - 1, trait.max + 1)}
            wrong |= {value: f"{key} must be a whole number from {cure}, not {value!r}" for value in (2.5, "3", None)}
            wrong[np.bool_(True)] = f"{key} must be a whole number"
        elif isinstance(trait, Choice):
            wrong = {"nonsense": f"{key}='nonsense' is unknown; choose one of {', '.join(map(repr, trait.values))}"}
        elif isinstance(trait, traitlets.Bool):
            wrong = {"yes": f"'{key}' .*boolean.*'yes'"}
        else:
            continue
        for value, words in wrong.items():
            with pytest.raises(traitlets.TraitError, match=words):
                make(**{key: value})
            tried += 1
    assert tried >= (0 if widget is Question else 4)


# --- the module: drawing reads, gestures write, Python's changes redraw, the cleanup leaves nothing ---

SPY = (
    f"const READ = {READ};"
    + """
const url = URL.createObjectURL(new Blob([arg.esm], { type: "text/javascript" })), { default: widget } = await import(url);
const mount = async (state) => {
  const listeners = [], calls = [], values = { ...state }, el = document.createElement("div");
  const model = { get: (key) => values[key], set: (key) => calls.push(key), save_changes: () => calls.push("save_changes"), send: () => calls.push("send"),
    on: (names, f) => names.split(" ").forEach((name) => listeners.push([name, f])),
    off: (names, f) => names.split(" ").forEach((name) => { const i = listeners.findIndex(([n, g]) => n === name && g === f); if (i >= 0) listeners.splice(i, 1); }) };
  document.body.append(el);
  const cleanup = await widget.render({ model, el });
  const python = (changes) => { Object.assign(values, changes); for (const key in changes) listeners.filter(([n]) => n === "change:" + key).forEach(([, f]) => f()); };
  return { el, calls, listeners, python, cleanup, read: () => READ(el.firstElementChild) };
};
const frames = async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); };
"""
)


@each(EXAMPLES)
def test_drawing_writes_nothing_and_the_cleanup_leaves_nothing(run_js, widget):
    example = EXAMPLES[widget].make()
    drawn, calls, left = run_js(
        SPY
        + """const one = await mount(arg.state), before = document.documentElement.dataset.theme;
        one.el.style.width = "400px"; await frames();
        document.documentElement.dataset.theme = "dark"; await frames();
        document.documentElement.dataset.theme = before ?? ""; await frames();
        const drawn = one.el.innerText.length;
        one.cleanup(); one.python(arg.state); await frames();
        const left = [one.el.childElementCount, one.listeners.length];
        one.el.remove();
        return [drawn, one.calls, left];""",
        {"esm": str(widget._esm), "state": state(example)},
    )
    assert drawn > 10
    assert calls == []
    assert left == [0, 0]


@each(STATEFUL)
def test_a_change_from_python_is_drawn_at_once(run_js, widget):
    make, other = EXAMPLES[widget].make, EXAMPLES[widget].other
    before, after = state(make()), state(make(**other))
    start, changed, drawn, calls = run_js(
        SPY
        + """const one = await mount(arg.state), two = await mount(arg.changed), start = one.read();
        one.python(arg.other);
        const told = [start, one.read(), two.read(), one.calls];
        [one, two].forEach((each) => { each.cleanup(); each.el.remove(); });
        return told;""",
        {
            "esm": str(widget._esm),
            "state": before,
            "changed": after,
            "other": {key: value for key, value in after.items() if value != before[key]},
        },
    )
    assert changed == drawn
    assert told(start) != told(changed)
    assert calls == []


def test_a_question_that_python_changes_is_asked_anew(run_js):
    first, second = state(question()), state(Question("Which is `x`?", "b", "It is.", options=["a", "b"]))
    legends, forms = run_js(
        SPY
        + """const one = await mount(arg.state), legend = () => one.el.querySelector("legend").textContent, before = legend();
        one.python(arg.changed);
        const told = [[before, legend()], one.el.querySelectorAll("form").length];
        one.cleanup();
        return told;""",
        {"esm": str(Question._esm), "state": first, "changed": {"prompt": second["prompt"]}},
    )
    assert "How large is y?" in legends[0]
    assert "Which is x?" in legends[1]
    assert forms == 1


def state(widget):
    return {key: value for key, value in widget.get_state().items() if key not in ("layout", "_esm", "_css")}
