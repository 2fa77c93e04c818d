// Two discs, one true and one predicted: pixel accuracy, IoU and Dice of the same mistake, side by side.
import { dress, h, put, show } from "./dom.js";
import { legend } from "./grid.js";
import { frame } from "./kit.js";
import { confusion, drawPixels, scoresOf, verdictColours } from "./masks.js";

const WORDS = {
  title: "Overlap lab",
  column_shift: "shift right", row_shift: "shift down", radius: "predicted radius", true_radius: "true radius", side: "image side",
  caption: "Prediction against mask",
  key: { hit: "hit", missed: "missed", alarm: "false alarm", ground: "background, right" },
  head: ["score", "value", "now"], table: "Scores",
  scores: { accuracy: "pixel accuracy", iou: "IoU", dice: "Dice", link: "2 IoU / (1 + IoU)" },
  say: (hit, missed, alarm, right) => `${hit} object pixels are hit, ${missed} missed, ${alarm} are false alarms; ${right} background pixels are right. `,
  empty: "Mask and prediction are both empty: IoU and Dice are 0/0, so there is no score.",
  absent: "The mask is empty: any false alarm at all makes IoU and Dice 0.",
  silent: "The prediction is empty: IoU and Dice are 0, and pixel accuracy is the share of the background.",
  apart: "The discs do not meet: IoU and Dice are 0, and moving them further apart changes nothing.",
  perfect: "Every pixel is right: all scores are 1.",
  usual: (accuracy, iou) => `Pixel accuracy ${accuracy} also counts the background; IoU ${iou} does not.`,
  none: "no score",
};
const BOUNDS = { column_shift: [-32, 32], row_shift: [-32, 32], radius: [0, 32], true_radius: [0, 32], side: [32, 192] };

/** Class 1 where a pixel's centre lies nearer than `radius` to pixel (row, column); radius 0 is empty. */
export function disc(side, row, column, radius) {
  const map = new Uint8Array(side * side);
  for (let r = 0; r < side; r++) for (let c = 0; c < side; c++) map[r * side + c] = Number((r - row) ** 2 + (c - column) ** 2 < radius ** 2);
  return map;
}

function render({ model, el }) {
  const read = () => Object.fromEntries(Object.keys(BOUNDS).map((key) => [key, model.get(key)]));
  const ui = frame({ model, el, stem: "overlap", words: WORDS, bounds: BOUNDS, code: () => {
    const m = read(), middle = Math.floor(m.side / 2);
    return `import torch

from unet_edu.metrics import count, dice, iou, pixel_accuracy

rows, columns = torch.meshgrid(torch.arange(${m.side}), torch.arange(${m.side}), indexing="ij")


def disc(row, column, radius):
    return ((rows - row) ** 2 + (columns - column) ** 2 < radius**2).long()


true = disc(${middle}, ${middle}, ${m.true_radius})
predicted = disc(${middle} + ${m.row_shift}, ${middle} + ${m.column_shift}, ${m.radius})
matrix = count(predicted, true, n_classes=2)  # row: true class, column: predicted class
print(f"pixel accuracy {pixel_accuracy(matrix):.4f}, IoU {iou(matrix)[1]:.4f}, Dice {dice(matrix)[1]:.4f}")
`;
  } });
  for (const key of Object.keys(BOUNDS)) ui.slider(key, WORDS[key]);
  const canvas = h("canvas", { role: "img", "aria-label": WORDS.caption }), key = legend();
  const names = ["accuracy", "iou", "dice", "link"];
  const rows = names.map((name) => {
    const now = h("td", { class: "unet-words" }), value = h("td", {}), bar = h("div", { class: "unet-bar" });
    return { now, value, bar, node: h("tr", {}, h("th", { scope: "row" }, WORDS.scores[name]), value, now, h("td", { "aria-hidden": "true" }, bar)) };
  });
  ui.stage.append(h("figure", {}, h("figcaption", {}, WORDS.caption), canvas), key.node);
  ui.formula.append(h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.table },
    h("table", {}, h("thead", {}, h("tr", {}, WORDS.head.map((text) => h("th", { scope: "col" }, text)), h("td", {}))), h("tbody", {}, rows.map((row) => row.node)))));

  ui.draw = (palette) => {
    const m = read(), middle = Math.floor(m.side / 2), wide = Math.min(288, ui.width);
    const truth = disc(m.side, middle, middle, m.true_radius), predicted = disc(m.side, middle + m.row_shift, middle + m.column_shift, m.radius);
    drawPixels(canvas, { rows: m.side, cols: m.side, size: wide / m.side, colour: verdictColours(palette, predicted, truth, m.side) });
    key.draw(palette, [{ fill: palette.output, text: WORDS.key.hit }, { fill: palette.cut, hatch: "diagonal", hatchColour: palette.paper, text: WORDS.key.missed },
      { fill: palette.added, hatch: "back", hatchColour: palette.paper, text: WORDS.key.alarm }, { fill: palette.zero, text: WORDS.key.ground }]);
    const matrix = confusion(predicted, truth, 2), [right, alarm, missed, hit] = matrix, all = m.side * m.side;
    const { iou, dice, accuracy } = scoresOf(matrix, 2), values = [accuracy, iou[1], dice[1], (2 * iou[1]) / (1 + iou[1])];
    const i = show(iou[1], 4), now = [`(${hit} + ${right}) / ${all}`, `${hit} / (${hit} + ${missed} + ${alarm})`, `2 · ${hit} / (2 · ${hit} + ${missed} + ${alarm})`, `2 · ${i} / (1 + ${i})`];
    rows.forEach((row, k) => {
      const none = Number.isNaN(values[k]);
      put(row.now, none && k === 3 ? "" : now[k]);
      put(row.value, none ? WORDS.none : show(values[k], 4));
      dress(row.bar, { width: `${none ? 0 : 100 * values[k]}px` });
    });
    const truths = hit + missed, found = hit + alarm;
    const remark = !truths && !found ? WORDS.empty : !truths ? WORDS.absent : !found ? WORDS.silent : !hit ? WORDS.apart
      : hit === truths && !alarm ? WORDS.perfect : WORDS.usual(show(accuracy, 3), show(iou[1], 3));
    ui.say(WORDS.say(hit, missed, alarm, right) + remark);
  };
  return ui.ready();
}

export default { render };
