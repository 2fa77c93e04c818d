// The U of an X-ray: every stage with its first maps, a button to enlarge it, and the arrows between them.
import { dress, h, put, show } from "./dom.js";
import { extent, mosaicAt, paintMosaic, ramp } from "./feature_maps.js";
import { RECEPTIVE_STAGES } from "./receptive.js";
import { xrayArrow, xrayArrows, xrayLayout, xrayNode, xraySet } from "./xray_layout.js";
import { XRAY_SKIPS, XRAY_WORDS } from "./xray_words.js";

/** Colours of a stage, one scale for all its channels. */
export function xrayLook(palette, name, stage) {
  const signed = name === "logits";
  stage.most ??= extent(stage.data).most; // found once for each answer
  return { shades: ramp(palette, signed ? "diverging" : "sequential"), most: stage.most, signed, rule: palette.zero };
}

const sideOf = (name) => { const at = RECEPTIVE_STAGES.indexOf(name); return name === "image" ? "image" : at > 8 ? "out" : at > 4 ? "decoder" : "encoder"; };
const glyph = (kind) => xrayNode("svg", { "aria-hidden": "true", width: 26, height: 14, class: "unet-xray-lines" }, xrayNode("path", { class: `unet-xray-arrow unet-xray-${kind}`, d: xrayArrow([[1, 7], [24, 7]]) }));

/**
 * `choose(stage, cell)`: a stage was chosen, at a cell of its maps or none; `point(cell)`: the pointer is over one, {stage, channel, row, col}, or over none.
 * Returns nodes: to be put into the page; canvases: name -> canvas; inner(): the width of the image's canvas;
 *   draw(palette, {shapes, answer, version}, stage, gates, wide, once).
 */
export function xrayU(ui, { choose, point }) {
  const lines = xrayNode("svg", { "aria-hidden": "true", class: "unet-xray-lines" }), parts = {}, arrows = {};
  let layout = null, laid = "";
  for (const name of ["first", "last", ...[0, 1, 2, 3].flatMap((l) => [`down${l}`, `up${l}`, `skip${l}`])]) {
    arrows[name] = lines.appendChild(xrayNode("path", { class: `unet-xray-arrow unet-xray-${name.replace(/\d/, "")}` }));
  }
  const gateWords = XRAY_SKIPS.map(() => lines.appendChild(xrayNode("text", { "text-anchor": "middle" })));
  const stand = h("div", { class: "unet-xray-u", role: "group", "aria-label": XRAY_WORDS.title });
  stand.append(lines);
  for (const name of ["image", ...RECEPTIVE_STAGES]) {
    const isImage = name === "image", canvas = h("canvas", isImage ? { role: "img", "aria-label": XRAY_WORDS.image } : { "aria-hidden": "true" });
    const words = h("span", { class: "unet-xray-size" }), pane = h("span", { class: "unet-xray-pane" }, canvas);
    const label = h("span", { class: "unet-xray-label" }, h("b", {}, isImage ? XRAY_WORDS.image : name), " ", words);
    const box = isImage ? h("div", { class: "unet-xray-box" }, label, pane) : h("button", { type: "button", class: "unet-xray-box", "aria-pressed": "false" }, label, pane);
    box.dataset.stage = name;
    box.dataset.side = sideOf(name);
    stand.append(box);
    parts[name] = { box, canvas, words };
    if (isImage) continue;
    const at = (event) => { const cell = layout && mosaicAt(canvas, layout.boxes[name].plan, event); return cell && { stage: name, ...cell }; };
    ui.listen(box, "click", (event) => choose(name, (event.detail && event.target === canvas && at(event)) || {}));
    ui.listen(canvas, "pointermove", (event) => point(at(event)));
    ui.listen(canvas, "pointerleave", () => point(null));
  }
  const skipWords = h("p", { class: "unet-note" });
  const key = h("ul", { class: "unet-key" }, Object.entries({ first: "conv", down: "down", skip: "skip", up: "up" }).map(([kind, word]) => h("li", {}, glyph(kind), XRAY_WORDS.key[word])));

  function lay(wide, shapes) {
    layout = xrayLayout(wide, shapes);
    dress(stand, { height: `${layout.high}px`, width: `${wide}px` });
    xraySet(lines, { width: wide, height: layout.high });
    const { paths, gates } = xrayArrows(layout);
    for (const [name, d] of Object.entries(paths)) xraySet(arrows[name], { d });
    gateWords.forEach((text, i) => xraySet(text, gates[i]));
    for (const [name, { box, canvas, words }] of Object.entries(parts)) {
      const { x, y, w, plan, inner, label } = layout.boxes[name], [c, rows, cols] = shapes[name];
      dress(box, { left: `${x}px`, top: `${y}px`, width: `${w}px` });
      box.style.setProperty("--unet-label", `${label}px`);
      dress(canvas, { width: `${inner}px`, height: `${Math.round((inner * plan.high) / plan.wide)}px` });
      put(words, name === "image" ? XRAY_WORDS.area(rows, cols) : XRAY_WORDS.size(c, rows, cols));
    }
  }

  return {
    nodes: [stand, key, skipWords],
    canvases: Object.fromEntries(Object.entries(parts).map(([name, { canvas }]) => [name, canvas])),
    inner: () => layout.boxes.image.inner,
    draw(palette, { shapes, answer, version }, stage, gates, wide, once) {
      const now = `${wide}|${Object.values(shapes).join(";")}`;
      if (now !== laid) { laid = now; lay(wide, shapes); }
      for (const name of RECEPTIVE_STAGES) {
        const { box, canvas } = parts[name], pressed = String(name === stage);
        if (box.getAttribute("aria-pressed") !== pressed) box.setAttribute("aria-pressed", pressed);
        if (answer) once(canvas, `${version}|${palette.paper}|${now}`, () => paintMosaic(canvas, layout.boxes[name].plan, answer.stages[name], xrayLook(palette, name, answer.stages[name])));
      }
      gates.forEach((gate, i) => {
        xraySet(arrows[`skip${i}`], { opacity: show(0.3 + 0.7 * gate, 2), "stroke-dasharray": gate === 1 ? "none" : gate ? `${show(3 + 9 * gate, 1)} 4` : "1 6" });
        put(gateWords[i], XRAY_WORDS.times(show(gate)));
      });
      put(skipWords, XRAY_WORDS.skips(XRAY_SKIPS.map(([from, to], i) => XRAY_WORDS.skip(from, to, gates[i] ? XRAY_WORDS.times(show(gates[i])) : XRAY_WORDS.shut)).join(XRAY_WORDS.comma)));
    },
  };
}
