// Doubling one row of pixels in four ways: where each output pixel looks in the input, and with which weights.
import { h, put, reveal, show } from "./dom.js";
import { write } from "./grid.js";
import { inkOn, mix, sequential } from "./ink.js";
import { frame } from "./kit.js";

const WORDS = {
  title: "Up-sampling bench",
  input_size: "input size", mode: "mode", align_corners: "align_corners", input: "input", pixel: "output pixel",
  modes: { bilinear: "bilinear", nearest: "nearest", transposed_4: "transposed, 4 taps", transposed_2: "transposed, 2 taps" },
  inputs: { digits: "digits", ramp: "a ramp", constant: "all 4", impulse: "one 4" },
  caption: "Above the input, below the output; a pixel is a square",
  pick: "Input and output; arrow keys choose an output pixel",
  size: (n) => `${n} pixels become ${2 * n}.`,
  value: (j, terms, v) => `y[${j}] = ${terms} = ${v}.`,
  spot: (at) => ` It looks at position ${at} of the input.`,
  short: (sum) => ` Its weights add up to ${sum} only: one tap lies outside, so the edge is darker.`,
  uneven: " The two weights take turns, so a flat input gives a striped output.",
  step: { aligned: (n) => ` The positions are (n − 1) / (2n − 1) = ${show((n - 1) / (2 * n - 1), 4)} apart. With one pixel more they would be ${show(n / (2 * n + 1), 4)} apart.`,
    half: " The positions are 0.5 apart for every input size." },
  formula: {
    aligned: (j, n, at) => `position = j · (n − 1) / (2n − 1) = ${j} · ${n - 1} / ${2 * n - 1} = ${at}`,
    half: (j, raw, at) => `position = (j + 0.5) / 2 − 0.5 = ${raw}${raw === at ? "" : `, moved to ${at}`}`,
    nearest: (j, i) => `pixel = ⌊j / 2⌋ = ⌊${j} / 2⌋ = ${i}`,
    transposed: (j, p) => `pixels i and taps a with 2 · i + a = j + padding = ${j} + ${p} = ${j + p}`,
  },
  table: "The output as a table",
};
const BOUNDS = { input_size: [1, 10], mode: Object.keys(WORDS.modes), align_corners: [false, true], input: Object.keys(WORDS.inputs), pixel: [0, 19] };
const TAPS = { transposed_4: [0.25, 0.75, 0.75, 0.25], transposed_2: [1.5, 0.5] };

export const rowValue = (kind, n, i) =>
  kind === "constant" ? 4 : kind === "impulse" ? 4 * Number(i === Math.floor(n / 2)) : kind === "ramp" ? 4 * i : (7 * i + 4) % 10;

/** Where bilinear output pixel j looks: before and after it is kept inside the input. */
export function position(align, n, j) {
  const raw = align ? (j * (n - 1)) / (2 * n - 1) : (j + 0.5) / 2 - 0.5;
  return { raw, at: Math.min(n - 1, Math.max(0, raw)) };
}

/** The input pixels that make output pixel j: [{i, weight}]. */
export function sources({ mode, align, n }, j) {
  if (mode === "nearest") return [{ i: Math.floor(j / 2), weight: 1 }];
  if (mode === "bilinear") {
    const { at } = position(align, n, j), i = Math.floor(at), right = at - i;
    return [{ i, weight: 1 - right }, { i: i + 1, weight: right }].filter((s) => s.weight > 0);
  }
  const taps = TAPS[mode], padding = (taps.length - 2) / 2;
  return taps.map((weight, a) => ({ i: (j + padding - a) / 2, weight })).filter((s) => Number.isInteger(s.i) && s.i >= 0 && s.i < n).reverse();
}

function pytorch({ mode, align, n, x }) {
  const row = `x = torch.tensor([[[${Array.from({ length: n }, (_, i) => x(i)).join(", ")}]]], dtype=torch.float32)`;
  const taps = TAPS[mode];
  const up = !taps ? `up = nn.Upsample(scale_factor=2, ${mode === "nearest" ? 'mode="nearest"' : `mode="linear", align_corners=${align ? "True" : "False"}`})${mode === "bilinear" ? '  # in two dimensions: mode="bilinear"' : ""}`
    : `up = nn.ConvTranspose1d(1, 1, kernel_size=${taps.length}, stride=2, padding=${(taps.length - 2) / 2}, bias=False)
with torch.no_grad():
    up.weight.copy_(torch.tensor([[[${taps.join(", ")}]]]))`;
  return `import torch
from torch import nn

${row}
${up}
y = up(x)
print(tuple(y.shape))  # (1, 1, ${2 * n})
print(y[0, 0])
`;
}

function render({ model, el }) {
  const read = () => {
    const n = model.get("input_size"), kind = model.get("input");
    return { n, mode: model.get("mode"), align: model.get("align_corners"), x: (i) => rowValue(kind, n, i) };
  };
  const ui = frame({ model, el, stem: "upsampling", words: WORDS, bounds: BOUNDS, code: () => pytorch(read()) });
  const last = () => 2 * model.get("input_size") - 1, chosen = () => Math.min(model.get("pixel"), last());

  ui.slider("input_size", WORDS.input_size);
  ui.select("mode", WORDS.mode, Object.entries(WORDS.modes));
  const align = ui.check("align_corners", WORDS.align_corners);
  ui.select("input", WORDS.input, Object.entries(WORDS.inputs));
  ui.slider("pixel", WORDS.pixel, { max: last });
  ui.player("pixel", WORDS.pixel, last);
  const picture = ui.picture(WORDS.caption, 534, { pick: WORDS.pick });
  const formula = h("p", { class: "unet-big" });
  ui.formula.append(formula);
  const numbers = ui.numbers(WORDS.table);

  ui.draw = (palette) => {
    const m = read(), { n, mode } = m, j = chosen(), all = Array.from({ length: 2 * n }, (_, o) => sources(m, o));
    const y = all.map((list) => list.reduce((sum, s) => sum + s.weight * m.x(s.i), 0)), here = all[j];
    reveal(align, mode === "bilinear");
    const most = Math.max(1, ...y, ...Array.from({ length: n }, (_, i) => m.x(i))), u = picture.fit(2 * n), high = Math.round(300 / u); // the same height for every size
    const edge = 3, centre = (i) => edge + (i + 0.5) * 2 * u, out = (o) => edge + (o + 0.5) * u, floor = edge + 2 * u, top = edge + (high - 1) * u;
    const spots = mode === "bilinear" ? (o) => [position(m.align, n, o).at] : (o) => all[o].map((s) => s.i);
    const over = (pen) => {
      for (let i = 0; i < n; i++) {
        pen.fillStyle = mix(palette.paper, palette.input, 0.35);
        pen.fillRect(edge + i * 2 * u, edge, 2 * u, 2 * u);
        pen.strokeStyle = here.some((s) => s.i === i) ? palette.window : palette.line;
        pen.lineWidth = here.some((s) => s.i === i) ? 3 : 1;
        pen.strokeRect(edge + i * 2 * u + 1, edge + 1, 2 * u - 2, 2 * u - 2);
        pen.fillStyle = palette.ink;
        write(pen, show(m.x(i)), centre(i), edge + 0.7 * u, Math.min(16, u));
        const source = here.find((s) => s.i === i);
        if (source) write(pen, (u < 20 ? "" : "× ") + show(source.weight, 2), centre(i), edge + 1.4 * u, Math.min(13, Math.max(9, u * 0.6)));
      }
      for (let o = 0; o <= 2 * n; o++) {
        const which = o === 2 * n ? j : o; // the chosen one last, on top
        pen.strokeStyle = pen.fillStyle = o === 2 * n ? palette.window : palette.quiet;
        pen.lineWidth = o === 2 * n ? 3 : 1;
        for (const at of spots(which)) {
          pen.beginPath();
          pen.moveTo(out(which), top - 3);
          pen.lineTo(centre(at), floor + 9);
          pen.stroke();
          pen.beginPath();
          pen.arc(centre(at), floor + 6, o === 2 * n ? 5 : 3, 0, 7);
          pen.fill();
        }
      }
    };
    picture.draw({ rows: high, cols: 2 * n, size: u, tall: 330, palette, over, key: [mode, m.align, j, model.get("input")], cell: (r, c) => {
      if (r < high - 1) return null;
      const fill = sequential(palette, y[c], most * 1.25);
      return { fill, ink: inkOn(fill), text: show(y[c], 2), outline: c === j ? palette.window : undefined };
    } });
    const bilinear = mode === "bilinear", { raw, at } = position(m.align, n, j), total = here.reduce((sum, s) => sum + s.weight, 0);
    const terms = here.map((s) => `${show(s.weight, 4)} · ${show(m.x(s.i))}`).join(" + ");
    ui.say(WORDS.size(n) + " " + WORDS.value(j, terms, show(y[j], 4)) + (bilinear ? WORDS.spot(show(at, 4)) + (m.align ? WORDS.step.aligned(n) : WORDS.step.half) : "") +
      (mode === "transposed_4" && total < 1 ? WORDS.short(show(total)) : mode === "transposed_2" ? WORDS.uneven : ""));
    put(formula, bilinear ? (m.align ? WORDS.formula.aligned(j, n, show(at, 4)) : WORDS.formula.half(j, show(raw, 4), show(at, 4)))
      : mode === "nearest" ? WORDS.formula.nearest(j, Math.floor(j / 2)) : WORDS.formula.transposed(j, (TAPS[mode].length - 2) / 2));
    numbers(1, 2 * n, (_, o) => y[o]);
  };

  ui.pick(picture.canvas, { at: picture.at, now: () => [0, chosen()],
    choose: (_, j) => { if (j >= 0 && j <= last() && j !== model.get("pixel")) ui.write({ pixel: j }); } });
  return ui.ready();
}

export default { render };
