"""A slider answers within a frame because a gesture reads no layout, sets no font and leaves unchanged pictures alone."""

import pytest

from unet_edu.widgets import (
    ConvBench,
    ConvTransposeBench,
    MetricsPlayground,
    OverlapLab,
    SkipAlignmentLab,
    UNetTrace,
    UpsamplingBench,
)

COUNTED = """() => {
  const seen = {}, tell = (what) => { seen[what] = (seen[what] || 0) + 1; };
  for (const [owner, names] of [[Element, ["clientWidth", "clientHeight", "scrollWidth"]], [HTMLElement, ["offsetWidth", "offsetHeight", "innerText"]],
    [CanvasRenderingContext2D, ["font"]]]) for (const name of names) {
    const real = Object.getOwnPropertyDescriptor(owner.prototype, name);
    Object.defineProperty(owner.prototype, name, { ...real, get() { tell(name); return real.get.call(this); }, set(value) { tell(name); real.set.call(this, value); } });
  }
  for (const [owner, name] of [[Element, "getBoundingClientRect"], [CanvasRenderingContext2D, "clearRect"]]) {
    const real = owner.prototype[name];
    owner.prototype[name] = function (...rest) { tell(name); return real.apply(this, rest); };
  }
  window.taken = () => { const copy = { ...seen }; for (const name of Object.keys(seen)) delete seen[name]; return copy; };
}"""
MOVE = """([index, value]) => {
  const slider = document.querySelectorAll(".unet input[type=range]")[index];
  slider.value = value ?? (slider.value === slider.max ? slider.min : String(Number(slider.value) + 1));
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}"""
BENCHES = [ConvBench, ConvTransposeBench, UpsamplingBench, SkipAlignmentLab, UNetTrace, OverlapLab, MetricsPlayground]


@pytest.mark.parametrize("widget", BENCHES, ids=lambda c: c.__name__)
def test_no_gesture_makes_the_page_lay_itself_out(mount, widget):
    page = mount(widget())
    sliders = page.locator(".unet input[type=range]").count()
    for index in range(sliders):  # the first move may draw a word that later ones copy
        page.evaluate(MOVE, [index, None])
    page.evaluate(COUNTED)
    for index in range(sliders):
        page.evaluate(MOVE, [index, None])
    read = page.evaluate("taken()")
    read.pop("clearRect", None)
    allowed = {"font"} if widget in (ConvBench, ConvTransposeBench) else set()  # of a new tile, which is in no page
    assert set(read) <= allowed


def test_a_picture_that_would_look_the_same_is_not_drawn_again(mount):
    page = mount(ConvTransposeBench(input_size=3, kernel_size=3, stride=2))
    page.evaluate(COUNTED)
    page.evaluate(MOVE, [0, "3"])
    assert "clearRect" not in page.evaluate("taken()")
    page.evaluate(MOVE, [0, "4"])
    assert page.evaluate("taken()")["clearRect"] >= 4


def test_a_canvas_keeps_its_size_while_the_grid_grows(mount):
    page = mount(ConvTransposeBench())
    sizes = "[...document.querySelectorAll('.unet figure canvas')].map((c) => [c.width, c.height].join())"
    before = page.evaluate(sizes)
    for value in ("1", "5", "8"):
        page.evaluate(MOVE, [0, value])
        assert page.evaluate(sizes) == before
