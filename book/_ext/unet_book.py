"""Sphinx glue: formulas as MathML, pages without scripts they do not need, a cache that notices a changed package."""

from __future__ import annotations

import hashlib
import html
import json
import logging
import os
import re
import shutil
import sys
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from latex2mathml.converter import convert
from short_waits import wait_in_steps
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger
from still_widgets import VIEW, still_pictures

ROOT = Path(__file__).resolve().parents[2]
logger = getLogger(__name__)
UNUSED_CSS = ("sphinx-thebe", "togglebutton")
UNUSED_JS = ("thebe", "toggle", "sphinx_highlight", "DOCUMENTATION_OPTIONS")
NAMED = {  # what the stock templates say to a screen reader, mended
    '<summary aria-label="Toggle hidden content">': "<summary>",
    ' role="doc-biblioentry"': "",
    '<div role="list" class="citation-list">': '<div class="citation-list">',
}
SHEET = ROOT / "unet_edu" / "widgets" / "widgets.css"
STATE = "application/vnd.jupyter.widget-state+json"


def render_math(latex: str, display: str) -> str:
    """LaTeX to MathML, which every current browser draws by itself: no script, no font to fetch."""
    return convert(latex.strip().replace(r"\_", "_"), display=display)


def visit_math(translator, node):
    translator.body.append(f'<span class="math">{render_math(node.astext(), "inline")}</span>')
    raise_skip()


def visit_math_block(translator, node):
    translator.body.append(
        f'<div class="math" tabindex="0" role="group" aria-label="Formula">{render_math(node.astext(), "block")}</div>'
    )
    raise_skip()


def raise_skip():
    from docutils.nodes import SkipNode

    raise SkipNode


def compact_state(body: str, sheet: str | None = None) -> str:
    """Widget state without layout defaults, and each source file in it once: what the static host reads.

    A module's text is a list of numbers of files, see `inline` in unet_edu/widgets/base.py. A style sheet that the page
    links, given as its text, is left out: a sheet that comes later makes a browser style the whole page anew.
    """
    models = json.loads(body)["state"]
    files: list[str] = []
    texts: list[list[int]] = []
    widgets = {}

    def number(item, items: list) -> int:
        if item not in items:
            items.append(item)
        return items.index(item)

    for name, model in models.items():
        if model["model_module"] != "anywidget":
            continue
        state = {key: value for key, value in model["state"].items() if value is not None and key != "layout"}
        if state.get("_css") == sheet:
            state.pop("_css", None)
        for key in ("_esm", "_css"):
            if state.get(key) is not None:
                parts = re.split(r"^(?=// [\w.]+\.js\n)", state[key], flags=re.MULTILINE)
                state[key] = number([number(part, files) for part in parts if part], texts)
        widgets[name] = state
    return json.dumps({"files": files, "texts": texts, "widgets": widgets}, separators=(",", ":")).replace("</", "<\\/")


def wake_at_bench(body: str, state: str, host: str) -> str:
    """A page's HTML with the state of its widgets, and the script `host` that reads it, right behind its bench.

    The bench is the first widget whose module is used once; without one, the last widget stands for it. So a bench
    answers before the rest of the page is there.
    """
    widgets, views = json.loads(state)["widgets"], list(VIEW.finditer(body))
    modules = [widget["_esm"] for widget in widgets.values()]
    shown = [(view, widgets.get(json.loads(view[1])["model_id"])) for view in views]
    benches = [view for view, widget in shown if widget and modules.count(widget["_esm"]) == 1]
    at = (benches[0] if benches else views[-1]).end() if views else len(body)
    return f'{body[:at]}<script type="application/json" id="unet-widget-state">{state}</script>{host}{body[at:]}'


def lighten(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Drop scripts and styles that no page uses, let the rest wait, and put the widgets' state behind the bench."""
    kept, state = [], None
    needed = ("sphinx_highlight",) if pagename == "search" else ()
    for script in context.get("script_files", []):
        attributes = dict(script.attributes)
        body = attributes.get("body", "") or ""
        name = str(script.filename or "")
        if attributes.get("type") == STATE:
            state = compact_state(body, SHEET.read_text(encoding="utf-8"))
            context["body"] = still_pictures(context["body"], json.loads(body)["state"])
            continue
        if any(word in name or word in body for word in UNUSED_JS if word not in needed):
            continue
        attributes.pop("async", None)
        if name == "_static/host.js":
            context["host"] = context["js_tag"](script)
            continue
        if name and pagename != "search":
            attributes.update({"type": "text/plain", "data-later": ""})
        kept.append(type(script)(script.filename, priority=script.priority, **attributes))  # the original is shared
    for stock, mended in NAMED.items():
        context["body"] = context.get("body", "").replace(stock, mended)
    context["body"] = mark_long_lines(context.get("body", ""))
    context["host_first"] = state is not None
    if state is not None:
        context["body"] = wake_at_bench(context["body"], state, context["host"])
    context["script_files"] = kept
    context["css_files"] = [
        css for css in context.get("css_files", []) if not any(word in str(css.filename) for word in UNUSED_CSS)
    ]


OUTPUT = re.compile(r'<div class="output ([^"]*)">(<div class="highlight"><pre>.*?</pre>)', re.DOTALL)


def mark_long_lines(body: str) -> str:
    """A message of up to three lines wraps on a narrow screen, a longer one on any; a table keeps its columns."""

    def marked(match: re.Match) -> str:
        lines = [len(line) for line in html.unescape(re.sub(r"<[^>]+>", "", match[2])).splitlines()]
        wraps = max(lines, default=0) > (40 if len(lines) <= 3 else 90)
        return match[0].replace(match[1], f"{match[1]} unet-long", 1) if wraps else match[0]

    return OUTPUT.sub(marked, body)


def package_digest() -> str:
    """One hash over every source file a notebook can import."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "unet_edu").rglob("*")):
        if path.suffix in {".py", ".js", ".css", ".json", ".pt", ".bin"}:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def forget_stale_results(app: Sphinx, env, added, changed, removed) -> list[str]:
    """Executed notebooks are kept between builds; a changed package makes all of them stale."""
    cache = Path(app.config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache")
    stamp = cache.with_name("package.sha256")
    digest = package_digest()
    fresh = stamp.exists() and stamp.read_text() == digest
    if not fresh:
        shutil.rmtree(cache, ignore_errors=True)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(digest)
    execute_side_by_side(app, cache, sorted(added | changed if fresh else env.found_docs))
    return [] if fresh else sorted(env.found_docs)


def execute_side_by_side(app: Sphinx, cache: Path, names: list[str]) -> None:
    """Execute notebooks that will be read, as many at once as there are cores, so that reading finds them in the cache.

    Those named in `unet_execute_alone` are left to myst-nb, which takes one after the other: they need all cores. So is
    one that fails here: it fails again there, and is reported as the build's settings say.
    """
    paths = [app.env.doc2path(name) for name in names if name not in app.config.unet_execute_alone]
    paths = [path for path in paths if path.endswith(".ipynb")]
    if app.config.nb_execution_mode != "cache" or not paths:
        return
    store = get_cache(cache)
    for path in paths:
        store.add_nb_to_project(path)
    todo = [record.uri for record in store.list_unexecuted(filter_uris=paths)]
    if len(todo) < 2:
        return
    logger.info("executing %d notebooks side by side", len(todo))
    quiet, threads = logging.getLogger("side_by_side"), os.environ.get("OMP_NUM_THREADS")
    quiet.setLevel(logging.WARNING)
    os.environ["OMP_NUM_THREADS"] = threads or "1"  # the other cores are taken by other kernels
    try:
        executor = load_executor("local-parallel", store, quiet)
        executor.run_and_cache(filter_uris=todo, timeout=app.config.nb_execution_timeout)
    finally:
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]


def skip_the_obvious(app: Sphinx, what: str, name: str, obj, skip: bool, options) -> bool | None:
    """The reference leaves out what Python writes itself: the fields of a named tuple, a widget's module text."""
    doc = getattr(obj, "__doc__", None) or ""
    return True if doc.startswith("Alias for field number") or name in {"_esm", "_css"} else None


def setup(app: Sphinx) -> dict:
    wait_in_steps()
    # kernels find the package of this tree, installed or not
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # for the API pages
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.add_config_value("unet_execute_alone", [], "")
    app.connect("config-inited", lambda app, config: config.html_static_path.append(str(SHEET)))
    app.connect("env-get-outdated", forget_stale_results)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", skip_the_obvious)
    app.connect("html-page-context", lighten, priority=990)
    app.add_css_file("site.css", priority=900)
    app.add_css_file(SHEET.name, priority=950)
    app.add_js_file("host.js", priority=10)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
