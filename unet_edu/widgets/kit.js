// The frame of every widget: it binds controls to a model, keeps the state in a link, and draws when something has changed.
import { controls } from "./controls.js";
import { h, hold, keepKeys, put, toClipboard } from "./dom.js";
import { colours } from "./ink.js";
import { views } from "./views.js";

const KIT_WORDS = {
  reset: "Reset",
  copy: "Copy as PyTorch",
  copied: "Copied.",
  link: "Link to this state",
  linked: "The link to this state is in the address bar and on the clipboard.",
  code: "The same in PyTorch",
  foreign: (key, value, range) => `The link asks for ${key} = ${value}; ${range}. Its other values are shown.`,
};
const STEPS = [400, 480, 560, 640, 720, 770]; // widths, in CSS pixels, at which a widget's layout changes: see widgets.css

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
  ui.fail = (text) => { put(ui.error, text); root.classList.toggle("unet-illegal", text !== ""); };

  let busy = false;
  ui.write = (changes) => {
    busy = true;
    for (const [key, value] of Object.entries(changes)) model.set(key, value);
    busy = false;
    ui.redraw();
    if (legal()) model.save_changes();
  };
  const setters = controls(ui, { model, bounds, told });
  views(ui);
  ui.redraw = () => {
    if (busy || !root.isConnected) return;
    const texts = hold(() => ui.draw(colours(root)));
    setters.forEach((update) => update());
    for (const [node, text] of texts) put(node, text);
    if (code && listing.parentElement.open) list();
  };
  if (code) ui.listen(listing.parentElement, "toggle", list);

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
