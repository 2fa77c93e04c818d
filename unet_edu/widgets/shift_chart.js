// The shift of every cell along one axis as points, with zeros and cuts as bars: where a decoder map stands against its skip.
import { show } from "./dom.js";
import { penFor, write } from "./grid.js";

/** Draw the shift of every cell along one axis; returns the skip cell under a pointer. */
export function drawShifts(canvas, { axis, summary, range, position, width, palette }) {
  const high = 160, left = 30, right = 8, top = 8, bottom = 20;
  const most = Math.max(1, Math.ceil(Math.max(Math.abs(summary.low), Math.abs(summary.high))));
  const step = (width - left - right) / axis.skip, at = (cell) => left + (cell + 0.5) * step, y = (s) => top + ((most - s) / (2 * most)) * (high - top - bottom);
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    return Math.min(axis.skip - 1, Math.max(0, Math.floor((((event.clientX - box.left) * width) / box.width - left) / step)));
  };
  const pen = penFor(canvas, width, high, [axis.key, range, position, palette.paper]);
  if (!pen) return under;
  pen.fillStyle = palette.panel;
  pen.fillRect(left + range[0] * step, top, (range[1] - range[0]) * step, high - top - bottom);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  for (const s of [most, 0, -most]) {
    pen.strokeStyle = palette.line;
    pen.beginPath();
    pen.moveTo(left, Math.round(y(s)) + 0.5);
    pen.lineTo(width - right, Math.round(y(s)) + 0.5);
    pen.stroke();
    pen.fillStyle = palette.ink;
    write(pen, s > 0 ? `+${s}` : show(s), left - 5, y(s));
  }
  pen.textBaseline = "alphabetic";
  for (const [cell, align] of [[0, "left"], [axis.skip - 1, "right"]]) { pen.textAlign = align; write(pen, String(cell), align === "left" ? left : width - right, high - 5); }
  const dot = Math.max(1, Math.min(3, step * 0.35));
  for (let cell = 0; cell < axis.skip; cell++) {
    const s = axis.shift(cell), cut = cell < axis.offset || cell >= axis.offset + axis.joined;
    if (s !== null) {
      pen.fillStyle = palette.decoder;
      pen.fillRect(at(cell) - dot, y(s) - dot, 2 * dot, 2 * dot);
      continue;
    }
    pen.strokeStyle = cut ? palette.cut : palette.quiet;
    pen.lineWidth = Math.max(1, Math.min(3, step * 0.6));
    pen.setLineDash(cut ? [3, 3] : []);
    pen.beginPath();
    pen.moveTo(at(cell), top);
    pen.lineTo(at(cell), high - bottom);
    pen.stroke();
  }
  pen.setLineDash([6, 4]);
  pen.lineWidth = 1.5;
  pen.strokeStyle = palette.ink;
  pen.beginPath();
  pen.moveTo(at(axis.offset), y(summary.mean));
  pen.lineTo(at(axis.offset + axis.joined - 1), y(summary.mean));
  pen.stroke();
  pen.setLineDash([]);
  const s = axis.shift(position);
  pen.strokeStyle = palette.window;
  pen.lineWidth = 2.5;
  pen.strokeRect(at(position) - 5, y(s ?? 0) - 5, 10, 10);
  return under;
}
