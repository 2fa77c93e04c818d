// Painting on a grid of cells with a mouse, a pen, a finger or the keyboard: strokes without gaps, one pointer at a time.
import { dress } from "./dom.js";

const PAINT_KEYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }, PAINT_LEAP = 5;
const paintSame = (a, b) => a.row === b.row && a.col === b.col;

/** All cells from one to another, both ends included, each a neighbour of the one before (Bresenham). */
export function line(from, to) {
  const down = Math.abs(to.row - from.row), right = Math.abs(to.col - from.col), cells = [];
  const rowStep = to.row < from.row ? -1 : 1, colStep = to.col < from.col ? -1 : 1;
  let { row, col } = from, error = right - down;
  for (;;) {
    cells.push({ row, col });
    if (row === to.row && col === to.col) return cells;
    const twice = 2 * error;
    if (twice > -down) { error -= down; col += colStep; }
    if (twice < right) { error += right; row += rowStep; }
  }
}

/** Where a way crosses the rim of the grid: the last cell on it, seen from `inside`; both are {clientX, clientY}. */
function paintRim(at, inside, outside) {
  let near = inside, far = outside, cell = at(inside);
  for (let i = 0; i < 12; i++) {
    const middle = { clientX: (near.clientX + far.clientX) / 2, clientY: (near.clientY + far.clientY) / 2 }, there = at(middle);
    if (there) [near, cell] = [middle, there];
    else far = middle;
  }
  return cell;
}

/** A point of the grid on the way between two points off it, or undefined: a quick hand can cross a corner between two events. */
function paintCrossing(at, start, stop) {
  const way = (i) => ({ clientX: start.clientX + (i / 32) * (stop.clientX - start.clientX), clientY: start.clientY + (i / 32) * (stop.clientY - start.clientY) });
  return Array.from({ length: 31 }, (_, i) => way(i + 1)).find(at);
}

/**
 * Painting on `canvas`, a grid of `rows` x `cols` cells; `ui` is what frame() returned. at({clientX, clientY}) -> {row, col} or null.
 * stroke(from, to, phase): "start" and "end" with from = to, and between them "move" for each step; a step may be longer than a
 * cell: line(from, to) has all cells of it. Where a pointer leaves the grid, its stroke reaches the rim and goes on where it returns.
 * Keyboard: arrows move a cursor by one cell, with Shift by 5; Space or Enter is a stroke of one cell, held down it draws along.
 * cursorMoved(cell): after a key, setCursor() or the end of a stroke. Returns {cursor, setCursor}; `cursor` always holds the present cell.
 */
export function paint(ui, canvas, { rows, cols, at, stroke, cursorMoved = () => {} }) {
  const cursor = { row: rows >> 1, col: cols >> 1 };
  const within = (value, most) => Math.min(most - 1, Math.max(0, Math.round(value)));
  const setCursor = ({ row, col }) => {
    const to = { row: within(row, rows), col: within(col, cols) };
    if (paintSame(to, cursor)) return;
    Object.assign(cursor, to);
    cursorMoved(to);
  };
  let pointer = null, key = "", rest = null; // the pointer that paints; the key that is held down; the cell painted last
  let here = null, point = null; // the cell under the pen, null while it is off the grid; where the pen is in the page

  const step = (from, to, always = false) => {
    if (always || !paintSame(from, to)) stroke(from, to, "move");
    rest = to;
  };
  const follow = ({ clientX, clientY }) => {
    const from = here, start = point;
    [point, here] = [{ clientX, clientY }, at({ clientX, clientY })];
    if (from && here) return step(from, here);
    if (from) return step(from, paintRim(at, start, point));
    const inside = here ? point : paintCrossing(at, start, point);
    if (!inside) return;
    const entry = paintRim(at, inside, start);
    step(entry, entry, true); // back on the grid: nothing is drawn from where it left
    step(entry, here || paintRim(at, inside, point));
  };
  const end = () => {
    if (pointer === null) return;
    pointer = null;
    stroke(rest, rest, "end");
    setCursor(rest);
  };

  ui.listen(canvas, "pointerdown", (event) => {
    if (pointer !== null || event.button) return;
    const cell = at(event);
    if (!cell) return;
    lift();
    pointer = event.pointerId;
    [here, rest, point] = [cell, cell, { clientX: event.clientX, clientY: event.clientY }];
    try { canvas.setPointerCapture(pointer); } catch { /* a pointer that a program made up cannot be held */ }
    stroke(cell, cell, "start");
  });
  ui.listen(canvas, "pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    if (event.pointerType === "mouse" && !event.buttons) return end(); // let go where nobody told us
    const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of all.length ? all : [event]) follow(each);
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    ui.listen(canvas, type, (event) => {
      if (event.pointerId !== pointer) return;
      if (type === "pointerup") follow(event);
      end();
    });
  }
  ui.listen(canvas, "contextmenu", (event) => { if (pointer !== null) event.preventDefault(); }); // a finger that rests

  const lift = () => {
    if (!key) return;
    key = "";
    stroke({ ...cursor }, { ...cursor }, "end");
  };
  ui.listen(canvas, "keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const way = PAINT_KEYS[event.key];
    if (way) {
      event.preventDefault();
      const from = { ...cursor }, leap = event.shiftKey ? PAINT_LEAP : 1;
      setCursor({ row: cursor.row + leap * way[0], col: cursor.col + leap * way[1] });
      if (key) step(from, { ...cursor });
    } else if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (event.repeat || key || pointer !== null) return;
      key = event.key;
      stroke({ ...cursor }, { ...cursor }, "start");
    }
  });
  ui.listen(canvas, "keyup", (event) => { if (event.key === key) lift(); });
  ui.listen(canvas, "blur", lift);

  dress(canvas, { touchAction: "none", userSelect: "none" }); // a finger paints and does not scroll; a mouse selects no text
  return { cursor, setCursor };
}
