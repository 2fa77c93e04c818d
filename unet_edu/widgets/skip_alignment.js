// Four ways to bring a decoder map to the size of its skip, drawn at the corner where the odd pixel is, with the shift of each.
import { alignAxis, blend, poolOf, shiftSummary } from "./align.js";
import { decode, dress, h, put, show } from "./dom.js";
import { drawGrid, legend } from "./grid.js";
import { sequential } from "./ink.js";
import { frame } from "./kit.js";
import { drawShifts } from "./shift_chart.js";

const many = (n, one, more) => `${n} ${n === 1 ? one : more}`;
const WORDS = {
  title: "Skip-alignment lab",
  height: "image height", width: "image width", level: "level", position: "cell of the skip",
  levels: [["up1", "up1, the lowest"], ["up2", "up2"], ["up3", "up3"], ["up4", "up4, at full size"]],
  way: "made equal by", ways: { pad: "padding the decoder map", crop: "cropping the skip", interpolate: "interpolating", pad_input: "padding the image first" },
  short: { pad: "pad", crop: "crop", interpolate: "interpolate", pad_input: "pad the image" },
  up: "up-sampling", ups: { transposed: "transposed, k=2 s=2", bilinear: "bilinear, align_corners" },
  axis: "shift along", axes: { height: "height", width: "width" },
  by: (rows, cols) => `${rows} × ${cols}`,
  rows: (n) => many(n, "row", "rows"), cols: (n) => many(n, "column", "columns"),
  joinWords: (parts) => parts.filter(Boolean).join(" and "),
  skipCaption: (size) => `Skip, ${size}`,
  upCaption: (size) => `Decoder map, before: ${size}`,
  joinedCaption: (size, way) => ({ pad: `After F.pad: ${size}`, crop: `On the cut skip: ${size}`, interpolate: `Stretched: ${size}`, pad_input: `Nothing to add: ${size}` })[way],
  windowNote: (a, b, c, d, inner) => `Drawn: rows ${a} to ${b}, columns ${c} to ${d} of the skip, ${inner ? "around the corner where the image ends" : "at its lower right corner"}. `,
  mapNote: (source) => `The map is ${source}; the same corner serves every level, cut to its odd or even size. Here no convolution stands between pooling and ` +
    `up-sampling, and the transposed convolution has four weights of 1. So both maps show one content, and only the alignment differs.`,
  zeroNote: " Cells over the zeros put into the image are drawn as zeros; in a network the convolutions write something there.",
  chartCaption: (name, where) => `Shift along the ${name}, in pixels of ${where}. `,
  course: {
    alternates: (a, b, mean) => `${a} and ${b} in turn; mean ${mean} (dashed). Grey: the cells drawn above.`,
    runs: (a, b, mean) => `From ${a} to ${b}; mean ${mean} (dashed). Grey: the cells drawn above.`,
    drifts: (a, b, mean) => `In turns, drifting from ${a} to ${b}; mean ${mean} (dashed). Grey: the cells drawn above.`,
  },
  chartLabel: "Shift of every cell of the decoder map; left and right arrow keys choose a cell",
  key: { skip: "skip", decoder: "decoder map", zero: "zero put in", cut: "cut away", window: "cell looked at" },
  lacks: (level, skip, pooled, doubled, missing) => `${level}: pooling floors ${skip} to ${pooled}, doubling gives ${doubled}; ${missing ? `${missing} missing.` : "nothing is missing."}`,
  padded: (rows, cols) => {
    if (!rows && !cols) return "F.pad adds nothing.";
    const what = WORDS.joinWords([rows && `${WORDS.rows(rows)} of zeros at the bottom`, cols && `${WORDS.cols(cols)} of zeros at the right`]);
    return `F.pad puts ${what}: 1 // 2 = 0 goes before, and the rest, 1, after.`;
  },
  cropped: (level, skip, kept, cut) => `${level}: the decoder map, grown from the bottom, is ${kept}, so the skip of ${skip} is cut to that. ${cut}`,
  cutSides: (top, bottom, left, right) => `Of the rows go ${top} at the top and ${bottom} at the bottom, of the columns ${left} at the left and ${right} at the right.`,
  cutNothing: "Nothing has to go.",
  stretched: (rows, cols) => (rows || cols ? `Interpolation stretches the map by ${WORDS.joinWords([rows && WORDS.rows(rows), cols && WORDS.cols(cols)])}: no zeros, nothing lost, but cells drift to the left and up.` : "Interpolation to the same size changes nothing."),
  inputPadded: (rows, cols, size, back) => (rows || cols
    ? `The image first gets ${WORDS.joinWords([rows && `${WORDS.rows(rows)} of zeros at the bottom`, cols && `${WORDS.cols(cols)} at the right`])}: ${size}. Then no level lacks anything, and the output is cropped back to ${back}.`
    : `The image already has multiples of 16: ${size}. No level lacks anything.`),
  cell: (axis, i) => `${axis === "height" ? "Row" : "Column"} ${i} of the skip`,
  isCut: (cell) => `${cell} is cut away.`,
  isZero: (cell) => `${cell} is joined to zeros: nothing came up for it.`,
  isJoined: (cell, j, saw, shift, image) => `${cell} is joined to decoder cell ${j}, which saw position ${saw}: shift ${shift} px${image === null ? "" : `, ${image} px in the image`}.`,
  overZeros: " It lies over the zeros put into the image.",
  diffLine: (name, skip, doubled, diff, first, before, second, after) => `${name}: diff = ${skip} − ${doubled} = ${diff}; ${first} = ${diff} // 2 = ${before}; ${second} = ${diff} − ${before} = ${after}`,
  sides: { width: ["left", "right"], height: ["top", "bottom"] },
  order: (list) => [`F.pad(x, [${list}])`, "left, right, top, bottom: the last axis comes first."],
  cropLine: (rows, cols) => [`skip[:, :, ${rows}, ${cols}]`, "Floor division says where the cut begins."],
  stretchLine: (size) => [`F.interpolate(x, size=${size}, mode="bilinear", align_corners=False)`, ""],
  inputLine: (list) => [`F.pad(image, [${list}])`, "before the first convolution; at the end out[:, :, :height, :width]."],
  levelsCaption: "Every level, from the bottom up",
  levelsHead: ["level", "skip", "pooled (floor)", "doubled", "diff", "made equal by"],
  equal: { pad: (list) => `F.pad [${list}]`, crop: (rows, cols) => `skip[${rows}, ${cols}]`, interpolate: (size) => `size=${size}`, pad_input: () => "equal" },
  waysCaption: (level, axis) => `The four ways at ${level}, shift along the ${axis}`,
  waysHead: ["way", "shift, px", "mean", "in the image", "zeros put in", "cut away", "output"],
  range: (low, high) => (low === high ? low : `${low} to ${high}`),
  brief: (rows, cols, inImage) => (rows || cols ? `${rows} + ${cols}${inImage ? ", image" : ""}` : "none"),
  waysNote: "Shift: where a decoder cell's content was, minus where it is put; its mean also in pixels of the image. Zeros and cuts: rows + columns at this level, or of the image.",
  silent: (rows, cols) => (rows || cols ? `With padding at every level, ${WORDS.joinWords([rows && `the last ${WORDS.rows(rows)}`, cols && `the last ${WORDS.cols(cols)}`])} of the image get no value straight from the bottom of the network; only convolutions bring some in from the side.` : "With padding, every pixel of the image gets a value straight from the bottom of the network."),
  table: "The cells drawn, as a table", tableHead: ["skip cell", "decoder cell", "saw position", "shift, px"], none: "none", zeros: "zeros",
};
const BOUNDS = { height: [16, 600], width: [16, 600], level: ["up1", "up2", "up3", "up4"], way: Object.keys(WORDS.ways), up: Object.keys(WORDS.ups), axis: Object.keys(WORDS.axes), position: [0, 599] };
const WINDOW = 17;

/** Which skip cells are drawn: the far end, or, where the image was padded, the corner where its own cells stop. */
export function windowOf(axis) {
  const length = Math.min(WINDOW, axis.skip), start = axis.real < axis.skip ? Math.min(Math.max(0, axis.real - 12), axis.skip - length) : axis.skip - length;
  return [start, start + length];
}

/** A recorded map as a level's skip: its last corner lies at the end of the level; for odd sizes its last row or column is cut. */
function cornerOf(cells, side, rows, cols) {
  const index = (i, size) => i - (size % 2 ? size + 1 : size) + side;
  return (r, c) => {
    if (r >= rows || c >= cols) return 0;  // over the zeros that the image was padded with
    const i = index(r, rows), j = index(c, cols);
    return i < 0 || j < 0 ? 0 : cells[i * side + j];
  };
}

function pytorch(y, x, { way, level, up }) {
  const [H, W] = [y.image, x.image], size = `(1, 8, ${y.skip}, ${x.skip})`, factor = 2 ** y.depth;
  const layer = up === "bilinear" ? 'nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)' : "nn.ConvTranspose2d(8, 8, kernel_size=2, stride=2)";
  const encoder = way === "pad_input"
    ? `image = torch.randn(1, 8, ${H}, ${W})\nimage = F.pad(image, [0, ${x.fed - W}, 0, ${y.fed - H}])  # to multiples of 16\nskip = F.max_pool2d(image, ${factor})  # stands for the encoder: ${size}\n`
    : `skip = torch.randn${size}  # what ${level} gets from the encoder for an image of ${H} x ${W}\n`;
  const cut = way === "crop" ? `[:, :, :${y.entering}, :${x.entering}]  # the levels below were cropped, too` : "  # rounds down";
  const fix = {
    pad: "sides = [diff_x // 2, diff_x - diff_x // 2, diff_y // 2, diff_y - diff_y // 2]\nx = F.pad(x, sides)  # left, right, top, bottom\n",
    crop: "top, left = diff_y // 2, diff_x // 2\nskip = skip[:, :, top : top + x.size(2), left : left + x.size(3)]\n",
    interpolate: 'x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)\n',
    pad_input: "assert diff_y == diff_x == 0\n",
  }[way];
  const end = way === "pad_input"
    ? `y = F.interpolate(y, scale_factor=${factor})[:, :, :${H}, :${W}]  # stands for the levels above; then cropped back\nprint("output:", tuple(y.shape))  # (1, 16, ${H}, ${W})\n` : "";
  return `import torch\nimport torch.nn.functional as F
from torch import nn

${encoder}below = F.max_pool2d(skip, 2)${cut}
up = ${layer}
x = up(below)
print("doubled:", tuple(x.shape))  # (1, 8, ${y.doubled}, ${x.doubled})

diff_y = skip.size(2) - x.size(2)  # ${y.diff}
diff_x = skip.size(3) - x.size(3)  # ${x.diff}
${fix}y = torch.cat([skip, x], dim=1)
print("joined:", tuple(y.shape))  # (1, 16, ${y.joined}, ${x.joined})
${end}`;
}

function render({ model, el }) {
  const cells = decode(model.get("_cells"), Uint8Array), side = Math.sqrt(cells.length);
  const top = cells.reduce((most, v, i) => (i % side >= side - WINDOW && i >= side * (side - WINDOW) ? Math.max(most, v) : most), 1);
  const levels = BOUNDS.level, depthOf = (level) => 3 - levels.indexOf(level);
  const state = () => Object.fromEntries(["height", "width", "level", "way", "up", "axis"].map((key) => [key, model.get(key)]));
  const axes = (m, way = m.way, level = m.level) => [m.height, m.width].map((size) => alignAxis(size, depthOf(level), way, m.up));
  const ui = frame({ model, el, stem: "skip-alignment", words: WORDS, bounds: BOUNDS, code: () => { const m = state(); return pytorch(...axes(m), m); } });
  const last = () => { const m = state(), [y, x] = axes(m); return (m.axis === "height" ? y : x).skip - 1; };

  ui.slider("height", WORDS.height);
  ui.slider("width", WORDS.width);
  ui.select("level", WORDS.level, WORDS.levels);
  ui.choice("way", WORDS.way, WORDS.ways);
  ui.choice("up", WORDS.up, WORDS.ups);
  ui.choice("axis", WORDS.axis, WORDS.axes);
  ui.slider("position", WORDS.position, { max: last });

  const maps = ["skip", "up", "joined"].map((name) => {
    const caption = h("figcaption"), canvas = h("canvas", { role: "img" });
    return { name, caption, canvas, node: h("figure", { class: "unet-map" }, caption, canvas) };
  });
  const chart = h("canvas", { class: "unet-chart", tabindex: "0", role: "application", "aria-label": WORDS.chartLabel }), chartCaption = [h("span"), h("span", { class: "unet-note" })];
  const note = h("p", { class: "unet-note" }), key = legend();
  ui.stage.append(h("div", { class: "unet-grids" }, maps.map((map) => map.node)), h("figure", { class: "unet-course" }, h("figcaption", {}, chartCaption), chart), key.node);

  const grid = (head, rows) => {
    const body = Array.from({ length: rows }, () => h("tr", {}, head.map((_, i) => h(i ? "td" : "th", i ? {} : { scope: "row" }))));
    return { body, node: h("table", {}, h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, body)) };
  };
  const fill = (table, rows, current) => rows.forEach((row, r) => {
    if (table.body[r].hasAttribute("data-current") !== (r === current)) table.body[r].toggleAttribute("data-current", r === current);
    row.forEach((text, c) => put(table.body[r].cells[c], text));
  });
  const scroll = (label, table) => h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": label }, table);
  const order = [h("code", { class: "unet-big" }), h("span")], lines = [h("p"), h("p")], silent = h("p", { class: "unet-silent" });
  const levelTable = grid(WORDS.levelsHead, 4), wayTable = grid(WORDS.waysHead, 4), waysCaption = h("p", { class: "unet-label" });
  const near = grid(WORDS.tableHead, WINDOW), details = h("details", { class: "unet-numbers" }, h("summary", {}, WORDS.table), scroll(WORDS.table, near.node));
  ui.formula.append(h("p", {}, order[0], " ", order[1]), ...lines, h("p", { class: "unet-label" }, WORDS.levelsCaption), scroll(WORDS.levelsCaption, levelTable.node),
    waysCaption, scroll(WORDS.waysNote, wayTable.node), h("p", { class: "unet-note" }, WORDS.waysNote), silent, note);
  ui.formula.after(details);

  const flat = (s) => (Math.abs(s) < 1e-9 ? 0 : s);
  const signed = (s) => (s > 0 ? `+${show(s, 3)}` : show(s, 3)), slice = (axis) => `${axis.offset}:${axis.offset + axis.joined}`;
  const equalBy = (m, y, x) => WORDS.equal[m.way](...({ pad: [padList(y, x)], crop: [slice(y), slice(x)], interpolate: [`(${y.skip}, ${x.skip})`], pad_input: [] })[m.way]);
  const padList = (y, x) => [x.before, x.after, y.before, y.after].join(", ");
  let pick = () => 0, shown = 0, keyed = "";

  ui.draw = (palette) => {
    const m = state(), [y, x] = axes(m), axis = m.axis === "height" ? y : x, position = (shown = Math.min(model.get("position"), axis.skip - 1));
    const [r0, r1] = windowOf(y), [c0, c1] = windowOf(x), range = m.axis === "height" ? [r0, r1] : [c0, c1];
    const by = (of) => WORDS.by(of(y), of(x)), factor = 2 ** y.depth;

    const skip = cornerOf(cells, side, y.real, x.real), below = poolOf(skip);
    const columns = ui.width >= 470 ? 3 : 2, room = Math.min(204, Math.floor((ui.width - 18 * (columns - 1)) / columns) - 8);
    const size = Math.max(4, Math.floor(room / Math.max(r1 - r0, c1 - c0)));
    const within = (from, to, of) => { const list = Array.from({ length: to - from }, (_, i) => of(i + from)); return (i) => list[i - from]; };  // once a row, not once a cell
    const taps = { up: [within(r0, r1, y.upTaps), within(c0, c1, x.upTaps)], joined: [within(r0, r1, y.taps), within(c0, c1, x.taps)] };
    const zero = { fill: palette.zero, hatch: "back", hatchColour: palette.quiet }, cut = { fill: palette.paper, hatch: "diagonal", hatchColour: palette.cut };
    const kept = (a, i) => i >= a.offset && i < a.offset + a.joined;
    const looks = {
      skip: (r, c) => (r >= y.real || c >= x.real ? zero : kept(y, r) && kept(x, c) ? { fill: sequential(palette, skip(r, c), top, "skip") } : cut),
      up: (r, c) => (r >= y.doubled || c >= x.doubled ? null : r >= y.real || c >= x.real ? zero : { fill: sequential(palette, blend(below, taps.up[0](r), taps.up[1](c)), top, "decoder") }),
      joined: (r, c) => {
        if (!kept(y, r) || !kept(x, c)) return cut;
        if (r >= y.real || c >= x.real) return zero;
        const rows = taps.joined[0](r), cols = taps.joined[1](c);
        return rows.length && cols.length ? { fill: sequential(palette, blend(below, rows, cols), top, "decoder") } : zero;
      },
    };
    const line = position < range[0] || position >= range[1] ? [] : [m.axis === "height"
      ? { row: position - r0, col: 0, rows: 1, cols: c1 - c0, colour: palette.window } : { row: 0, col: position - c0, rows: r1 - r0, cols: 1, colour: palette.window }];
    const whole = (of) => by(of).replaceAll(" ", "\u00a0");  // a size does not break over two lines
    const captions = { skip: WORDS.skipCaption(whole((a) => a.skip)), up: WORDS.upCaption(whole((a) => a.doubled)), joined: WORDS.joinedCaption(whole((a) => a.joined), m.way) };
    for (const { name, caption, canvas, node } of maps) {
      if (caption.textContent !== captions[name]) { caption.textContent = captions[name]; canvas.setAttribute("aria-label", captions[name]); }
      dress(node, { width: `${room + 6}px`, minHeight: `${room + 56}px` });
      drawGrid(canvas, { room: [room + 6, room + 6], rows: r1 - r0, cols: c1 - c0, size, palette, cell: (r, c) => looks[name](r + r0, c + c0), frames: line });
    }

    const summary = shiftSummary(axis);
    const where = factor === 1 ? m.level : `${m.level} (1 is ${factor} in the image)`;
    const course = m.up === "bilinear" ? "runs" : m.way === "interpolate" && axis.diff ? "drifts" : "alternates", held = [];
    for (const cell of [axis.offset, axis.offset + 1, axis.offset + (axis.way === "pad" ? axis.doubled : axis.joined) - 1]) held.push(axis.shift(cell));
    const ends = [signed(held[0]), signed(course === "alternates" ? held[1] : held.at(-1)), signed(flat(summary.mean))];
    [WORDS.chartCaption(WORDS.axes[m.axis], where), WORDS.course[course](...ends)].forEach((text, i) => put(chartCaption[i], text));
    pick = drawShifts(chart, { axis, summary, range, position, width: Math.max(200, Math.min(660, ui.width - 2)), palette });
    if (keyed !== palette.skip) key.draw(palette, [{ fill: palette.skip, text: WORDS.key.skip }, { fill: palette.decoder, text: WORDS.key.decoder }, { ...zero, text: WORDS.key.zero },
      { ...cut, text: WORDS.key.cut }, { fill: palette.paper, outline: palette.window, text: WORDS.key.window }]);
    keyed = palette.skip;

    const name = WORDS.cell(m.axis, position), s = axis.shift(position);
    const told = !kept(axis, position) ? WORDS.isCut(name) : s === null ? WORDS.isZero(name)
      : WORDS.isJoined(name, position - axis.offset, show(axis.saw(position), 3), signed(s), factor === 1 ? null : signed(s * factor)) + (position >= axis.real ? WORDS.overZeros : "");
    const lacks = () => WORDS.lacks(m.level, by((a) => a.skip), by((a) => a.pooled), by((a) => a.doubled), WORDS.joinWords([y.diff && WORDS.rows(y.diff), x.diff && WORDS.cols(x.diff)]).concat(y.diff && x.diff ? " are" : y.diff || x.diff ? " is" : ""));
    const deed = {
      pad: () => `${lacks()} ${WORDS.padded(y.diff, x.diff)}`,
      crop: () => WORDS.cropped(m.level, by((a) => a.skip), by((a) => a.joined), y.diff || x.diff ? WORDS.cutSides(y.before, y.after, x.before, x.after) : WORDS.cutNothing),
      interpolate: () => `${lacks()} ${WORDS.stretched(y.diff, x.diff)}`,
      pad_input: () => WORDS.inputPadded(y.fed - y.image, x.fed - x.image, by((a) => a.fed), by((a) => a.image)),
    }[m.way]();
    ui.say(`${deed} ${told}`);

    const call = { pad: () => WORDS.order(padList(y, x)), crop: () => WORDS.cropLine(slice(y), slice(x)), interpolate: () => WORDS.stretchLine(`(${y.skip}, ${x.skip})`),
      pad_input: () => WORDS.inputLine([0, x.fed - x.image, 0, y.fed - y.image].join(", ")) }[m.way]();
    order.forEach((node, i) => put(node, call[i]));
    [["width", x], ["height", y]].forEach(([which, a], i) => {
      put(lines[i], WORDS.diffLine(WORDS.axes[which], a.skip, a.doubled, a.diff, WORDS.sides[which][0], a.before, WORDS.sides[which][1], a.after));
    });
    fill(levelTable, levels.map((level) => {
      const [v, u] = axes(m, m.way, level);
      return [level, WORDS.by(v.skip, u.skip), WORDS.by(v.pooled, u.pooled), WORDS.by(v.doubled, u.doubled), WORDS.by(v.diff, u.diff), equalBy(m, v, u)];
    }), levels.indexOf(m.level));
    put(waysCaption, WORDS.waysCaption(m.level, WORDS.axes[m.axis]));
    fill(wayTable, BOUNDS.way.map((way) => {
      const [v, u] = axes(m, way), a = m.axis === "height" ? v : u, got = shiftSummary(a), mean = flat(got.mean);
      const zeros = way === "pad" ? WORDS.brief(v.diff, u.diff) : way === "pad_input" ? WORDS.brief(v.fed - v.image, u.fed - u.image, true) : WORDS.none;
      return [WORDS.short[way], WORDS.range(signed(got.low), signed(got.high)), signed(mean), signed(mean * factor), zeros,
        way === "crop" ? WORDS.brief(v.diff, u.diff) : WORDS.none, WORDS.by(v.output, u.output)];
    }), BOUNDS.way.indexOf(m.way));
    put(silent, WORDS.silent(m.height % 16, m.width % 16));
    put(note, WORDS.windowNote(r0, r1 - 1, c0, c1 - 1, y.real < y.skip || x.real < x.skip) + WORDS.mapNote(model.get("source")) + (m.way === "pad_input" && (y.real < y.skip || x.real < x.skip) ? WORDS.zeroNote : ""));
    if (details.open) tabulate(axis, range, position);
  };
  function tabulate(axis, [from, to], position) {
    near.body.forEach((row, i) => { row.hidden = from + i >= to; });
    fill(near, Array.from({ length: to - from }, (_, i) => {
      const cell = from + i, j = cell - axis.offset, inside = j >= 0 && j < axis.joined, s = axis.shift(cell);
      return [String(cell), inside ? String(j) : WORDS.key.cut, s === null ? (inside ? WORDS.zeros : WORDS.none) : show(axis.saw(cell), 3), s === null ? WORDS.none : signed(s)];
    }), position - from);
  }
  ui.listen(details, "toggle", ui.redraw);

  const choose = (position) => { if (position !== shown && position >= 0 && position <= last()) ui.write({ position }); };
  for (const type of ["pointermove", "pointerdown"]) ui.listen(chart, type, (event) => choose(pick(event)));
  ui.listen(chart, "keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(shown + step);
  });
  return ui.ready();
}

export default { render };
