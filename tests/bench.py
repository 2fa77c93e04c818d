"""Measure the book as its readers meet it, next to the best known before it: `make bench`.

Prints one table and writes `_build/bench.json`. Every figure is measured here and now, with an empty cache:
- first slider: 4x CPU slowdown, 1.6 Mbit/s down, 0.75 Mbit/s up, 150 ms, gzip; the median of three visits;
- bytes: all that a visit puts on the wire, scripts that load after the first slider included;
- slider to repaint: from the input event to the task after the frame that it painted, without throttling; the p95 over
  all sliders of a page, in the median of three cold visits;
- pen to repaint: in chapter 11 with its network running, from a pen's move to the frame with the new mask; the p95 of a
  stroke, in the median of three cold visits;
- training: the default run, from the first toy picture drawn to the last held-out picture scored; the median of three;
- cold build: every notebook executed, into an empty folder.
The goals are absolute; a line above the table tells whether the machine was quiet, see `slowness`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.site.chromium import ARGS, find
from tests.site.pen import pen_to_repaint
from tests.site.server import serve
from tests.site.test_pages import LIVE, PAGES

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"

BASELINES = {
    "first slider answers, throttled (s)": ("stock Jupyter Book page with one anywidget: 12.3", 2.0),
    "bytes on the wire, page and all its scripts (KB)": ("stock: 1800; small host: 860", 400),
    "requests to other hosts, errors, missing files": ("stock: 2 hosts, 2 errors", 0),
    "slider to repaint, p95 (ms)": ("ipywidgets.interact with matplotlib, local kernel: 221", 16),
    "pen to the network's answer repainted, p95 (ms)": ("none known", 33),
    "default training run (s)": ("width-64 network: 312; width-16 network: 32", 20),
    "mean foreground IoU after it": ("the goal itself: 0.90", 0.90),
    "cold build of the whole book (s)": ("none known", 180),
}
HIGHER_IS_BETTER = {"mean foreground IoU after it"}

ANSWERS = """() => {
  for (const slider of document.querySelectorAll("main input[type=range]")) {
    const root = slider.closest(".unet"), say = () => root.innerText + root.innerHTML.length;
    const set = (value) => { slider.value = value; slider.dispatchEvent(new Event("input", { bubbles: true })); };
    const old = slider.value, before = say();
    set(Number(old) > Number(slider.min) ? slider.min : slider.max);
    const changed = say() !== before;
    set(old);
    if (changed) return performance.now();
  }
  return false;
}"""

# Browsers deliver a drag's input events right before a frame; so does this: one event a frame, timed until that frame is out.
REPAINT = """async () => {
  const times = [];
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const painted = () => new Promise((resolve) => { const c = new MessageChannel(); c.port1.onmessage = resolve; c.port2.postMessage(0); });
  for (const slider of document.querySelectorAll("main input[type=range]")) {
    if (slider.min === slider.max) continue;
    slider.scrollIntoView({ block: "center" });
    await frame(); await frame();
    const old = slider.value, low = Number(slider.min), high = Number(slider.max), steps = Math.min(12, high - low);
    for (let i = 0; i <= steps; i++) {
      await frame();
      const start = performance.now();
      slider.value = String(Math.round(low + ((high - low) * i) / steps));
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await painted();
      times.push(performance.now() - start);
      await frame();
    }
    slider.value = old;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
  return times;
}"""


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, round(share * (len(values) - 1)))]


def throttled(context):
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("Network.enable")
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    speed = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
    cdp.send("Network.emulateNetworkConditions", speed)
    return page


def first_slider(browser, url):
    """Seconds until the first slider answers: the median of three cold visits."""
    seconds = []
    for _ in range(3):
        with contextlib.closing(browser.new_context()) as context:
            page = throttled(context)
            page.goto(url, wait_until="commit")
            seconds.append(page.wait_for_function(ANSWERS, timeout=60_000, polling=50).json_value() / 1000)
    return statistics.median(seconds)


def visit(browser, base, name):
    """A cold visit without throttling: faults, kilobytes on the wire until all is loaded, and times to repaint."""
    found, wire = [], []
    with contextlib.closing(browser.new_context()) as context:
        page = context.new_page()
        cdp = context.new_cdp_session(page)
        cdp.send("Network.enable")
        cdp.on("Network.loadingFinished", lambda event: wire.append(event["encodedDataLength"]))
        page.on("request", lambda r: None if r.url.startswith((base, "data:", "blob:")) else found.append(r.url))
        page.on("response", lambda r: found.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.on("console", lambda m: found.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: found.append(str(e)))
        page.goto(base + name)
        page.wait_for_selector("html[data-widgets=ready]")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        kilobytes = sum(wire) / 1000
        times = page.evaluate(REPAINT) if name in LIVE else []
    return found, kilobytes, times


def middle(visits, share):
    """The median over some visits of one percentile."""
    return round(statistics.median(percentile(times, share) for _, _, times in visits), 2)


def measure_pages(report):
    with serve(SITE) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(whole=True), args=ARGS)
        for name in PAGES:
            visits = [visit(browser, base, name) for _ in range(3 if name in LIVE else 1)]
            found = sorted({fault for faults, _, _ in visits for fault in faults})
            row = {"faults": found, "wire (KB)": round(max(kilobytes for _, kilobytes, _ in visits))}
            if name in LIVE:
                row["repaint p50 (ms)"], row["repaint p95 (ms)"] = middle(visits, 0.5), middle(visits, 0.95)
                row["first slider (s)"] = round(first_slider(browser, base + name), 2)
            report["pages"][name] = row
            print(f"  {name}: " + ", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        browser.close()


def measure_pen():
    """Milliseconds from a pen's move to the new mask on the screen: the median of three cold visits' p95."""
    found = []
    with serve(SITE) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(whole=True), args=ARGS)
        for _ in range(3):
            with contextlib.closing(browser.new_context()) as context:
                page = context.new_page()
                page.goto(base + "notebooks/11_trained_unet.html")
                page.get_by_role("button", name="Start the network").click()
                page.get_by_text("runs in this browser. Nothing leaves it.").wait_for()
                found.append(pen_to_repaint(page))
        browser.close()
    return statistics.median(found)


def cold_build():
    """Seconds for the whole book from nothing, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "--path-output", folder]
        done = subprocess.run(
            [*command, "--warningiserror", "--keep-going"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"the cold build failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return time.perf_counter() - start


def training():
    """Seconds and mean foreground IoU of the default run, in a process of its own."""
    code = (
        "import json, time; from unet_edu.train import default_run; start = time.perf_counter(); "
        "run = default_run(progress=False); print(json.dumps([time.perf_counter() - start, run.scores.mean_iou]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


LOOP = "import time; t = time.perf_counter(); x = 0\nfor i in range(5_000_000): x += i * i % 7\nprint(time.perf_counter() - t)"
QUIET = 0.61  # seconds that the loop took on both of two cores at the calmest


def slowness():
    """How many times QUIET a fixed loop takes now on two cores at once. It is printed beside the figures and judges none."""
    both = [subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return max(float(process.communicate()[0]) / QUIET for process in both)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-build", action="store_true", help="leave the cold build out")
    arguments = parser.parse_args()
    report = {"python": platform.python_version(), "cores": os.cpu_count(), "figures": {}, "pages": {}}
    figures, report["slowness"] = report["figures"], [round(slowness(), 2)]

    runs = [training() for _ in range(3)]
    figures["default training run (s)"] = round(statistics.median(seconds for seconds, _ in runs), 1)
    figures["mean foreground IoU after it"] = round(min(iou for _, iou in runs), 4)
    if not arguments.no_build:
        figures["cold build of the whole book (s)"] = round(cold_build(), 1)
    measure_pages(report)
    figures["pen to the network's answer repainted, p95 (ms)"] = round(measure_pen(), 1)
    live = [row for row in report["pages"].values() if "first slider (s)" in row]
    figures["first slider answers, throttled (s)"] = max(row["first slider (s)"] for row in live)
    figures["bytes on the wire, page and all its scripts (KB)"] = max(
        row["wire (KB)"] for row in report["pages"].values()
    )
    figures["slider to repaint, p95 (ms)"] = max(row["repaint p95 (ms)"] for row in live)
    figures["requests to other hosts, errors, missing files"] = sum(len(r["faults"]) for r in report["pages"].values())

    report["slowness"].append(round(slowness(), 2))
    print(
        "\nA fixed loop took {} times at the start and {} times at the end what it takes on two quiet cores.".format(
            *report["slowness"]
        )
    )
    print(f"\n{'figure (worst page)':50} {'measured':>9} {'goal':>9}        before")
    met = True
    for name, (before, goal) in BASELINES.items():
        if name not in figures:
            continue
        better = figures[name] >= goal if name in HIGHER_IS_BETTER else figures[name] <= goal
        met = met and better
        sign = ">=" if name in HIGHER_IS_BETTER else "<="
        print(f"{name:50} {figures[name]:>9} {sign:>4} {goal:<5} {'met ' if better else 'MISSED'}  {before}")
    path = ROOT / "_build" / "bench.json"
    path.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"written to {path.relative_to(ROOT)}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
