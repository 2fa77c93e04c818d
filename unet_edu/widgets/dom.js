// Elements and their texts, written only where something changed; numbers and bytes as text.

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

let held = null;

/** Texts written while a widget draws wait for its end, since a word on a canvas after a change in the page would restyle the page; returns them. */
export function hold(draw) {
  const texts = held = [];
  try { draw(); } finally { held = null; }
  return texts;
}

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

export async function toClipboard(text) {
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
