// How a decoder map is laid over its skip, one axis at a time: sizes, who is joined to whom, and how far apart they are.
import { convTranspose2dSize, maxPool2dSize, skipPadding, upsampleSize } from "./shapes.js";

const LEVELS = 4;

/** Cells and weights for reading position `at` of `size` cells, clamped at both ends: [[cell, weight], ...]. */
function linearTaps(at, size) {
  const p = Math.min(size - 1, Math.max(0, at)), low = Math.floor(p), t = p - low;
  return t > 0 ? [[low, 1 - t], [low + 1, t]] : [[low, 1]];
}

/** Taps of up-sampled cell `k` on the `size` cells below: a 2x2 stamp, or bilinear with align_corners=True. */
const doublingTaps = (k, size, up) => (up === "bilinear" ? linearTaps((k * (size - 1)) / (2 * size - 1), size) : [[Math.floor(k / 2), 1]]);

const remembered = new Map();

/**
 * One axis of one level, remembered while a slider moves. `image`: pixels of the picture; `depth` 0 is up4, 3 is up1;
 * `way` is pad, crop, interpolate or pad_input; `up` is transposed or bilinear.
 * Cells of the skip are numbered from 0; a decoder cell stands at a skip cell, or at none.
 * fed: what the network reads; skip, pooled, entering, doubled: sizes; before, after: what skipPadding says of them;
 * joined: size of the concatenated map, whose cell 0 stands at skip cell `offset`; real: skip cells that the picture itself fills.
 */
export function alignAxis(image, depth, way, up) {
  const key = `${image} ${depth} ${way} ${up}`;
  if (remembered.size > 2000) remembered.clear();
  if (!remembered.has(key)) remembered.set(key, { key, ...newAxis(image, depth, way, up) });
  return remembered.get(key);
}

function newAxis(image, depth, way, up) {
  const fed = way === "pad_input" ? 16 * Math.ceil(image / 16) : image, sizes = [fed];
  for (let level = 0; level < LEVELS; level++) sizes.push(maxPool2dSize(sizes[level], 2));
  const skip = sizes[depth], pooled = sizes[depth + 1];
  // A cropped skip leaves a smaller map for the level above, so the sizes are those that grow from the bottom.
  const entering = way === "crop" ? sizes[LEVELS] * 2 ** (LEVELS - 1 - depth) : pooled;
  const doubled = up === "bilinear" ? upsampleSize(entering) : convTranspose2dSize(entering, 2, 2);
  const [before, after] = skipPadding(doubled, skip);
  const cropped = way === "crop", joined = cropped ? doubled : skip, offset = cropped ? before : 0;
  const taps = (cell) => {  // which cells below, with which weights, the joined map holds at skip cell `cell`; none: zero, or cut away
    const j = cell - offset;
    if (j < 0 || j >= joined) return [];
    if (way !== "interpolate") { const k = way === "pad" ? j - before : j; return k >= 0 && k < doubled ? doublingTaps(k, entering, up) : []; }
    const sum = new Map();
    for (const [k, outer] of linearTaps(((j + 0.5) * doubled) / skip - 0.5, doubled)) {
      for (const [i, inner] of doublingTaps(k, entering, up)) sum.set(i, (sum.get(i) || 0) + outer * inner);
    }
    return [...sum];
  };
  // Cell i below was pooled from skip cells 2i and 2i + 1, so its centre is 2i + 0.5.
  const saw = (cell) => { const t = taps(cell); return t.length ? t.reduce((a, [i, w]) => a + w * (2 * i + 0.5), 0) : null; };
  const shifts = [];
  const shift = (cell) => {
    if (shifts[cell] === undefined) { const at = saw(cell); shifts[cell] = at === null ? null : at - cell; }
    return shifts[cell];
  };
  return { image, fed, depth, way, skip, pooled, entering, doubled, diff: skip - doubled, before, after, joined, offset,
    real: Math.floor(image / 2 ** depth), output: cropped ? doubled * 2 ** depth : image, taps, upTaps: (k) => (k >= 0 && k < doubled ? doublingTaps(k, entering, up) : []), saw, shift };
}

/** Least, greatest and mean shift over the cells that hold something, in pixels of the level. */
export function shiftSummary(axis) {
  axis.summary ??= summarise(axis);
  return axis.summary;
}

function summarise(axis) {
  let low = Infinity, high = -Infinity, sum = 0, count = 0;
  for (let cell = axis.offset; cell < axis.offset + axis.joined; cell++) {
    const s = axis.shift(cell);
    if (s === null) continue;
    low = Math.min(low, s);
    high = Math.max(high, s);
    sum += s;
    count += 1;
  }
  return { low, high, mean: sum / count };
}

/** Value of a map at crossed taps: `below(row, column)` read with both axes' weights. */
export function blend(below, rows, cols) {
  let sum = 0;
  for (const [r, v] of rows) for (const [c, w] of cols) sum += v * w * below(r, c);
  return sum;
}

/** 2x2 max pooling of `skip(row, column)`. */
export const poolOf = (skip) => (r, c) => Math.max(skip(2 * r, 2 * c), skip(2 * r, 2 * c + 1), skip(2 * r + 1, 2 * c), skip(2 * r + 1, 2 * c + 1));
