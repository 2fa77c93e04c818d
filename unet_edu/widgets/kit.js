// What every widget is made of: labelled native controls, one frame that binds them to a model, and one way to draw a grid of cells.

const KIT_WORDS = {
  reset: "Reset",
  copy: "Copy as PyTorch",
  copied: "Copied.",
  link: "Link to this state",
  linked: "The link to this state is in the address bar and on the clipboard.",
  code: "The same in PyTorch",
  play: "Play",
  pause: "Pause",
  back: "Step back",
  next: "Step",
  typed: (label, low, high, value) => `${label}: ${value === "" ? "nothing typed" : value} is not a whole number from ${low} to ${high}; the value before it stays.`,
  foreign: (key, value, range) => `The link asks for ${key} = ${value}; ${range}. Its other values are shown.`,
};

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

let held = null; // while a widget draws, its texts wait: a word on a canvas after a change in the page would restyle the page

/** Write a text, a style or a presence only where it changed: an equal one would still cost a layout of the page. */
export const put = (node, text) => {
  if (held) held.push([node, text]);
  else if (node.childNodes.length === 1 && node.firstChild.nodeType === 3) { // the text node stays: a new one would be styled and laid out from nothing
    if (node.firstChild.data !== text) node.firstChild.data = text;
  } else if (node.textContent !== text) node.textContent = text;
};
export const reveal = (node, there) => { if (node.hidden === Boolean(there)) node.hidden = !there; };
export const dress = (node, styles) => { for (const [name, value] of Object.entries(styles)) if (node.style[name] !== value) node.style[name] = value; };

let count = 0;
export const freshId = () => `unet-${++count}-${Math.random().toString(36).slice(2, 7)}`;

/** A number for a reader: at most `digits` decimals, none that say nothing, a true minus sign. */
export function show(value, digits = 2) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "−inf" : "inf";
  const text = String(Number(value.toFixed(digits)));
  return (text === "-0" ? "0" : text).replace("-", "−");
}

/** A Python list of lists, for the code that a reader copies. */
export const nested = (rows, cols, value) =>
  "[" + Array.from({ length: rows }, (_, r) => "[" + Array.from({ length: cols }, (_, c) => value(r, c)).join(", ") + "]").join(",\n     ") + "]";

/** Decode base64 (see pack() in base.py) into a typed array. */
export function decode(text, Type) {
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Type(bytes.buffer);
}

const STEPS = [480, 560, 640, 720, 770]; // widths, in CSS pixels, at which a widget's layout changes: see widgets.css
const ROLES = ["ink", "quiet", "paper", "panel", "line", "input", "weight", "output", "zero", "cut", "added", "skip", "decoder", "window",
  "class-0", "class-1", "class-2", "low", "mid", "high", "good", "bad"];
const palettes = new Map();

/** The palette's present values, read from the style sheet once for each theme: reading costs a style pass over the page. */
export function colours(el) {
  const { dataset } = document.documentElement, body = document.body;
  const theme = [dataset.theme, document.documentElement.getAttribute("theme"), body.dataset.jpThemeLight, body.className, matchMedia("(prefers-color-scheme: dark)").matches].join("|");
  if (!palettes.has(theme)) {
    const style = getComputedStyle(el);
    palettes.set(theme, Object.fromEntries(ROLES.map((role) => [role, style.getPropertyValue(`--unet-${role}`).trim() || "#888888"])));
  }
  return palettes.get(theme);
}

const parsed = new Map();
const rgb = (hex) => {
  if (!parsed.has(hex)) parsed.set(hex, [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return parsed.get(hex);
};
const ramps = new Map();
/** A colour between two, in 256 steps; each step is put into words once, since a grid asks for hundreds at every move. */
export const mix = (from, to, t) => {
  const step = Math.round(255 * Math.min(1, Math.max(0, t))), name = from + to;
  if (!ramps.has(name)) ramps.set(name, []);
  const ramp = ramps.get(name);
  if (ramp[step] === undefined) {
    const a = rgb(from), b = rgb(to), part = (i) => Math.round(a[i] + ((b[i] - a[i]) * step) / 255);
    ramp[step] = `rgb(${part(0)},${part(1)},${part(2)})`;
  }
  return ramp[step];
};
/** Signed value -> colour, centred on zero; `most` is the magnitude at the ends. */
export const diverging = (palette, value, most) =>
  value < 0 ? mix(palette.mid, palette.low, most ? -value / most : 0) : mix(palette.mid, palette.high, most ? value / most : 0);
/** Value from 0 to `most` -> colour, from the paper to one role. */
export const sequential = (palette, value, most, role = "output") => mix(palette.paper, palette[role], most ? value / most : 0);
const inks = new Map();
/** Ink that reads on a colour. */
export function inkOn(colour) {
  if (inks.size > 2000) inks.clear();
  if (!inks.has(colour)) {
    const [r, g, b] = colour.startsWith("#") ? rgb(colour) : colour.slice(4, -1).split(",").map(Number);
    inks.set(colour, 0.299 * r + 0.587 * g + 0.114 * b > 150 ? "#111111" : "#ffffff");
  }
  return inks.get(colour);
}

const tiles = new Map();

/** A picture of one cell, drawn once for each key, then copied: a path or a word for every cell would take most of a frame. */
function tile(key, size, ratio, paint) {
  const name = `${key}|${size}|${ratio}`;
  if (tiles.has(name)) return tiles.get(name);
  const cell = document.createElement("canvas"), pen = cell.getContext("2d");
  cell.width = cell.height = Math.max(1, Math.round(size * ratio));
  pen.scale(ratio, ratio);
  paint(pen);
  if (tiles.size > 300) tiles.clear();
  tiles.set(name, cell);
  return cell;
}

/** A pattern that fills any number of cells: stripes one way ("diagonal"), the other way ("back"), both ("cross"), or dots. */
export function hatch(pen, ratio, colour, kind) {
  const gap = 8, sheet = tile(`${kind}|${colour}`, gap, ratio, (brush) => {
    brush.strokeStyle = brush.fillStyle = colour;
    brush.lineWidth = 1.3;
    if (kind === "dots") for (const at of [1, 5]) brush.fillRect(at, at, 1.6, 1.6);
    for (const i of kind === "dots" ? [] : [-gap, 0, gap]) {
      if (kind !== "back") { brush.moveTo(i - 1, gap + 1); brush.lineTo(i + gap + 1, -1); }
      if (kind !== "diagonal") { brush.moveTo(i - 1, -1); brush.lineTo(i + gap + 1, gap + 1); }
    }
    brush.stroke();
  });
  const pattern = pen.createPattern(sheet, "repeat");
  if (ratio !== 1) pattern.setTransform(new DOMMatrix([1 / ratio, 0, 0, 1 / ratio, 0, 0]));
  return pattern;
}

const word = (size, ratio, text, px, ink) => tile(`${text}|${px}|${ink}`, size, ratio, (pen) => {
  pen.font = `${px}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = ink;
  pen.fillText(text, size / 2, size / 2 + 0.5);
});

/** (event) -> the {row, col} of a grid under a pointer, or null. */
export const cellAt = (canvas, wide, pad, size, rows, cols) => (event) => {
  const box = canvas.getBoundingClientRect(), scale = wide / box.width;
  const col = Math.floor(((event.clientX - box.left) * scale - pad) / size), row = Math.floor(((event.clientY - box.top) * scale - pad) / size);
  return row >= 0 && row < rows && col >= 0 && col < cols ? { row, col } : null;
};

/** Frames of [x, y, width, height, colour, dashed] round cells of `size` CSS pixels. */
export function strokeFrames(pen, frames, size) {
  pen.lineWidth = Math.min(3, Math.max(1.5, size / 8));
  for (const [x, y, w, t, colour, dash] of frames) {
    pen.strokeStyle = colour;
    pen.setLineDash(dash ? [4, 3] : []);
    pen.strokeRect(x, y, w, t);
  }
  pen.setLineDash([]);
}

const pictures = new WeakMap(), FONT = 16;

/** A pen for a canvas of `wide` x `high` CSS pixels, wiped clean; null if `key`, all that the picture depends on, is still the same. */
export function penFor(canvas, wide, high, key) {
  const ratio = window.devicePixelRatio || 1, w = Math.round(wide * ratio), t = Math.round(high * ratio), now = `${ratio}|${key}`;
  const sized = canvas.width === w && canvas.height === t;
  if (sized && pictures.get(canvas) === now) return null;
  pictures.set(canvas, now);
  if (!sized) {
    canvas.width = w;
    canvas.height = t;
    dress(canvas, { width: `${wide}px`, aspectRatio: `${wide} / ${high}` });
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, wide, high);
  if (!sized) pen.font = `${FONT}px system-ui, sans-serif`;
  return pen;
}

/** A word of `px` CSS pixels on a canvas from penFor(). The font itself is never changed: that would lay the whole page out. */
export function write(pen, text, x, y, px = 12) {
  const ratio = window.devicePixelRatio || 1, scale = px / FONT;
  pen.setTransform(ratio * scale, 0, 0, ratio * scale, 0, 0);
  pen.fillText(text, x / scale, y / scale);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
}

const drawn = new WeakMap(); // canvas -> what its grid showed last
const equalLooks = (a, b) => a === b || (a && b && a.fill === b.fill && a.text === b.text && a.ink === b.ink && a.hatch === b.hatch
  && a.hatchColour === b.hatchColour && a.outline === b.outline && a.faded === b.faded);

/** Draw `rows` x `cols` square cells on a canvas. `cell(r, c)` returns {fill, text, ink, hatch, hatchColour, outline, faded}.
    `room` = [wide, high] keeps the canvas one size whatever the grid's: a canvas that changes its size costs a layout of the page.
    `key` names what `over(pen)` paints on top. What would look the same is not drawn again.
    Returns {size, at(event)}: the cell size in CSS pixels and the cell under a pointer. */
export function drawGrid(canvas, { rows, cols, cell, size, palette, frames = [], room, key = "", over = () => {} }) {
  const ratio = window.devicePixelRatio || 1, pad = 3, [wide, high] = room || [cols * size + 2 * pad, rows * size + 2 * pad];
  const grid = { size, at: cellAt(canvas, wide, pad, size, rows, cols) };
  let rest = `${rows}|${cols}|${size}|${palette.paper}|${key}`;
  for (const f of frames) rest += `|${f.row},${f.col},${f.rows},${f.cols},${f.colour}${f.dash}`;
  const before = drawn.get(canvas), looks = new Array(rows * cols);
  let same = before !== undefined && before.rest === rest;
  for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < cols; c++, i++) {
    looks[i] = cell(r, c);
    if (same && !equalLooks(looks[i], before.looks[i])) same = false;
  }
  const turn = before ? before.turn + !same : 0;
  drawn.set(canvas, { rest, looks, turn });
  const pen = penFor(canvas, wide, high, turn);
  if (!pen) return grid;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const late = [], texts = [], hatches = new Map(), lines = size >= 7, whole = looks.every(Boolean);
  if (lines && !whole) pen.beginPath(); // the lines of the cells that there are: one path, stroked once
  for (let r = 0, i = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const look = looks[i++];
      if (!look) continue;
      const x = pad + c * size, y = pad + r * size;
      if (look.faded) pen.globalAlpha = 0.35;
      pen.fillStyle = look.fill || palette.paper;
      pen.fillRect(x, y, size, size);
      if (look.hatch) {
        const colour = look.hatchColour || palette.quiet, name = look.hatch + colour;
        if (!hatches.has(name)) hatches.set(name, hatch(pen, ratio, colour, look.hatch));
        pen.fillStyle = hatches.get(name);
        pen.fillRect(x, y, size, size);
      }
      if (look.faded) pen.globalAlpha = 1;
      if (lines && !whole) pen.rect(x + 0.5, y + 0.5, size - 1, size - 1);
      if (look.text !== undefined && look.text !== "" && size >= 16) {
        const fit = Math.min(size * 0.52, (size * 1.4) / Math.max(1, look.text.length), 15);
        if (fit >= 8.5) texts.push([fit, x, y, look]);
      }
      if (look.outline) late.push([x, y, size, size, look.outline, false]);
    }
  }
  pen.fillStyle = pen.strokeStyle = palette.line;
  pen.lineWidth = 1;
  if (lines && whole) { // a full grid: strips, which cost far less than a path; half as wide at the rim
    for (let r = 0; r <= rows; r++) pen.fillRect(pad, pad + r * size - (r > 0), cols * size, r > 0 && r < rows ? 2 : 1);
    for (let c = 0; c <= cols; c++) pen.fillRect(pad + c * size - (c > 0), pad, c > 0 && c < cols ? 2 : 1, rows * size);
  } else if (lines) pen.stroke();
  const often = new Map(); // a word that stands in many cells is copied
  for (const [, , , look] of texts) often.set(look.text, (often.get(look.text) || 0) + 1);
  for (const [fit, x, y, look] of texts) {
    const ink = look.ink || inkOn(look.fill || palette.paper);
    if (often.get(look.text) > 30 && !look.hatch && !look.faded) {
      pen.drawImage(word(size, ratio, look.text, fit, ink), x, y, size, size);
      continue;
    }
    if (look.hatch) { // a quiet patch, so that the number reads on its pattern
      const patch = fit * 0.6 * look.text.length + 4;
      pen.fillStyle = look.fill || palette.paper;
      pen.fillRect(x + (size - patch) / 2, y + (size - fit) / 2 - 1, patch, fit + 2);
    }
    if (look.faded) pen.globalAlpha = 0.5;
    pen.fillStyle = ink;
    write(pen, look.text, x + size / 2, y + size / 2 + 0.5, fit);
    if (look.faded) pen.globalAlpha = 1;
  }
  for (const f of frames) late.push([pad + f.col * size, pad + f.row * size, f.cols * size, f.rows * size, f.colour, f.dash]);
  strokeFrames(pen, late, size);
  over(pen);
  return grid;
}

/** A legend: [{role, hatch, text}], each colour with its pattern and its word. */
export function legend() {
  const list = h("ul", { class: "unet-key" });
  let shown = "", theme = null;
  return {
    node: list,
    draw(palette, entries) {
      const now = JSON.stringify(entries);
      if (now === shown && theme === palette) return;
      [shown, theme] = [now, palette];
      list.replaceChildren(...entries.map(({ fill, hatch: kind, hatchColour, outline, text }) => {
        const canvas = h("canvas", { class: "unet-swatch", "aria-hidden": "true" });
        drawGrid(canvas, { rows: 1, cols: 1, size: 12, palette, cell: () => ({ fill, hatch: kind, hatchColour, outline }) });
        return h("li", {}, canvas, text);
      }));
    },
  };
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unet-hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** Keep plain keys inside a widget: JupyterLab would take an arrow from a slider, to walk through the cells. Ctrl, Alt and Cmd pass. */
export const keepKeys = (root) => root.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.altKey && !event.metaKey) event.stopPropagation(); });

/**
 * The frame of a widget: title, controls, stage, sentence, formula, foot; binds traits to controls.
 * words: {title, summary}. bounds: {key: [low, high] | [word, ...]} for every trait that a link may carry.
 * draw(palette): reads the model only. code(): PyTorch text. legal(): false keeps a state on this page (not sent to a kernel).
 */
export function frame({ model, el, stem, words, bounds, code, legal = () => true }) {
  const leave = [], outside = el.clientWidth; // read before anything is put in: the page is still laid out
  const initial = Object.fromEntries(Object.keys(bounds).map((key) => [key, model.get(key)]));
  const ui = { width: 0, whole: 0, controls: h("div", { class: "unet-controls" }), stage: h("div", { class: "unet-stage" }), draw: () => {} };
  ui.error = h("p", { class: "unet-error", role: "alert" });
  ui.sentence = h("p", { class: "unet-say", "aria-live": "polite" });
  ui.formula = h("div", { class: "unet-formula" });
  const told = h("span", { class: "unet-note", role: "status" });
  const listing = h("pre", { tabindex: "0", "aria-label": KIT_WORDS.code });
  // The theme takes the tab stop from a listing that is folded and so does not scroll yet: give it back when it is filled.
  const list = () => { listing.textContent = code(); listing.tabIndex = 0; };
  const root = h("section", { class: `unet unet-${stem}`, "aria-label": words.title },
    h("div", { class: "unet-body" }, ui.controls, ui.stage), ui.error, ui.sentence, ui.formula,
    h("div", { class: "unet-foot" },
      h("div", { class: "unet-row" },
        h("button", { type: "button", class: "unet-reset", onclick: () => { ui.write(initial); told.textContent = ""; } }, KIT_WORDS.reset),
        code ? h("button", { type: "button", class: "unet-copy", onclick: async () => { await toClipboard(code()); told.textContent = KIT_WORDS.copied; } }, KIT_WORDS.copy) : null,
        h("button", { type: "button", class: "unet-link", onclick: share }, KIT_WORDS.link), told),
      code ? h("details", {}, h("summary", { onclick: list }, KIT_WORDS.code), listing) : null));
  ui.root = root;
  keepKeys(root);
  el.append(root);

  ui.listen = (target, type, listener, options) => {
    target.addEventListener(type, listener, options);
    leave.push(() => target.removeEventListener(type, listener, options));
  };
  ui.leave = (action) => leave.push(action);
  ui.say = (text) => put(ui.sentence, text);
  ui.fail = (text) => { put(ui.error, text); ui.stage.classList.toggle("unet-illegal", text !== ""); };

  let busy = false;
  ui.write = (changes) => {
    busy = true;
    for (const [key, value] of Object.entries(changes)) model.set(key, value);
    busy = false;
    ui.redraw();
    if (legal()) model.save_changes();
  };
  const setters = [];
  ui.redraw = () => {
    if (busy || !root.isConnected) return;
    const texts = held = [];
    try { ui.draw(colours(root)); } finally { held = null; }
    setters.forEach((update) => update());
    for (const [node, text] of texts) put(node, text);
    if (code && listing.parentElement.open) list();
  };
  if (code) ui.listen(listing.parentElement, "toggle", list);

  /** A range and a number box for one trait; `max` may be a function of the model, `also(value)` names traits that move along. */
  ui.slider = (key, label, { min, max, also = () => ({}), into = ui.controls } = {}) => {
    const low = min ?? bounds[key][0], high = () => (typeof max === "function" ? max() : max ?? bounds[key][1]);
    const id = freshId(), range = h("input", { type: "range", id, min: String(low), max: String(high()), step: "1" });
    const box = h("input", { type: "number", min: String(low), max: String(high()), step: "1", inputmode: "numeric", "aria-label": `${label}, typed` });
    let typing = false; // what a reader is typing is not overwritten by an answer that comes meanwhile
    box.addEventListener("input", () => { typing = true; });
    for (const type of ["change", "blur"]) box.addEventListener(type, () => { typing = false; });
    range.addEventListener("input", () => ui.write({ [key]: Number(range.value), ...also(Number(range.value)) }));
    box.addEventListener("change", () => {
      const value = Number(box.value), fine = box.value !== "" && Number.isInteger(value) && value >= low && value <= high();
      if (fine) { ui.write({ [key]: value, ...also(value) }); box.removeAttribute("aria-invalid"); told.textContent = ""; return; }
      told.textContent = KIT_WORDS.typed(label, low, high(), box.value);
      box.setAttribute("aria-invalid", "true");
    });
    setters.push(() => {
      const top = String(high()), value = String(Math.min(model.get(key), high()));
      if (range.max !== top) range.max = box.max = top;
      if (range.value !== value) range.value = value;
      if (box.value !== value && !typing) { box.value = value; box.removeAttribute("aria-invalid"); }
    });
    const field = h("div", { class: "unet-field" }, h("label", { class: "unet-label", for: id }, label), range, box);
    into.append(field);
    return { field, range, box };
  };

  /** Radio buttons for a trait that is one of a few words. */
  ui.choice = (key, label, options, { into = ui.controls } = {}) => {
    const name = freshId();
    const inputs = Object.entries(options).map(([value, text]) => {
      const input = h("input", { type: "radio", name, value });
      input.addEventListener("change", () => ui.write({ [key]: value }));
      return [input, h("label", {}, input, text)];
    });
    setters.push(() => inputs.forEach(([input]) => { const on = input.value === model.get(key); if (input.checked !== on) input.checked = on; }));
    const field = h("fieldset", {}, h("legend", {}, label), h("div", { class: "unet-radios" }, inputs.map(([, node]) => node)));
    into.append(field);
    return field;
  };

  /** A check box for a trait that is true or false; its bounds are [false, true]. */
  ui.check = (key, label, { into = ui.controls } = {}) => {
    const input = h("input", { type: "checkbox" }), field = h("label", { class: "unet-check" }, input, label);
    input.addEventListener("change", () => ui.write({ [key]: input.checked }));
    setters.push(() => { if (input.checked !== model.get(key)) input.checked = model.get(key); });
    into.append(field);
    return field;
  };

  /** A list for a trait that is one of many words or numbers: options are [value, text] pairs. */
  ui.select = (key, label, options, { into = ui.controls } = {}) => {
    const id = freshId(), list = h("select", { id }, options.map(([value, text]) => h("option", { value: String(value) }, text)));
    list.addEventListener("change", () => ui.write({ [key]: typeof options[0][0] === "number" ? Number(list.value) : list.value }));
    setters.push(() => { const value = String(model.get(key)); if (list.value !== value) list.value = value; });
    into.append(h("div", { class: "unet-select" }, h("label", { class: "unet-label", for: id }, label), list));
    return list;
  };

  /** Step back, play, step: moves a trait from 0 to last(); under reduced motion it is stepped by hand only.
      get and set: for a number that stands in more than one trait. */
  ui.player = (key, label, last, { into = ui.controls, wait = 280, get = () => model.get(key), set = (value) => ui.write({ [key]: value }) } = {}) => {
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let timer = 0;
    const play = h("button", { type: "button", "aria-label": `${KIT_WORDS.play}: ${label}` }, KIT_WORDS.play);
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = KIT_WORDS.play; play.setAttribute("aria-label", `${KIT_WORDS.play}: ${label}`); };
    const move = (by) => set(Math.min(last(), Math.max(0, get() + by)));
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (get() >= last()) set(0);
      play.textContent = KIT_WORDS.pause;
      play.setAttribute("aria-label", `${KIT_WORDS.pause}: ${label}`);
      timer = setInterval(() => { move(1); if (get() >= last()) stop(); }, wait);
    });
    const follow = () => { play.hidden = still.matches; if (still.matches) stop(); };
    ui.listen(still, "change", follow);
    follow();
    leave.push(stop);
    const button = (text, by) => h("button", { type: "button", "aria-label": `${text}: ${label}`, onclick: () => { stop(); move(by); } }, text);
    into.append(h("div", { class: "unet-row" }, button(KIT_WORDS.back, -1), play, button(KIT_WORDS.next, 1)));
  };

  /** A canvas under its caption, in a figure of fixed width so that nothing jumps; `pick` is the label of one that can be pointed at.
      Returns {canvas, figure, title, fit(cells), draw(grid), at(event)}: draw() chooses the cells' size, `most` CSS pixels at the most;
      the canvas stays a square, or `tall` CSS pixels tall, whatever the number of cells. */
  ui.picture = (caption, side, { pick, into = ui.stage } = {}) => {
    const canvas = h("canvas", pick ? { tabindex: "0", role: "application", "aria-label": pick } : { role: "img", "aria-label": caption });
    const title = h("figcaption", {}, caption), figure = h("figure", { style: `width:${side + 6}px` }, title, canvas);
    into.append(figure);
    let grid = null;
    const room = () => Math.max(60, Math.min(side, ui.width - 12)), fit = (cells, most = 44) => Math.max(3, Math.min(most, Math.floor(room() / cells)));
    const draw = ({ most, tall, ...cells }) => {
      dress(figure, { minHeight: `${(tall || room()) + 30}px` });
      grid = drawGrid(canvas, { size: fit(Math.max(cells.rows, cells.cols), most), room: [room() + 6, tall || room() + 6], ...cells });
    };
    return { canvas, figure, title, fit, draw, at: (event) => grid && grid.at(event) };
  };

  /** Pointing at a canvas, or its arrow keys, chooses a cell: at(event) -> {row, col} | null, now() -> [row, col], choose(row, col);
      `drag`: only while a button or a finger is down. */
  ui.pick = (canvas, { at, now, choose, drag = false }) => {
    const point = (event) => { const cell = at(event); if (cell) choose(cell.row, cell.col); };
    ui.listen(canvas, "pointermove", (event) => { if (!drag || event.buttons) point(event); });
    ui.listen(canvas, "pointerdown", point);
    ui.listen(canvas, "keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(now()[0] + step[0], now()[1] + step[1]);
    });
  };

  /** The formula: one line, and a table of [term, now, pixels, what it is]; returns (line, rows) => void. A null row is hidden. */
  ui.terms = (head, label, most) => {
    const line = h("p", { class: "unet-big" }), rows = Array.from({ length: most }, () => h("tr", {}, head.map((_, i) => h("td", { class: i === 2 ? "" : "unet-words" }))));
    ui.formula.append(line, h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": label },
      h("table", {}, h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows))));
    return (text, terms) => {
      put(line, text);
      rows.forEach((row, i) => {
        reveal(row, terms[i]);
        (terms[i] || []).forEach((value, j) => put(row.cells[j], typeof value === "number" ? show(value) : value));
      });
    };
  };

  /** The picture's numbers in a folded table; returns (rows, cols, value) => void, which works only while it is open. */
  ui.numbers = (summary) => {
    const table = h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": summary });
    const details = h("details", { class: "unet-numbers" }, h("summary", {}, summary), table);
    let last = null;
    const fill = () => {
      if (!details.open || !last) return;
      const [rows, cols, value] = last;
      table.replaceChildren(h("table", { class: "unet-output" }, h("tbody", {}, Array.from({ length: rows }, (_, r) => h("tr", {}, Array.from({ length: cols }, (_, c) => h("td", {}, show(value(r, c), 4))))))));
    };
    ui.formula.after(details);
    ui.listen(details, "toggle", fill);
    return (...numbers) => { last = numbers; fill(); };
  };

  const place = () => [...document.querySelectorAll(`.unet-${stem}`)].indexOf(root);
  async function share() {
    const state = Object.keys(bounds).map((key) => `${key}=${model.get(key)}`).join("&");
    history.replaceState(null, "", `#${stem}${place() ? "." + place() : ""}?${state}`);
    await toClipboard(location.href);
    told.textContent = KIT_WORDS.linked;
  }
  function restore() {
    const [, name, index, query] = location.hash.match(/^#([\w-]+?)(?:\.(\d+))?\?(.*)$/) || [];
    if (name !== stem || Number(index || 0) !== place()) return;
    const changes = {};
    let wrong = "";
    for (const [key, text] of new URLSearchParams(query)) {
      const bound = bounds[key];
      if (!bound) { wrong = KIT_WORDS.foreign(key, text, Object.keys(bounds).join(", ")); continue; }
      const numeric = typeof bound[0] === "number", logical = typeof bound[0] === "boolean" && (text === "true" || text === "false");
      const value = numeric ? Number(text) : logical ? text === "true" : text;
      const fine = numeric ? Number.isInteger(value) && text !== "" && value >= bound[0] && value <= bound[1] : bound.includes(value);
      if (fine) changes[key] = value;
      else wrong = KIT_WORDS.foreign(key, text, numeric ? `${bound[0]} to ${bound[1]}` : bound.join(", "));
    }
    ui.write(changes);
    told.textContent = wrong;
    root.scrollIntoView({ block: "nearest" });
  }

  /** Call once everything is built: draws, listens to the model, the theme and the address, and returns the cleanup. */
  ui.ready = () => {
    const names = Object.keys(bounds).concat(ui.alsoOn || []).map((key) => `change:${key}`).join(" ");
    model.on(names, ui.redraw);
    leave.push(() => model.off(names, ui.redraw));
    const theme = new MutationObserver(ui.redraw);
    for (const target of [document.documentElement, document.body]) {
      theme.observe(target, { attributes: true, attributeFilter: ["data-theme", "theme", "data-jp-theme-light"] });
    }
    leave.push(() => theme.disconnect());
    ui.listen(matchMedia("(prefers-color-scheme: dark)"), "change", ui.redraw);
    ui.listen(window, "hashchange", restore);
    // The widths of the stage and of the whole, here and when they change: reading them in a gesture would lay the page out each time.
    const measure = (outer) => {
      ui.whole = outer - 30;
      const from = STEPS.filter((step) => step <= ui.whole).join(" ");
      if (root.dataset.from !== from) root.dataset.from = from;
      ui.width = ui.stage.clientWidth;
    };
    measure(outside);
    ui.redraw();
    const resize = new ResizeObserver(() => { const before = ui.width; measure(root.offsetWidth); if (ui.width && ui.width !== before) ui.redraw(); });
    resize.observe(ui.stage);
    leave.push(() => resize.disconnect());
    if (root.isConnected) restore(); else requestAnimationFrame(restore);
    return () => { leave.forEach((action) => action()); root.remove(); };
  };
  return ui;
}
