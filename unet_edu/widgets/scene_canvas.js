// The canvas that a reader draws a scene on: tools, camera, undo, toy pictures, a picture of one's own. It holds the scene; a link does not.
import { decode, dress, freshId, h, put } from "./dom.js";
import { paint } from "./paint.js";
import { blankScene, lampLight, penStroke, photograph, pictureScene, SCENE_LAMPS, SCENE_SIDE, stampedScene } from "./scene.js";
import { greyPicture } from "./scene_files.js";
import { OVERLAY_FINE, paintOverlay } from "./scene_overlay.js";

const SCENE_WORDS = {
  tool: "Tool",
  tools: { cell: "draw a cell", crystal: "draw a crystal", erase: "erase", stamp_cell: "stamp a cell", stamp_crystal: "stamp a crystal" },
  radius: "size (radius, pixels)", noise: "camera noise (‰ of white)", light: "uneven light (%)", lamp: "brighter side",
  lamps: { left: "left", top_left: "top left", top: "top", top_right: "top right", right: "right", bottom_right: "bottom right", bottom: "bottom", bottom_left: "bottom left" },
  undo: "Undo", clear: "Clear", toy: "toy picture", toys: (n) => `picture ${n}`, noToy: "none", file: "picture of your own",
  caption: "Draw here", canvas: "Scene, 64 by 64 pixels: draw with a mouse, a finger or the arrow keys and Space",
  hint: (tool, radius) => `${tool[0].toUpperCase()}${tool.slice(1)}, radius ${radius}. With keys: arrows move the frame (Shift: by 5), Space draws or stamps, held down it draws along. A picture file can be dropped here.`,
  done: {
    cell: (row, col) => `A cell is drawn, up to row ${row}, column ${col}.`, crystal: (row, col) => `A crystal is drawn, up to row ${row}, column ${col}.`,
    erase: (row, col) => `Erased, up to row ${row}, column ${col}.`,
    stamp_cell: (row, col) => `A cell is stamped at row ${row}, column ${col}.`, stamp_crystal: (row, col) => `A crystal is stamped at row ${row}, column ${col}.`,
  },
  classes: ["background", "cell", "crystal"],
  here: (row, col, what) => `Row ${row}, column ${col}${what ? `: ${what}` : ""}.`,
  undone: "The last step is undone.", nothing: "Nothing is left to undo.", cleared: "The scene is empty.",
  toyLoaded: (n) => `Toy picture ${n}, with its mask.`,
  ownLoaded: (name) => `${name}: its middle square as 64 × 64 grey pixels. It stays in this browser; nobody knows its true mask.`,
  noFile: "What was dropped is no file; drop a picture file.",
};
export const SCENE_BOUNDS = { tool: Object.keys(SCENE_WORDS.tools), radius: [1, 14], noise: [0, 200], light: [0, 100], lamp: Object.keys(SCENE_LAMPS) };
const SCENE_LABELS = { cell: 1, crystal: 2, erase: 0, stamp_cell: 1, stamp_crystal: 2 }, SCENE_UNDO = 50, SCENE_MOST = 384;
const SCENE_START = [[1, 20, 19, 9, 43], [2, 21, 45, 9, 15], [1, 45, 36, 8, 84], [2, 49, 13, 7, 14], [1, 41, 56, 6, 15]]; // class, row, column, radius, seed

const startScene = () => SCENE_START.reduce((scene, [label, row, col, radius, seed]) => ({ ...scene, ...stampedScene(scene, { label, row, col, radius, seed }) }), blankScene(3));

/**
 * Put the drawing into a widget: tools into ui.controls, camera and pictures into `more`, the canvas into `into`. The widget's BOUNDS hold SCENE_BOUNDS, its Python
 * class is a SceneControls; its ui.draw calls draw(palette) of what this returns.
 * changed({image, labels}): the picture, Float32Array 0..1, and its classes, Uint8Array or null; after each change, and at the first draw.
 * otherFile(file) -> true takes a file away that is no picture. Returns {draw, overlay, shot, figure, canvas}:
 * overlay({mask, probabilities, view, threshold}) or overlay(null), see paintOverlay(); shot(): the last {image, labels}.
 */
export function sceneCanvas(ui, { model, changed = () => {}, otherFile = () => false, into = ui.stage, more = ui.controls }) {
  const side = SCENE_SIDE, words = SCENE_WORDS, toys = model.get("_toys") || {}, pixels = side * side;
  const toyImages = toys.count ? decode(toys.images, Uint8Array) : null, toyMasks = toys.count ? decode(toys.masks, Uint8Array) : null;
  let scene = startScene(), layers = scene, toy = "", past = [], camera = null; // camera: noise and light of what was drawn before a picture came
  let job = null, due = false, gone = false, turn = 0, palette = null, size = 0, byKey = false, shown = "", lit = "", light = null, last = null, said = null;
  ui.leave(() => { gone = true; });

  ui.choice("tool", words.tool, words.tools).classList.add("unet-tools");
  ui.slider("radius", words.radius);
  const button = (text, action) => h("button", { type: "button", onclick: action }, text);
  ui.controls.append(h("div", { class: "unet-row" }, button(words.undo, undo), button(words.clear, clear)));
  ui.slider("noise", words.noise, { into: more });
  ui.slider("light", words.light, { into: more });
  ui.select("lamp", words.lamp, Object.entries(words.lamps), { into: more });
  const list = h("select", { id: freshId() }, h("option", { value: "" }, words.noToy), Array.from({ length: toys.count || 0 }, (_, i) => h("option", { value: String(i + 1) }, words.toys(i + 1))));
  const file = h("input", { type: "file", accept: "image/*", id: freshId() });
  const field = (node, label) => h("div", { class: "unet-select" }, h("label", { class: "unet-label", for: node.id }, label), node);
  if (toys.count) more.append(field(list, words.toy));
  more.append(field(file, words.file));

  const hint = h("p", { class: "unet-note unet-hint", id: freshId() }), told = h("p", { class: "unet-told", "aria-live": "polite" }), failed = h("p", { class: "unet-error", role: "alert" });
  const canvas = h("canvas", { width: side, height: side, tabindex: "0", role: "application", "aria-label": words.canvas, "aria-describedby": hint.id });
  const veil = h("canvas", { class: "unet-veil", width: side * OVERLAY_FINE, height: side * OVERLAY_FINE, "aria-hidden": "true" }), mark = h("div", { class: "unet-mark" });
  const sheet = h("div", { class: "unet-sheet" }, canvas, veil, mark), figure = h("figure", { class: "unet-scene" }, h("figcaption", {}, words.caption), sheet, hint, told, failed);
  into.append(figure);
  const pen = canvas.getContext("2d"), fine = veil.getContext("2d"), picture = pen.createImageData(side, side), over = fine.createImageData(veil.width, veil.height);

  const tell = (text) => { put(failed, ""); put(told, text); };
  const refuse = (text) => { put(told, ""); put(failed, text); };
  const placed = (cell) => [cell.row + 1, cell.col + 1];

  /** Show `layers` through the camera, if anything changed since the last time. */
  function shoot() {
    const now = [model.get("light"), model.get("lamp")].join(), noise = model.get("noise");
    if (now !== lit) { light = lampLight(model.get("light") / 100, model.get("lamp")); lit = now; }
    if (shown === `${now},${noise}` && last && last.of === layers) return;
    shown = `${now},${noise}`;
    const image = photograph({ ...scene, ...layers }, light, noise / 1000), { data } = picture;
    for (let i = 0, j = 0; i < pixels; i++, j += 4) { data[j] = data[j + 1] = data[j + 2] = image[i] * 255; data[j + 3] = 255; }
    pen.putImageData(picture, 0, 0);
    last = { of: layers, image, labels: layers.labels };
    changed({ image, labels: layers.labels });
  }
  /** Take a step that can be undone; `sliders` change with it. */
  function step(next, { name = "", sliders = {} } = {}) {
    settle();
    turn += 1;
    past.push({ scene, toy, noise: model.get("noise"), light: model.get("light") });
    if (past.length > SCENE_UNDO) past.shift();
    [scene, layers, toy] = [next, next, name];
    ui.write(sliders);
  }
  function undo() {
    settle();
    turn += 1;
    const before = past.pop();
    if (!before) return tell(words.nothing);
    const other = before.scene.ground !== scene.ground; // another picture: its camera comes back with it
    ({ scene, toy } = before);
    layers = scene;
    tell(words.undone);
    ui.write(other ? { noise: before.noise, light: before.light } : {});
  }
  function clear() {
    const sliders = scene.kind === "blank" ? {} : camera || {};
    step(blankScene(scene.kind === "blank" ? scene.seed : 3), { sliders });
    tell(words.cleared);
  }
  function load(next, name) {
    if (scene.kind === "blank") camera = { noise: model.get("noise"), light: model.get("light") };
    step(next, { name, sliders: { noise: 0, light: 0 } }); // a picture that was taken has its own noise and light
  }
  function reset() {
    job = null;
    turn += 1;
    scene = layers = startScene();
    [toy, past, camera] = ["", [], null];
    tell("");
  }
  ui.listen(ui.root.querySelector(".unet-reset"), "click", reset, true); // before the frame writes the sliders and draws

  ui.listen(list, "change", () => {
    if (!list.value) return clear();
    const part = (all) => all.subarray((list.value - 1) * pixels, list.value * pixels);
    load(pictureScene(part(toyImages), part(toyMasks), Number(list.value)), list.value);
    tell(words.toyLoaded(list.value));
  });
  async function take(given) {
    if (!given) return refuse(words.noFile);
    if (otherFile(given)) return;
    const mine = ++turn; // a picture that is asked for meanwhile is newer
    try {
      const grey = await greyPicture(given, side);
      if (gone || mine !== turn) return;
      load(pictureScene(grey), "");
      tell(words.ownLoaded(given.name));
    } catch (error) {
      if (!gone && mine === turn) refuse(error.message);
    }
  }
  ui.listen(file, "change", () => { const [given] = file.files; if (given) take(given); file.value = ""; });
  // Everywhere in the widget: a file that falls beside the canvas would make the browser leave the page, and the drawing with it.
  for (const type of ["dragover", "dragleave", "drop"]) {
    ui.listen(ui.root, type, (event) => {
      const { types, files } = event.dataTransfer;
      if (!types.includes("Files") && !figure.contains(event.target)) return; // words may be dropped into a box
      if (type !== "dragleave") event.preventDefault();
      sheet.classList.toggle("unet-over", type === "dragover");
      if (type === "drop") take(files[0]);
    });
  }

  // A stroke is shown once for each event of the browser, however many steps were gathered in it.
  function show() {
    due = false;
    if (!job || gone) return;
    layers = job.stamp ? stampedScene(scene, { ...job, ...job.at }) : job.pen.layers();
    shoot();
  }
  function settle() {
    if (!job) return;
    show();
    past.push({ scene, toy, noise: model.get("noise"), light: model.get("light") });
    if (past.length > SCENE_UNDO) past.shift();
    scene = layers = { ...scene, ...layers, count: scene.count + 1 };
    last.of = layers;
    job = null;
  }
  function stroke(from, to, phase) {
    if (phase === "start") {
      const tool = model.get("tool"), made = { tool, label: SCENE_LABELS[tool], radius: model.get("radius"), seed: 1000 * scene.seed + scene.count };
      job = tool.startsWith("stamp") ? { ...made, stamp: true } : { ...made, pen: penStroke(scene, made) };
    }
    if (!job) return;
    job.at = to;
    if (job.pen && phase !== "end") job.pen.add(from, to);
    if (phase === "end") {
      const { tool } = job;
      settle();
      return tell(words.done[tool](...placed(to)));
    }
    if (!due) { due = true; queueMicrotask(show); }
  }
  ui.listen(canvas, "keydown", () => { byKey = true; });
  ui.listen(canvas, "pointerdown", () => { byKey = false; });
  const at = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect(), cell = (to, from, long) => Math.floor(((to - from) * side) / long);
    const col = cell(clientX, box.left, box.width), row = cell(clientY, box.top, box.height);
    return row >= 0 && row < side && col >= 0 && col < side ? { row, col } : null;
  };
  const { cursor } = paint(ui, canvas, { rows: side, cols: side, at, stroke, cursorMoved: (cell) => {
    place();
    if (byKey && !job) tell(words.here(...placed(cell), layers.labels ? words.classes[layers.labels[cell.row * side + cell.col]] : ""));
  } });
  /** The frame of the keyboard, as large as what the tool draws. */
  function place() {
    const unit = size / side, long = (2 * model.get("radius") + 1) * unit, move = (i) => (i + 0.5) * unit - long / 2;
    dress(mark, { width: `${long}px`, height: `${long}px`, transform: `translate(${move(cursor.col)}px, ${move(cursor.row)}px)` });
  }
  function overlay(says) {
    said = says;
    if (!palette) return;
    if (!says) return fine.clearRect(0, 0, veil.width, veil.height);
    paintOverlay(over.data, side, palette, says);
    fine.putImageData(over, 0, 0);
  }

  function draw(now) {
    size = side * Math.max(1, Math.floor(Math.min(SCENE_MOST, ui.width) / side));
    dress(sheet, { width: `${size}px`, height: `${size}px` });
    dress(figure, { width: `${Math.max(size, Math.min(SCENE_MOST, ui.width))}px` });
    if (palette !== now) { palette = now; overlay(said); }
    if (list.value !== toy) list.value = toy;
    put(hint, words.hint(words.tools[model.get("tool")], model.get("radius")));
    place();
    shoot();
  }
  return { draw, overlay, figure, canvas, shot: () => ({ image: last.image, labels: last.labels }) };
}
