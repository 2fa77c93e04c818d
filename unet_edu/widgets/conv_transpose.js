// One transposed convolution, seen twice: each input pixel stamps the kernel (scatter), or a flipped kernel slides over zeros (gather).
import { h, nested, show } from "./dom.js";
import { legend } from "./grid.js";
import { inkOn, mix, sequential } from "./ink.js";
import { frame } from "./kit.js";
import { convTranspose2dTerms } from "./shapes.js";

const WORDS = {
  title: "Transposed-convolution bench",
  input_size: "input size", kernel_size: "kernel_size", stride: "stride", padding: "padding",
  output_padding: "output_padding", dilation: "dilation",
  input: "input", inputs: { counting: "1, 2, 3 …", constant: "all 1", impulse: "one 1" },
  weight: "weight", weights: { counting: "1, 2, 3 …", ones: "all 1", bilinear: "bilinear" },
  view: "cells show", views: { values: "values", overlaps: "stamps per cell" },
  row: "output row", column: "output column", stamps: "stamps laid",
  inputCaption: "Input x", weightCaption: "Weight w", flippedCaption: "w, flipped",
  scatterCaption: "Scatter: every input pixel stamps x · w; overlaps add",
  gatherCaption: "Gather: the flipped kernel slides over x with zeros put in",
  outputCaption: "Output y",
  pick: (what) => `${what}; arrow keys choose an output cell`,
  key: { input: "input", zero: "zero put in", cut: "cut by padding", added: "kept by output_padding", window: "looked at", stamp: "last stamp" },
  size: (n) => `Output ${n} × ${n}.`,
  cell: (r, c) => `y[${r}, ${c}]`,
  noTerms: (cell) => `${cell} = 0: no stamp reaches this cell.`,
  partial: (laid, all) => ` So far ${laid} of ${all} stamps are laid.`,
  even: (period) => `Along one axis, away from the edges, stamps per cell repeat as ${period}: even.`,
  uneven: (period) => `Along one axis, away from the edges, stamps per cell repeat as ${period}: uneven, so equal inputs give a checkerboard.`,
  terms: {
    spread: (n, s, v) => [`(input size − 1) · stride`, `(${n} − 1) · ${s}`, v, "from the first stamp to the last"],
    cropped: (p, v) => [`− 2 · padding`, `− 2 · ${p}`, -v, "cut away, padding at either end"],
    overhang: (d, k, v) => [`+ dilation · (kernel_size − 1)`, `+ ${d} · (${k} − 1)`, v, "how far a stamp reaches past its first cell"],
    added: (v) => [`+ output_padding`, `+ ${v}`, v, "kept at the bottom and the right only"],
    one: () => [`+ 1`, `+ 1`, 1, "the first cell itself"],
  },
  tableHead: ["term", "now", "pixels", "what it is"],
  total: "output size",
  table: "The output as a table",
};
const BOUNDS = {
  input_size: [1, 8], kernel_size: [1, 6], stride: [1, 4], padding: [0, 5], output_padding: [0, 3], dilation: [1, 3],
  input: Object.keys(WORDS.inputs), weight: Object.keys(WORDS.weights), view: Object.keys(WORDS.views),
  row: [0, 63], column: [0, 63], stamps: [0, 64],
};

export function inputValue(kind, n, r, c) {
  if (kind === "constant") return 1;
  const middle = Math.floor(n / 2);
  return kind === "impulse" ? Number(r === middle && c === middle) : r * n + c + 1;
}

/** The weight at one tap; "bilinear" is the triangle that up-sampling by ceil(k / 2) uses. */
export function weightValue(kind, k, r, c) {
  if (kind === "ones") return 1;
  if (kind === "counting") return r * k + c + 1;
  const f = Math.ceil(k / 2), centre = (2 * f - 1 - (f % 2)) / (2 * f), tri = (i) => 1 - Math.abs(i / f - centre);
  return tri(r) * tri(c);
}

/** Stamp the first `laid` input pixels on the uncut canvas; returns {side, sum, hits} with row-major arrays. */
export function scatter({ n, k, s, d, laid, x, w }) {
  const side = (n - 1) * s + d * (k - 1) + 1, sum = new Float64Array(side * side), hits = new Uint16Array(side * side);
  for (let i = 0; i < Math.min(laid, n * n); i++) {
    const r = Math.floor(i / n), c = i % n;
    for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) {
      const at = (r * s + a * d) * side + c * s + b * d;
      sum[at] += x(r, c) * w(a, b);
      hits[at] += 1;
    }
  }
  return { side, sum, hits };
}

/** Which products make output cell (row, column): [{r, c, a, b}], input pixel and tap, in raster order. */
export function contributions({ n, k, s, p, d }, row, column) {
  const axis = (o) => {
    const pairs = [];
    for (let tap = 0; tap < k; tap++) {
      const from = o + p - tap * d;
      if (from >= 0 && from % s === 0 && from / s < n) pairs.push([from / s, tap]);
    }
    return pairs.reverse();
  };
  return axis(row).flatMap(([r, a]) => axis(column).map(([c, b]) => ({ r, c, a, b })));
}

/** Stamps per cell along one axis, far from the edges: one number for each of the `stride` phases. */
export function phases(k, s, d) {
  const period = Array(s).fill(0);
  for (let tap = 0; tap < k; tap++) period[(tap * d) % s] += 1;
  return period;
}

function pytorch(m) {
  const names = ["kernel_size", "stride", "padding", "output_padding", "dilation"];
  const out = convTranspose2dTerms(m.n, m.k, m.s, m.p, m.q, m.d).size;
  return `import torch
from torch import nn

up = nn.ConvTranspose2d(1, 1, ${names.map((name, i) => `${name}=${[m.k, m.s, m.p, m.q, m.d][i]}`).join(", ")}, bias=False)
x = torch.tensor(
    ${nested(m.n, m.n, m.x)}, dtype=torch.float32)
w = torch.tensor(
    ${nested(m.k, m.k, m.w)}, dtype=torch.float32)
with torch.no_grad():
    up.weight.copy_(w[None, None])  # (in_channels, out_channels, kernel_size, kernel_size)
    y = up(x[None, None])
print(tuple(y.shape))  # (1, 1, ${out}, ${out})
print(y[0, 0])
`;
}

function render({ model, el }) {
  const read = () => {
    const [n, k, s, p, q, d] = ["input_size", "kernel_size", "stride", "padding", "output_padding", "dilation"].map((key) => model.get(key));
    const kind = model.get("input"), weight = model.get("weight");
    return { n, k, s, p, q, d, x: (r, c) => inputValue(kind, n, r, c), w: (a, b) => weightValue(weight, k, a, b) };
  };
  const check = (m) => { try { return { terms: convTranspose2dTerms(m.n, m.k, m.s, m.p, m.q, m.d) }; } catch (error) { return { why: error.message }; } };
  const ui = frame({ model, el, stem: "conv-transpose", words: WORDS, bounds: BOUNDS,
    code: () => { const m = read(), { why } = check(m); return why ? `# ${why}` : pytorch(m); }, legal: () => !check(read()).why });
  let size = 1;
  const last = () => (check(read()).terms?.size ?? size) - 1;

  ui.slider("input_size", WORDS.input_size, { also: (n) => ({ stamps: n * n }) });
  for (const key of ["kernel_size", "stride", "padding", "output_padding", "dilation"]) ui.slider(key, WORDS[key]);
  ui.choice("input", WORDS.input, WORDS.inputs);
  ui.choice("weight", WORDS.weight, WORDS.weights);
  ui.choice("view", WORDS.view, WORDS.views);
  ui.slider("row", WORDS.row, { max: last });
  ui.slider("column", WORDS.column, { max: last });
  const all = () => model.get("input_size") ** 2;
  ui.slider("stamps", WORDS.stamps, { max: all });
  ui.player("stamps", WORDS.stamps, all);

  const small = 118, large = 300, key = legend(), row = () => h("div", { class: "unet-grids" }), column = () => h("div", { class: "unet-column" });
  const above = row(), beside = column(), below = row(), under = column();
  above.append(beside);
  below.append(under);
  const x = ui.picture(WORDS.inputCaption, small, { into: beside }), w = ui.picture(WORDS.weightCaption, small, { into: beside });
  const full = ui.picture(WORDS.scatterCaption, large, { into: above, pick: WORDS.pick(WORDS.scatterCaption) });
  const flipped = ui.picture(WORDS.flippedCaption, small, { into: under }), y = ui.picture(WORDS.outputCaption, small, { into: under, pick: WORDS.pick(WORDS.outputCaption) });
  const zeros = ui.picture(WORDS.gatherCaption, large, { into: below });
  ui.stage.append(above, below, key.node);
  const formula = ui.terms(WORDS.tableHead, WORDS.total, 6), numbers = ui.numbers(WORDS.table);
  const at = () => [Math.min(model.get("row"), size - 1), Math.min(model.get("column"), size - 1)];

  ui.draw = (palette) => {
    const m = read(), { terms, why } = check(m);
    ui.fail(why || "");
    if (why) return;
    size = terms.size;
    const [row, column] = at();
    const laid = Math.min(model.get("stamps"), m.n * m.n), counting = model.get("view") === "overlaps";
    const some = scatter({ ...m, laid }), whole = laid === m.n * m.n ? some : scatter({ ...m, laid: m.n * m.n });
    const made = contributions(m, row, column), hot = new Set(made.map((t) => `${t.r},${t.c}`)), taps = new Set(made.map((t) => `${t.a},${t.b}`));
    const field = counting ? "hits" : "sum", value = (grid, r, c) => (r < grid.side && c < grid.side ? grid[field][r * grid.side + c] : 0);
    const most = Math.max(1, ...whole[field].map(Math.abs));
    const paint = (v) => sequential(palette, v, most * 1.25);
    const plain = mix(palette.paper, palette.input, 0.25), weight = mix(palette.paper, palette.weight, 0.25), pixel = mix(palette.paper, palette.input, 0.35);

    const side = Math.max(some.side, m.p + size), stampAt = laid - 1, sr = Math.floor(stampAt / m.n), sc = stampAt % m.n;
    x.draw({ rows: m.n, cols: m.n, palette, cell: (r, c) => ({ fill: plain, ink: palette.ink, text: show(m.x(r, c)), faded: r * m.n + c >= laid,
      outline: hot.has(`${r},${c}`) ? palette.window : undefined }) });
    w.draw({ rows: m.k, cols: m.k, palette, cell: (a, b) => ({ fill: weight, ink: palette.ink, text: show(m.w(a, b)), outline: taps.has(`${a},${b}`) ? palette.window : undefined }) });
    const kept = (f) => f >= m.p && f < m.p + size, added = (f) => kept(f) && f >= some.side - m.p;
    const span = m.d * (m.k - 1) + 1;
    full.draw({ rows: side, cols: side, palette, cell: (r, c) => {
      const v = value(some, r, c), inside = kept(r) && kept(c);
      if (!inside) return { fill: palette.paper, hatch: "diagonal", hatchColour: palette.cut, text: "" };
      const look = { fill: paint(v), text: show(v) };
      if (added(r) || added(c)) { look.hatch = "dots"; look.hatchColour = palette.added; }
      return look;
    }, frames: [
      ...(laid > 0 ? [{ row: sr * m.s, col: sc * m.s, rows: span, cols: span, colour: palette.weight, dash: true }] : []),
      { row: m.p, col: m.p, rows: size, cols: size, colour: palette.output },
      { row: row + m.p, col: column + m.p, rows: 1, cols: 1, colour: palette.window }] });

    const border = Math.max(0, terms.border), cut = Math.max(0, -terms.border), tall = terms.inserted + 2 * border + (m.q > cut ? m.q - cut : 0);
    const reach = terms.border < 0 ? Math.max(terms.inserted, cut + size + terms.overhang) : size + terms.overhang;
    const extent = Math.max(tall, reach), start = terms.border < 0 ? cut : 0;
    const within = palette.zero, around = mix(palette.paper, palette.zero, 0.45), end = terms.inserted + 2 * border;
    zeros.draw({ rows: extent, cols: extent, palette, cell: (r, c) => {
      const at = (i) => i - border, outside = (i) => i < start || i >= start + size + terms.overhang;
      const ir = at(r), ic = at(c), inInput = (i) => i >= 0 && i < terms.inserted;
      const isPixel = inInput(ir) && inInput(ic) && ir % m.s === 0 && ic % m.s === 0;
      if (outside(r) || outside(c)) return { fill: palette.paper, hatch: "diagonal", hatchColour: palette.cut, text: isPixel ? show(m.x(ir / m.s, ic / m.s)) : "" };
      const dr = r - start - row, dc = c - start - column;
      const tap = dr >= 0 && dc >= 0 && dr <= terms.overhang && dc <= terms.overhang && dr % m.d === 0 && dc % m.d === 0;
      const look = isPixel ? { fill: pixel, ink: palette.ink, text: show(m.x(ir / m.s, ic / m.s)) }
        : { fill: inInput(ir) && inInput(ic) ? within : around, ink: palette.quiet, text: "0", hatch: r >= end || c >= end ? "dots" : undefined, hatchColour: palette.added };
      if (tap) look.outline = palette.window;
      return look;
    }, frames: [{ row: start + row, col: start + column, rows: span, cols: span, colour: palette.weight, dash: true }] });
    flipped.draw({ rows: m.k, cols: m.k, palette, cell: (a, b) => ({ fill: weight, ink: palette.ink, text: show(m.w(m.k - 1 - a, m.k - 1 - b)),
      outline: taps.has(`${m.k - 1 - a},${m.k - 1 - b}`) ? palette.window : undefined }) });
    y.draw({ rows: size, cols: size, palette, cell: (r, c) => {
      const v = value(whole, r + m.p, c + m.p), fill = paint(v);
      return { fill, ink: inkOn(fill), text: show(v), outline: r === row && c === column ? palette.window : undefined };
    } });
    key.draw(palette, [
      { fill: pixel, text: WORDS.key.input }, { fill: palette.zero, text: WORDS.key.zero },
      { fill: palette.paper, hatch: "diagonal", hatchColour: palette.cut, text: WORDS.key.cut },
      { fill: palette.paper, hatch: "dots", hatchColour: palette.added, text: WORDS.key.added }, { fill: palette.paper, outline: palette.window, text: WORDS.key.window }]);

    const name = WORDS.cell(row, column);
    const sum = whole.side > row + m.p && whole.side > column + m.p ? whole.sum[(row + m.p) * whole.side + column + m.p] : 0;
    const products = made.map((t) => `x[${t.r}, ${t.c}]·w[${t.a}, ${t.b}]`).join(" + "), values = made.map((t) => `${show(m.x(t.r, t.c))}·${show(m.w(t.a, t.b), 4)}`).join(" + ");
    const period = phases(m.k, m.s, m.d), text = period.join(", ");
    ui.say(`${WORDS.size(size)} ` + (made.length ? `${name} = ${products} = ${values} = ${show(sum, 4)}.` : WORDS.noTerms(name)) +
      (laid < m.n * m.n ? WORDS.partial(laid, m.n * m.n) : "") + " " + (new Set(period).size > 1 ? WORDS.uneven(text) : WORDS.even(text)));
    const rows = [WORDS.terms.spread(m.n, m.s, terms.spread), WORDS.terms.cropped(m.p, terms.cropped), WORDS.terms.overhang(m.d, m.k, terms.overhang), WORDS.terms.added(m.q), WORDS.terms.one()];
    formula(`${rows.map((term) => term[1]).join(" ")} = ${terms.size}`, [...rows, [WORDS.total, "=", terms.size, `${terms.size} × ${terms.size}`]]);
    numbers(size, size, (r, c) => (r + m.p < whole.side && c + m.p < whole.side ? whole.sum[(r + m.p) * whole.side + c + m.p] : 0));
  };

  const choose = (row, column) => {
    if (row >= 0 && column >= 0 && row < size && column < size && (row !== model.get("row") || column !== model.get("column"))) ui.write({ row, column });
  };
  const uncut = (cell) => cell && { row: cell.row - model.get("padding"), col: cell.col - model.get("padding") };
  ui.pick(full.canvas, { at: (event) => uncut(full.at(event)), now: at, choose });
  ui.pick(y.canvas, { at: y.at, now: at, choose });
  return ui.ready();
}

export default { render };
