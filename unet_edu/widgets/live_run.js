// A drawing and a network: start it, feed it each picture, keep its last answer; where it cannot run, say why and show what was recorded.
import { decode, h, put, reveal, show } from "./dom.js";
import { engineScores, openEngine } from "./engine.js";

export const LIVE_WORDS = {
  start: "Start the network", again: "Try again",
  idle: "The network starts with your first stroke. It is loaded once, about 5 MB, and runs in this browser: no picture and no file leaves it.",
  idleKernel: "The network starts with your first stroke. Your kernel computes; nothing leaves your machine or the one it runs on.",
  loading: (loaded, total) => (total ? `Loading the network: ${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB.` : "Starting the network."),
  progress: "Loading the network",
  runs: {
    browser: (info) => `A U-Net of width ${info.width} runs in this browser. Nothing leaves it.`,
    kernel: (info) => `Your kernel computes: a U-Net of width ${info.width}.`,
  },
  taken: (name, info) => `${name}: a U-Net of width ${info.width} with ${info.n_classes} classes now answers. It stays in this browser.`,
  recorded: "What was recorded when this page was built is shown for the first scene and for the toy pictures.",
  noFields: "The gradients were recorded for the network of this page, not for yours. In a notebook, LiveUNet(model) takes those of your own.",
  shown: "Recorded when this page was built.",
  lost: (why) => `The recorded results could not be loaded (${why}).`,
};
const LIVE_SIDE = 64, LIVE_PIXELS = LIVE_SIDE * LIVE_SIDE;

/** Logits (classes x pixels) -> {mask, probabilities}: the largest logit wins, and the softmax of all. */
function liveMask(logits, classes) {
  const pixels = logits.length / classes, mask = new Uint8Array(pixels), probabilities = new Float32Array(logits.length);
  for (let i = 0; i < pixels; i++) {
    let best = 0, sum = 0;
    for (let c = 1; c < classes; c++) if (logits[c * pixels + i] > logits[best * pixels + i]) best = c;
    for (let c = 0; c < classes; c++) sum += probabilities[c * pixels + i] = Math.exp(logits[c * pixels + i] - logits[best * pixels + i]);
    for (let c = 0; c < classes; c++) probabilities[c * pixels + i] /= sum;
    mask[i] = best;
  }
  return { mask, probabilities };
}

/** Scores of a mask against the true classes, or null where nobody knows them. */
export function liveScores(mask, labels, classes) {
  if (!labels) return null;
  const matrix = new Array(classes * classes).fill(0);
  for (let i = 0; i < mask.length; i++) {
    if (labels[i] >= classes) return null;
    matrix[labels[i] * classes + mask[i]] += 1;
  }
  return engineScores(matrix, classes);
}

/** Bytes as base64. */
const liveBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** The same question in PyTorch, the drawing included. */
export function liveCode(image, gates = [1, 1, 1, 1]) {
  return `import base64\n\nimport torch
from unet_edu.data import CLASSES
from unet_edu.weights import pretrained
from unet_edu.stages import run_stages

grey = base64.b64decode(
    "${liveBase64(Uint8Array.from(image, (v) => Math.round(255 * v)))}"
)  # the drawing, 64 x 64 bytes
image = torch.tensor(list(grey)).reshape(1, 1, 64, 64) / 255

model = pretrained()  # or a network of your own
with torch.no_grad():
    stages = run_stages(model, image, gates=(${gates.map((gate) => String(gate)).join(", ")}))  # inc, down1, down2, down3
mask = stages["logits"].argmax(dim=1)
for label, name in enumerate(CLASSES):
    print(name, int((mask == label).sum()), "pixels")
`;
}

let liveRecorded = null; // what was recorded at build time, loaded once for all widgets of a page

/** The recorded results, from a script of the site: a page that was opened as a file may load one, while it may fetch nothing. */
function loadRecorded(live) {
  liveRecorded ??= new Promise((resolve, reject) => {
    const script = h("script", { src: `${live}recorded.js` });
    script.onload = () => (window.unetRecorded ? resolve(window.unetRecorded) : reject(new Error("empty")));
    script.onerror = () => { liveRecorded = null; reject(new Error("missing")); };
    document.head.append(script);
  });
  return liveRecorded;
}

/** Bytes and their scale per stage -> the stages as an engine answers them. */
function unpackStages(stages) {
  return Object.fromEntries(stages.map(({ name, shape, low, step, data }) => {
    const levels = decode(data, Uint8Array);
    return [name, { shape, data: Float32Array.from(levels, (level) => low + step * level) }];
  }));
}

/**
 * gates(): four numbers, shallow to deep; stages: names that are asked for; heard(): another answer is there, or none;
 * opened(engine): once it runs, and again with another network. Returns {node, start, feed, take, refresh, answer, engine, running, score, fields}:
 * feed({image, labels}) after each change of the drawing; take(file) -> true if it was a network's file;
 * answer(): {mask, probabilities, stages, shot, ms, recorded} or null; score(): the recorded one; fields(): the recorded input gradients.
 */
export function liveRun(ui, { model, gates = () => [1, 1, 1, 1], stages, heard, opened = () => {} }) {
  const words = LIVE_WORDS;
  const button = h("button", { type: "button", class: "unet-start", onclick: () => start() }, words.start);
  const bar = h("progress", { "aria-label": words.progress, hidden: true }), status = h("span", { "aria-live": "polite" }, model.live ? words.idle : words.idleKernel), failed = h("p", { class: "unet-error", role: "alert" });
  const node = h("div", { class: "unet-live" }, h("div", { class: "unet-row" }, button, bar, status), failed);
  let engine = null, opening = null, gone = false, shot = null, answer = null, recorded = null, foreign = false;
  ui.leave(() => { gone = true; engine?.close(); });

  // What was recorded for the first scene is shown until the network itself answers: it comes when the page has nothing else to do.
  if (model.live) (window.requestIdleCallback || setTimeout)(() => loadRecorded(model.live).then(remember, () => {}));

  function remember(told) {
    recorded = told;
    if (engine || gone) return;
    refresh();
    heard(); // a score is there, whatever is drawn
  }

  function start() {
    if (engine || opening) return opening;
    button.disabled = true;
    put(failed, "");
    put(status, words.loading(0, 0));
    reveal(bar, true);
    bar.removeAttribute("value");
    opening = openEngine({
      model,
      onProgress: (loaded, total) => {
        if (total) { bar.max = total; bar.value = Math.min(loaded, total); }
        put(status, words.loading(loaded, total));
      },
      onInfo: () => { opened(engine); refresh(); },
    }).then((made) => {
      if (gone) return made.close();
      engine = made;
      reveal(button, false);
      put(status, words.runs[engine.kind](engine.info));
      opened(engine);
      refresh();
    }, refused).finally(() => { opening = null; reveal(bar, false); });
    return opening;
  }

  async function refused(error) {
    if (gone) return;
    button.disabled = false;
    put(button, words.again);
    put(failed, error.message);
    put(status, "");
    if (!model.live) return;
    try {
      remember(await loadRecorded(model.live));
      put(status, words.recorded);
    } catch (missing) {
      put(status, words.lost(missing.message));
    }
  }

  /** Ask for the present drawing; the newest question is the one that counts. */
  function refresh() {
    if (!shot || gone) return;
    if (!engine) return replay();
    const asked = shot;
    engine.run({ image: asked.image, height: LIVE_SIDE, width: LIVE_SIDE, gates: gates(), stages }).then((said) => {
      if (!said || gone) return;
      const classes = said.stages.logits.shape.at(-3);
      answer = { ...liveMask(said.stages.logits.data, classes), classes, stages: said.stages, shot: asked, ms: said.ms, recorded: false };
      heard();
    }).catch((error) => put(failed, error.message));
  }

  /** The recorded answer, if the drawing is the first scene or a toy picture, untouched; else none. */
  function replay() {
    if (!recorded) return;
    const open = gates().every((gate) => gate === 1);
    const found = open && recorded.pictures.find((picture) => { picture.grey ??= decode(picture.image, Uint8Array); return shot.image.every((v, i) => Math.round(255 * v) === picture.grey[i]); });
    if (!found && !answer) return;
    answer = null;
    if (found) {
      const levels = decode(found.probabilities, Uint8Array), probabilities = Float32Array.from(levels, (level) => level / 255), classes = levels.length / LIVE_PIXELS;
      answer = { mask: decode(found.mask, Uint8Array), probabilities, classes, stages: found.stages ? unpackStages(found.stages) : null, shot, ms: null, recorded: true };
    }
    heard();
  }

  /** A file with the reader's own network. */
  function take(file) {
    if (!/\.onnx$/i.test(file.name)) return false;
    Promise.resolve(start()).then(async () => {
      if (!engine) return;
      put(failed, "");
      try {
        const info = await engine.load(file);
        foreign = true;
        put(status, words.taken(file.name, info));
      } catch (error) {
        put(failed, error.message);
      }
    });
    return true;
  }

  return {
    node, start, take, refresh,
    feed(now) { shot = now; refresh(); },
    answer: () => answer,
    engine: () => engine,
    running: () => Boolean(engine || opening),
    score: () => (engine ? null : recorded?.score), // of open gates, until the network itself is asked
    async fields() {
      if (engine?.kind === "kernel") return engine.fields();
      if (foreign) throw new Error(words.noFields);
      return (await loadRecorded(model.live)).fields;
    },
  };
}
