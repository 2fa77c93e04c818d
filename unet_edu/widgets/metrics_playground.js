// A mask and a prediction that the reader spoils or paints: pixel accuracy, IoU, Dice and cross-entropy of the same mistakes, side by side.
import { TOY_SIDE, isPaintCode, paintCode, paintOf, spoil } from "./distortions.js";
import { dress, h, put, show } from "./dom.js";
import { cellAt, legend, penFor, strokeFrames } from "./grid.js";
import { hatch } from "./ink.js";
import { frame } from "./kit.js";
import { confusion, evenCrossEntropy, meanForeground, scoresOf } from "./masks.js";
import { line, paint } from "./paint.js";
import { playgroundCode } from "./playground_code.js";

const WORDS = {
  title: "Metrics playground",
  column_shift: "shift right", row_shift: "shift down", erode: "erode", dilate: "dilate", lost: "lost objects", mistaken: "wrong class",
  size: "size, tenths", confidence: "confidence, %", brush: "pen width",
  scene: "the mask shows", scenes: { both: "cells and crystals", cells: "cells only", nothing: "nothing" },
  pen: "pen", pens: { cell: "cell", crystal: "crystal", background: "background", untouched: "take paint off" },
  clear: "Take all paint off",
  classes: ["background", "cell", "crystal"],
  truthCaption: "Mask", guessCaption: "Prediction: paint on it", verdictCaption: "Agreement",
  canvas: "Prediction, 32 by 32 pixels, to be painted: arrow keys move the pen, with Shift by 5; Space paints",
  key: ["cell", "crystal", "hit", "missed", "false alarm", "wrong class"],
  pointed: (row, col, truth, guess) => `Row ${row}, column ${col}: true ${truth}, predicted ${guess}.`,
  paints: (pen, side, count) => `Pen: ${pen}, ${side} × ${side}. Painted: ${count} pixels.`,
  matrix: "Confusion matrix, in pixels", corner: "true \\ predicted", sum: "sum",
  bars: { accuracy: "pixel accuracy", iou: "mean IoU", dice: "mean Dice", entropy: "cross-entropy" }, none: "no score",
  reading: "Diagonal: hit. Sum of a row: true. Sum of a column: predicted.",
  numbers: "The prediction as class numbers",
  head: ["score", "now", "value"], table: "Scores with the present numbers",
  terms: { accuracy: "pixel accuracy", iou: "IoU", dice: "Dice", meanIou: "mean foreground IoU", meanDice: "mean foreground Dice", entropy: "cross-entropy" },
  rule: "IoU = hit / (true + predicted − hit), Dice = 2 hit / (true + predicted)",
  absent: "0 / 0: in neither mask nor prediction", left: "no class has a score",
  entropyNow: (right, wrong, p, rest, all) => `(${right} · (−ln ${p}) + ${wrong} · (−ln ${rest})) / ${all}`,
  say: (right, all, accuracy, base, percent) => `${right} of ${all} pixels are right: pixel accuracy ${accuracy}. ` + (percent ? `Objects fill ${percent} % of the mask; background everywhere would reach ${base}. ` : "The mask has no objects. "),
  perfect: "Only cross-entropy still asks for more confidence.",
  silent: "Nothing but background is predicted: IoU and Dice of the objects are 0.",
  empty: "Nor has the prediction: IoU and Dice of cell and crystal are 0 / 0, so they have no score.",
  alarms: (name, count) => `The mask has no ${name}, so ${count === 1 ? "1 predicted pixel makes" : `${count} predicted pixels make`} its IoU and Dice 0. `,
  missing: (name) => `No ${name} is predicted: its IoU and Dice are 0. `,
  both: (name) => `There is no ${name} in either: no score, and the means leave it out. `,
  means: (iou, dice) => `The objects alone: mean IoU ${iou}, mean Dice ${dice}.`,
  entropy: (value) => ` Cross-entropy ${value}.`,
  sure: (p, rest) => `Each pixel gives its class the probability ${p} and the two others ${rest} each. The means leave the background out.`,
};
const PEN_VALUES = { untouched: -1, background: 0, cell: 1, crystal: 2 };
const BOUNDS = {
  column_shift: [-12, 12], row_shift: [-12, 12], lost: [0, 6], mistaken: [0, 6], erode: [0, 6], dilate: [0, 6], size: [0, 10], confidence: [34, 99],
  scene: Object.keys(WORDS.scenes), pen: Object.keys(WORDS.pens), brush: [1, 6],
  painted: { 0: "none", includes: isPaintCode, join: () => "runs of u, b, c or x with their lengths, or none" }, // all that a link asks of a list of words
};

/** Draw a map of the scene: kinds[i] numbers the look of pixel i. In runs of one look: a rectangle for every cell would take half a frame. */
function drawKinds(canvas, size, palette, looks, kinds, frames = []) {
  const side = TOY_SIDE, pad = 3, wide = side * size + 2 * pad, pen = penFor(canvas, wide, wide, [palette.paper, kinds.join(""), ...frames].join());
  if (!pen) return;
  const runs = looks.map(() => []);
  for (let r = 0; r < side; r++) for (let from = 0, c = 1; c <= side; c++) {
    const kind = kinds[r * side + from];
    if (c < side && kinds[r * side + c] === kind) continue;
    runs[kind].push([pad + from * size, pad + r * size, (c - from) * size, size]);
    from = c;
  }
  looks.forEach(({ fill, hatch: pattern, hatchColour }, kind) => {
    if (!runs[kind].length) return;
    pen.fillStyle = fill;
    for (const run of runs[kind]) pen.fillRect(...run);
    if (!pattern) return;
    pen.fillStyle = hatch(window.devicePixelRatio || 1, hatchColour, pattern);
    for (const run of runs[kind]) pen.fillRect(...run);
  });
  pen.fillStyle = palette.line;
  for (let i = 0; size >= 7 && i <= side; i++) { pen.fillRect(pad, pad + i * size, side * size, 1); pen.fillRect(pad + i * size, pad, 1, side * size); }
  strokeFrames(pen, frames, size);
}

function render({ model, el }) {
  const side = TOY_SIDE, all = side * side;
  const read = () => Object.fromEntries(Object.keys(BOUNDS).map((key) => [key, model.get(key)]));
  const ui = frame({ model, el, stem: "metrics-playground", words: WORDS, bounds: BOUNDS, code: () => playgroundCode(read()) });
  for (const key of ["column_shift", "row_shift", "erode", "dilate", "lost", "mistaken", "size", "confidence"]) ui.slider(key, WORDS[key]);
  ui.choice("scene", WORDS.scene, WORDS.scenes);
  const tools = h("div", { class: "unet-tools" });
  ui.choice("pen", WORDS.pen, WORDS.pens, { into: tools });
  ui.slider("brush", WORDS.brush, { into: tools });
  tools.append(h("button", { type: "button", onclick: () => ui.write({ painted: "none" }) }, WORDS.clear));

  const picture = (name, props) => {
    const canvas = h("canvas", props);
    return { canvas, figure: h("figure", { class: `unet-${name}` }, h("figcaption", {}, WORDS[`${name}Caption`]), canvas) };
  };
  const truth = picture("truth", { role: "img", "aria-label": WORDS.truthCaption }), verdict = picture("verdict", { role: "img", "aria-label": WORDS.verdictCaption });
  const guess = picture("guess", { tabindex: "0", role: "application", "aria-label": WORDS.canvas });
  const told = h("p", { class: "unet-note unet-told", "aria-live": "polite" }), key = legend();
  guess.figure.append(told, tools);

  const cells = WORDS.classes.map(() => WORDS.classes.map((_, k) => h("td", {}))), rowSums = WORDS.classes.map(() => h("td", { class: "unet-sum" })), columnSums = WORDS.classes.map(() => h("td", { class: "unet-sum" }));
  cells.forEach((row, k) => row[k].classList.add("unet-hit"));
  const column = (text) => h("th", { scope: "col" }, text), label = (text) => h("th", { scope: "row" }, text);
  const matrix = h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.matrix }, h("table", { class: "unet-confusion" }, h("caption", {}, WORDS.matrix),
    h("thead", {}, h("tr", {}, h("td", { class: "unet-words" }, WORDS.corner), WORDS.classes.map(column), column(WORDS.sum))),
    h("tbody", {}, WORDS.classes.map((name, k) => h("tr", {}, label(name), cells[k], rowSums[k])), h("tr", {}, label(WORDS.sum), columnSums, h("td", { class: "unet-sum" }, String(all))))));
  const bars = Object.entries(WORDS.bars).map(([name, text]) => {
    const value = h("td", {}), bar = h("div", { class: "unet-bar" });
    return { name, value, bar, node: h("tr", {}, label(text), value, h("td", { class: "unet-track", "aria-hidden": "true" }, name === "entropy" ? null : bar)) };
  });
  const sure = h("p", { class: "unet-note" });
  const scores = h("div", { class: "unet-scores" }, h("table", {}, h("tbody", {}, bars.map((bar) => bar.node))), sure, matrix, h("p", { class: "unet-note" }, WORDS.reading));
  ui.stage.append(h("div", { class: "unet-masks" }, truth.figure, verdict.figure, guess.figure, key.node, scores));
  const fill = ui.terms(WORDS.head, WORDS.table, 10), table = ui.numbers(WORDS.numbers);

  let at = () => null, still = "";
  const painter = paint(ui, guess.canvas, {
    rows: side, cols: side, at: (event) => at(event),
    stroke: (from, to) => {
      const { painted, pen, brush } = read(), pixels = paintOf(painted), before = Math.floor((brush - 1) / 2);
      for (const { row, col } of line(from, to)) {
        for (let r = Math.max(0, row - before); r < Math.min(side, row - before + brush); r++) {
          for (let c = Math.max(0, col - before); c < Math.min(side, col - before + brush); c++) pixels[r * side + c] = PEN_VALUES[pen];
        }
      }
      const code = paintCode(pixels);
      if (code !== painted) ui.write({ painted: code });
    },
    cursorMoved: () => ui.redraw(),
  });
  let focused = false;
  for (const type of ["focus", "blur"]) ui.listen(guess.canvas, type, () => { focused = type === "focus"; ui.redraw(); });

  ui.draw = (palette) => {
    const state = read(), { truth: mask, spoilt } = spoil(state), pixels = paintOf(state.painted), found = spoilt.map((label, i) => (pixels[i] < 0 ? label : pixels[i]));
    const wide = ui.width, two = wide >= 420, pair = Math.max(3, Math.floor((wide - 24) / 2 / side));
    const small = Math.min(8, pair);
    const large = two ? small : Math.max(3, Math.min(9, Math.floor((wide - 6) / side)));
    const classes = [{ fill: palette["class-0"] }, { fill: palette["class-1"] }, { fill: palette["class-2"], hatch: "diagonal", hatchColour: palette.ink }];
    const verdicts = [{ fill: palette.zero }, { fill: palette.output }, { fill: palette.cut, hatch: "diagonal", hatchColour: palette.paper },
      { fill: palette.added, hatch: "back", hatchColour: palette.paper }, { fill: palette.quiet, hatch: "dots", hatchColour: palette.paper }];
    const now = [state.scene, state.size, wide, palette.paper].join();
    if (now !== still) {
      still = now;
      drawKinds(truth.canvas, small, palette, classes, mask);
      for (const [picture, size] of [[truth, small], [verdict, small], [guess, large]]) dress(picture.figure, { width: `${size * side + 6}px` });
      at = cellAt(guess.canvas, large * side + 6, 3, large, side, side);
      key.draw(palette, [...classes.slice(1), ...verdicts.slice(1)].map((look, i) => ({ ...look, text: WORDS.key[i] })));
    }
    const { row, col } = painter.cursor, before = Math.floor((state.brush - 1) / 2), spot = row * side + col, box = state.brush * large;
    drawKinds(guess.canvas, large, palette, classes, found, focused ? [[3 + (col - before) * large, 3 + (row - before) * large, box, box, palette.ink, state.pen === "untouched"]] : []);
    drawKinds(verdict.canvas, small, palette, verdicts, found.map((label, i) => (label === mask[i] ? Number(label > 0) : !label ? 2 : !mask[i] ? 3 : 4)));
    put(told, WORDS.paints(WORDS.pens[state.pen], state.brush, pixels.reduce((sum, value) => sum + (value >= 0), 0)) + (focused ? " " + WORDS.pointed(row, col, WORDS.classes[mask[spot]], WORDS.classes[found[spot]]) : ""));
    tell(state, confusion(found, mask, 3));
    table(side, side, (r, c) => found[r * side + c]);
  };

  /** All numbers and words, from the confusion matrix and the confidence. */
  function tell(state, counts) {
    const { iou, dice, accuracy } = scoresOf(counts, 3), p = state.confidence / 100, right = counts[0] + counts[4] + counts[8], rest = show((1 - p) / 2, 3);
    const truths = [0, 1, 2].map((k) => counts[3 * k] + counts[3 * k + 1] + counts[3 * k + 2]), founds = [0, 1, 2].map((k) => counts[k] + counts[k + 3] + counts[k + 6]);
    const values = { accuracy, iou: meanForeground(iou), dice: meanForeground(dice), entropy: evenCrossEntropy(right, all - right, p, 3) };
    const text = (value) => (Number.isNaN(value) ? WORDS.none : value.toFixed(4));
    counts.forEach((count, i) => put(cells[Math.floor(i / 3)][i % 3], String(count)));
    truths.forEach((count, k) => { put(rowSums[k], String(count)); put(columnSums[k], String(founds[k])); });
    for (const { name, value, bar } of bars) {
      put(value, text(values[name]));
      if (name !== "entropy") dress(bar, { width: `${Math.round(100 * (values[name] || 0))}%` });
    }
    const each = (k) => {
      const hit = counts[4 * k], name = WORDS.classes[k], none = Number.isNaN(iou[k]);
      return [[`${WORDS.terms.iou} ${name}`, none ? WORDS.absent : `${hit} / (${truths[k]} + ${founds[k]} − ${hit})`, text(iou[k])],
        [`${WORDS.terms.dice} ${name}`, none ? WORDS.absent : `2 · ${hit} / (${truths[k]} + ${founds[k]})`, text(dice[k])]];
    };
    const mean = (list) => { const there = list.slice(1).filter((v) => !Number.isNaN(v)); return there.length ? `(${there.map((v) => v.toFixed(4)).join(" + ")}) / ${there.length}` : WORDS.left; };
    fill(WORDS.rule, [[WORDS.terms.accuracy, `(${counts[0]} + ${counts[4]} + ${counts[8]}) / ${all}`, text(accuracy)], ...each(0), ...each(1), ...each(2),
      [WORDS.terms.meanIou, mean(iou), text(values.iou)], [WORDS.terms.meanDice, mean(dice), text(values.dice)],
      [WORDS.terms.entropy, WORDS.entropyNow(right, all - right, show(p, 2), rest, all), text(values.entropy)]]);

    const objects = all - truths[0], anything = all - founds[0];
    let remark = "";
    if (!objects && !anything) remark += WORDS.empty;
    else if (objects && !anything) remark += WORDS.silent;
    else {
      for (const k of [1, 2]) {
        const name = WORDS.classes[k];
        remark += !truths[k] && !founds[k] ? WORDS.both(name) : !truths[k] ? WORDS.alarms(name, founds[k]) : !founds[k] ? WORDS.missing(name) : "";
      }
      remark += right === all ? WORDS.perfect : WORDS.means(show(values.iou, 3), show(values.dice, 3));
    }
    put(sure, WORDS.sure(show(p, 2), rest));
    ui.say(WORDS.say(right, all, show(accuracy, 3), show(truths[0] / all, 3), objects ? show((100 * objects) / all, 1) : "") + remark + WORDS.entropy(show(values.entropy, 3)));
  }
  return ui.ready();
}

export default { render };
