// The colours of the theme, ramps between them, and hatches.

const ROLES = ["ink", "quiet", "paper", "panel", "line", "input", "weight", "output", "zero", "cut", "added", "skip", "decoder", "window",
  "class-0", "class-1", "class-2", "low", "mid", "high", "good", "bad"];
const palettes = new Map();

/** The palette's present values, read from the style sheet once for each theme: reading costs a style pass over the page. */
export function colours(el) {
  const { dataset } = document.documentElement, body = document.body;
  // Only what the style sheet asks for: a page scrolled is not another theme.
  const theme = [dataset.theme, document.documentElement.getAttribute("theme"), body.dataset.jpThemeLight, body.classList.contains("jp-mod-dark"), matchMedia("(prefers-color-scheme: dark)").matches].join("|");
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

const hatches = new Map();

/** A pattern that fills any number of cells: stripes one way ("diagonal"), the other way ("back"), both ("cross"), or dots. Made once. */
export function hatch(ratio, colour, kind) {
  const name = `${kind}|${colour}|${ratio}`;
  if (hatches.has(name)) return hatches.get(name);
  const gap = 8, sheet = document.createElement("canvas"), brush = sheet.getContext("2d");
  sheet.width = sheet.height = Math.round(gap * ratio);
  brush.scale(ratio, ratio);
  brush.strokeStyle = brush.fillStyle = colour;
  brush.lineWidth = 1.3;
  if (kind === "dots") for (const at of [1, 5]) brush.fillRect(at, at, 1.6, 1.6);
  for (const i of kind === "dots" ? [] : [-gap, 0, gap]) {
    if (kind !== "back") { brush.moveTo(i - 1, gap + 1); brush.lineTo(i + gap + 1, -1); }
    if (kind !== "diagonal") { brush.moveTo(i - 1, -1); brush.lineTo(i + gap + 1, gap + 1); }
  }
  brush.stroke();
  const pattern = brush.createPattern(sheet, "repeat");
  if (ratio !== 1) pattern.setTransform(new DOMMatrix([1 / ratio, 0, 0, 1 / ratio, 0, 0]));
  if (hatches.size > 100) hatches.clear();
  hatches.set(name, pattern);
  return pattern;
}
