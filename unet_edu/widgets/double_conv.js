// A DoubleConv under the microscope: one pixel of one channel at one stage, with the window, the weights and the sum behind it.
import { drawBars, drawCurve, drawMap, drawScale, shade } from "./charts.js";
import { dress, freshId, h, put, reveal, show } from "./dom.js";
import { drawGrid, legend } from "./grid.js";
import { inkOn, mix } from "./ink.js";
import { frame } from "./kit.js";
import { before, half, kind, normalise, products, readings, STAGES, windowAt } from "./microscope.js";

const WORDS = {
  title: "DoubleConv microscope",
  image: "image", mode: "BatchNorm", modes: { train: "train: the batch", eval: "eval: running" },
  in_channel: "image channel", mid_channel: "middle channel", out_channel: "output channel", row: "row", column: "column",
  stage: "Stage", stages: { input: "image", conv1: "conv 1", bn1: "BN 1", relu1: "ReLU 1", conv2: "conv 2", bn2: "BN 2", relu2: "ReLU 2" },
  names: { input: "Image", conv1: "Convolution 1", bn1: "BatchNorm 1", relu1: "ReLU 1", conv2: "Convolution 2", bn2: "BatchNorm 2", relu2: "ReLU 2" },
  reads: (name, channel) => `Reads: ${name}, channel ${channel}`,
  writes: (name, channel) => `Writes: ${name}, channel ${channel}`,
  first: "Reads: nothing, it comes first",
  pick: (what) => `${what}; arrow keys choose a pixel`,
  window: "Window x", weights: "Weights w", parts: "Products", around: "Pixels around it", curve: { bn: "BatchNorm: a straight line", relu: "ReLU: a hinge at 0" },
  key: { window: "looked at", zero: "zero put in by padding=1", low: "below 0", high: "above 0", positive: "above 0, after ReLU", dead: "zero everywhere" },
  pixel: (name, channel, row, column) => `${name}, channel ${channel}, row ${row}, column ${column}`,
  say: {
    input: (where, value) => `${where}: ${value}. 0 is black, 1 is white.`,
    conv: (where, value, parts, outside, more) => `${where}: ${parts} products add up to ${value}.` + more +
      (outside ? ` ${outside} of the 9 window cells lie outside the map; padding=1 fills them with zeros.` : ""),
    channel: (from, sum) => ` Channel ${from}, shown, brings ${sum} of it.`,
    bn: (where, x, value, mode, n) => `${where}: ${x} becomes ${value}. ` + (mode === "train"
      ? `Train mode: mean and variance are those of the ${n} values of this channel in the batch.`
      : "Eval mode: mean and variance are the running ones, collected in training, whatever the batch."),
    relu: (where, x, value, negative) => `${where}: ${x} ${negative ? "is below zero and becomes 0" : "stays " + value}.`,
  },
  bnRule: "(x − mean) / √(var + eps) · weight + bias",
  partsTable: "Sum of the nine products, per channel read", channel: "channel", sum: "sum", total: "total",
  spread: "This channel over the whole batch, on one axis", statistics: (mean, spread) => `mean ${mean}, std ${spread}`,
  zerosNote: (share) => `${share} zeros`,
  zeros: (name) => `Share of exact zeros after ${name}, per channel, over the batch`,
  dead: (name, channel, here, all, silent, n) => `After ${name}, channel ${channel} is exactly 0 in ${here} of this image and ${all} of the batch. ` +
    (silent.length ? `Dead in this batch, 0 at every pixel: channel ${silent.join(", ")} of ${n}.` : `None of the ${n} channels is 0 at every pixel of the batch.`),
  table: "The channel in numbers", tableHead: ["stage", "least", "mean", "greatest", "std (biased)", "exact zeros"],
  cells: "Window, weights and products in numbers", cellsHead: ["row, column", "x", "w", "x · w"], padded: "padding",
};
const DIGITS = 3; // of a value; the sums agree with torch's to more

/** At least three decimals, and at least four digits that count. */
const exact = (v) => show(v, Math.max(DIGITS, 3 - Math.floor(Math.log10(Math.abs(v) || 1))));
const signed = (v, text) => (v < 0 ? `(${text})` : text);
const look = (stage) => ({ input: "grey", conv: "signed", bn: "signed", relu: "positive" })[kind(stage)];

function pytorch({ read, stage, mode, image, channel, row, column }) {
  const flat = (list) => "[" + list.map((v) => Number(v.toPrecision(8))).join(", ") + "]", head = "import torch\nimport torch.nn.functional as F\n\n";
  const square = (nine) => `[${flat(nine.slice(0, 3))},\n     ${flat(nine.slice(3, 6))},\n     ${flat(nine.slice(6))}]`;
  const at = (name) => read.map(name, mode, image, channel)[row * read.cols + column], end = `print(f"{y.item():.${DIGITS}f}")  # ${at(stage).toFixed(DIGITS)}\n`;
  if (stage === "input") return `${head}y = torch.tensor(${at(stage)})\n${end}`;
  if (kind(stage) === "relu") return `${head}x = torch.tensor(${at(before(stage))})\ny = F.relu(x)\n${end}`;
  if (kind(stage) === "conv") {
    const terms = products(read, stage, mode, image, channel, row, column), all = (get) => terms.map((t) => square(get(t))).join(",\n    ");
    return `${head}x = torch.tensor([  # (in_channels, 3, 3), zeros where padding=1 puts them\n    ${all((t) => t.seen.map((v) => v ?? 0))}])
w = torch.tensor([  # (in_channels, 3, 3)\n    ${all((t) => t.weight)}])\ny = F.conv2d(x[None], w[None])  # (1, 1, 1, 1)\n${end}`;
  }
  const n = read.norm(stage, mode, channel);
  return `${head}x = torch.tensor([[${at(before(stage))}]])  # one value of one channel
mean, var = torch.tensor([${n.mean}]), torch.tensor([${n.var}])  # ${mode === "train" ? "of the batch; var is the biased one" : "the running ones"}
weight, bias = torch.tensor([${n.weight}]), torch.tensor([${n.bias}])
y = F.batch_norm(x, mean, var, weight, bias, training=False, eps=${n.eps})\n${end}`;
}

function build({ model, el }) {
  const read = readings(model.get("data")), names = model.get("data").names;
  const last = [read.channels("input"), read.channels("conv1"), read.channels("conv2")].map((n) => n - 1);
  const BOUNDS = { image: [0, read.images - 1], stage: STAGES, mode: Object.keys(WORDS.modes), in_channel: [0, last[0]], mid_channel: [0, last[1]], out_channel: [0, last[2]],
    row: [0, read.rows - 1], column: [0, read.cols - 1] };
  const KEYS = ["in_channel", "mid_channel", "out_channel"];
  const now = () => {
    const [stage, mode, image, row, column] = ["stage", "mode", "image", "row", "column"].map((key) => model.get(key));
    const channelOf = (name) => model.get(KEYS[half(name) + 1]);
    return { read, stage, mode, image, row, column, channelOf, channel: channelOf(stage) };
  };
  const here = freshId(), ui = frame({ model, el, stem: "double-conv", words: WORDS, bounds: BOUNDS, code: () => pytorch(now()) });

  if (read.images > 1) ui.select("image", WORDS.image, names.map((name, i) => [i, name]));
  ui.choice("mode", WORDS.mode, WORDS.modes);
  KEYS.forEach((key, i) => { if (last[i] > 0) ui.slider(key, WORDS[key]); });
  ui.slider("row", WORDS.row);
  ui.slider("column", WORDS.column);

  const strip = ui.choice("stage", WORDS.stage, WORDS.stages, { into: ui.stage });
  strip.classList.add("unet-strip");
  const tiny = Object.fromEntries([...strip.querySelectorAll("label")].map((label, i) => {
    const canvas = h("canvas", { "aria-hidden": "true" }), range = h("small", { "aria-hidden": "true" });
    label.replaceChildren(canvas, h("span", {}, ...label.childNodes), range);
    return [STAGES[i], { canvas, range }];
  }));

  const picture = (props = { role: "img", "aria-label": WORDS.title }) => h("canvas", props), point = { role: "application", tabindex: "0" };
  const block = (canvas, width, height, ...more) => {
    const caption = h("figcaption"), node = h("figure", { style: `width:${width}px;min-height:${height}px` }, caption, canvas, ...more);
    return { canvas, caption, node, title: (text, label = text) => { put(caption, text); if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label); } };
  };
  const side = 278, scaled = (canvas, width) => {
    const bar = h("canvas", { "aria-hidden": "true" }), ends = [h("span"), h("span")], scale = h("div", { class: "unet-scale" }, bar, ends);
    return { ...block(canvas, width, side + 52, scale), bar, ends, scale };
  };
  const big = { reads: scaled(picture(point), side), writes: scaled(picture(point), side - 16) };
  const three = { window: block(picture(), 138, 160), weights: block(picture(), 138, 160), parts: block(picture(), 138, 160), curve: block(picture(), 280, 160) };
  const between = (text) => h("span", { class: "unet-sign", "aria-hidden": "true" }, text), signs = [between("·"), between("="), between("")];
  const key = legend();
  ui.stage.append(h("div", { class: "unet-grids" }, big.reads.node, big.writes.node),
    h("div", { class: "unet-grids unet-product" }, three.window.node, signs[0], three.weights.node, signs[1], three.parts.node, signs[2], three.curve.node), key.node);

  const bars = [0, 1, 2].map(() => { const b = block(picture(), 216, 160), line = h("p", { class: "unet-note" }); b.node.append(line); return { ...b, line }; });
  const share = block(picture(), 700, 70), dead = h("p");
  const scroll = (label) => h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": label });
  const fold = (text) => { const into = scroll(text); return { into, node: h("details", { class: "unet-numbers" }, h("summary", {}, text), into) }; };
  const cells = fold(WORDS.cells), table = fold(WORDS.table), partial = scroll(WORDS.partsTable);
  const line = h("p"), long = h("p");
  ui.formula.append(line, long, partial);
  ui.formula.after(h("div", { class: "unet-batch" }, h("p", { class: "unet-label" }, WORDS.spread), h("div", { class: "unet-grids" }, bars.map((b) => b.node)), share.node, dead), table.node, cells.node);

  const grid = (head, rows) => h("table", {}, h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((text, i) => h(i ? "td" : "th", i ? {} : { scope: "row" }, text))))));
  const percent = (part, whole) => `${show((100 * part) / whole, 1)} %`;
  const most = (values) => Math.max(...values.map(Math.abs));
  const at = {}, drawn = {};
  let shown = null;
  /** Do something only if what it depends on has changed. */
  const when = (name, state, action) => { if (drawn[name] !== state) { drawn[name] = state; action(); } };

  ui.draw = (palette) => {
    const m = now(), { stage, mode, image, row, column, channel, channelOf } = m, prior = before(stage), what = kind(stage), room = ui.width - 12;
    const values = (name) => read.map(name, mode, image, channelOf(name)), called = (name) => [here, name, mode, image, channelOf(name)], value = (name) => values(name)[row * read.cols + column];
    const sums = (name) => read.moments(name, mode, channelOf(name)), top = (name) => (name === "input" ? 1 : sums(name).most);
    const paint = (name, v) => shade(palette, look(name), v / (top(name) || 1));
    const terms = what === "conv" ? products(read, stage, mode, image, channel, row, column) : null, term = terms && terms[channelOf(prior)];
    shown = { m, terms, term };

    const theme = palette.paper + palette.mid;
    when("strip", [theme, window.devicePixelRatio, mode, image, ...KEYS.map((k) => model.get(k))].join(), () => STAGES.forEach((name) => {
      drawMap(tiny[name].canvas, { values: values(name), name: called(name), rows: read.rows, cols: read.cols, size: 64 / Math.max(read.rows, read.cols), palette, look: look(name), most: top(name) });
      put(tiny[name].range, look(name) === "signed" ? `±${show(top(name))}` : `0…${show(top(name))}`);
    }));
    const ring = what === "conv" ? 1 : 0, size = Math.max(2, Math.floor(Math.min(room, side - 6) / (Math.max(read.rows, read.cols) + 2)));
    const enlarge = (part, name, extra) => {
      const pixel = { row, col: column, rows: 1, cols: 1, colour: palette.window }, around = { row: row - 1, col: column - 1, rows: 3, cols: 3, colour: palette.window };
      at[part] = drawMap(big[part].canvas, { values: values(name), name: called(name), rows: read.rows, cols: read.cols, size, palette, look: look(name), most: top(name), ring: extra,
        frames: [...(extra ? [{ row: 0, col: 0, rows: read.rows, cols: read.cols, colour: palette.line }] : []), extra || stage === "input" ? around : pixel] });
      when(`${part} bar`, [theme, look(name)].join(), () => drawScale(big[part].bar, { palette, look: look(name) }));
      when(part, [look(name), size, extra, top(name)].join(), () => {
        dress(big[part].scale, { width: `${size * (read.cols + 2 * extra)}px` });
        put(big[part].ends[0], look(name) === "signed" ? show(-top(name)) : "0");
        put(big[part].ends[1], show(top(name)));
      });
    };
    big.reads.node.classList.toggle("unet-away", !prior);
    if (prior) { enlarge("reads", prior, ring); const text = WORDS.reads(WORDS.names[prior], channelOf(prior)); big.reads.title(text, WORDS.pick(text)); }
    else big.reads.title(WORDS.first);
    enlarge("writes", stage, 0);
    const text = WORDS.writes(WORDS.names[stage], channel);
    big.writes.title(text, WORDS.pick(text));

    const small = Math.min(44, Math.floor(room < 460 ? (room - 36) / 6 : (room - 60) / 9)), nine = (part, list, cell) => drawGrid(part.canvas, { rows: 3, cols: 3, size: small, palette, cell: (r, c) => cell(list[3 * r + c], 3 * r + c) });
    const number = (fill, v) => ({ fill, ink: inkOn(fill), text: show(v) }), curve = what === "bn" || what === "relu";
    for (const [part, there] of [[three.window.node, !curve], [three.weights.node, term], [three.parts.node, term], [three.curve.node, curve], [signs[0], term], [signs[1], term]]) reveal(part, there);
    reveal(signs[2], false);
    for (const part of [three.window, three.weights, three.parts]) dress(part.node, { width: `${3 * small + 6}px` });
    if (!curve) {
      const list = term ? term.seen : windowAt(values(stage), read.rows, read.cols, row, column);
      three.window.title(term ? WORDS.window : WORDS.around);
      nine(three.window, list, (v) => (v === null ? (term ? { fill: palette.zero, ink: palette.ink, text: "0" } : { fill: palette.paper }) : number(paint(prior || stage, v), v)));
    }
    if (term) {
      const heavy = most(term.weight), large = most(term.parts);
      three.weights.title(WORDS.weights);
      three.parts.title(WORDS.parts);
      nine(three.weights, term.weight, (v) => number(shade(palette, "signed", v / (heavy || 1)), v));
      nine(three.parts, term.parts, (v, i) => (term.seen[i] === null ? { fill: palette.zero, ink: palette.ink, text: "0" } : number(shade(palette, "signed", v / (large || 1)), v)));
    }
    const used = what === "bn" ? read.norm(stage, mode, channel) : null;
    if (curve) {
      const { low, high } = sums(prior), f = used ? (v) => normalise(v, used) : (v) => Math.max(0, v);
      three.curve.title(WORDS.curve[what]);
      drawCurve(three.curve.canvas, { f, name: called(stage), low, high, mark: value(prior), palette, width: Math.min(280, room), height: 132 });
    }
    when("key", theme, () => key.draw(palette, [{ fill: palette.paper, outline: palette.window, text: WORDS.key.window }, { fill: palette.zero, text: WORDS.key.zero },
      { fill: shade(palette, "signed", -0.7), text: WORDS.key.low }, { fill: shade(palette, "signed", 0.7), text: WORDS.key.high }, { fill: shade(palette, "positive", 0.7), text: WORDS.key.positive }]));

    const y = show(value(stage), DIGITS), where = WORDS.pixel(WORDS.names[stage], channel, row, column), x = prior && value(prior);
    if (what === "input") { ui.say(WORDS.say.input(where, y)); put(line, `x = ${y}`); put(long, ""); }
    if (what === "relu") { ui.say(WORDS.say.relu(where, show(x, DIGITS), y, x < 0)); put(line, `max(0, ${show(x, DIGITS)}) = ${y}`); put(long, ""); }
    if (used) {
      ui.say(WORDS.say.bn(where, show(x, DIGITS), y, mode, read.images * read.rows * read.cols));
      put(line, WORDS.bnRule);
      put(long, `= (${show(x, DIGITS)} − ${signed(used.mean, exact(used.mean))}) / √(${exact(used.var)} + ${used.eps}) · ${signed(used.weight, exact(used.weight))} + ${signed(used.bias, exact(used.bias))} = ${y}`);
    }
    if (term) {
      const outside = term.seen.filter((v) => v === null).length, many = terms.length > 1, sum = show(term.sum, DIGITS);
      ui.say(WORDS.say.conv(where, y, 9 * terms.length, outside, many ? WORDS.say.channel(channelOf(prior), sum) : ""));
      put(line, `${term.seen.map((v, i) => `${show(v ?? 0, DIGITS)}·${signed(term.weight[i], show(term.weight[i], DIGITS))}`).join(" + ")} = ${many ? sum : y}`);
      put(long, "");
    }
    const brought = terms && terms.length > 1 ? [...terms.map((t) => show(t.sum, DIGITS)), y] : [];
    when("partial", brought.join(), () => partial.replaceChildren(...(brought.length
      ? [grid([WORDS.channel, ...terms.map((_, i) => String(i)), WORDS.total], [[WORDS.sum, ...brought]])] : [])));

    const which = Math.max(0, half(stage)), trio = ["conv", "bn", "relu"].map((name) => name + (which + 1)), own = channelOf(trio[0]);
    const low = Math.min(0, sums(trio[0]).low, sums(trio[1]).low), high = Math.max(0, sums(trio[0]).high, sums(trio[1]).high);
    const zeros = read.zeros(which, mode), area = read.rows * read.cols, silences = zeros[0].map((_, c) => zeros.reduce((a, per) => a + per[c], 0));
    const width = Math.min(216, Math.max(180, room));
    trio.forEach((name, i) => {
      const { mean, spread } = sums(name);
      bars[i].title(`${WORDS.names[name]}, channel ${own}`);
      drawBars(bars[i].canvas, { values: read.batch(name, mode, own), name: [here, name, mode, own], low, high, palette, colour: (v) => (i === 2 ? palette.output : v < 0 ? palette.low : palette.high), mark: value(name), zeros: i === 2 ? silences[own] : 0,
        note: i === 2 ? WORDS.zerosNote(percent(silences[own], area * read.images)) : "", width, height: 110 });
      put(bars[i].line, WORDS.statistics(show(mean, DIGITS), show(spread, DIGITS)));
    });
    const silent = silences.flatMap((n, c) => (n === area * read.images ? [c] : [])), relu = WORDS.names[trio[2]];
    share.title(WORDS.zeros(relu));
    drawGrid(share.canvas, { rows: 1, cols: silences.length, palette, size: Math.max(20, Math.min(44, Math.floor((ui.whole - 12) / silences.length))), cell: (_, c) => {
      const part = silences[c] / (area * read.images), fill = mix(palette.paper, palette.quiet, 0.5 * part);
      return { fill, text: `${Math.round(100 * part)}%`, ink: palette.ink, outline: c === own ? palette.window : undefined, hatch: part === 1 ? "diagonal" : undefined, hatchColour: palette.cut };
    } });
    put(dead, WORDS.dead(relu, own, percent(zeros[image][own], area), percent(silences[own], area * read.images), silent, silences.length));
    shown.rows = trio.map((name, i) => [WORDS.names[name], ...["low", "mean", "high", "spread"].map((key) => show(sums(name)[key], DIGITS)), i === 2 ? String(silences[own]) : "–"]);
    tabulate();
  };

  function tabulate() {
    if (table.node.open) table.into.replaceChildren(grid(WORDS.tableHead, shown.rows));
    reveal(cells.node, shown.term);
    if (!cells.node.open || !shown.term) return;
    const { m: { row, column }, term } = shown;
    cells.into.replaceChildren(grid(WORDS.cellsHead, term.seen.map((v, i) => {
      const r = row - 1 + Math.floor(i / 3), c = column - 1 + (i % 3);
      return [`${show(r)}, ${show(c)}${v === null ? ` (${WORDS.padded})` : ""}`, show(v ?? 0, 5), show(term.weight[i], 5), show(term.parts[i], 5)];
    })));
  }
  for (const part of [table, cells]) ui.listen(part.node, "toggle", () => { if (shown) tabulate(); });

  const choose = (row, column) => {
    if (row >= 0 && column >= 0 && row < read.rows && column < read.cols && (row !== model.get("row") || column !== model.get("column"))) ui.write({ row, column });
  };
  for (const part of ["reads", "writes"]) {
    ui.pick(big[part].canvas, { drag: true, at: (event) => at[part] && at[part].at(event), now: () => [model.get("row"), model.get("column")], choose });
  }
  return ui.ready();
}

/** Other data may have another size, other channels and other bounds: build anew. */
function render({ model, el }) {
  let leave = build({ model, el });
  const again = () => { leave(); leave = build({ model, el }); };
  model.on("change:data", again);
  return () => { model.off("change:data", again); leave(); };
}

export default { render };
