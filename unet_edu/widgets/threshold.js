// One grey value against a mask: hits, misses and false alarms as the threshold moves, and the best that any threshold can do.
import { decode, h, put, show } from "./dom.js";
import { legend, penFor, write } from "./grid.js";
import { frame } from "./kit.js";
import { classColours, confusion, drawPixels, scoresOf, verdictColours } from "./masks.js";

const WORDS = {
  title: "Threshold lab",
  picture: "picture", threshold: "threshold", objects: "an object is", sides: { brighter: "brighter", darker: "darker" },
  imageCaption: "Image", maskCaption: "Mask", verdictCaption: "Threshold against mask", graphCaption: "Grey values: objects up, background down",
  key: { cell: "cell", crystal: "crystal", hit: "hit", missed: "missed", alarm: "false alarm", called: "called object" },
  graph: (t, up, down) => `Histogram of grey values. At threshold ${t}, ${up} % of the object pixels and ${down} % of the background pixels are called object.`,
  say: (t, side, hit, all, alarm) => `Pixels ${side === "brighter" ? `brighter than ${t}` : `at ${t} or darker`} are called object: ${hit} of ${all} object pixels are hit, ${alarm} background pixels are false alarms.`,
  best: (value, t, side, all) => ` The best threshold for this picture reaches IoU ${value} (${side === "brighter" ? `brighter than ${t}` : `${t} or darker`}). Calling every pixel an object reaches ${all}.`,
  formula: (hit, missed, alarm, iou) => `IoU = hit / (hit + missed + false alarm) = ${hit} / (${hit} + ${missed} + ${alarm}) = ${iou}`,
};
const BOUNDS = { picture: [0, 15], threshold: [0, 255], objects: Object.keys(WORDS.sides) };

/** Class 1 where a pixel lies on the called side of the threshold, 0 elsewhere. */
export const cut = (image, threshold, objects) => Uint8Array.from(image, (v) => Number(v > threshold === (objects === "brighter")));

/** Grey values counted: [objects, background], 256 numbers each. */
export function histogram(image, mask) {
  const both = [new Uint32Array(256), new Uint32Array(256)];
  for (let i = 0; i < image.length; i++) both[mask[i] ? 0 : 1][image[i]] += 1;
  return both;
}

/** The threshold and side with the highest IoU: {iou, threshold, objects}; `all` is the IoU of calling everything an object. */
export function bestCut([up, down]) {
  const sum = (list) => list.reduce((a, b) => a + b, 0), objects = sum(up), ground = sum(down);
  let best = { iou: -1 }, hit = 0, alarm = 0;
  for (let t = 0; t < 256; t++) {
    hit += up[t];
    alarm += down[t];
    for (const [side, a, b] of [["darker", hit, alarm], ["brighter", objects - hit, ground - alarm]]) {
      const iou = a / (objects + b);
      if (iou > best.iou) best = { iou, threshold: t, objects: side };
    }
  }
  return { ...best, all: objects / (objects + ground) };
}

function render({ model, el }) {
  const [rows, cols] = model.get("shape"), pixels = rows * cols, seeds = model.get("seeds");
  const images = decode(model.get("images"), Uint8Array), masks = decode(model.get("masks"), Uint8Array);
  const read = () => {
    const n = Math.min(model.get("picture"), seeds.length - 1), part = (all) => all.subarray(n * pixels, (n + 1) * pixels);
    return { n, image: part(images), mask: part(masks), threshold: model.get("threshold"), objects: model.get("objects") };
  };
  const ui = frame({ model, el, stem: "threshold", words: WORDS, bounds: BOUNDS, code: () => {
    const { n, threshold, objects } = read();
    return `import torch

from unet_edu.data import draw
from unet_edu.metrics import count, iou

image, mask = draw(${seeds[n]}, ${rows}, ${cols})
grey = torch.as_tensor(image[0] * 255).round().int()
found = grey ${objects === "brighter" ? ">" : "<="} ${threshold}
matrix = count(found.long(), torch.as_tensor(mask > 0).long(), n_classes=2)
print(f"IoU {iou(matrix)[1]:.4f}")
`;
  } });
  ui.slider("threshold", WORDS.threshold);
  ui.choice("objects", WORDS.objects, WORDS.sides);
  ui.slider("picture", WORDS.picture, { max: seeds.length - 1 });

  const canvas = (label) => h("canvas", { role: "img", "aria-label": label });
  const shown = { image: canvas(WORDS.imageCaption), mask: canvas(WORDS.maskCaption), verdict: canvas(WORDS.verdictCaption), graph: canvas(WORDS.graphCaption) };
  const frames = Object.fromEntries(Object.entries(shown).map(([name, node]) => [name, h("figure", {}, h("figcaption", {}, WORDS[`${name}Caption`]), node)]));
  const key = legend();
  ui.stage.append(h("div", { class: "unet-grids" }, Object.values(frames)), key.node);
  let drawn = "", counted = null, long = 0;

  ui.draw = (palette) => {
    const { n, image, mask, threshold, objects } = read();
    const wide = ui.width, size = Math.max(1, Math.floor(Math.min(192, wide > 420 ? wide : (wide - 18) / 2) / cols));
    const still = `${n} ${wide} ${palette.paper}`;
    if (still !== drawn) {
      drawn = still;
      const side = size * cols, step = side + 18, rest = wide - (3 % Math.floor((wide + 18) / step)) * step;
      long = rest < 200 ? wide : rest;
      for (const [name, node] of Object.entries(frames)) node.style.width = `${name === "graph" ? long : side}px`;
      const grid = histogram(image, mask);
      counted = { grid, best: bestCut(grid), truth: mask.map((v) => Number(v > 0)) };
      drawPixels(shown.image, { rows, cols, size, colour: (i) => [image[i], image[i], image[i]] });
      drawPixels(shown.mask, { rows, cols, size, colour: classColours(palette, mask, cols) });
      key.draw(palette, [
        { fill: palette["class-1"], text: WORDS.key.cell }, { fill: palette["class-2"], hatch: "diagonal", hatchColour: palette.ink, text: WORDS.key.crystal },
        { fill: palette.output, text: WORDS.key.hit }, { fill: palette.cut, hatch: "diagonal", hatchColour: palette.paper, text: WORDS.key.missed },
        { fill: palette.added, hatch: "back", hatchColour: palette.paper, text: WORDS.key.alarm }]);
    }
    const found = cut(image, threshold, objects), { truth, grid, best } = counted;
    drawPixels(shown.verdict, { rows, cols, size, colour: verdictColours(palette, found, truth, cols) });
    const matrix = confusion(found, truth, 2), [, alarm, missed, hit] = matrix, iou = scoresOf(matrix, 2).iou[1];
    graph(palette, grid, threshold, objects, long);
    shown.graph.setAttribute("aria-label", WORDS.graph(threshold, show((100 * hit) / (hit + missed), 0), show((100 * alarm) / (pixels - hit - missed), 0)));
    ui.say(WORDS.say(threshold, objects, hit, hit + missed, alarm) + WORDS.best(show(best.iou, 3), best.threshold, best.objects, show(best.all, 3)));
    put(line, WORDS.formula(hit, missed, alarm, show(iou, 4)));
  };
  const line = h("p", { class: "unet-big" });
  ui.formula.append(line);

  /** Bars of 4 grey values each: objects above the axis, background below, in the colours of the verdict. */
  function graph(palette, [up, down], threshold, objects, width) {
    const high = 150, half = 64, middle = 66, pen = penFor(shown.graph, width, high, [drawn, threshold, objects]), x = (grey) => (grey / 256) * width;
    if (!pen) return;
    pen.fillStyle = palette.zero;
    const from = objects === "brighter" ? x(threshold + 1) : 0, to = objects === "brighter" ? width : x(threshold + 1);
    pen.fillRect(from, 0, to - from, 2 * middle);
    const bins = [up, down].map((list) => Array.from({ length: 64 }, (_, b) => list[4 * b] + list[4 * b + 1] + list[4 * b + 2] + list[4 * b + 3]));
    const most = Math.max(...bins[0], ...bins[1]), wide = x(4);
    const called = (b) => (4 * b + 1.5 > threshold) === (objects === "brighter");
    for (let b = 0; b < 64; b++) {
      const [above, below] = bins.map((list) => (half * list[b]) / most);
      pen.fillStyle = called(b) ? palette.output : palette.cut;
      pen.fillRect(b * wide, middle - above, Math.max(1, wide - 1), above);
      pen.fillStyle = called(b) ? palette.added : palette.quiet;
      pen.fillRect(b * wide, middle, Math.max(1, wide - 1), below);
    }
    pen.fillStyle = palette.ink;
    pen.fillRect(0, middle - 0.5, width, 1);
    pen.fillRect(x(threshold + 1) - 1, 0, 2, 2 * middle);
    pen.textBaseline = "bottom";
    for (const [grey, align] of [[0, "left"], [128, "center"], [255, "right"]]) { pen.textAlign = align; write(pen, String(grey), Math.min(width, x(grey + (grey === 255))), high); }
    pen.textBaseline = "top";
    const right = objects === "brighter", at = x(threshold + 1), fits = right ? at < width - 90 : at > 90;
    pen.textAlign = right ? "left" : "right";
    if (fits) write(pen, right ? `${WORDS.key.called} →` : `← ${WORDS.key.called}`, at + (right ? 6 : -6), 2);
  }
  return ui.ready();
}

export default { render };
