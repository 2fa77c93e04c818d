// A grid of cells on a canvas, which keeps its pen and draws only the cells that changed; and the legend of its colours.
import { dress, h } from "./dom.js";
import { hatch, inkOn } from "./ink.js";

/** (event) -> the {row, col} of a grid under a pointer, or null. */
export const cellAt = (canvas, wide, pad, size, rows, cols) => (event) => {
  const box = canvas.getBoundingClientRect(), scale = wide / box.width;
  const col = Math.floor(((event.clientX - box.left) * scale - pad) / size), row = Math.floor(((event.clientY - box.top) * scale - pad) / size);
  return row >= 0 && row < rows && col >= 0 && col < cols ? { row, col } : null;
};

/** Frames of [x, y, width, height, colour, dashed] round cells of `size` CSS pixels. */
export function strokeFrames(pen, frames, size) {
  pen.lineWidth = Math.min(3, Math.max(1.5, size / 8));
  for (const [x, y, w, t, colour, dash] of frames) {
    pen.strokeStyle = colour;
    pen.setLineDash(dash ? [4, 3] : []);
    pen.strokeRect(x, y, w, t);
  }
  pen.setLineDash([]);
}

const pictures = new WeakMap(), FONT = 16;

/** A pen for a canvas of `wide` x `high` CSS pixels, wiped clean; null if `key`, all that the picture depends on, is still the same. */
export function penFor(canvas, wide, high, key) {
  const ratio = window.devicePixelRatio || 1, w = Math.round(wide * ratio), t = Math.round(high * ratio), now = `${ratio}|${key}`;
  const sized = canvas.width === w && canvas.height === t;
  if (sized && pictures.get(canvas) === now) return null;
  pictures.set(canvas, now);
  if (!sized) {
    canvas.width = w;
    canvas.height = t;
    dress(canvas, { width: `${wide}px`, aspectRatio: `${wide} / ${high}` });
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, wide, high);
  if (!sized) pen.font = `${FONT}px system-ui, sans-serif`;
  return pen;
}

/** A word of `px` CSS pixels on a canvas from penFor(). The font itself is never changed: that would lay the whole page out. */
export function write(pen, text, x, y, px = 12) {
  const ratio = window.devicePixelRatio || 1, scale = px / FONT;
  pen.setTransform(ratio * scale, 0, 0, ratio * scale, 0, 0);
  pen.fillText(text, x / scale, y / scale);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
}

const drawn = new WeakMap(); // canvas -> what its grid showed last
const equalLooks = (a, b) => a === b || (a && b && a.fill === b.fill && a.text === b.text && a.ink === b.ink && a.hatch === b.hatch
  && a.hatchColour === b.hatchColour && a.outline === b.outline && a.faded === b.faded);

/** Draw `rows` x `cols` square cells on a canvas. `cell(r, c)` returns {fill, text, ink, hatch, hatchColour, outline, faded}.
    `room` = [wide, high] keeps the canvas one size whatever the grid's: a canvas that changes its size costs a layout of the page.
    `key` names what `over(pen)` paints on top. What would look the same is not drawn again.
    Returns {size, at(event)}: the cell size in CSS pixels and the cell under a pointer. */
export function drawGrid(canvas, { rows, cols, cell, size, palette, frames = [], room, key = "", over = () => {} }) {
  const ratio = window.devicePixelRatio || 1, pad = 3, [wide, high] = room || [cols * size + 2 * pad, rows * size + 2 * pad];
  const grid = { size, at: cellAt(canvas, wide, pad, size, rows, cols) };
  let rest = `${rows}|${cols}|${size}|${palette.paper}|${key}`;
  for (const f of frames) rest += `|${f.row},${f.col},${f.rows},${f.cols},${f.colour}${f.dash}`;
  const before = drawn.get(canvas), looks = new Array(rows * cols);
  let same = before !== undefined && before.rest === rest;
  for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < cols; c++, i++) {
    looks[i] = cell(r, c);
    if (same && !equalLooks(looks[i], before.looks[i])) same = false;
  }
  const turn = before ? before.turn + !same : 0;
  drawn.set(canvas, { rest, looks, turn });
  const pen = penFor(canvas, wide, high, turn);
  if (!pen) return grid;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const late = [], texts = [], lines = size >= 7, whole = looks.every(Boolean);
  if (lines && !whole) pen.beginPath(); // the lines of the cells that there are: one path, stroked once
  for (let r = 0, i = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const look = looks[i++];
      if (!look) continue;
      const x = pad + c * size, y = pad + r * size;
      if (look.faded) pen.globalAlpha = 0.35;
      pen.fillStyle = look.fill || palette.paper;
      pen.fillRect(x, y, size, size);
      if (look.hatch) {
        pen.fillStyle = hatch(ratio, look.hatchColour || palette.quiet, look.hatch);
        pen.fillRect(x, y, size, size);
      }
      if (look.faded) pen.globalAlpha = 1;
      if (lines && !whole) pen.rect(x + 0.5, y + 0.5, size - 1, size - 1);
      if (look.text !== undefined && look.text !== "" && size >= 16) {
        const fit = Math.floor(2 * Math.min(size * 0.52, (size * 1.4) / Math.max(1, look.text.length), 15)) / 2; // few sizes, so that letters are made once
        if (fit >= 8.5) texts.push([fit, x, y, look]);
      }
      if (look.outline) late.push([x, y, size, size, look.outline, false]);
    }
  }
  pen.fillStyle = pen.strokeStyle = palette.line;
  pen.lineWidth = 1;
  if (lines && whole) { // a full grid: strips, which cost far less than a path; half as wide at the rim
    for (let r = 0; r <= rows; r++) pen.fillRect(pad, pad + r * size - (r > 0), cols * size, r > 0 && r < rows ? 2 : 1);
    for (let c = 0; c <= cols; c++) pen.fillRect(pad + c * size - (c > 0), pad, c > 0 && c < cols ? 2 : 1, rows * size);
  } else if (lines) pen.stroke();
  for (const [fit, x, y, look] of texts) {
    if (look.hatch) { // a quiet patch, so that the number reads on its pattern
      const patch = fit * 0.6 * look.text.length + 4;
      pen.fillStyle = look.fill || palette.paper;
      pen.fillRect(x + (size - patch) / 2, y + (size - fit) / 2 - 1, patch, fit + 2);
    }
    if (look.faded) pen.globalAlpha = 0.5;
    pen.fillStyle = look.ink || inkOn(look.fill || palette.paper);
    write(pen, look.text, x + size / 2, y + size / 2 + 0.5, fit);
    if (look.faded) pen.globalAlpha = 1;
  }
  for (const f of frames) late.push([pad + f.col * size, pad + f.row * size, f.cols * size, f.rows * size, f.colour, f.dash]);
  strokeFrames(pen, late, size);
  over(pen);
  return grid;
}

/** A legend: [{role, hatch, text}], each colour with its pattern and its word. */
export function legend() {
  const list = h("ul", { class: "unet-key" });
  let shown = "", theme = null;
  return {
    node: list,
    draw(palette, entries) {
      const now = JSON.stringify(entries);
      if (now === shown && theme === palette) return;
      [shown, theme] = [now, palette];
      list.replaceChildren(...entries.map(({ fill, hatch: kind, hatchColour, outline, text }) => {
        const canvas = h("canvas", { class: "unet-swatch", "aria-hidden": "true" });
        drawGrid(canvas, { rows: 1, cols: 1, size: 12, palette, cell: () => ({ fill, hatch: kind, hatchColour, outline }) });
        return h("li", {}, canvas, text);
      }));
    },
  };
}
