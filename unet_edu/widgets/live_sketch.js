// The live network in a small form: one canvas, a few tools, the mask as the pen moves.
import { h, show } from "./dom.js";
import { frame } from "./kit.js";
import { LIVE_WORDS, liveCode, liveRun, liveScores } from "./live_run.js";
import { SCENE_BOUNDS, sceneCanvas } from "./scene_canvas.js";

const WORDS = {
  title: "Draw, and a trained U-Net answers", more: "Camera, light, pictures",
  idle: "Draw a round cell or an angular crystal. A trained U-Net will colour what it finds.",
  found: (cell, crystal) => `The network finds ${cell} % cell and ${crystal} % crystal (striped).`,
  score: (value) => ` Mean foreground IoU against what was drawn: ${value}.`,
  unknown: " Nobody knows the true mask of this picture.",
};
const BOUNDS = { ...SCENE_BOUNDS };

function render({ model, el }) {
  const ui = frame({ model, el, stem: "live-sketch", words: WORDS, bounds: BOUNDS, code: () => liveCode(scene.shot().image) });
  const figures = h("div", { class: "unet-grids" });
  ui.stage.append(figures);
  let later = 0, toldAt = 0, asking = false;
  ui.leave(() => clearTimeout(later));
  const live = liveRun(ui, { model, stages: ["logits"], heard: () => { if (!asking) ui.redraw(); } });
  const more = h("div", { class: "unet-more" });
  const scene = sceneCanvas(ui, { model, into: figures, more, changed: (shot) => live.feed(shot), otherFile: live.take });
  ui.controls.append(h("details", {}, h("summary", {}, WORDS.more), more));
  figures.append(h("div", { class: "unet-beside" }, live.node, ui.sentence));
  for (const type of ["pointerdown", "keydown"]) ui.listen(scene.canvas, type, (event) => { if (type === "pointerdown" || event.key === " " || event.key === "Enter") live.start(); });

  function sentence() {
    const said = live.answer();
    if (!said) return WORDS.idle;
    const count = [0, 0, 0], part = (k) => show((100 * count[k]) / said.mask.length, 1);
    said.mask.forEach((label) => { count[label] += 1; });
    const got = liveScores(said.mask, said.shot.labels, said.classes);
    return WORDS.found(part(1), part(2)) + (!got ? WORDS.unknown : got.mean_iou === null ? "" : WORDS.score(show(got.mean_iou, 2))) + (said.recorded ? ` ${LIVE_WORDS.shown}` : "");
  }
  function tell() {
    clearTimeout(later);
    const wait = toldAt + 500 - performance.now();
    if (wait > 0 && live.engine()) { later = setTimeout(tell, wait); return; }
    toldAt = performance.now();
    ui.say(sentence());
  }
  ui.draw = (palette) => {
    asking = true; // a recorded answer comes at once
    scene.draw(palette);
    asking = false;
    scene.overlay(live.answer());
    tell();
  };
  return ui.ready();
}

export default { render };
