// Draw a picture and see a trained U-Net answer: its mask, every stage of it, and what each skip is worth.
import { h, put, reveal, show } from "./dom.js";
import { frame } from "./kit.js";
import { LIVE_WORDS, liveCode, liveRun, liveScores } from "./live_run.js";
import { SCENE_BOUNDS, sceneCanvas } from "./scene_canvas.js";
import { xray, XRAY_BOUNDS } from "./xray.js";

const WORDS = {
  title: "The live network",
  view: "laid over the drawing", views: { mask: "the mask", class_0: "probability of background", class_1: "probability of cell", class_2: "probability of crystal", nothing: "nothing" },
  threshold: "threshold for that probability, %",
  gates: { skip_inc: "skip inc → up4, %", skip_down1: "skip down1 → up3, %", skip_down2: "skip down2 → up2, %", skip_down3: "skip down3 → up1, %" },
  gateNote: "100: the skip as it is. 0: the decoder gets zeros instead.",
  classes: ["background", "cell", "crystal"],
  waiting: "The network has not been asked yet: draw, or press the button.",
  starting: "The network is on its way.",
  then: { mask: "Its mask will lie over the drawing.", nothing: "Nothing will lie over the drawing." },
  thenClass: (name, threshold) => `Its probability of ${name} will lie over the drawing, with a line where that reaches ${threshold} %.`,
  share: (name, percent) => `${percent} % ${name}`,
  mask: (shares) => `The network says: ${shares}.`,
  drawn: (mean, list) => ` Against what was drawn, mean foreground IoU ${mean}: ${list}.`,
  unknown: " Nobody knows the true mask of this picture, so it has no score.",
  nothingDrawn: " Nothing is drawn and nothing found, so there is no score.",
  above: (name, threshold, percent) => ` ${percent} % of the pixels have a probability of ${name} of ${threshold} % or more: the line round them.`,
  noClass: (name) => ` This network has no class “${name}”.`,
  took: (ms) => ` Answered in ${ms} ms.`,
  iou: (name, value) => `${name} ${value}`, noScore: "none",
  joins: "What the decoder joins", join: (to, gate, skip, below) => `${to} = DoubleConv(cat([${gate} · ${skip}, up(${below})]))`,
  scores: "IoU on 64 fixed held-out pictures", scoresHead: ["skips", "cell", "crystal", "mean"], open: "all open", set: "as set above",
  scoring: "…", scoresIdle: "Measured once the network runs.", scoresRecorded: "Recorded when this page was built. Measured here once the network runs.",
};
const GATES = Object.keys(WORDS.gates), JOINS = [["up1", "down3", "down4"], ["up2", "down2", "up1"], ["up3", "down1", "up2"], ["up4", "inc", "up3"]];
const BOUNDS = { ...SCENE_BOUNDS, view: Object.keys(WORDS.views), threshold: [0, 100], ...Object.fromEntries(GATES.map((key) => [key, [0, 100]])), ...XRAY_BOUNDS };

function render({ model, el }) {
  const gates = () => GATES.map((key) => model.get(key) / 100);
  const ui = frame({ model, el, stem: "live-unet", words: WORDS, bounds: BOUNDS, code: () => liveCode(scene.shot().image, gates()) });
  const figures = h("div", { class: "unet-grids" }), deep = h("div", { class: "unet-deep" });
  let inside = null, scored = { open: null, set: null, of: "" }, timer = 0, asked = "", sorry = "", words = "", wordsAt = 0, later = 0, asking = false;
  ui.leave(() => { clearTimeout(timer); clearTimeout(later); });

  const live = liveRun(ui, { model, gates, heard: () => { answered(); if (!asking) ui.redraw(); }, opened: ({ info }) => {
    scored = { open: null, set: null, of: "" };
    asked = sorry = "";
    inside?.know({ channels: info.width, n_classes: info.n_classes, bilinear: info.bilinear }, info.class_names, live.fields);
    score();
  } });
  const scene = sceneCanvas(ui, { model, into: figures, changed: (shot) => live.feed(shot), otherFile: live.take });
  const beside = h("div", { class: "unet-beside" }), looks = h("div", { class: "unet-looks" });
  beside.append(live.node, ui.sentence, looks);
  ui.select("view", WORDS.view, Object.entries(WORDS.views), { into: looks });
  const threshold = ui.slider("threshold", WORDS.threshold, { into: looks });
  inside = xray(ui, { get: (key) => model.get(key), gates, classes: WORDS.classes, width: () => ui.whole, fields: live.fields });
  for (const key of GATES) ui.slider(key, WORDS.gates[key], { into: inside.gates });
  inside.gates.append(h("p", { class: "unet-note" }, WORDS.gateNote));

  const rows = ["open", "set"].map((key) => h("tr", {}, h("th", { scope: "row" }, WORDS[key]), h("td"), h("td"), h("td")));
  const table = h("table", {}, h("caption", {}, WORDS.scores), h("thead", {}, h("tr", {}, WORDS.scoresHead.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows));
  const idle = h("p", { class: "unet-note" }, WORDS.scoresIdle), lines = JOINS.map(() => h("code"));
  beside.append(h("div", { class: "unet-held-out" }, h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.scores }, table), idle));
  figures.append(beside);
  ui.stage.append(figures);
  ui.root.querySelector(".unet-body").after(deep);
  deep.append(inside.node);
  ui.formula.append(h("p", { class: "unet-label" }, WORDS.joins), ...lines.map((line) => h("p", {}, line)));

  for (const type of ["pointerdown", "keydown"]) ui.listen(scene.canvas, type, (event) => { if (type === "pointerdown" || event.key === " " || event.key === "Enter") live.start(); });

  const number = (value) => (value === null || value === undefined ? WORDS.noScore : show(value, 3));
  const list = (iou) => WORDS.classes.slice(1).map((name, i) => WORDS.iou(name, number(iou[i + 1]))).join(", ");

  /** The held-out score of the present gates: asked for when they have stood still for a moment. */
  function score() {
    const engine = live.engine(), now = gates().join();
    if (!engine || now === asked) return;
    asked = now;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        if (!scored.open) {
          const open = await engine.score({});
          if (open) scored = { open, set: open, of: "1,1,1,1" };
        }
        const set = now === "1,1,1,1" ? scored.open : await engine.score({ gates: gates() });
        if (set && now === asked) [scored, sorry] = [{ ...scored, set, of: now }, ""];
      } catch (error) {
        sorry = error.message;
        scored = { open: null, set: null, of: "" };
      }
      ui.redraw();
    }, 250);
  }

  function answered() {
    const said = live.answer();
    if (said?.stages && said.stages.inc) inside.update(said.stages, { image: said.shot.image, height: 64, width: 64 });
  }

  /** What is seen, in words; a hand that draws hears them twice a second at most. */
  function sentence() {
    const said = live.answer(), view = model.get("view"), k = view.startsWith("class_") ? Number(view.slice(6)) : null;
    if (!said) return `${live.running() ? WORDS.starting : WORDS.waiting} ${k === null ? WORDS.then[view] : WORDS.thenClass(WORDS.classes[k], model.get("threshold"))}`;
    const part = (count) => show((100 * count) / said.mask.length, 1), count = [0, 0, 0];
    said.mask.forEach((label) => { count[label] += 1; });
    const got = liveScores(said.mask, said.shot.labels, said.classes);
    let text = WORDS.mask(WORDS.classes.slice(1, said.classes).map((name, i) => WORDS.share(name, part(count[i + 1]))).join(", "));
    text += !got ? WORDS.unknown : got.mean_iou === null ? WORDS.nothingDrawn : WORDS.drawn(number(got.mean_iou), list(got.iou));
    if (k !== null && k >= said.classes) text += WORDS.noClass(WORDS.classes[k]);
    else if (k !== null) {
      const map = said.probabilities.subarray(k * said.mask.length, (k + 1) * said.mask.length), least = model.get("threshold") / 100;
      text += WORDS.above(WORDS.classes[k], model.get("threshold"), part(map.reduce((sum, p) => sum + (p >= least), 0)));
    }
    return text + (said.recorded ? ` ${LIVE_WORDS.shown}` : WORDS.took(show(said.ms, 0)));
  }
  function tell() {
    clearTimeout(later);
    const wait = wordsAt + 500 - performance.now();
    if (wait > 0 && live.engine()) { later = setTimeout(tell, wait); return; }
    const now = sentence();
    if (now === words) return;
    [words, wordsAt] = [now, performance.now()];
    ui.say(now);
  }

  let fedGates = gates().join();
  ui.draw = (palette) => {
    const view = model.get("view"), k = view.startsWith("class_") ? Number(view.slice(6)) : null, open = gates();
    asking = true; // a recorded answer comes at once
    scene.draw(palette);
    if (open.join() !== fedGates) { // another gate asks the same picture anew
      fedGates = open.join();
      live.refresh();
    }
    asking = false;
    const said = live.answer();
    const shown = said && view !== "nothing" && !(k !== null && k >= said.classes) ? { ...said, view: k ?? "mask", threshold: k === null ? null : model.get("threshold") / 100 } : null;
    scene.overlay(shown);
    reveal(threshold.field, k !== null);
    if (threshold.range.disabled !== (k === null)) threshold.range.disabled = threshold.box.disabled = k === null;
    inside.draw(palette);
    score();
    JOINS.forEach(([to, skip, below], i) => put(lines[i], WORDS.join(to, show(open[3 - i]), skip, below)));
    rows.forEach((row, i) => {
      const same = !i || (live.score() ? "1,1,1,1" : scored.of) === open.join();
      const got = live.score() ?? (i ? scored.set : scored.open), fresh = got && same;
      put(row.cells[0], i ? WORDS.set : WORDS.open);
      [got?.iou[1], got?.iou[2], got?.mean_iou].forEach((value, c) => put(row.cells[c + 1], fresh ? number(value) : live.engine() && !sorry ? WORDS.scoring : ""));
    });
    put(idle, live.engine() ? sorry : live.score() ? WORDS.scoresRecorded : WORDS.scoresIdle);
    reveal(idle, !live.engine() || sorry);
    tell();
  };
  return ui.ready();
}

export default { render };
