// Feature maps as square pixels: colour ramps looked up, many maps on one canvas, their numbers, and recorded input gradients.
import { decode, show } from "./dom.js";
import { diverging, mix, sequential } from "./ink.js";
import { stageSize } from "./receptive.js";

const SHADES = 256, rampStore = new Map();
const packRGB = (colour) => { const [r, g, b] = colour.startsWith("#") ? [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)) : colour.match(/\d+/g).map(Number); return (255 << 24 | b << 16 | g << 8 | r) >>> 0; };

/** 256 colours as pixels of an ImageData: "sequential" from 0 to the most (paper, output, towards ink: weak values show), "diverging" from minus to plus it, "grey" from black to white. */
export function ramp(palette, kind) {
  const name = `${kind}|${palette.paper}|${palette.output}|${palette.low}`;
  if (!rampStore.has(name)) {
    const shade = { sequential: (t) => (t < 0.5 ? sequential(palette, t, 0.5) : mix(palette.output, palette.ink, 1.6 * (t - 0.5))), diverging: (t) => diverging(palette, 2 * t - 1, 1), grey: (t) => mix("#000000", "#ffffff", t) }[kind];
    rampStore.set(name, Uint32Array.from({ length: SHADES }, (_, i) => packRGB(shade(i / (SHADES - 1)))));
  }
  return rampStore.get(name);
}

/** {low, high, most}: the least, the greatest, the greatest magnitude of values from `start` on. */
export function extent(values, start = 0, end = values.length) {
  let low = Infinity, high = -Infinity;
  for (let i = start; i < end; i++) { const v = values[i]; if (v < low) low = v; if (v > high) high = v; }
  return { low, high, most: Math.max(Math.abs(low), Math.abs(high)) };
}

/** What one channel amounts to: {low, mean, high, zeros}, zeros as a share of its pixels. */
export function mapStatistics(values) {
  let sum = 0, none = 0;
  for (const value of values) { sum += value; if (value === 0) none += 1; }
  const { low, high } = extent(values);
  return { low, mean: sum / values.length, high, zeros: none / values.length };
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A number for a reader, also where it is very small: at most `digits` decimals, or 5.71 × 10⁻⁶. */
export function showSmall(value, digits = 2) {
  if (value === 0 || !(Math.abs(value) < 10 ** -digits)) return show(value, digits);
  const [mantissa, power] = value.toExponential(2).split("e-");
  return `${show(Number(mantissa))} × 10⁻${[...power].map((digit) => RAISED[digit]).join("")}`;
}

/** How many channels of a stage are 0 everywhere, and how many more differ from pixel to pixel by less than a thousandth of `most`. */
export function stillChannels(data, count, area, most) {
  let dead = 0, flat = 0;
  for (let i = 0; i < count; i++) {
    const { low, high } = extent(data, i * area, (i + 1) * area);
    if (low === 0 && high === 0) dead += 1; else if (high - low < most / 1000) flat += 1;
  }
  return { dead, flat };
}

/** Where `count` maps of rows x cols pixels stand on a canvas, `across` of them in a row, each pixel `times` wide: {wide, high, left(i), top(i)}. */
export function mosaic(count, across, rows, cols, times = 1, gap = 2) {
  const down = Math.ceil(count / across), stepX = cols * times + gap, stepY = rows * times + gap;
  return { count, across, rows, cols, times, gap, wide: across * stepX - gap, high: down * stepY - gap, stepX, stepY,
    left: (i) => (i % across) * stepX, top: (i) => Math.floor(i / across) * stepY };
}

/** The {channel, row, col} of a mosaic under a pointer, or null: between two maps there is none. */
export function mosaicAt(canvas, plan, event) {
  const box = canvas.getBoundingClientRect(), x = ((event.clientX - box.left) * plan.wide) / box.width, y = ((event.clientY - box.top) * plan.high) / box.height;
  const i = Math.floor(x / plan.stepX), j = Math.floor(y / plan.stepY), col = Math.floor((x - i * plan.stepX) / plan.times), row = Math.floor((y - j * plan.stepY) / plan.times);
  const channel = j * plan.across + i;
  return i < 0 || j < 0 || i >= plan.across || channel >= plan.count || row < 0 || col < 0 || row >= plan.rows || col >= plan.cols ? null : { channel, row, col };
}

const sheets = new WeakMap();

/** Paint channels 0 to count - 1 of a stage, {data}, on a canvas, coloured from 0 (or -most) to `most`; `rule` is the colour between them. */
export function paintMosaic(canvas, plan, { data }, { shades, most, signed, rule }) {
  const { wide, high, rows, cols, times, gap, count } = plan, between = rule ? packRGB(rule) : 0;
  let sheet = sheets.get(canvas);
  if (!sheet || canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    const pen = canvas.getContext("2d"), picture = pen.createImageData(wide, high);
    sheets.set(canvas, sheet = { pen, picture, pixels: new Uint32Array(picture.data.buffer) });
  }
  const { pen, picture, pixels } = sheet, scale = most ? (SHADES - 1) / (signed ? 2 * most : most) : 0, zero = signed ? (SHADES - 1) / 2 : 0, last = SHADES - 1;
  if (count % plan.across) pixels.fill(0); // behind the last map the page shows through
  let at = 0;
  for (let n = 0; n < count; n++) {
    let line = plan.top(n) * wide + plan.left(n);
    for (let r = 0; r < rows; r++) {
      let x = line;
      for (let c = 0; c < cols; c++) {
        const shade = data[at++] * scale + zero + 0.5;
        const colour = shades[shade > last ? last : shade > 0 ? shade | 0 : 0];
        for (let t = 0; t < times; t++) pixels[x++] = colour;
      }
      for (let t = 1; t < times; t++) pixels.copyWithin(line + t * wide, line, line + cols * times);
      const end = Math.min(gap, (Math.floor(line / wide) + 1) * wide - line - cols * times); // to the next map, or to the canvas's edge
      for (let t = 0; t < times && end; t++) pixels.fill(between, line + t * wide + cols * times, line + t * wide + cols * times + end);
      line += times * wide;
    }
    for (let t = 0; t < gap && line < pixels.length; t++, line += wide) pixels.fill(between, line, Math.min(line + plan.stepX, (Math.floor(line / wide) + 1) * wide));
  }
  pen.putImageData(picture, 0, 0);
}

/** The table of effective.py as functions: nearest(stage, row, col, rows, cols) -> {row, col, area, central, peak, which, field()} for a pixel of a map of
    rows x cols; field() is the recorded picture, in parts of its maximum. */
export function recordedFields(table) {
  const { height, width, steps } = table, maps = new Map();
  const bytes = (stage) => { if (!maps.has(stage)) maps.set(stage, decode(table.stages[stage].maps, Uint8Array)); return maps.get(stage); };
  const close = (places, at) => places.reduce((best, place, i) => (Math.abs(place + 0.5 - at) < Math.abs(places[best] + 0.5 - at) ? i : best), 0);
  return {
    height, width, image: Float32Array.from(decode(table.image, Uint8Array), (value) => value / 255),
    nearest(stage, row, col, rows, cols) {
      const told = table.stages[stage], scaled = (at, size, whole) => ((at + 0.5) * stageSize(stage, whole)) / size;
      const r = close(told.rows, scaled(row, rows, height)), c = close(told.cols, scaled(col, cols, width)), which = r * told.cols.length + c;
      const field = () => {
        const picture = new Float32Array(height * width), source = bytes(stage), [top, left, high, wide, block] = told.boxes[which];
        let start = told.boxes.slice(0, which).reduce((sum, box) => sum + box[2] * box[3], 0);
        for (let i = top; i < top + high; i++) for (let j = left; j < left + wide; j++) {
          const value = source[start++] / steps;
          for (let y = i * block; y < Math.min((i + 1) * block, height); y++) for (let x = j * block; x < Math.min((j + 1) * block, width); x++) picture[y * width + x] = value;
        }
        return picture;
      };
      return { row: told.rows[r], col: told.cols[c], area: told.area[which], central: told.central[which], peak: told.peak[which], which, field };
    },
  };
}
