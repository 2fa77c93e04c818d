"""The live network as a whole: what a reader draws, what the page says of it, and what torch says."""

import base64
import contextlib
import io
import re

import numpy as np
import pytest
import torch

from tests.site.pen import pen_to_repaint
from unet_edu import pretrained
from unet_edu.data import CLASSES, SCORED, ToyCells, stack
from unet_edu.export import to_onnx
from unet_edu.metrics import confusion_matrix, iou, mean_foreground
from unet_edu.model import UNet
from unet_edu.recorded import START
from unet_edu.stages import GATES, run_stages
from unet_edu.widgets import LiveSketch, LiveUNet

SCENE = "canvas[aria-label^='Scene']"
SLIDERS = {name: f"skip {name} →" for name in GATES}


@pytest.fixture(scope="module")
def network():
    return pretrained()


@pytest.fixture
def started(mount, live):
    """Open the widget with the network running, and wait for its first answer."""

    def opener(widget=None, **options):
        page = mount(widget or LiveUNet(), **options)
        page.get_by_role("button", name="Start the network").click()
        answered(page)
        return page

    return opener


@pytest.fixture(scope="module")
def running(browser, mounted, live):
    """One page with the network running, for all tests that leave the network as it is; see `again`."""
    page, errors = browser.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(mounted(LiveUNet()))
    page.wait_for_selector("html[data-widgets=ready]")
    page.get_by_role("button", name="Start the network").click()
    answered(page)
    yield page
    page.close()
    assert not errors, errors


@pytest.fixture
def again(running):
    """That page, with the first scene and every control as at first."""
    running.get_by_role("button", name="Reset").click()
    running.evaluate("document.querySelector('.unet-foot details').open = false")
    rested(running)
    return running


def answered(page):
    page.wait_for_function("document.querySelector('.unet-say').innerText.includes('Answered in')")


def rested(page):
    """Wait until nothing more is said: answers come as the network finds time. What the widget says then."""
    return page.evaluate(
        """() => new Promise((resolve, reject) => {
        const root = document.querySelector("section.unet");
        let quiet = 0;
        const wait = () => { clearTimeout(quiet); quiet = setTimeout(() => { if (!root.innerText.includes("…")) end(resolve); else wait(); }, 800); };
        const watch = new MutationObserver(wait), late = setTimeout(() => end(reject), 30_000);
        const end = (settle) => { watch.disconnect(); clearTimeout(quiet); clearTimeout(late); settle(root.innerText); };
        watch.observe(root, { subtree: true, childList: true, characterData: true, attributes: true });
        wait();
        })"""
    )


def say(page):
    return page.locator(".unet-say").inner_text()


def drawn(page):
    """The picture on the canvas, float32 (1, 1, 64, 64): out of the code that the page offers."""
    page.evaluate("document.querySelector('.unet-foot details').open = false")
    page.locator("summary", has_text="The same in PyTorch").click()
    grey = base64.b64decode(re.search(r'b64decode\(\s*"([^"]+)"', page.locator("pre").inner_text())[1])
    return torch.tensor(list(grey)).reshape(1, 1, 64, 64) / 255


def mask(network, image, gates=(1, 1, 1, 1)):
    with torch.no_grad():
        return run_stages(network, image, gates)["logits"].argmax(dim=1)


def held_out_rows(page):
    """The table's numbers: all gates open, and as they are set."""
    rows = page.locator(".unet-held-out tbody tr").all()
    return [[float(cell) for cell in row.locator("td").all_inner_texts() if cell] for row in rows]


def held_out_scores(network, gates=(1, 1, 1, 1)):
    """IoU of cell and crystal, and their mean, on the pictures of the table."""
    images, masks = (torch.from_numpy(part) for part in stack(ToyCells(**SCORED)))
    with torch.no_grad():
        scores = iou(confusion_matrix(run_stages(network, images, gates)["logits"], masks))
    return [*map(float, scores[1:]), mean_foreground(scores)]


def shares(text):
    """Percent of cell and crystal, as the sentence has them."""
    return [float(part) for part in re.findall(r"([\d.]+) % (?:cell|crystal)", text)]


def wanted(found):
    return [round(100 * float((found == label).float().mean()), 1) for label in (1, 2)]


def stroke(page, cells):
    """Draw with the mouse through the middles of (row, column) cells."""
    canvas = page.locator(SCENE)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for i, (row, col) in enumerate(cells):
        page.mouse.move(box["x"] + (col + 0.5) * box["width"] / 64, box["y"] + (row + 0.5) * box["height"] / 64)
        if i == 0:
            page.mouse.down()
    page.mouse.up()


def slide(page, label, value):
    page.get_by_label(label).first.evaluate(
        "(node, value) => { node.value = value; node.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(value),
    )


@pytest.mark.parametrize("make", [LiveUNet, LiveSketch])
def test_nothing_is_loaded_before_the_first_stroke_and_the_first_stroke_starts_the_network(mount, live, make):
    page = mount(make())
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(300)
    assert {url.rsplit("/", 1)[-1] for url in asked if "/live/" in url} <= {"recorded.js"}
    asked.clear()
    assert page.get_by_role("button", name="Start the network").is_visible()
    stroke(page, [(10, 10), (14, 16)])
    page.wait_for_function(
        "document.querySelector('.unet-live').innerText.includes('A U-Net of width 8 runs in this browser.')"
    )
    assert any("/live/" in url for url in asked)
    assert not page.get_by_role("button", name="Start the network").is_visible()
    page.wait_for_function("/[1-9][\\d.]* % cell/.test(document.querySelector('.unet-say').innerText)")


def test_what_is_said_of_a_drawing_is_what_torch_says_of_it(again, network):
    page = again
    stroke(page, [(8, 40), (10, 50), (16, 52)])
    rested(page)
    assert shares(say(page)) == wanted(mask(network, drawn(page)))
    slide(page, "camera noise", 120)
    rested(page)
    assert shares(say(page)) == wanted(mask(network, drawn(page)))


def test_a_toy_picture_is_scored_against_its_mask(again, network):
    page = again
    page.get_by_label("toy picture").select_option("2")
    rested(page)
    images, masks = stack(ToyCells(**SCORED), [1])
    assert torch.equal(drawn(page), torch.from_numpy(images))
    matrix = confusion_matrix(run_stages(network, torch.from_numpy(images))["logits"], torch.from_numpy(masks))
    cell, crystal = (float(value) for value in iou(matrix)[1:])
    told = [float(value) for value in re.findall(r"(?:cell|crystal) ([01]?[.\d]*\d)", say(page))]
    assert told == pytest.approx([cell, crystal], abs=6e-4)
    assert float(re.search(r"mean foreground IoU ([\d.]+)", say(page))[1]) == pytest.approx(
        mean_foreground(iou(matrix)), abs=6e-4
    )


@pytest.mark.parametrize("gates", [(0, 1, 1, 1), (1, 0.35, 1, 1), (1, 1, 0, 1), (0.5, 1, 1, 0)])
def test_a_gate_changes_the_mask_and_the_held_out_score_as_in_torch(again, network, gates):
    page = again
    for name, gate in zip(GATES, gates, strict=True):
        slide(page, SLIDERS[name], round(100 * gate))
    rested(page)
    assert shares(say(page)) == wanted(mask(network, drawn(page), gates))
    for told, given in zip(held_out_rows(page), ((1, 1, 1, 1), gates), strict=True):
        assert told == pytest.approx(held_out_scores(network, given), abs=1.1e-3)


def test_a_probability_is_counted_from_the_threshold_on(again, network):
    page = again
    page.get_by_label("laid over the drawing").select_option("class_2")
    for threshold in (20, 95):
        slide(page, "threshold for that probability", threshold)
        rested(page)
        with torch.no_grad():
            chance = run_stages(network, drawn(page))["logits"].softmax(dim=1)[0, 2]
        part = 100 * float((chance >= threshold / 100).float().mean())
        assert float(re.search(r"([\d.]+) % of the pixels", say(page))[1]) == pytest.approx(part, abs=0.06)
        assert f"of {threshold} % or more" in say(page)


def test_the_stages_shown_are_torchs_own_for_this_drawing(again, network):
    page = again
    stroke(page, [(30, 8), (36, 14)])
    rested(page)
    with torch.no_grad():
        stages = run_stages(network, drawn(page))
    for stage, channel in (("down2", 3), ("up4", 1), ("logits", 2)):
        page.locator(f"button[data-stage={stage}]").click()
        page.get_by_role("slider", name="channel", exact=True).fill(str(channel))
        page.wait_for_timeout(50)
        told = dict(zip(("min", "mean", "max"), page.locator(".unet-xray-numbers dd").all_inner_texts(), strict=False))
        values = stages[stage][0, channel]
        for name, value in (("min", values.min()), ("mean", values.mean()), ("max", values.max())):
            assert float(told[name].replace("−", "-")) == pytest.approx(float(value), abs=6e-4), (stage, name)


def test_the_copied_code_runs_and_counts_the_pixels_that_the_page_tells_of(again):
    page = again
    slide(page, SLIDERS["down1"], 40)
    rested(page)
    page.locator("summary", has_text="The same in PyTorch").click()
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(compile(page.locator("pre").inner_text(), "copied", "exec"), {})
    counts = {name: int(n) for name, n in re.findall(r"(\w+) (\d+) pixels", told.getvalue())}
    assert sum(counts.values()) == 64 * 64
    assert shares(say(page)) == [round(100 * counts[name] / 4096, 1) for name in CLASSES[1:]]


def test_gradients_are_loaded_when_a_reader_asks_for_them(again):
    page = again
    asked = []
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    page.get_by_label("show what it does see").check()
    page.wait_for_function("document.querySelector('.unet-xray-say').innerText.includes('90 % of the gradient')")
    assert asked == []  # they came with the recorded answers


# --- a network of one's own ---


def dropped(page, data, name):
    page.locator("figure.unet-scene").evaluate(
        """(node, [text, name]) => { const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), given = new DataTransfer();
        given.items.add(new File([bytes], name)); node.dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true })); }""",
        [base64.b64encode(data).decode(), name],
    )


@pytest.mark.parametrize("first", [True, False], ids=["before the start", "after it"])
def test_an_exported_network_that_is_dropped_answers_from_then_on(mount, started, live, tmp_path, first):
    torch.manual_seed(3)
    own = UNet(1, 3, width=4).eval()
    data = to_onnx(own, tmp_path / "mine.onnx").read_bytes()
    page = mount(LiveUNet()) if first else started()
    dropped(page, data, "mine.onnx")
    page.wait_for_function("document.querySelector('.unet-live').innerText.includes('mine.onnx: a U-Net of width 4')")
    rested(page)
    assert shares(say(page)) == wanted(mask(own, drawn(page)))
    assert "4\u2009×\u200964\u2009×\u200964" in page.locator("button[data-stage=inc]").inner_text()
    page.get_by_label("show what it does see").check()
    page.wait_for_function("document.querySelector('.unet-xray-say').innerText.includes('not for yours')")


def test_a_network_of_two_classes_has_no_held_out_score_and_the_page_says_why(started, tmp_path):
    page = started()
    dropped(page, to_onnx(UNet(1, 2, width=2).eval(), tmp_path / "two.onnx").read_bytes(), "two.onnx")
    page.wait_for_function("document.querySelector('.unet-held-out').innerText.includes('has 2')")
    assert "…" not in page.locator(".unet-held-out").inner_text()
    assert held_out_rows(page) == [[], []]


@pytest.mark.parametrize(
    ("data", "words"), [(b"no network", "this is not an ONNX file"), (b"", "it is empty")], ids=["foreign", "empty"]
)
def test_a_file_that_is_no_network_is_refused_and_the_network_and_the_drawing_stay(started, network, data, words):
    page = started()
    before = drawn(page)
    dropped(page, data, "other.onnx")
    page.wait_for_function("document.querySelector('.unet-live [role=alert]').innerText !== ''")
    told = page.locator(".unet-live [role=alert]").inner_text()
    assert "“other.onnx” was not taken" in told
    assert words in told
    stroke(page, [(50, 30), (54, 36)])
    rested(page)
    assert not torch.equal(drawn(page), before)
    assert shares(say(page)) == wanted(mask(network, drawn(page)))


# --- where it cannot run ---


@pytest.mark.parametrize("make", [LiveUNet, LiveSketch])
def test_the_first_scene_is_answered_from_a_record_before_anything_is_started(mount, live, network, make):
    page = mount(make())
    recorded = "document.querySelector('.unet-say').innerText.includes('Recorded when this page was built')"
    page.wait_for_function(recorded)
    image = drawn(page)
    start = np.frombuffer(START.read_bytes(), np.uint8).reshape(1, 1, 64, 64)
    assert np.array_equal(np.rint(image.numpy() * 255), start)
    assert shares(say(page)) == wanted(mask(network, image))
    stroke(page, [(3, 3), (8, 8)])
    page.wait_for_function(f"!{recorded}")


def test_a_gate_that_moves_before_the_start_hides_the_record_and_brings_it_back(mount, live):
    page = mount(LiveUNet())
    recorded = "document.querySelector('.unet-say').innerText.includes('Recorded when this page was built')"
    page.wait_for_function(recorded)
    slide(page, SLIDERS["inc"], 40)
    assert "has not been asked yet" in say(page)
    slide(page, SLIDERS["inc"], 100)
    assert page.evaluate(recorded)


def test_the_held_out_score_is_there_before_the_start_for_open_gates_alone(mount, live, network):
    page = mount(LiveUNet())
    page.wait_for_function("document.querySelector('.unet-held-out').innerText.includes('Recorded when')")
    wanted = pytest.approx(held_out_scores(network), abs=6e-4)
    assert held_out_rows(page) == [wanted, wanted]
    slide(page, SLIDERS["down1"], 60)
    assert held_out_rows(page) == [wanted, []]


def recorded_words(page):
    page.wait_for_function(
        "document.querySelector('.unet-live').innerText.includes('What was recorded when this page was built')"
    )
    page.get_by_label("toy picture").select_option("1")
    page.wait_for_function(
        "document.querySelector('.unet-say').innerText.includes('Recorded when this page was built')"
    )
    rested(page)
    assert "Recorded when this page was built" in say(page)
    return page.locator(".unet-live [role=alert]").inner_text()


def test_without_webassembly_the_page_says_so_and_shows_what_was_recorded(open_page, mounted, live, network):
    page = open_page()
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto(mounted(LiveUNet()))
    page.wait_for_selector("html[data-widgets=ready]")
    page.get_by_role("button", name="Start the network").click()
    assert "no WebAssembly" in recorded_words(page)
    image = torch.from_numpy(stack(ToyCells(**SCORED), [0])[0])
    assert shares(say(page)) == wanted(mask(network, image))
    page.get_by_role("button", name="Reset").click()
    page.wait_for_timeout(600)
    told = page.locator(".unet-xray-numbers dd").all_inner_texts()
    with torch.no_grad():
        stage = run_stages(network, drawn(page))["inc"][0, 0]
    assert float(told[1]) == pytest.approx(float(stage.mean()), abs=0.02)
    stroke(page, [(3, 3), (8, 8)])
    page.wait_for_function("!document.querySelector('.unet-say').innerText.includes('Recorded')")


def test_a_page_opened_as_a_file_shows_what_was_recorded(open_page, as_file):
    page = open_page(as_file(LiveUNet()))
    page.wait_for_selector("html[data-widgets=ready]")
    page.get_by_role("button", name="Start the network").click()
    assert "opened as a file" in recorded_words(page)


# --- hands, keys, time, memory ---


def test_a_finger_draws_and_the_network_follows(browser, mounted, live, network):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(mounted(LiveSketch()))
    page.wait_for_selector("html[data-widgets=ready]")
    canvas = page.locator(SCENE)
    canvas.scroll_into_view_if_needed()
    box, touch = canvas.bounding_box(), context.new_cdp_session(page)
    at = [{"x": box["x"] + 40 + 4 * i, "y": box["y"] + 30} for i in range(10)]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": at[:1]})
    for point in at:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("/The network finds [\\d.]+ % cell/.test(document.querySelector('.unet-say').innerText)")
    rested(page)
    assert shares(say(page)) == wanted(mask(network, drawn(page)))
    context.close()


def test_stamps_placed_with_keys_are_answered(mount, live, network):
    page = mount(LiveUNet(tool="stamp_crystal"))
    before = drawn(page)
    page.locator(SCENE).focus()
    for key in ("ArrowUp", "Shift+ArrowLeft", "Space"):
        page.keyboard.press(key)
    answered(page)
    rested(page)
    assert "A crystal is stamped at row" in page.locator("section.unet").inner_text()
    assert not torch.equal(drawn(page), before)
    assert shares(say(page)) == wanted(mask(network, drawn(page)))


def test_a_slow_network_leaves_the_pen_free(open_page, mounted, live):
    page = open_page(mounted(LiveUNet()))
    page.wait_for_selector("html[data-widgets=ready]")
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 100, "downloadThroughput": 2_000_000, "uploadThroughput": 100_000},
    )
    stroke(page, [(10, 10), (14, 16)])
    page.wait_for_function(
        "/Loading the network: [1-4][.\\d]* of/.test(document.querySelector('.unet-live').innerText)"
        " && document.querySelector('progress').value < document.querySelector('progress').max"
    )
    before = drawn(page)
    stroke(page, [(40, 10), (44, 16)])
    assert not torch.equal(drawn(page), before), "drawing waits for nothing"
    answered(page)
    client.send("Network.disable")


STROKES = """async (n) => { const canvas = document.querySelector("canvas[aria-label^=Scene]"), box = canvas.getBoundingClientRect();
  const send = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, { pointerId: 7, pointerType: "pen", buttons: 1, bubbles: true, clientX: box.left + x, clientY: box.top + y }));
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  for (let i = 0; i < n; i++) { const x = 20 + (i * 37) % 200, y = 20 + (i * 53) % 200;
    send("pointerdown", x, y); send("pointermove", x + 12, y + 8); send("pointerup", x + 12, y + 8); await frame(); } }"""


def test_500_strokes_with_the_network_running_do_not_grow_the_memory(started):
    page = started()
    client = page.context.new_cdp_session(page)

    def heap():
        page.wait_for_timeout(800)
        client.send("HeapProfiler.collectGarbage")
        return client.send("Runtime.getHeapUsage")

    page.evaluate(STROKES, 100)  # undo holds its 50 steps
    before, _, after = heap(), page.evaluate(STROKES, 500), heap()
    assert after["usedSize"] < before["usedSize"] + 1_000_000
    assert after.get("backingStorageSize", 0) < before.get("backingStorageSize", 0) + 2_000_000


@pytest.mark.alone
def test_a_pen_is_answered_within_33_ms(started):
    found = []
    while len(found) < 3 and min(found, default=99) > 33:  # a busy machine gets two more chances
        found.append(pen_to_repaint(started()))
    assert min(found) <= 33, found


def test_an_empty_scene_is_answered_as_torch_answers_it(again, network):
    page = again
    before = drawn(page)
    page.get_by_role("button", name="Clear").click()
    rested(page)
    assert not torch.equal(drawn(page), before)
    assert shares(say(page)) == wanted(mask(network, drawn(page)))


def test_what_is_being_typed_is_not_overwritten_by_an_answer(again):
    page = again
    box = page.get_by_label("size (radius, pixels), typed")
    box.fill("1")
    page.evaluate(
        """() => { const canvas = document.querySelector("canvas[aria-label^=Scene]"), box = canvas.getBoundingClientRect();
        for (const type of ["pointerdown", "pointerup"]) canvas.dispatchEvent(new PointerEvent(type, { pointerId: 3, pointerType: "pen", bubbles: true,
          clientX: box.left + 9, clientY: box.top + 9 })); }"""
    )
    rested(page)
    assert box.input_value() == "1"
    box.press("End")
    box.type("2")
    box.press("Tab")
    assert page.get_by_role("slider", name="size (radius, pixels)").input_value() == "12"
