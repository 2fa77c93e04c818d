// One transposed convolution, seen twice: each input pixel stamps the kernel (scatter), or a flipped kernel slides over zeros (gather).
import { convTranspose2dTerms } from "./shapes.js";
import { drawGrid, frame, h, inkOn, legend, mix, sequential, show } from "./kit.js";

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
  const rows = (side, value) => "[" + Array.from({ length: side }, (_, r) => "[" + Array.from({ length: side }, (_, c) => value(r, c)).join(", ") + "]").join(",\n     ") + "]";
  const out = convTranspose2dTerms(m.n, m.k, m.s, m.p, m.q, m.d).size;
  return `import torch
from torch import nn

up = nn.ConvTranspose2d(1, 1, ${names.map((name, i) => `${name}=${[m.k, m.s, m.p, m.q, m.d][i]}`).join(", ")}, bias=False)
x = torch.tensor(
    ${rows(m.n, m.x)}, dtype=torch.float32)
w = torch.tensor(
    ${rows(m.k, m.w)}, dtype=torch.float32)
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
  let last = 1;

  ui.slider("input_size", WORDS.input_size, { also: (n) => ({ stamps: n * n }) });
  for (const key of ["kernel_size", "stride", "padding", "output_padding", "dilation"]) ui.slider(key, WORDS[key]);
  ui.choice("input", WORDS.input, WORDS.inputs);
  ui.choice("weight", WORDS.weight, WORDS.weights);
  ui.choice("view", WORDS.view, WORDS.views);
  ui.slider("row", WORDS.row, { max: () => last - 1 });
  ui.slider("column", WORDS.column, { max: () => last - 1 });
  const all = () => model.get("input_size") ** 2;
  ui.slider("stamps", WORDS.stamps, { max: all });
  ui.player("stamps", WORDS.stamps, all);

  const picture = (label, pick) => h("canvas", pick ? { tabindex: "0", role: "application", "aria-label": label } : { role: "img", "aria-label": label });
  const canvas = { x: picture(WORDS.inputCaption), w: picture(WORDS.weightCaption), full: picture(WORDS.pick(WORDS.scatterCaption), true),
    zeros: picture(WORDS.gatherCaption), flipped: picture(WORDS.flippedCaption), y: picture(WORDS.pick(WORDS.outputCaption), true) };
  const figure = (caption, node, side) => h("figure", { style: `width:${side + 6}px;min-height:${side + 30}px` }, h("figcaption", {}, caption), node);
  const small = 118, large = 300;
  const key = legend();
  ui.stage.append(
    h("div", { class: "unet-grids" }, h("div", { class: "unet-column" }, figure(WORDS.inputCaption, canvas.x, small), figure(WORDS.weightCaption, canvas.w, small)),
      figure(WORDS.scatterCaption, canvas.full, large)),
    h("div", { class: "unet-grids" }, h("div", { class: "unet-column" }, figure(WORDS.flippedCaption, canvas.flipped, small), figure(WORDS.outputCaption, canvas.y, small)),
      figure(WORDS.gatherCaption, canvas.zeros, large)), key.node);

  const table = h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.table });
  const details = h("details", { class: "unet-numbers" }, h("summary", {}, WORDS.table), table);
  ui.formula.after(details);

  const grids = {};
  const fit = (cells, side) => Math.max(3, Math.min(44, Math.floor(Math.min(side, ui.width - 12) / cells)));
  let now = null;

  ui.draw = (palette) => {
    const m = read(), { terms, why } = check(m);
    ui.fail(why || "");
    if (why) return;
    last = terms.size;
    const row = Math.min(model.get("row"), last - 1), column = Math.min(model.get("column"), last - 1);
    const laid = Math.min(model.get("stamps"), m.n * m.n), counting = model.get("view") === "overlaps";
    const full = scatter({ ...m, laid }), whole = laid === m.n * m.n ? full : scatter({ ...m, laid: m.n * m.n });
    const made = contributions(m, row, column), hot = new Set(made.map((t) => `${t.r},${t.c}`)), taps = new Set(made.map((t) => `${t.a},${t.b}`));
    const field = counting ? "hits" : "sum", value = (grid, r, c) => (r < grid.side && c < grid.side ? grid[field][r * grid.side + c] : 0);
    const most = Math.max(1, ...whole[field].map(Math.abs));
    const paint = (v) => sequential(palette, v, most * 1.25);
    now = { m, whole, last };

    const side = Math.max(full.side, m.p + last), stampAt = laid - 1, sr = Math.floor(stampAt / m.n), sc = stampAt % m.n;
    grids.x = drawGrid(canvas.x, { rows: m.n, cols: m.n, palette, size: fit(m.n, small), cell: (r, c) => ({
      fill: mix(palette.paper, palette.input, 0.25), ink: palette.ink, text: show(m.x(r, c)), faded: r * m.n + c >= laid,
      outline: hot.has(`${r},${c}`) ? palette.window : undefined }) });
    grids.w = drawGrid(canvas.w, { rows: m.k, cols: m.k, palette, size: fit(m.k, small), cell: (a, b) => ({
      fill: mix(palette.paper, palette.weight, 0.25), ink: palette.ink, text: show(m.w(a, b)), outline: taps.has(`${a},${b}`) ? palette.window : undefined }) });
    const kept = (f) => f >= m.p && f < m.p + last, added = (f) => kept(f) && f >= full.side - m.p;
    const span = m.d * (m.k - 1) + 1;
    grids.full = drawGrid(canvas.full, { rows: side, cols: side, palette, size: fit(side, large), cell: (r, c) => {
      const v = value(full, r, c), inside = kept(r) && kept(c);
      if (!inside) return { fill: palette.paper, hatch: "diagonal", hatchColour: palette.cut, text: "" };
      const look = { fill: paint(v), text: show(v) };
      if (added(r) || added(c)) { look.hatch = "dots"; look.hatchColour = palette.added; }
      return look;
    }, frames: [
      ...(laid > 0 ? [{ row: sr * m.s, col: sc * m.s, rows: span, cols: span, colour: palette.weight, dash: true }] : []),
      { row: m.p, col: m.p, rows: last, cols: last, colour: palette.output },
      { row: row + m.p, col: column + m.p, rows: 1, cols: 1, colour: palette.window }] });

    const border = Math.max(0, terms.border), cut = Math.max(0, -terms.border), tall = terms.inserted + 2 * border + (m.q > cut ? m.q - cut : 0);
    const reach = terms.border < 0 ? Math.max(terms.inserted, cut + last + terms.overhang) : last + terms.overhang;
    const extent = Math.max(tall, reach), start = terms.border < 0 ? cut : 0;
    grids.zeros = drawGrid(canvas.zeros, { rows: extent, cols: extent, palette, size: fit(extent, large), cell: (r, c) => {
      const at = (i) => i - border, outside = (i) => i < start || i >= start + last + terms.overhang;
      const ir = at(r), ic = at(c), inInput = (i) => i >= 0 && i < terms.inserted;
      const isPixel = inInput(ir) && inInput(ic) && ir % m.s === 0 && ic % m.s === 0;
      if (outside(r) || outside(c)) return { fill: palette.paper, hatch: "diagonal", hatchColour: palette.cut, text: isPixel ? show(m.x(ir / m.s, ic / m.s)) : "" };
      const dr = r - start - row, dc = c - start - column;
      const tap = dr >= 0 && dc >= 0 && dr <= terms.overhang && dc <= terms.overhang && dr % m.d === 0 && dc % m.d === 0;
      const look = isPixel ? { fill: mix(palette.paper, palette.input, 0.35), ink: palette.ink, text: show(m.x(ir / m.s, ic / m.s)) }
        : { fill: mix(palette.paper, palette.zero, inInput(ir) && inInput(ic) ? 1 : 0.45), ink: palette.quiet, text: "0", hatch: r >= terms.inserted + 2 * border || c >= terms.inserted + 2 * border ? "dots" : undefined, hatchColour: palette.added };
      if (tap) look.outline = palette.window;
      return look;
    }, frames: [{ row: start + row, col: start + column, rows: span, cols: span, colour: palette.weight, dash: true }] });
    grids.flipped = drawGrid(canvas.flipped, { rows: m.k, cols: m.k, palette, size: fit(m.k, small), cell: (a, b) => ({
      fill: mix(palette.paper, palette.weight, 0.25), ink: palette.ink, text: show(m.w(m.k - 1 - a, m.k - 1 - b)),
      outline: taps.has(`${m.k - 1 - a},${m.k - 1 - b}`) ? palette.window : undefined }) });
    grids.y = drawGrid(canvas.y, { rows: last, cols: last, palette, size: fit(last, small), cell: (r, c) => {
      const v = value(whole, r + m.p, c + m.p), fill = paint(v);
      return { fill, ink: inkOn(fill), text: show(v), outline: r === row && c === column ? palette.window : undefined };
    } });
    key.draw(palette, [
      { fill: mix(palette.paper, palette.input, 0.35), text: WORDS.key.input }, { fill: palette.zero, text: WORDS.key.zero },
      { fill: palette.paper, hatch: "diagonal", hatchColour: palette.cut, text: WORDS.key.cut },
      { fill: palette.paper, hatch: "dots", hatchColour: palette.added, text: WORDS.key.added }, { fill: palette.paper, outline: palette.window, text: WORDS.key.window }]);

    const name = WORDS.cell(row, column);
    const sum = whole.side > row + m.p && whole.side > column + m.p ? whole.sum[(row + m.p) * whole.side + column + m.p] : 0;
    const products = made.map((t) => `x[${t.r}, ${t.c}]·w[${t.a}, ${t.b}]`).join(" + "), numbers = made.map((t) => `${show(m.x(t.r, t.c))}·${show(m.w(t.a, t.b), 4)}`).join(" + ");
    const period = phases(m.k, m.s, m.d), text = period.join(", ");
    ui.say(`${WORDS.size(last)} ` + (made.length ? `${name} = ${products} = ${numbers} = ${show(sum, 4)}.` : WORDS.noTerms(name)) +
      (laid < m.n * m.n ? WORDS.partial(laid, m.n * m.n) : "") + " " + (new Set(period).size > 1 ? WORDS.uneven(text) : WORDS.even(text)));
    formula(m, terms);
    if (details.open) tabulate();
  };

  const cells = [];
  const lines = Array.from({ length: 6 }, () => h("tr", {}, [0, 1, 2, 3].map(() => { const td = h("td"); cells.push(td); return td; })));
  const line = h("p", { class: "unet-big" });
  ui.formula.append(line, h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.total },
    h("table", {}, h("thead", {}, h("tr", {}, WORDS.tableHead.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, lines))));
  function formula(m, terms) {
    const rows = [WORDS.terms.spread(m.n, m.s, terms.spread), WORDS.terms.cropped(m.p, terms.cropped), WORDS.terms.overhang(m.d, m.k, terms.overhang),
      WORDS.terms.added(m.q), WORDS.terms.one(), [WORDS.total, "=", terms.size, `${terms.size} × ${terms.size}`]];
    line.textContent = rows.slice(0, 5).map((row) => row[1]).join(" ") + ` = ${terms.size}`;
    rows.flat().forEach((text, i) => { const words = typeof text === "number" ? show(text) : text; if (cells[i].textContent !== words) cells[i].textContent = words; cells[i].className = i % 4 === 2 ? "" : "unet-words"; });
  }
  function tabulate() {
    const { m, whole, last: n } = now;
    table.replaceChildren(h("table", { class: "unet-output" }, h("tbody", {}, Array.from({ length: n }, (_, r) => h("tr", {}, Array.from({ length: n }, (_, c) => {
      const fr = r + m.p, fc = c + m.p;
      return h("td", {}, show(fr < whole.side && fc < whole.side ? whole.sum[fr * whole.side + fc] : 0, 4));
    }))))));
  }
  ui.listen(details, "toggle", () => { if (details.open && now) tabulate(); });

  const choose = (row, column) => {
    if (row >= 0 && column >= 0 && row < last && column < last && (row !== model.get("row") || column !== model.get("column"))) ui.write({ row, column });
  };
  const hover = (node, offset) => (event) => { const at = grids[node].at(event); if (at) choose(at.row - offset(), at.col - offset()); };
  for (const [node, offset] of [["full", () => model.get("padding")], ["y", () => 0]]) {
    ui.listen(canvas[node], "pointermove", hover(node, offset));
    ui.listen(canvas[node], "pointerdown", hover(node, offset));
    ui.listen(canvas[node], "keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(Math.min(model.get("row"), last - 1) + step[0], Math.min(model.get("column"), last - 1) + step[1]);
    });
  }
  return ui.ready();
}

export default { render };
