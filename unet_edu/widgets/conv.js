// One convolution or max-pooling: a window slides over the padded input, and what it never reads is marked.
import { h, nested, reveal, show } from "./dom.js";
import { legend } from "./grid.js";
import { diverging, inkOn, mix, sequential } from "./ink.js";
import { frame } from "./kit.js";
import { conv2dTerms, maxPool2dSize } from "./shapes.js";

const WORDS = {
  title: "Convolution bench",
  titles: { conv: "Convolution bench", max_pool: "Max-pooling bench" },
  operation: "operation", operations: { conv: "convolution", max_pool: "max-pooling" },
  input_size: "input size", kernel_size: "kernel_size", stride: "stride", padding: "padding", dilation: "dilation",
  ceil_mode: "ceil_mode",
  input: "input", inputs: { digits: "digits", counting: "1, 2, 3 …", constant: "all 1", impulse: "one 1", step: "a step" },
  weight: "weight", weights: { counting: "1, 2, 3 …", ones: "all 1", edge: "−1 … 1" },
  row: "output row", column: "output column", window: "window",
  paddedCaption: { conv: "Input x with its border of zeros", max_pool: "Input x; its border never wins" },
  weightCaption: "Weight w, not flipped", outputCaption: "Output y",
  pick: (what) => `${what}; arrow keys choose an output cell`,
  key: { input: "input", zero: "border", unread: "never read", beyond: "beyond the border", window: "window" },
  size: (n) => `Output ${n} × ${n}.`,
  cell: (r, c) => `y[${r}, ${c}]`,
  border: (count) => ` The other ${count === 1 ? "tap lies" : `${count} taps lie`} on zeros.`,
  zero: (cell) => `${cell} = 0: the whole window lies on zeros.`,
  none: (cell) => `${cell} = −inf: no tap of this window lies on a pixel.`,
  all: " Every pixel of the image is read.",
  read: (some, all) => ` Only ${some} of the ${all} pixels of the image are read.`,
  far: (count, real) => ` At the bottom and the right, ${count === 1 ? "1 row and 1 column are" : `${count} rows and ${count} columns are`} left over` +
    (real === 0 ? ", all of them border." : real === count ? ", all of them image." : `; ${real} of them image.`),
  terms: {
    padded: (n, p, v) => ["input size + 2 · padding", `${n} + 2 · ${p}`, v, "the input with its border"],
    span: (d, k, v) => ["− (dilation · (kernel_size − 1) + 1)", `− (${d} · (${k} − 1) + 1)`, -v, "the window, first tap to last"],
    steps: (rest, s, up, v) => [`÷ stride, rounded ${up ? "up" : "down"}`, `${up ? "⌈" : "⌊"}${show(rest)} / ${s}${up ? "⌉" : "⌋"}`, v,
      `moves of the window: ${show(rest)} / ${s} = ${show(rest / s)}`],
    dropped: () => ["− 1", "− 1", -1, "dropped: it would start beyond the image"],
    one: () => ["+ 1", "+ 1", 1, "the first window itself"],
  },
  tableHead: ["term", "now", "pixels", "what it is"],
  total: "output size", table: "The output as a table",
};
const BOUNDS = {
  operation: Object.keys(WORDS.operations), input_size: [1, 12], kernel_size: [1, 5], stride: [1, 4], padding: [0, 4], dilation: [1, 3],
  ceil_mode: [false, true], input: Object.keys(WORDS.inputs), weight: Object.keys(WORDS.weights), row: [0, 19], column: [0, 19],
};

/** Small whole numbers, so that sums are exact and can be checked by hand. */
export function pixelValue(kind, n, r, c) {
  const middle = Math.floor(n / 2);
  if (kind === "constant") return 1;
  if (kind === "impulse") return Number(r === middle && c === middle);
  if (kind === "step") return Number(c >= middle) * 9;
  return kind === "counting" ? r * n + c + 1 : (7 * r + 3 * c + 5 * r * c + 4) % 10;
}

export function tapValue(kind, k, r, c) {
  if (kind === "ones") return 1;
  if (kind === "edge") return c === k - 1 ? 1 : c === 0 ? -1 : 0;
  return r * k + c + 1;
}

/** Every number of the size formula; throws what shapes.js throws. `beyond`: how far a window of ceil_mode leaves the border. */
export function geometry({ operation, n, k, s, p, d, ceil }) {
  const pool = operation === "max_pool", up = pool && ceil;
  const size = pool ? maxPool2dSize(n, k, s, p, d, ceil) : conv2dTerms(n, k, s, p, d).size;
  const padded = n + 2 * p, span = d * (k - 1) + 1, rest = padded - span, steps = up ? Math.ceil(rest / s) : Math.floor(rest / s);
  const left = padded - (size - 1) * s - span;
  return { size, padded, span, rest, steps, up, dropped: steps + 1 - size, unread: Math.max(0, left), beyond: Math.max(0, -left) };
}

/** The taps of one output cell: [{r, c, a, b, real}]; r and c count from the image's first pixel, a and b from the kernel's. */
export function taps({ n, k, s, p, d }, row, column) {
  const inside = (i) => i >= 0 && i < n, found = [];
  for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) {
    const r = row * s + a * d - p, c = column * s + b * d - p;
    found.push({ r, c, a, b, real: inside(r) && inside(c) });
  }
  return found;
}

/** One output cell, without a list of its taps: all cells are drawn again at every move of a slider. */
export function outputValue({ operation, n, k, s, p, d, x, w }, row, column) {
  const pool = operation === "max_pool";
  let value = pool ? -Infinity : 0;
  for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) {
    const r = row * s + a * d - p, c = column * s + b * d - p;
    if (r < 0 || c < 0 || r >= n || c >= n) continue;
    value = pool ? Math.max(value, x(r, c)) : value + x(r, c) * w(a, b);
  }
  return value;
}

/** Which rows (and so columns) of the image some window reads: a list of n booleans. */
function readRows({ n, k, s, p, d }, size) {
  const read = Array(n).fill(false);
  for (let o = 0; o < size; o++) for (let a = 0; a < k; a++) if (o * s + a * d - p in read) read[o * s + a * d - p] = true;
  return read;
}

function pytorch(m, { size }) {
  const call = m.operation === "conv"
    ? `w = torch.tensor(
    ${nested(m.k, m.k, m.w)}, dtype=torch.float32)
conv = nn.Conv2d(1, 1, kernel_size=${m.k}, stride=${m.s}, padding=${m.p}, dilation=${m.d}, bias=False)
with torch.no_grad():
    conv.weight.copy_(w[None, None])  # (out_channels, in_channels, kernel_size, kernel_size)
    y = conv(x[None, None])`
    : `pool = nn.MaxPool2d(kernel_size=${m.k}, stride=${m.s}, padding=${m.p}, dilation=${m.d}, ceil_mode=${m.ceil ? "True" : "False"})
y = pool(x[None, None])`;
  return `import torch
from torch import nn

x = torch.tensor(
    ${nested(m.n, m.n, m.x)}, dtype=torch.float32)
${call}
print(tuple(y.shape))  # (1, 1, ${size}, ${size})
print(y[0, 0])
`;
}

function render({ model, el }) {
  const read = () => {
    const [operation, n, k, s, p, d, ceil] = ["operation", "input_size", "kernel_size", "stride", "padding", "dilation", "ceil_mode"].map((key) => model.get(key));
    const kind = model.get("input"), weight = model.get("weight");
    return { operation, n, k, s, p, d, ceil, x: (r, c) => pixelValue(kind, n, r, c), w: (a, b) => tapValue(weight, k, a, b) };
  };
  const check = (m) => { try { return { g: geometry(m) }; } catch (error) { return { why: error.message }; } };
  const ui = frame({ model, el, stem: "conv", words: { ...WORDS, title: WORDS.titles[model.get("operation")] }, bounds: BOUNDS,
    code: () => { const m = read(), { g, why } = check(m); return why ? `# ${why}` : pytorch(m, g); }, legal: () => !check(read()).why });
  let size = 1;
  const at = () => [Math.min(model.get("row"), size - 1), Math.min(model.get("column"), size - 1)];
  const choose = (row, column) => {
    if (row >= 0 && column >= 0 && row < size && column < size && (row !== model.get("row") || column !== model.get("column"))) ui.write({ row, column });
  };

  ui.choice("operation", WORDS.operation, WORDS.operations);
  for (const key of ["input_size", "kernel_size", "stride", "padding", "dilation"]) ui.slider(key, WORDS[key]);
  const ceil = ui.check("ceil_mode", WORDS.ceil_mode);
  ui.select("input", WORDS.input, Object.entries(WORDS.inputs));
  const weight = ui.select("weight", WORDS.weight, Object.entries(WORDS.weights)).parentElement;
  const last = () => (check(read()).g?.size ?? size) - 1;
  for (const key of ["row", "column"]) ui.slider(key, WORDS[key], { max: last });
  ui.player("window", WORDS.window, () => (last() + 1) ** 2 - 1, {
    get: () => at()[0] * size + at()[1], set: (index) => ui.write({ row: Math.floor(index / size), column: index % size }) });

  const x = ui.picture(WORDS.paddedCaption.conv, 400, { pick: WORDS.pick(WORDS.paddedCaption.conv) });
  const below = h("div", { class: "unet-grids" }), key = legend();
  const w = ui.picture(WORDS.weightCaption, 186, { into: below }), y = ui.picture(WORDS.outputCaption, 220, { pick: WORDS.pick(WORDS.outputCaption), into: below });
  ui.stage.append(below, key.node);
  const formula = ui.terms(WORDS.tableHead, WORDS.total, 6), numbers = ui.numbers(WORDS.table);

  ui.draw = (palette) => {
    const m = read(), { g, why } = check(m), pool = m.operation === "max_pool";
    ui.root.classList.toggle("unet-pooling", pool);
    reveal(ceil, pool);
    reveal(weight, !pool);
    reveal(w.figure, !pool);
    ui.fail(why || "");
    if (why) return;
    size = g.size;
    const [row, column] = at(), here = taps(m, row, column), real = here.filter((t) => t.real), rows = readRows(m, size);
    const values = Float64Array.from({ length: size * size }, (_, i) => outputValue(m, Math.floor(i / size), i % size));
    const finite = values.filter(Number.isFinite), most = Math.max(1, ...finite.map(Math.abs)), signed = finite.some((v) => v < 0);
    const paint = (v) => (!Number.isFinite(v) ? palette.zero : signed ? diverging(palette, v, most) : sequential(palette, v, most * 1.25));
    const pixel = mix(palette.paper, palette.input, 0.35), border = mix(palette.paper, palette.zero, 0.6), tap = mix(palette.paper, palette.weight, 0.25);

    if (x.title.textContent !== WORDS.paddedCaption[m.operation]) {
      x.title.textContent = WORDS.paddedCaption[m.operation];
      x.canvas.setAttribute("aria-label", WORDS.pick(WORDS.paddedCaption[m.operation]));
    }
    const extent = g.padded + g.beyond, hot = new Set(here.map((t) => `${t.r},${t.c}`)), reached = g.padded - g.unread;
    x.draw({ rows: extent, cols: extent, palette, most: 50, cell: (r, c) => {
      const i = r - m.p, j = c - m.p, isPixel = i >= 0 && j >= 0 && i < m.n && j < m.n;
      const look = isPixel ? { fill: pixel, ink: palette.ink, text: show(m.x(i, j)) }
        : { fill: border, ink: palette.quiet, text: r >= g.padded || c >= g.padded ? "" : pool ? "−∞" : "0" };
      if (isPixel ? !(rows[i] && rows[j]) : r >= reached && r < g.padded || c >= reached && c < g.padded) Object.assign(look, { hatch: "back", hatchColour: palette.cut });
      if (r >= g.padded || c >= g.padded) Object.assign(look, { fill: palette.paper, hatch: "dots", hatchColour: palette.added });
      if (hot.has(`${i},${j}`)) look.outline = palette.window;
      return look;
    }, frames: [{ row: row * m.s, col: column * m.s, rows: g.span, cols: g.span, colour: pool ? palette.window : palette.weight, dash: true }] });
    if (!pool) w.draw({ rows: m.k, cols: m.k, palette, most: 38, cell: (a, b) => ({ fill: tap, ink: palette.ink, text: show(m.w(a, b)) }) });
    y.draw({ rows: size, cols: size, palette, cell: (r, c) => {
      const v = values[r * size + c], fill = paint(v);
      return { fill, ink: inkOn(fill), text: show(v), outline: r === row && c === column ? palette.window : undefined };
    } });
    key.draw(palette, [
      { fill: pixel, text: WORDS.key.input }, { fill: border, text: WORDS.key.zero },
      { fill: palette.paper, hatch: "back", hatchColour: palette.cut, text: WORDS.key.unread },
      ...(pool ? [{ fill: palette.paper, hatch: "dots", hatchColour: palette.added, text: WORDS.key.beyond }] : []),
      { fill: palette.paper, outline: palette.window, text: WORDS.key.window }]);

    const name = WORDS.cell(row, column), value = values[row * size + column], seen = rows.filter(Boolean).length ** 2;
    const products = real.length > 9 ? "" : real.map((t) => `x[${t.r}, ${t.c}]·w[${t.a}, ${t.b}]`).join(" + ") + " = ";
    const sum = `${name} = ${products}${real.map((t) => `${show(m.x(t.r, t.c))}·${m.w(t.a, t.b) < 0 ? `(${show(m.w(t.a, t.b))})` : show(m.w(t.a, t.b))}`).join(" + ")} = ${show(value)}.`;
    const told = pool ? (real.length ? `${name} = max(${real.map((t) => show(m.x(t.r, t.c))).join(", ")}) = ${show(value)}.` : WORDS.none(name))
      : real.length ? sum + (real.length < here.length ? WORDS.border(here.length - real.length) : "") : WORDS.zero(name);
    ui.say(`${WORDS.size(size)} ${told}` + (g.unread ? WORDS.far(g.unread, Math.max(0, g.unread - m.p)) : "") +
      (seen === m.n * m.n ? WORDS.all : WORDS.read(seen, m.n * m.n)));
    const terms = [WORDS.terms.padded(m.n, m.p, g.padded), WORDS.terms.span(m.d, m.k, g.span), WORDS.terms.steps(g.rest, m.s, g.up, g.steps),
      ...(g.dropped ? [WORDS.terms.dropped()] : []), WORDS.terms.one(), [WORDS.total, "=", size, `${size} × ${size}`]];
    const [open, close] = g.up ? "⌈⌉" : "⌊⌋", drop = g.dropped ? " − 1" : "";
    formula(`${open}(${m.n} + 2 · ${m.p} − ${m.d} · (${m.k} − 1) − 1) / ${m.s}${close}${drop} + 1 = ${open}${show(g.rest)} / ${m.s}${close}${drop} + 1 = ${size}`, terms);
    numbers(size, size, (r, c) => values[r * size + c]);
  };

  ui.pick(y.canvas, { at: y.at, now: at, choose });
  const nearest = (i) => Math.min(size - 1, Math.max(0, Math.round((i - (model.get("kernel_size") - 1) * model.get("dilation") / 2) / model.get("stride"))));
  const windowAt = (cell) => cell && { row: nearest(cell.row), col: nearest(cell.col) };
  ui.pick(x.canvas, { at: (event) => windowAt(x.at(event)), now: at, choose });
  return ui.ready();
}

export default { render };
