// Native controls with labels, each bound to a trait: sliders with a number box, choices, lists, a player.
import { freshId, h } from "./dom.js";

const CONTROL_WORDS = {
  play: "Play",
  pause: "Pause",
  back: "Step back",
  next: "Step",
  typed: (label, low, high, value) => `${label}: ${value === "" ? "nothing typed" : value} is not a whole number from ${low} to ${high}; the value before it stays.`,
};

/** Give a frame its controls: ui.slider, ui.choice, ui.check, ui.select, ui.player; returns what brings them up to date after a change. */
export function controls(ui, { model, bounds, told }) {
  const setters = [];

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
      told.textContent = CONTROL_WORDS.typed(label, low, high(), box.value);
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
    const play = h("button", { type: "button", "aria-label": `${CONTROL_WORDS.play}: ${label}` }, CONTROL_WORDS.play);
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = CONTROL_WORDS.play; play.setAttribute("aria-label", `${CONTROL_WORDS.play}: ${label}`); };
    const move = (by) => set(Math.min(last(), Math.max(0, get() + by)));
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (get() >= last()) set(0);
      play.textContent = CONTROL_WORDS.pause;
      play.setAttribute("aria-label", `${CONTROL_WORDS.pause}: ${label}`);
      timer = setInterval(() => { move(1); if (get() >= last()) stop(); }, wait);
    });
    const follow = () => { play.hidden = still.matches; if (still.matches) stop(); };
    ui.listen(still, "change", follow);
    follow();
    ui.leave(stop);
    const button = (text, by) => h("button", { type: "button", "aria-label": `${text}: ${label}`, onclick: () => { stop(); move(by); } }, text);
    into.append(h("div", { class: "unet-row" }, button(CONTROL_WORDS.back, -1), play, button(CONTROL_WORDS.next, 1)));
  };
  return setters;
}
