"""How the network gets to a browser: slowly, from the cache, not at all; and what the page says where it cannot run."""

import json

import pytest

from tests.widgets.engine.conftest import HELPERS, OPEN, WIDGETS
from unet_edu.widgets.base import inline
from unet_edu.widgets.live_unet import LiveUNet

CANNOT = "The network cannot run here: "
START = "async () => refusal((" + OPEN + ")())"


def test_nothing_is_fetched_before_the_engine_is_opened(visit, site):
    page = visit()
    page.evaluate("import('/engine.js').then(() => 0)")
    assert [name for _, name, _ in site.asked if name not in ("blank.html", "engine.js")] == []


def test_only_what_is_needed_is_fetched_and_from_this_host(visit, site, live_files):
    page = visit()
    foreign = []
    page.on("request", lambda r: foreign.append(r.url) if not r.url.startswith((site.url, "blob:", "data:")) else None)
    page.evaluate(OPEN)
    wanted = ["engine_worker.js", "files.json", "held_out.gzip", "onnxruntime.gzip", "onnxruntime.mjs", "unet.onnx"]
    assert sorted(name for _, name, _ in site.asked if name not in ("blank.html", "engine.js")) == wanted
    assert {path.name for path in live_files.iterdir()} == {*wanted, "recorded.js"}  # that one is for who cannot run it
    assert foreign == []
    assert sum(path.stat().st_size for path in live_files.iterdir()) < 6e6


def test_over_a_slow_network_the_progress_moves_and_the_page_stays_free(visit, site):
    site.pause = 0.02
    page = visit()
    page.evaluate(
        f"""() => {{ window.longest = 0; let last = performance.now();
        const tick = () => {{ const now = performance.now(); longest = Math.max(longest, now - last); last = now; setTimeout(tick); }}; tick();
        window.opening = ({OPEN})(); }}"""
    )
    page.wait_for_function("window.progress?.length > 10")
    seen = [page.evaluate("progress.at(-1)[0]")]
    page.wait_for_timeout(300)
    seen.append(page.evaluate("progress.at(-1)[0]"))
    page.evaluate("opening")
    progress = page.evaluate("progress")
    loaded, totals = zip(*progress, strict=True)
    assert 0 < seen[0] < seen[1] < totals[0]
    assert list(loaded) == sorted(loaded)
    assert loaded[0] == 0
    assert set(totals) == {loaded[-1]}
    assert page.evaluate("longest") < 500


def test_a_second_visit_takes_everything_heavy_from_the_browsers_cache(visit, site):
    page = visit()
    page.evaluate(OPEN)
    site.asked.clear()
    page.reload()
    page.evaluate(OPEN)
    fetched = {name: count for _, name, count in site.asked if name not in ("blank.html", "engine.js")}
    assert set(fetched) == {"files.json", "engine_worker.js"}
    assert sum(fetched.values()) < 20_000
    assert page.evaluate("progress.at(-1)[0] === progress[0][1]")
    assert (
        page.evaluate(
            "engine.run({ image: picture(1), height: 64, width: 64 }).then((answer) => answer.stages.inc.shape[1])"
        )
        == 64
    )


def test_what_has_changed_on_the_site_is_fetched_anew_and_the_old_copy_dropped(visit, site):
    page = visit()
    page.evaluate(OPEN)
    site.asked.clear()
    page.reload()
    page.evaluate(
        """() => { const real = fetch; window.fetch = async (...rest) => { const list = await (await real(...rest)).json();
        list.files["unet.onnx"].hash = "another"; return new Response(JSON.stringify(list)); }; }"""
    )
    page.evaluate(OPEN)
    assert sorted(name for _, name, _ in site.asked if name.endswith(("onnx", "gzip", "mjs"))) == ["unet.onnx"]
    kept = page.evaluate(
        "caches.open('unet-live').then((store) => store.keys()).then((all) => all.map(({ url }) => url.split('/').pop()))"
    )
    assert len(kept) == 4
    assert "unet.onnx?v=another" in kept


def test_without_a_cache_it_runs_all_the_same(visit, site):
    site.above["engine_worker.js"] = "Object.defineProperty(self, 'caches', { value: undefined });"
    page = visit()
    page.evaluate(OPEN)
    assert page.evaluate("engine.kind") == "browser"
    assert page.evaluate("caches.keys()") == []


def test_without_webassembly_it_says_so(visit):
    assert (
        visit("delete globalThis.WebAssembly").evaluate(START)
        == CANNOT + "this browser has no WebAssembly, or it is switched off."
    )


@pytest.mark.parametrize("gone", ["delete globalThis.DecompressionStream", "WebAssembly.validate = () => false"])
def test_an_old_browser_is_told_so(visit, gone):
    assert visit(gone).evaluate(START) == CANNOT + "this browser is too old for it."


def test_where_workers_are_refused_it_says_so(visit):
    page = visit("window.Worker = class { constructor() { throw new DOMException('denied', 'SecurityError'); } }")
    assert page.evaluate(START) == CANNOT + "the browser refused to start a worker (denied)."


def test_a_copy_that_was_built_without_the_engine_says_so(visit, site, tmp_path):
    import live_network

    live_network.write_live(tmp_path / "live", package=tmp_path / "nothing")
    assert {path.name for path in (tmp_path / "live").iterdir()} == {"files.json", "recorded.js"}
    site.folders["/live/"] = tmp_path / "live"
    assert (
        visit().evaluate(START)
        == CANNOT + "this copy of the book was built without it. `make book` builds a copy that has it."
    )


def test_opened_as_a_file_it_says_why_it_cannot_run(open_page, as_file):
    address = as_file(LiveUNet())
    page = open_page(address)
    page.wait_for_selector("html[data-widgets=ready]")
    told = page.evaluate(
        """async ([source, live]) => { const { openEngine } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
        return openEngine({ model: { live } }).then(() => "open", (error) => error.message); }""",
        [(WIDGETS / "engine.js").read_text(encoding="utf-8"), address.rsplit("/", 1)[0] + "/live/"],
    )
    assert told.startswith(CANNOT + "this page was opened as a file, and a browser lets such a page fetch nothing.")


# The browser itself reports these failures in its console: the page is told to expect that.


@pytest.fixture
def loud(browser, site):
    """As `visit`, for failures that the browser's console reports by itself."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(HELPERS)
    page.goto(site.url + "blank.html")
    yield page
    context.close()


@pytest.mark.parametrize("name", ["files.json", "engine_worker.js", "onnxruntime.gzip", "unet.onnx"])
def test_a_file_that_is_missing_is_told_and_a_later_try_works(loud, site, name):
    site.missing.add(name)
    told = loud.evaluate(START)
    assert told.startswith(CANNOT)
    assert "404" in told or name == "engine_worker.js"
    site.missing.clear()
    assert loud.evaluate(START) == "taken"


def test_a_network_that_fails_midway_is_told_and_a_later_try_works(loud, site, live_files):
    site.cut["onnxruntime.gzip"] = 1_000_000
    size = (live_files / "onnxruntime.gzip").stat().st_size
    told = loud.evaluate(START)
    assert told.startswith(CANNOT + "the connection broke after ")
    assert f" of {size} bytes of onnxruntime.gzip. Try again" in told
    site.cut.clear()
    site.asked.clear()
    assert loud.evaluate(START) == "taken"
    assert site.sent("onnxruntime.gzip") == [size]


def test_a_worker_that_dies_is_told(visit, site):
    site.above["engine_worker.js"] = (
        "self.addEventListener('message', ({ data }) => { if (data.ask === 'score') throw new Error('dead'); });"
    )
    page = visit()
    page.evaluate(OPEN)
    assert page.evaluate("refusal(engine.score())") == "its worker has stopped. Load the page again"


class Heaps:
    """The memory of a page and of its worker, in bytes, after a tidy-up."""

    def __init__(self, page):
        self.page, self.client, self.told = page, page.context.new_cdp_session(page), {}
        workers = []
        self.client.on("Target.attachedToTarget", lambda event: workers.append(event["sessionId"]))
        self.client.on("Target.receivedMessageFromTarget", lambda event: self.hear(json.loads(event["message"])))
        self.client.send("Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False})
        page.wait_for_timeout(200)
        (self.worker,) = workers

    def hear(self, message):
        self.told[message.get("id")] = message.get("result")

    def in_worker(self, method):
        number = len(self.told) + 1
        message = json.dumps({"id": number, "method": method})
        self.client.send("Target.sendMessageToTarget", {"sessionId": self.worker, "message": message})
        for _ in range(100):
            if number in self.told:
                return self.told[number]
            self.page.wait_for_timeout(50)
        raise AssertionError(f"the worker does not answer {method}")

    def memory(self):
        total = 0
        for send in (self.client.send, self.in_worker):
            send("HeapProfiler.collectGarbage")
            usage = send("Runtime.getHeapUsage")
            total += usage["usedSize"] + usage["backingStorageSize"]
        return total, self.page.workers[0].evaluate("self.memory.buffer.byteLength")


def test_five_hundred_pictures_and_fifteen_networks_leave_the_memory_as_it_was(visit, site):
    site.above["engine_worker.js"] = (
        "const Real = WebAssembly.Memory; WebAssembly.Memory = function (...rest) { return (self.memory = new Real(...rest)); };"
    )
    page = visit()
    page.evaluate(OPEN)
    heaps = Heaps(page)
    many = (
        "async (n) => { for (let i = 0; i < n; i++) await engine.run({ image: picture(i), height: 64, width: 64 }); }"
    )
    page.evaluate(many, 100)
    (before, wasm), _, (after, wasm_after) = heaps.memory(), page.evaluate(many, 500), heaps.memory()
    network = "fetch('/live/unet.onnx').then((answer) => answer.arrayBuffer())"
    loads = f"async (n) => {{ const bytes = await {network}; for (let i = 0; i < n; i++) await engine.load(bytes); }}"
    page.evaluate(loads, 3)
    (few, wasm_few), _, (many_later, wasm_many) = heaps.memory(), page.evaluate(loads, 15), heaps.memory()
    assert 1e6 < before < 80e6
    assert after < before + 2e6, (before, after)  # the stages of one picture are 0.4 MB
    assert wasm_after == wasm
    assert many_later < few + 2e6, (few, many_later)
    assert wasm_many <= wasm_few + 2e6  # a network takes 4 MB there: the one before has gone
    page.workers[0].evaluate("void (self.kept = new Float64Array(1e6))")
    assert heaps.memory()[0] > many_later + 7e6, "the measure sees what the worker keeps"


def test_the_static_host_tells_a_widget_where_the_files_lie(mount, live):
    class Probe(LiveUNet):
        _esm = inline("engine.js") + (
            "\nexport default { render({ model }) { window.openLive = () => openEngine({ model }); window.live = model.live; } };"
        )

    page = mount(Probe())
    assert page.evaluate("live") == live
    assert page.evaluate("openLive().then((engine) => { engine.close(); return engine.kind; })") == "browser"
