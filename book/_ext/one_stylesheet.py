"""One small style sheet for the whole book: the theme's sheets in their order, less every rule that no page can use.

The stock pages load ten sheets, most of whose rules match nothing in this book, and a phone has to fetch, parse and
match them all. A selector stays when each class and id in it occurs as a word in some page or script of the built
book, so a class that a script adds later stays too.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import tinycss2
from sphinx.application import Sphinx

NAME = "book.css"
NOTES = "sheets.json"
FIRST = ["styles/theme.css", "styles/bootstrap.css", "styles/pydata-sphinx-theme.css"]
WHOLE = ["widgets.css"]  # its class names are put together in scripts
WORD = re.compile(r"[A-Za-z_][\w-]*")
PART = re.compile(r"[.#](-?[A-Za-z_][\w-]*)")


def words_in_use(outdir: Path) -> set[str]:
    """Every word of every page and script, among them all the class names and ids that can ever match."""
    words: set[str] = set()
    for path in [*outdir.rglob("*.html"), *outdir.rglob("*.js")]:
        if path.name != "searchindex.js":
            words.update(WORD.findall(path.read_text(encoding="utf-8", errors="ignore")))
    return words


def split_selectors(tokens) -> list[str]:
    """Split a prelude at its top-level commas."""
    parts, current = [], []
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            parts.append(current)
            current = []
        else:
            current.append(token)
    return [tinycss2.serialize(part).strip() for part in [*parts, current]]


def is_used(selector: str, words: set[str]) -> bool:
    """Whether each class and id outside :not(...) occurs somewhere."""
    bare = re.sub(r":not\([^)]*\)|\[[^\]]*\]", "", selector)
    return all(name in words for name in PART.findall(bare))


def purge(css: str, words: set[str] | None) -> str:
    """Return `css` without comments and, given `words`, without the selectors that nothing in the book can match."""
    kept = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "at-rule" and rule.lower_at_keyword in {"charset", "import"}:
            continue
        if (
            rule.type == "at-rule"
            and rule.content is not None
            and rule.lower_at_keyword in {"media", "supports", "container"}
        ):
            inner = purge(tinycss2.serialize(rule.content), words)
            if inner:
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}")
        elif rule.type == "qualified-rule":
            selectors = [text for text in split_selectors(rule.prelude) if words is None or is_used(text, words)]
            body = re.sub(r"\s*\n\s*", "", tinycss2.serialize(rule.content)).strip()
            if selectors and body:
                kept.append(f"{','.join(selectors)}{{{body}}}")
        elif rule.type == "at-rule":
            kept.append(tinycss2.serialize([rule]))
    return "\n".join(kept)


def collect(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Remember the page's sheets in their order and link the one sheet instead."""
    for css in context.get("css_files", []):
        name = str(css.filename).removeprefix("_static/").split("?")[0]
        if name not in app.unet_sheets:
            app.unet_sheets.append(name)
    context["css_files"] = []


def start(app: Sphinx) -> None:
    """Go on with the sheets of the build before: a second build may write one page only."""
    notes = Path(app.doctreedir) / NOTES
    app.unet_sheets = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else list(FIRST)


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.name != "html":
        return
    (Path(app.doctreedir) / NOTES).write_text(json.dumps(app.unet_sheets), encoding="utf-8")
    static = Path(app.outdir) / "_static"
    words = words_in_use(Path(app.outdir))
    texts = [purge(gather(static, name), None if name in WHOLE else words) for name in app.unet_sheets]
    (static / NAME).write_text("\n".join(texts), encoding="utf-8")


def gather(static: Path, name: str) -> str:
    """A sheet with its imports in place and its relative addresses made relative to `_static`."""
    text = (static / name).read_text(encoding="utf-8")
    folder = (static / name).parent

    def paste(match):
        return gather(static, str((folder / match[1]).resolve().relative_to(static.resolve())))

    def move(match):
        return f"url({(folder / match[1]).resolve().relative_to(static.resolve()).as_posix()})"

    text = re.sub(r"""@import\s+(?:url\()?["']?([\w./-]+\.css)["']?\)?\s*;""", paste, text)
    return re.sub(r"""url\(["']?(?!data:|#)([\w./-]+)["']?\)""", move, text)


def setup(app: Sphinx) -> dict:
    app.connect("builder-inited", start)
    app.connect("html-page-context", collect, priority=995)
    app.connect("build-finished", write, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
