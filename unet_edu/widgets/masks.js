// Class maps in the page: drawn as square pixels, counted into a confusion matrix, scored. The twin of metrics.py.
import { dress } from "./dom.js";

/** "#rrggbb" or "rgb(r,g,b)" -> [r, g, b]. */
export const channels = (colour) => (colour.startsWith("#") ? [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)) : colour.match(/\d+/g).map(Number));

/** Draw rows x cols pixels, one canvas pixel each, shown `size` CSS pixels wide: colour(i) returns [red, green, blue]. */
export function drawPixels(canvas, { rows, cols, size, colour }) {
  if (canvas.width !== cols || canvas.height !== rows) { canvas.width = cols; canvas.height = rows; }
  dress(canvas, { width: `${cols * size}px`, imageRendering: "pixelated" });
  const pen = canvas.getContext("2d"), picture = pen.createImageData(cols, rows), data = picture.data;
  for (let i = 0, j = 0; i < rows * cols; i++) {
    const [r, g, b] = colour(i);
    data[j++] = r; data[j++] = g; data[j++] = b; data[j++] = 255;
  }
  pen.putImageData(picture, 0, 0);
}

/** Stripes that double a colour: is pixel i on a stripe? kind: "diagonal", "back" or "dots". */
function onStripe(i, cols, kind) {
  const r = Math.floor(i / cols), c = i % cols;
  if (kind === "dots") return r % 3 === 1 && c % 3 === 1;
  return (kind === "back" ? r - c + 4 * cols : r + c) % 4 === 0;
}

/** Colours of the classes: class 2 carries stripes. Returns colour(i) for drawPixels. */
export function classColours(palette, map, cols) {
  const plain = [0, 1, 2].map((k) => channels(palette[`class-${k}`])), stripe = channels(palette.ink);
  const dark = plain.map((p) => p.map((v, k) => Math.round(v + 0.45 * (stripe[k] - v))));
  return (i) => (map[i] === 2 && onStripe(i, cols, "diagonal") ? dark[2] : plain[map[i]]);
}

/** Colours of a comparison: right background, hit, missed (stripes), false alarm (stripes the other way), wrong class (dots). */
export function verdictColours(palette, predicted, truth, cols) {
  const [paper, hit, missed, alarm, other, ink] = ["zero", "output", "cut", "added", "quiet", "paper"].map((role) => channels(palette[role]));
  return (i) => {
    const p = predicted[i], t = truth[i];
    if (p === t) return t ? hit : paper;
    if (!p) return onStripe(i, cols, "diagonal") ? ink : missed;
    if (!t) return onStripe(i, cols, "back") ? ink : alarm;
    return onStripe(i, cols, "dots") ? ink : other;
  };
}

/** Pixel counts, row-major n x n: row = true class, column = predicted class. As metrics.count. */
export function confusion(predicted, truth, n) {
  const matrix = Array(n * n).fill(0);
  for (let i = 0; i < truth.length; i++) matrix[n * truth[i] + predicted[i]] += 1;
  return matrix;
}

/** {iou, dice, accuracy}: one IoU and one Dice a class, NaN for a class in neither map. As metrics.iou, dice, pixel_accuracy. */
export function scoresOf(matrix, n) {
  const iou = [], dice = [];
  let right = 0, all = 0;
  for (let k = 0; k < n; k++) {
    let truth = 0, predicted = 0;
    for (let j = 0; j < n; j++) { truth += matrix[n * k + j]; predicted += matrix[n * j + k]; }
    const hit = matrix[n * k + k];
    iou.push(hit / (truth + predicted - hit));
    dice.push((2 * hit) / (truth + predicted));
    right += hit;
    all += truth;
  }
  return { iou, dice, accuracy: right / all };
}

/** The mean of per-class scores without class 0, the background, and without NaN; NaN if nothing is left. As metrics.mean_foreground. */
export function meanForeground(scores) {
  const there = scores.slice(1).filter((score) => !Number.isNaN(score));
  return there.reduce((sum, score) => sum + score, 0) / there.length;
}

/** Mean cross-entropy, in nats, of a network that gives its class the probability p at every pixel and shares the rest evenly among the others. */
export const evenCrossEntropy = (right, wrong, p, n) => (right * -Math.log(p) + wrong * -Math.log((1 - p) / (n - 1))) / (right + wrong);
