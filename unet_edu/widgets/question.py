"""A question whose answer a cell computed: the reader commits, is checked at once, and can unfold the solution."""

from __future__ import annotations

import traitlets

from unet_edu.widgets.base import Widget, inline, style


class Question(Widget):
    """Ask for a number, or for one of a few options; text between backticks is shown as code.

    Args:
        prompt: the question.
        answer: the right number, or the right one of `options`.
        why: the solution, shown after a right answer and folded below.
        options: the choices; leave out for a number that the reader types: a whole number exactly, another to one
            part in a million.
        hint: said after a wrong answer.
        kind: "exercise" or "predict".

    Raises:
        ValueError: an answer that is not among the options, or no question, or no solution.
        TypeError: an unknown argument, or an answer that is neither an option nor a number.
    """

    _esm = inline("question.js")
    _css = style()

    prompt = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.Float().tag(sync=True)
    why = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Enum(["exercise", "predict"], default_value="exercise").tag(sync=True)
    given = traitlets.Unicode(help="what the reader answered last: a number, or the option's position").tag(sync=True)

    def __init__(self, prompt, answer, why, options=(), hint="", kind="exercise", **traits):
        options = [str(option) for option in options]
        if not prompt or not why:
            raise ValueError("a question needs a prompt and a solution (why)")
        if options:
            if str(answer) not in options:
                raise ValueError(f"answer {answer!r} is not among the options {options}; give one of them")
            answer = options.index(str(answer))
        elif isinstance(answer, (bool, str)):
            raise TypeError(f"answer {answer!r}: without options the answer must be a number")
        super().__init__(prompt=prompt, options=options, answer=float(answer), why=why, hint=hint, kind=kind, **traits)
