// A training run as a film: the predicted mask of a held-out picture after each epoch, and its IoU.
import { decode, frame, h, legend, put, show } from "./kit.js";
import { classColours, confusion, drawPixels, scoresOf, verdictColours } from "./masks.js";

const WORDS = {
  title: "Epoch film",
  epoch: "epoch", picture: "picture",
  captions: { image: "Image", mask: "Mask", answer: "Prediction", verdict: "Against the mask" },
  key: { cell: "cell", crystal: "crystal", hit: "hit", missed: "missed", alarm: "false alarm", other: "wrong class" },
  untrained: "Untrained", after: (n) => (n === 1 ? "After 1 epoch" : `After ${n} epochs`),
  say: (when, cell, crystal, wrong, share) => `${when}: IoU ${cell} for cells and ${crystal} for crystals in this picture; ${wrong} wrong pixels, ${share} % of all.`,
  table: "IoU of every epoch, for this picture", head: ["epoch", "cell", "crystal", "wrong pixels"], absent: "absent",
};
const BOUNDS = { epoch: [0, 63], picture: [0, 15] };

/** Four pixels a byte, the first in the lowest two bits -> one class a pixel. */
export function unpackClasses(bytes, pixels) {
  const map = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i++) map[i] = (bytes[i >> 2] >> (2 * (i & 3))) & 3;
  return map;
}

function render({ model, el }) {
  const [frameCount, pictures, rows, cols] = model.get("shape"), pixels = rows * cols, last = frameCount - 1;
  const images = decode(model.get("images"), Uint8Array);
  const masks = unpackClasses(decode(model.get("masks"), Uint8Array), pictures * pixels);
  const film = unpackClasses(decode(model.get("frames"), Uint8Array), frameCount * pictures * pixels);
  const read = () => {
    const e = Math.min(model.get("epoch"), last), n = Math.min(model.get("picture"), pictures - 1), part = (all, k) => all.subarray(k * pixels, (k + 1) * pixels);
    return { e, n, image: part(images, n), mask: part(masks, n), answer: (k) => part(film, k * pictures + n) };
  };
  const ui = frame({ model, el, stem: "epoch-film", words: WORDS, bounds: BOUNDS, code: () => {
    const { e, n } = read(), s = model.get("settings");
    return `import torch

from unet_edu.data import ToyCells
from unet_edu.metrics import count, iou
from unet_edu.model import UNet
from unet_edu.train import fit, predict

held_out = ToyCells(${pictures}, (${rows}, ${cols}), seed=${s.data_seed}, held_out=${s.held_out ? "True" : "False"})
image, mask = (torch.as_tensor(part) for part in held_out[${n}])
torch.manual_seed(${s.seed})
model = UNet(n_channels=1, n_classes=3, width=${s.width})
frames = [predict(model, image[None])[0]]
fit(
    model,
    ToyCells(${s.n_train}, ${s.size}, seed=${s.seed}),
    epochs=${s.epochs},
    batch_size=${s.batch_size},
    max_lr=${s.max_lr},
    seed=${s.seed},
    progress=False,
    on_epoch=lambda epoch, model, history: frames.append(predict(model, image[None])[0]),
)
print(iou(count(frames[${e}], mask, n_classes=3)))  # after epoch ${e}: background, cell, crystal
`;
  } });
  ui.slider("epoch", WORDS.epoch, { max: last });
  ui.player("epoch", WORDS.epoch, () => last, { wait: 700 });
  ui.slider("picture", WORDS.picture, { max: pictures - 1 });

  const shown = Object.fromEntries(Object.entries(WORDS.captions).map(([name, label]) => [name, h("canvas", { role: "img", "aria-label": label })]));
  const key = legend();
  ui.stage.append(h("div", { class: "unet-grids" }, Object.entries(shown).map(([name, node]) => h("figure", {}, h("figcaption", {}, WORDS.captions[name]), node))), key.node);
  const cells = Array.from({ length: frameCount }, () => [0, 1, 2, 3].map((i) => h(i ? "td" : "th", i ? {} : { scope: "row" })));
  const lines = cells.map((line) => h("tr", {}, line));
  ui.formula.append(h("p", {}, WORDS.table), h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.table },
    h("table", {}, h("thead", {}, h("tr", {}, WORDS.head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, lines))));
  let still = "", scores = [];

  ui.draw = (palette) => {
    const { e, n, image, mask, answer } = read(), wide = ui.width;
    const size = Math.max(1, Math.floor(Math.min(256, (wide - 18) / 2) / cols));
    const name = `${n} ${wide} ${palette.paper}`, paint = (canvas, colour) => drawPixels(canvas, { rows, cols, size, colour });
    if (name !== still) {
      still = name;
      paint(shown.image, (i) => [image[i], image[i], image[i]]);
      paint(shown.mask, classColours(palette, mask, cols));
      key.draw(palette, [
        { fill: palette["class-1"], text: WORDS.key.cell }, { fill: palette["class-2"], hatch: "diagonal", hatchColour: palette.ink, text: WORDS.key.crystal },
        { fill: palette.output, text: WORDS.key.hit }, { fill: palette.cut, hatch: "diagonal", hatchColour: palette.paper, text: WORDS.key.missed },
        { fill: palette.added, hatch: "back", hatchColour: palette.paper, text: WORDS.key.alarm },
        { fill: palette.quiet, hatch: "dots", hatchColour: palette.paper, text: WORDS.key.other }]);
      scores = cells.map((line, k) => {
        const { iou, accuracy } = scoresOf(confusion(answer(k), mask, 3), 3), text = iou.map((v) => (Number.isNaN(v) ? WORDS.absent : v.toFixed(3)));
        const row = [String(k), text[1], text[2], String(Math.round((1 - accuracy) * pixels))];
        row.forEach((words, i) => put(line[i], words));
        return row;
      });
    }
    paint(shown.answer, classColours(palette, answer(e), cols));
    paint(shown.verdict, verdictColours(palette, answer(e), mask, cols));
    lines.forEach((line, k) => { if (line.hasAttribute("aria-current") === (k === e)) return; if (k === e) line.setAttribute("aria-current", "true"); else line.removeAttribute("aria-current"); });
    const [, cell, crystal, wrong] = scores[e];
    ui.say(WORDS.say(e ? WORDS.after(e) : WORDS.untrained, cell, crystal, wrong, show((100 * Number(wrong)) / pixels, 1)));
  };
  return ui.ready();
}

export default { render };
