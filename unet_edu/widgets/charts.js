// Three small charts: a map of values as square pixels, a histogram, and the curve that turns x into y.
import { show } from "./dom.js";
import { cellAt, penFor, strokeFrames, write } from "./grid.js";
import { diverging, mix, sequential } from "./ink.js";

/** Value between -1 and 1 -> colour: "grey" for a photograph, "signed" round zero, "positive" from zero up. */
export const shade = (palette, look, value) =>
  look === "grey" ? mix("#000000", "#ffffff", value) : look === "signed" ? diverging(palette, value, 1) : sequential(palette, value, 1);

const tables = new Map();
function shades(palette, look) {
  const key = [look, palette.mid, palette.paper].join();
  if (!tables.has(key)) {
    const bytes = Uint8ClampedArray.from(Array.from({ length: 511 }, (_, i) => [...shade(palette, look, i / 255 - 1).match(/\d+/g).map(Number), 255]).flat());
    tables.set(key, new Uint32Array(bytes.buffer));
  }
  return tables.get(key); // one pixel for each of 511 steps from -1 to 1
}

const sheet = document.createElement("canvas");
/** Draw values of magnitude up to `most` as square pixels; with `ring`, one row and column of zeros around them. Frames count from the
    map's first pixel. `name` tells one list of values from another. Returns {at(event)}, the pixel under a pointer. */
export function drawMap(canvas, { values, name, rows, cols, size, palette, look, most, ring = 0, frames = [] }) {
  const pad = 3, edge = pad + ring * size, wide = (cols + 2 * ring) * size + 2 * pad, high = (rows + 2 * ring) * size + 2 * pad;
  const key = [name, rows, cols, size, look, most, palette.paper, palette.mid, ring, ...frames.map((f) => [f.row, f.col, f.rows, f.cols, f.colour])];
  const pen = penFor(canvas, wide, high, key), inside = cellAt(canvas, wide, edge, size, rows, cols);
  if (!pen) return { at: inside };
  if (ring) {
    pen.fillStyle = palette.zero;
    pen.fillRect(pad, pad, wide - 2 * pad, high - 2 * pad);
    pen.fillStyle = palette.line; // between the zeros; the map covers the rest
    for (let r = 1; r < rows + 2 * ring; r++) pen.fillRect(pad, pad + r * size - 1, wide - 2 * pad, 1);
    for (let c = 1; c < cols + 2 * ring; c++) pen.fillRect(pad + c * size - 1, pad, 1, high - 2 * pad);
  }
  if (sheet.width !== cols || sheet.height !== rows) { sheet.width = cols; sheet.height = rows; }
  const brush = sheet.getContext("2d", { willReadFrequently: true }), picture = brush.createImageData(cols, rows), pixels = new Uint32Array(picture.data.buffer), table = shades(palette, look);
  for (let i = 0; i < values.length; i++) pixels[i] = table[Math.round((Math.min(1, Math.max(-1, values[i] / (most || 1))) + 1) * 255)];
  brush.putImageData(picture, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(sheet, edge, edge, cols * size, rows * size);
  strokeFrames(pen, frames.map((f) => [edge + f.col * size, edge + f.row * size, f.cols * size, f.rows * size, f.colour, false]), size);
  return { at: inside };
}

/** A scale from left to right as one row of colours. */
export function drawScale(canvas, { palette, look }) {
  const table = shades(palette, look), from = look === "signed" ? 0 : 255, count = 511 - from;
  canvas.width = count;
  canvas.height = 1;
  const brush = canvas.getContext("2d"), picture = brush.createImageData(count, 1);
  new Uint32Array(picture.data.buffer).set(table.subarray(from));
  brush.putImageData(picture, 0, 0);
}

/** How many values fall into each of `bins` equal parts of [low, high]; the last part has both its ends. */
export function histogram(values, low, high, bins) {
  const counts = new Uint32Array(bins);
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low || 1)) * bins);
    if (bin >= 0 && value <= high) counts[Math.min(bins - 1, bin)] += 1;
  }
  return counts;
}

const tallies = new Map();
function counted(name, values, low, high, bins) {
  const key = [name, low, high, bins].join();
  if (tallies.size > 100) tallies.clear();
  if (!tallies.has(key)) tallies.set(key, histogram(values, low, high, bins));
  return tallies.get(key);
}

/** Bars over a shared axis, coloured by `colour(value)`. `zeros` exact zeros: their bar is hatched and cut at the top, and `note` stands beside it.
    `mark`: the value looked at. `name` tells one list of values from another. */
export function drawBars(canvas, { values, name, low, high, bins = 40, palette, colour, mark, zeros = 0, note = "", width, height }) {
  const pen = penFor(canvas, width, height, [name, low, high, mark, palette.paper]);
  if (!pen) return;
  const foot = height - 18, top = 6, counts = counted(name, values, low, high, bins);
  const x = (value) => 1 + ((value - low) / (high - low || 1)) * (width - 2), wide = (width - 2) / bins;
  const home = zeros ? Math.min(bins - 1, Math.floor(((0 - low) / (high - low || 1)) * bins)) : -1;
  const most = Math.max(1, ...counts.filter((_, i) => i !== home)), tall = (n) => Math.min(1, n / most) * (foot - top);
  for (let i = 0; i < bins; i++) {
    pen.fillStyle = colour(low + ((i + 0.5) / bins) * (high - low));
    pen.fillRect(1 + i * wide, foot - tall(counts[i]), Math.max(1, wide - 0.5), tall(counts[i]));
  }
  if (zeros) {
    pen.fillStyle = palette.paper;
    for (let y = foot - 4; y > foot - tall(counts[home]); y -= 4) pen.fillRect(1 + home * wide, y, wide, 2);
    pen.fillStyle = palette.ink;
    const right = x(0) < 90; // a ReLU leaves the left side empty
    pen.textAlign = right ? "left" : "right";
    write(pen, note, 1 + home * wide + (right ? wide + 6 : -6), top + 10);
  }
  pen.fillStyle = palette.quiet;
  pen.fillRect(0, foot, width, 1);
  if (low < 0 && high > 0) pen.fillRect(x(0), foot, 1, 4);
  pen.fillStyle = palette.ink;
  const ends = [[low, "left", 0], [high, "right", width]], middle = x(0) > 44 && x(0) < width - 44 ? [[0, "center", x(0)]] : [];
  for (const [value, align, place] of [...ends, ...middle]) { pen.textAlign = align; write(pen, show(value), place, height - 4); }
  pen.fillStyle = palette.window;
  pen.fillRect(x(mark) - 1, top, 3, foot - top);
}

/** The curve y = f(x) over [low, high] with the point looked at; `name` tells one f from another. */
export function drawCurve(canvas, { f, name, low, high, mark, palette, width, height }) {
  const pen = penFor(canvas, width, height, [name, low, high, mark, palette.paper]);
  if (!pen) return;
  const pad = 12, ends = [f(low), f(high), 0], bottom = Math.min(...ends), top = Math.max(...ends);
  const x = (v) => pad + ((v - low) / (high - low || 1)) * (width - 2 * pad), y = (v) => height - pad - ((v - bottom) / (top - bottom || 1)) * (height - 2 * pad);
  pen.fillStyle = palette.line;
  pen.fillRect(pad, y(0), width - 2 * pad, 1);
  if (low < 0 && high > 0) pen.fillRect(x(0), pad, 1, height - 2 * pad);
  pen.strokeStyle = palette.output;
  pen.lineWidth = 2;
  pen.beginPath();
  for (let i = 0; i <= 100; i++) { const v = low + (i / 100) * (high - low); pen.lineTo(x(v), y(f(v))); }
  pen.stroke();
  pen.setLineDash([3, 3]);
  pen.strokeStyle = palette.quiet;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x(mark), y(0));
  pen.lineTo(x(mark), y(f(mark)));
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = palette.window;
  pen.strokeStyle = palette.ink;
  pen.beginPath();
  pen.arc(x(mark), y(f(mark)), 5, 0, 7);
  pen.fill();
  pen.stroke();
  pen.fillStyle = palette.ink;
  pen.textAlign = "left";
  write(pen, `x ${show(low)}`, pad, height - 1);
  pen.textAlign = "right";
  write(pen, show(high), width - pad, height - 1);
  pen.textAlign = "left";
  write(pen, `y ${show(top)}`, 1, 10);
}
