"""What every widget shares: one self-contained module text, one style sheet, constructors that refuse unknown names.

anywidget runs a module from a Blob, where relative imports fail. ``inline`` therefore pastes the imported files above
the widget and drops the import and export words; the sources stay ordinary modules that a browser can load one by one.
"""

from __future__ import annotations

import base64
import difflib
import re
from functools import cache
from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)


@cache
def inline(*names: str) -> str:
    """Return modules of this folder as one text, with every file that they import pasted above them, once.

    The last one keeps its exports.

    Raises:
        ValueError: an import of a form that would survive in the text and fail in a Blob.
    """
    parts: dict[str, str] = {}

    def paste(file: str, is_root: bool) -> None:
        source = (HERE / file).read_text(encoding="utf-8")
        for imported in IMPORT.findall(source):
            if imported not in parts:
                paste(imported, False)
        source = IMPORT.sub("", source)
        if re.search(r"^\s*import\b", source, re.MULTILINE):
            raise ValueError(f'{file}: write imports as `import {{ name }} from "./file.js";`, each on its own line')
        parts[file] = source if is_root else re.sub(r"^export (?!default)", "", source, flags=re.MULTILINE)

    for name in names:
        if name not in parts:
            paste(name, name == names[-1])
    return "\n".join(f"// {file}\n{text}" for file, text in parts.items())


@cache
def style() -> str:
    """Return the one style sheet of all widgets."""
    return (HERE / "widgets.css").read_text(encoding="utf-8")


def pack(array) -> str:
    """Return the bytes of a NumPy array, little-endian and in C order, as base64 text for a widget's state."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


class Bounded(traitlets.Int):
    """A whole number in a closed range; an impossible value is refused with the number and the range.

    Raises:
        traitlets.TraitError: not a whole number, or outside the range.
    """

    def __init__(self, default: int, low: int, high: int, help: str):
        super().__init__(default, min=low, max=high, help=f"{help} ({low} to {high})")
        self.tag(sync=True)

    def validate(self, obj, value):
        if isinstance(value, bool) or not isinstance(value, int):
            raise traitlets.TraitError(
                f"{self.name} must be a whole number from {self.min} to {self.max}, not {value!r}"
            )
        if not self.min <= value <= self.max:
            raise traitlets.TraitError(
                f"{self.name}={value} is outside {self.min} to {self.max}; choose a value in that range"
            )
        return value


class Choice(traitlets.Enum):
    """One word of a list; another is refused with the list.

    Raises:
        traitlets.TraitError: a value that is not in the list.
    """

    def __init__(self, values: list[str], help: str):
        super().__init__(values, default_value=values[0], help=help)
        self.tag(sync=True)

    def validate(self, obj, value):
        if value not in self.values:
            raise traitlets.TraitError(
                f"{self.name}={value!r} is unknown; choose one of {', '.join(map(repr, self.values))}"
            )
        return value


class Widget(anywidget.AnyWidget):
    """A widget whose constructor refuses names that it does not know.

    Raises:
        TypeError: an unknown keyword argument, named together with the nearest known one.
    """

    def __init__(self, **traits):
        known = [name for name in self.trait_names() if not name.startswith("_")]
        for name in traits:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self.keys_shown()))}"
                raise TypeError(f"{type(self).__name__} has no argument {name!r}; {cure}")
        super().__init__(**traits)

    @classmethod
    def keys_shown(cls) -> list[str]:
        """Return the names that a reader may set: the synced traits that this project declares."""
        shown = cls.class_trait_names(sync=True)
        return [
            name for name in shown if not name.startswith("_") and name not in anywidget.AnyWidget.class_trait_names()
        ]
