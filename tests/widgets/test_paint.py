"""Painting with a mouse, a finger and the keyboard: what the page is told of a stroke, and that a stroke has no gaps."""

import itertools

import pytest

SIDE = 256  # CSS pixels of the canvas, 16 x 16 cells

PAINTED = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Painting</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0 } main { padding: 40px; height: 3000px } canvas { display: block; border: 0; width: 256px; height: 256px }</style></head>
<body><main><canvas tabindex="0" width="256" height="256"></canvas></main>
<script type="module">
  const { line, paint } = await import("/paint.js"), canvas = document.querySelector("canvas");
  const leave = [], ui = { listen: (target, type, f, o) => { target.addEventListener(type, f, o); leave.push(() => target.removeEventListener(type, f, o)); } };
  const at = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect(), col = Math.floor((clientX - box.left) / 16), row = Math.floor((clientY - box.top) / 16);
    return row >= 0 && row < 16 && col >= 0 && col < 16 ? { row, col } : null;
  };
  Object.assign(window, { told: [], cells: [], moves: [], leave });
  const stroke = (from, to, phase) => {
    told.push([phase, from.row, from.col, to.row, to.col]);
    if (phase !== "end") for (const { row, col } of line(from, to)) cells.push([row, col]);
  };
  window.painter = paint(ui, canvas, { rows: 16, cols: 16, at, stroke, cursorMoved: ({ row, col }) => moves.push([row, col]) });
  document.documentElement.dataset.ready = "";
</script></body></html>"""


@pytest.fixture
def page(open_page, pages, sources):
    pages["/painted.html"] = PAINTED

    def opened(**options):
        page = open_page(sources + "painted.html", **options)
        page.wait_for_selector("html[data-ready]")
        return page

    return opened


def middle(row, col):
    """Where a cell's middle stands in the page."""
    return 40 + 16 * col + 8, 40 + 16 * row + 8


def told(page):
    return page.evaluate("told")


def cells(page):
    """Painted cells, each once, in the order of painting."""
    return list(dict.fromkeys(map(tuple, page.evaluate("cells"))))


def whole(way):
    """Is each cell a neighbour of the one before?"""
    return all(max(abs(r - a), abs(c - b)) == 1 for (a, b), (r, c) in itertools.pairwise(way))


def fingers(page):
    """Touch the page as fingers do: touch(kind, *points), kind is touchStart, touchMove, touchEnd or touchCancel."""
    client = page.context.new_cdp_session(page)

    def touch(kind, *points):
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    return touch


def test_a_line_has_both_ends_and_no_gap_in_any_direction(run_js):
    ends = [[0, 0, r, c] for r in range(-9, 10) for c in range(-9, 10)] + [[3, 60, 41, 2]]
    ways = run_js(
        """const { line } = await import("/paint.js");
        return arg.map(([a, b, r, c]) => line({ row: a, col: b }, { row: r, col: c }).map(({ row, col }) => [row, col]));""",
        ends,
    )
    for (a, b, r, c), way in zip(ends, ways, strict=True):
        assert (way[0], way[-1]) == ([a, b], [r, c])
        assert len(way) == max(abs(r - a), abs(c - b)) + 1
        assert whole(way)


def test_a_mouse_stroke_starts_moves_and_ends_and_its_ends_are_the_cells_under_it(page):
    page = page()
    page.mouse.move(*middle(2, 3))
    assert told(page) == []
    page.mouse.down()
    assert told(page) == [["start", 2, 3, 2, 3]]
    page.mouse.move(*middle(2, 5), steps=8)
    page.mouse.up()
    assert cells(page) == [(2, 3), (2, 4), (2, 5)]
    assert told(page)[-1] == ["end", 2, 5, 2, 5]
    assert [step[0] for step in told(page)].count("move") == 2
    page.mouse.move(*middle(9, 9))
    assert cells(page) == [(2, 3), (2, 4), (2, 5)]
    assert page.evaluate("[painter.cursor.row, painter.cursor.col]") == [2, 5]


def test_a_fast_stroke_leaves_no_gap(page):
    page = page()
    page.mouse.move(*middle(0, 0))
    page.mouse.down()
    page.mouse.move(*middle(15, 7))
    page.mouse.move(*middle(1, 15))
    page.mouse.up()
    way = cells(page)
    assert len(way) >= 30
    assert whole(way)


def test_every_point_between_two_frames_counts(page):
    """The browser gathers the moves of a frame in one event; a corner among them is not cut."""
    page = page()
    page.evaluate(
        """() => { const canvas = document.querySelector("canvas"), send = (type, [x, y], coalesced = []) => {
          const base = (px, py) => ({ clientX: 48 + 16 * px, clientY: 48 + 16 * py, pointerId: 7, buttons: 1, bubbles: true });
          canvas.dispatchEvent(new PointerEvent(type, { ...base(x, y), coalescedEvents: coalesced.map(([a, b]) => new PointerEvent("pointermove", base(a, b))) })); };
        send("pointerdown", [0, 0]); send("pointermove", [0, 8], [[4, 0], [8, 4], [0, 8]]); send("pointerup", [0, 8]); }"""
    )
    way = cells(page)
    assert {(0, 4), (4, 8), (8, 0)} <= set(way)
    assert whole(way)


def test_a_pen_that_leaves_the_grid_reaches_the_rim_and_goes_on_where_it_comes_back(page):
    page = page()
    page.mouse.move(*middle(4, 12))
    page.mouse.down()
    page.mouse.move(420, middle(4, 0)[1])  # far right of the canvas
    assert cells(page)[-1] == (4, 15)
    page.mouse.move(420, middle(10, 0)[1])
    page.mouse.move(*middle(10, 13))
    page.mouse.up()
    assert cells(page) == [(4, 12), (4, 13), (4, 14), (4, 15), (10, 15), (10, 14), (10, 13)]
    assert [step[0] for step in told(page)].count("start") == 1
    assert told(page)[-1] == ["end", 10, 13, 10, 13]


def test_a_pen_that_crosses_the_grid_between_two_events_paints_what_it_crossed(page):
    page = page()
    page.mouse.move(*middle(8, 8))
    page.mouse.down()
    page.mouse.move(10, middle(3, 0)[1])
    before = len(page.evaluate("cells"))
    page.mouse.move(500, middle(3, 0)[1])
    page.mouse.up()
    assert page.evaluate("cells")[before:] == [[3, 0], *([3, col] for col in range(16))]


def test_a_pointer_is_held_and_a_stroke_ends_wherever_it_is_let_go(page):
    page = page()
    page.mouse.move(*middle(4, 4))
    page.mouse.down()
    page.mouse.move(*middle(4, 5))
    page.mouse.move(900, 700)
    page.mouse.up()
    assert told(page)[-1][0] == "end"
    count = len(told(page))
    page.mouse.move(*middle(8, 8))
    assert len(told(page)) == count


def test_other_buttons_do_not_paint(page):
    page = page()
    page.mouse.move(*middle(4, 4))
    page.mouse.down(button="right")
    page.mouse.move(*middle(9, 4))
    page.mouse.up(button="right")
    assert told(page) == []


def test_a_finger_paints_and_the_page_does_not_scroll(page):
    page = page(has_touch=True, width=360, height=600)
    touch = fingers(page)
    touch("touchStart", middle(12, 3))
    for row in range(11, 1, -1):
        touch("touchMove", middle(row, 3))
    touch("touchEnd")
    assert cells(page) == [(row, 3) for row in range(12, 1, -1)]
    assert told(page)[-1] == ["end", 2, 3, 2, 3]
    assert page.evaluate("scrollY") == 0
    beside = 40 + SIDE + 20
    touch("touchStart", (beside, 500))
    for y in range(480, 200, -20):
        touch("touchMove", (beside, y))
    touch("touchEnd")
    page.wait_for_function("scrollY > 100")  # the same finger beside the canvas does scroll


def test_a_second_finger_draws_nothing(page):
    page = page(has_touch=True)
    touch = fingers(page)
    touch("touchStart", middle(2, 2))
    touch("touchStart", middle(2, 2), middle(10, 10))
    touch("touchMove", middle(2, 4), middle(14, 14))
    touch("touchEnd")
    assert cells(page) == [(2, 2), (2, 3), (2, 4)]
    assert [step[0] for step in told(page)] == ["start", "move", "end"]


def test_a_stroke_that_the_browser_takes_away_ends(page):
    page = page(has_touch=True)
    touch = fingers(page)
    touch("touchStart", middle(2, 2))
    touch("touchMove", middle(2, 4))
    touch("touchCancel")
    assert told(page)[-1] == ["end", 2, 4, 2, 4]
    touch("touchStart", middle(9, 9))
    touch("touchEnd")
    assert told(page)[-2:] == [["start", 9, 9, 9, 9], ["end", 9, 9, 9, 9]]


def test_arrow_keys_move_a_cursor_that_stays_on_the_grid_and_space_paints_there(page):
    page = page()
    page.locator("canvas").focus()
    for key in ("ArrowUp", "Shift+ArrowUp", "ArrowLeft", "Shift+ArrowUp", "Shift+ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("moves") == [[7, 8], [2, 8], [2, 7], [0, 7], [0, 12], [1, 12]]
    assert told(page) == []
    for key in ("Space", "Enter"):
        page.keyboard.press(key)
    assert told(page) == 2 * [["start", 1, 12, 1, 12], ["end", 1, 12, 1, 12]]
    assert page.evaluate("scrollY") == 0


def test_space_held_down_draws_along_the_way_of_the_cursor(page):
    page = page()
    page.locator("canvas").focus()
    page.keyboard.down("Space")
    page.keyboard.down("Space")  # a key that repeats
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.up("Space")
    page.keyboard.press("ArrowDown")
    assert told(page) == [["start", 8, 8, 8, 8], ["move", 8, 8, 8, 13], ["move", 8, 13, 9, 13], ["end", 9, 13, 9, 13]]
    page.keyboard.down("Enter")
    page.evaluate("document.activeElement.blur()")
    assert told(page)[-1][0] == "end"


def test_the_keys_of_the_browser_stay_its_own(page):
    page = page()
    page.locator("canvas").focus()
    for key in ("Control+ArrowUp", "Alt+ArrowDown", "a", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("[moves, told]") == [[], []]
    assert page.evaluate("document.activeElement === document.body")


def test_the_cursor_can_be_set_and_is_kept_on_the_grid(page):
    page = page()
    set_to = "([row, col]) => { painter.setCursor({ row, col }); return [painter.cursor.row, painter.cursor.col]; }"
    assert page.evaluate(set_to, [3, 4]) == [3, 4]
    assert page.evaluate(set_to, [-5, 99]) == [0, 15]
    assert page.evaluate(set_to, [-5, 99]) == [0, 15]
    assert page.evaluate("moves") == [[3, 4], [0, 15]]


def test_the_cleanup_removes_every_listener(page):
    page = page()
    page.evaluate("leave.forEach((action) => action())")
    page.mouse.move(*middle(2, 3))
    page.mouse.down()
    page.mouse.move(*middle(9, 3))
    page.mouse.up()
    page.locator("canvas").focus()
    for key in ("ArrowUp", "Space"):
        page.keyboard.press(key)
    assert page.evaluate("[told, moves]") == [[], []]
