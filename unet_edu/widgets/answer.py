"""The answer of a function, as text that can be asked for anew: what a cell shows while it observes a widget."""

from __future__ import annotations

import html

import ipywidgets


class Answer(ipywidgets.HTML):
    """Shows what `ask()` returns, or, where it is refused, the error in words.

    Link it to a widget with `widget.observe(answer.ask)`: each move then asks again. An error in an observer would
    otherwise end up in a log that a reader does not see.
    """

    def __init__(self, ask, **traits):
        super().__init__(**traits)
        self._ask = ask
        self.ask()

    def ask(self, change=None) -> None:
        """Ask again; `change` is what `observe` hands over."""
        try:
            said = str(self._ask())
        except Exception as error:
            said = in_words(error)
        self.value = f"<pre>{html.escape(said, quote=False)}</pre>"


def in_words(error: Exception) -> str:
    """One line for a reader: what kind of error, and what it says."""
    return f"Refused. {type(error).__name__}: {' '.join(str(error).split())}"
