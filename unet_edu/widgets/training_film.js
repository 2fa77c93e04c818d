// A training run as a film: loss so far, masks of held-out pictures, one filter and one feature map at the chosen moment.
import { drawMap, drawScale } from "./charts.js";
import { decode, dress, h, put, reveal, show } from "./dom.js";
import { legend, penFor, write } from "./grid.js";
import { diverging } from "./ink.js";
import { frame } from "./kit.js";
import { classColours, confusion, drawPixels, verdictColours } from "./masks.js";

const WORDS = {
  title: "Training film",
  reel: "reel", moment: "moment", smooth: "steps averaged", compare: "compare with the first reel",
  curve: "Loss of each step, on a logarithmic scale", behind: (title) => `; dashed: ${title}`, guess: "ln 3: knows nothing",
  pick: "Loss curve: the left and right arrow keys choose the moment",
  rows: { images: "Held-out pictures", masks: "Their masks", answers: "What the network answers now", verdict: "The answer against the mask" },
  filter: (channel) => `Filter ${channel}`, map: (channel) => `Map ${channel} of up3`,
  filterLabel: (channel, rows) => `Filter ${channel} of the first convolution, row by row: ${rows}`,
  mapLabel: (share, peak) => `Feature map for the first picture: ${share} % of it is above 0, the highest value is ${peak}`,
  key: { cell: "cell", crystal: "crystal", hit: "hit", missed: "missed", alarm: "false alarm", other: "wrong class" },
  plan: (s) => `Width ${s.width}, ${s.n_train} pictures of ${s.size} × ${s.size} pixels, ${s.planned} steps of ${s.batch_size} pictures, max_lr ${s.max_lr}.`,
  changes: (list) => ` Changed: ${list.join(", ")}.`,
  change: {
    max_lr: (s) => `max_lr (${s} in the first reel)`, batch_norm: () => "no BatchNorm, but a bias in each convolution",
    smooth: () => "training masks halved and doubled with mode=\"bilinear\"",
  },
  untrained: (title) => `${title}, before the first step`,
  at: (title, step, all, lr) => `${title}, step ${step} of ${all}, learning rate ${lr}`,
  loss: (loss, n) => (n > 1 ? `: loss ${loss}, the mean of ${n} steps` : `: loss ${loss}`),
  say: (n, cell, crystal, shown, wrong, share) => `. On ${n} held-out pictures the IoU is ${cell} for cells and ${crystal} for crystals; in the ${shown} shown, ${wrong} pixels are wrong, ${share} %.`,
  first: (title, mean) => ` At this moment the first reel (${title}) has a mean IoU of ${mean}.`,
  mean: (terms, n, value) => `mean IoU = (${terms}) / ${n} = ${value}`,
  numbers: "The moments as a table", head: ["step", "rate", "loss", "IoU cell", "IoU crystal", "mean IoU", "first reel"], absent: "absent", none: "–",
};
const BOUNDS = { reel: [0, 7], moment: [0, 47], smooth: [1, 32], compare: [false, true] };
const GAP = 2, LEVELS = 63; // pixels between pictures; steps of a map's values

/** `count` numbers of `bits` bits each, the highest bit first, from the number `from` on. The twin of pack_bits(). */
export function unpackBits(bytes, bits, count, from = 0) {
  const values = new Uint8Array(count);
  for (let i = 0, at = from * bits; i < count; i++, at += bits) {
    const two = (bytes[at >> 3] << 8) | (bytes[(at >> 3) + 1] || 0);
    values[i] = (two >> (16 - bits - (at & 7))) & ((1 << bits) - 1);
  }
  return values;
}

/** The mean of each number and the up to n - 1 before it. */
export const trailing = (values, n) => {
  let sum = 0;
  return values.map((value, i) => { sum += value - (i >= n ? values[i - n] : 0); return sum / Math.min(n, i + 1); });
};

const fixed = (value) => value.toFixed(2).replace(/^-(?!0\.00$)/, "−").replace("-", ""); // as wide as its neighbours, no −0.00
const rate = (value) => String(Number(value.toPrecision(3)));

/** The mean over the foreground classes that are there; NaN without any. */
export const foreground = (scores) => {
  const there = scores.slice(1).filter((score) => score !== null);
  return there.reduce((a, b) => a + b, 0) / there.length;
};

function render({ model, el }) {
  const [shown, rows, cols, mapRows, mapCols] = model.get("shape"), pixels = rows * cols, all = shown * pixels, area = mapRows * mapCols;
  const images = decode(model.get("images"), Uint8Array), masks = unpackBits(decode(model.get("masks"), Uint8Array), 2, all);
  const reels = model.get("reels").map((reel) => ({ ...reel, last: reel.steps.length - 1, title: reel.settings.title }));
  const lengths = Math.max(...reels.map((reel) => reel.last + 1)), planned = Math.max(...reels.map((reel) => reel.settings.planned));
  const losses = reels.flatMap((reel) => reel.loss).filter((v) => v > 0), low = Math.floor(2 * Math.log10(Math.min(...losses))) / 2, high = Math.max(low + 1, Math.ceil(2 * Math.log10(Math.max(...losses))) / 2);
  const unpacked = (reel) => {
    if (!reel.frames) {
      reel.frames = [];
      reel.packed = [reel.answers, reel.maps].map((text) => decode(text, Uint8Array));
      reel.kernels = decode(reel.filters, Float32Array);
      reel.most = reel.kernels.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
    }
    return reel;
  };
  const read = () => {
    const r = Math.min(model.get("reel"), reels.length - 1), reel = unpacked(reels[r]), m = Math.min(model.get("moment"), reel.last);
    return { r, reel, m, step: reel.steps[m], smooth: model.get("smooth"), compare: model.get("compare") && r > 0 };
  };
  /** One moment of a reel, unpacked when it is first looked at: the classes, how many of them are wrong, the map. */
  const frameOf = (reel, m) => {
    if (!reel.frames[m]) {
      const answer = unpackBits(reel.packed[0], 2, all, m * all), c = confusion(answer, masks, 3);
      reel.frames[m] = { answer, wrong: all - c[0] - c[4] - c[8], seen: unpackBits(reel.packed[1], 6, area, m * area) };
    }
    return reel.frames[m];
  };
  const ui = frame({ model, el, stem: "training-film", words: WORDS, bounds: BOUNDS, code: () => program(read()) });
  ui.select("reel", WORDS.reel, reels.map((reel, i) => [i, reel.title]));
  ui.slider("moment", WORDS.moment, { max: () => read().reel.last });
  ui.player("moment", WORDS.moment, () => read().reel.last, { wait: 400, get: () => read().m });
  ui.slider("smooth", WORDS.smooth);
  const box = ui.check("compare", WORDS.compare);

  const note = h("p", { class: "unet-note" }), title = h("figcaption"), curve = h("canvas", { tabindex: "0", role: "application", "aria-label": WORDS.pick });
  const sheets = Object.fromEntries(Object.entries(WORDS.rows).map(([name, label]) => [name, h("canvas", { role: "img", "aria-label": label })]));
  const strips = h("div", { class: "unet-sheets" }, Object.entries(sheets).map(([name, node]) => h("figure", {}, h("figcaption", {}, WORDS.rows[name]), node)));
  const side = h("div", { class: "unet-side" }), key = legend();
  ui.stage.append(note, h("figure", {}, title, curve), h("div", { class: "unet-grids" }, strips, side), key.node);
  const filter = ui.picture(WORDS.filter(0), 120, { into: side });
  const map = h("canvas", { role: "img" }), mapTitle = h("figcaption"), peak = h("span"), scale = h("canvas", { "aria-hidden": "true" });
  side.append(h("figure", { class: "unet-map" }, mapTitle, map, h("div", { class: "unet-scale" }, scale, h("span", {}, "0"), peak)));

  const line = h("p", { class: "unet-big" }), stopped = h("p", { class: "unet-bad" }), lines = [], list = h("tbody");
  const table = h("details", { class: "unet-numbers" }, h("summary", {}, WORDS.numbers), h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.numbers },
    h("table", {}, h("thead", {}, h("tr", {}, WORDS.head.map((text) => h("th", { scope: "col" }, text)))), list)));
  ui.formula.append(line, stopped);
  ui.formula.after(table);
  ui.listen(table, "toggle", () => ui.redraw());

  const x = (step, wide) => 34 + (step / planned) * (wide - 42), HIGH = 176, y = (loss) => 8 + ((high - Math.min(high, Math.max(low, Math.log10(loss)))) / (high - low)) * (HIGH - 30);
  ui.pick(curve, {
    drag: true, now: () => [0, read().m], choose: (row, m) => { if (m >= 0 && m <= read().reel.last) ui.write({ moment: m }); },
    at: (event) => {
      const box = curve.getBoundingClientRect(), { reel } = read(), far = (step) => Math.abs(x(step, box.width) - (event.clientX - box.left));
      return { row: 0, col: reel.steps.reduce((best, step, m) => (far(step) < far(reel.steps[best]) ? m : best), 0) };
    },
  });

  let still = "", changing = "", told = "";
  ui.draw = (palette) => {
    const { r, reel, m, step, smooth, compare } = read(), { answer, wrong, seen } = frameOf(reel, m), wide = ui.width, first = reels[0], s = reel.settings;
    const broad = shown * cols + (shown - 1) * GAP, ratio = window.devicePixelRatio || 1;
    const size = Math.max(1, Math.floor(Math.min(2, wide / broad) * ratio) / ratio); // a whole number of the screen's pixels
    const sheet = (canvas, colour) => drawPixels(canvas, { rows, cols: broad, size, colour: (i) => {
      const at = i % broad, k = Math.floor(at / (cols + GAP)), col = at - k * (cols + GAP);
      return col < cols ? colour(k * pixels + Math.floor(i / broad) * cols + col) : blank;
    } });
    const blank = palette.paper.match(/[\da-f]{2}/gi).map((two) => parseInt(two, 16)), now = `${wide} ${palette.paper}`;
    if (now !== still) {
      still = now;
      changing = "";
      dress(side, { flexDirection: broad * size + 144 <= wide ? "column" : "row" });
      sheet(sheets.images, (i) => [images[i], images[i], images[i]]);
      sheet(sheets.masks, classColours(palette, masks, cols));
      drawScale(scale, { palette, look: "positive" });
      key.draw(palette, [
        { fill: palette["class-1"], text: WORDS.key.cell }, { fill: palette["class-2"], hatch: "diagonal", hatchColour: palette.ink, text: WORDS.key.crystal },
        { fill: palette.output, text: WORDS.key.hit }, { fill: palette.cut, hatch: "diagonal", hatchColour: palette.paper, text: WORDS.key.missed },
        { fill: palette.added, hatch: "back", hatchColour: palette.paper, text: WORDS.key.alarm },
        { fill: palette.quiet, hatch: "dots", hatchColour: palette.paper, text: WORDS.key.other }]);
    }
    const channel = s.channel, top = reel.peaks[m], moment = `${r} ${m}`;
    if (moment !== changing) {
      changing = moment;
      sheet(sheets.answers, classColours(palette, answer, cols));
      sheet(sheets.verdict, verdictColours(palette, answer, masks, cols));
      const kernel = (i) => reel.kernels[9 * m + i], nine = Array.from({ length: 9 }, (_, i) => fixed(kernel(i)));
      filter.draw({ rows: 3, cols: 3, palette, cell: (i, j) => ({ fill: diverging(palette, kernel(3 * i + j), reel.most), text: nine[3 * i + j] }) });
      filter.canvas.setAttribute("aria-label", WORDS.filterLabel(channel, [0, 3, 6].map((i) => nine.slice(i, i + 3).join(" ")).join("; ")));
      drawMap(map, { values: seen, name: moment, rows: mapRows, cols: mapCols, size: 120 / mapCols, palette, look: "positive", most: LEVELS });
      map.setAttribute("aria-label", WORDS.mapLabel(show((100 * seen.reduce((n, v) => n + (v > 0), 0)) / area, 0), show(top)));
    }
    chart(palette, { reel, step, smooth, compare, wide, key: [r, m, smooth, compare, wide, palette.paper, palette.ink] });
    put(filter.title, WORDS.filter(channel));
    put(mapTitle, WORDS.map(channel));
    put(peak, show(top));
    put(title, WORDS.curve + (compare ? WORDS.behind(first.title) : ""));
    const changed = Object.keys(WORDS.change).filter((name) => s[name] !== first.settings[name]);
    put(note, WORDS.plan(s) + (changed.length ? WORDS.changes(changed.map((name) => WORDS.change[name](first.settings[name]))) : ""));
    reveal(box, r > 0);
    const score = (value) => (value === null || Number.isNaN(value) ? WORDS.absent : show(value, 3)), [, cell, crystal] = reel.iou[m], loss = step ? trailing(reel.loss.slice(0, step), smooth)[step - 1] : 0;
    const others = first.iou[Math.min(m, first.last)], there = reel.iou[m].slice(1).filter((v) => v !== null);
    ui.say((step ? WORDS.at(reel.title, step, s.planned, rate(reel.lr[step - 1])) + WORDS.loss(show(loss, 3), Math.min(smooth, step)) : WORDS.untrained(reel.title))
      + WORDS.say(s.held_out, score(cell), score(crystal), shown, wrong, show((100 * wrong) / all, 1)) + (compare && first.steps[m] === step ? WORDS.first(first.title, score(foreground(others))) : ""));
    put(line, WORDS.mean(there.map((v) => score(v)).join(" + "), there.length, score(foreground(reel.iou[m]))));
    put(stopped, reel.stopped && m === reel.last ? reel.stopped : "");
    if (table.open) fill(reel, r, smooth, compare, m);
  };

  function fill(reel, r, smooth, compare, m) {
    const now = `${r} ${smooth} ${compare}`, means = trailing(reel.loss, smooth), score = (v) => (v === null || Number.isNaN(v) ? WORDS.absent : show(v, 3));
    while (lines.length < lengths) lines.push(h("tr", {}, WORDS.head.map((_, i) => h(i ? "td" : "th", i ? {} : { scope: "row" }))));
    if (!list.childElementCount) list.append(...lines);
    lines.forEach((row, k) => {
      if (row.hasAttribute("aria-current") !== (k === m)) { if (k === m) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current"); }
      if (now === told) return;
      reveal(row, k <= reel.last);
      if (k > reel.last) return;
      const step = reel.steps[k], [, cell, crystal] = reel.iou[k], other = compare && reels[0].steps[k] === step ? score(foreground(reels[0].iou[k])) : WORDS.none;
      [String(step), step ? rate(reel.lr[step - 1]) : WORDS.none, step ? show(means[step - 1], 3) : WORDS.none, score(cell), score(crystal), score(foreground(reel.iou[k])), other].forEach((text, i) => put(row.cells[i], text));
    });
    told = now;
  }

  /** The loss so far, with the first reel's behind it; ticks below are the moments that were kept. */
  function chart(palette, { reel, step, smooth, compare, wide, key: name }) {
    const pen = penFor(curve, wide, HIGH, name);
    if (!pen) return;
    const path = (losses, colour, width, dash) => {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.setLineDash(dash);
      pen.beginPath();
      trailing(losses, smooth).forEach((v, i) => pen.lineTo(x(i + 1, wide), y(v)));
      pen.stroke();
      pen.setLineDash([]);
    };
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (let power = Math.ceil(low); power <= high; power++) {
      pen.fillStyle = palette.line;
      pen.fillRect(34, y(10 ** power), wide - 42, 1);
      pen.fillStyle = palette.ink;
      write(pen, show(10 ** power, 4), 30, y(10 ** power));
    }
    pen.strokeStyle = palette.quiet;
    pen.lineWidth = 1;
    pen.setLineDash([2, 3]);
    pen.strokeRect(34, Math.round(y(Math.log(3))) + 0.5, wide - 42, 0);
    pen.setLineDash([]);
    pen.fillStyle = palette.ink;
    write(pen, WORDS.guess, wide - 8, y(Math.log(3)) - 9, 12);
    if (compare) path(reels[0].loss, palette.quiet, 1.5, [5, 4]);
    pen.textBaseline = "alphabetic";
    pen.fillStyle = palette.quiet;
    for (const at of reel.steps) pen.fillRect(x(at, wide) - 0.5, HIGH - 22, 1, 5);
    pen.fillStyle = palette.ink;
    for (const [at, align] of [[0, "left"], [planned, "right"]]) { pen.textAlign = align; write(pen, String(at), x(at, wide), HIGH - 4); }
    path(reel.loss.slice(0, step), palette.output, 2, []);
    pen.fillStyle = palette.window;
    pen.fillRect(x(step, wide) - 1, 8, 2.5, HIGH - 25);
  }

  /** The code that trains this reel and scores it at this moment. */
  function program({ reel, step }) {
    const s = reel.settings, helpers = [s.smooth && "smooth_masks", !s.batch_norm && "without_batch_norm"].filter(Boolean);
    return `import torch

from unet_edu.data import ToyCells, stack
${helpers.length ? `from unet_edu.film import ${helpers.join(", ")}\n` : ""}from unet_edu.model import UNet
from unet_edu.train import evaluate, fit

images, masks = stack(ToyCells(${s.n_train}, ${s.size}, seed=${s.seed}))
held_out = stack(ToyCells(${s.held_out}, ${s.size}, seed=1, held_out=True))
${s.smooth ? "masks = smooth_masks(masks)  # the mistake of this reel\n" : ""}torch.manual_seed(${s.seed})
model = UNet(n_channels=1, n_classes=3, width=${s.width})
${s.batch_norm ? "" : "without_batch_norm(model)  # the mistake of this reel\n"}

def look(step, model, history=None):
    if step == ${step}:  # the moment that is shown
        print(f"step {step}: IoU", evaluate(model, held_out, amp=False).iou)


look(0, model)
fit(
    model,
    (images, masks),
    epochs=${s.epochs},
    batch_size=${s.batch_size},
    max_lr=${s.max_lr},
    seed=${s.seed},
    device="cpu",
    amp=False,
    progress=False,
    on_step=look,
)
`;
  }
  return ui.ready();
}

export default { render };
