// Where the stages of the U stand on a picture of any width, and the arrows between them.
import { mosaic } from "./feature_maps.js";
import { RECEPTIVE_LEVELS, RECEPTIVE_STAGES } from "./receptive.js";

const XRAY_ACROSS = [2, 3, 4, 6, 8]; // thumbnails side by side, in two rows: a stage is as wide as any other, and the lower the deeper it lies

/** Where the stages stand on a picture `wide` pixels wide: {boxes: {name: {x, y, w, h, plan, below}}, high, label}; `shapes`: name -> [C, H, W]. */
export function xrayLayout(wide, shapes) {
  const label = 19, pad = 4, wings = wide >= 680, side = Math.min(150, Math.round(wings ? wide * 0.168 : Math.min(132, (wide - 54) / 2)));
  const small = Math.round(side * 0.58), wing = wings ? small + 30 : 0, boxes = {};
  const make = (name, width, across, down) => {
    const [channels, rows, cols] = shapes[name], count = Math.min(channels, across * down);
    const plan = mosaic(count, Math.min(across, count), rows, cols, Math.max(1, Math.round(110 / (Math.min(across, count) * cols))));
    const inner = width - 2 * pad;
    return boxes[name] = { w: width, h: label + 2 * pad + Math.round((inner * plan.high) / plan.wide), plan, inner, label };
  };
  const across = (name) => XRAY_ACROSS[RECEPTIVE_LEVELS[RECEPTIVE_STAGES.indexOf(name)]];
  for (const name of RECEPTIVE_STAGES.slice(0, 9)) make(name, side, across(name), 2);
  if (wings) make("logits", small, 1, 4); else make("logits", side, 4, 1);
  make("image", small, 1, 1);
  for (const name of wings ? ["image", "logits"] : ["image"]) { boxes[name].label += label - 3; boxes[name].h += label - 3; } // narrow boxes: words in two lines

  const step = Math.max(0, ((wide - 2 * wing - 54) / 2 - side) / 3 - (wings ? 3 : 0)), gap = 24;
  let y = wings ? 0 : Math.max(boxes.image.h, boxes.logits.h) + gap;
  for (let level = 0; level < 4; level++) {
    const left = boxes[RECEPTIVE_STAGES[level]], right = boxes[RECEPTIVE_STAGES[8 - level]];
    Object.assign(left, { x: Math.round(wing + level * step), y });
    Object.assign(right, { x: Math.round(wide - wing - level * step - side), y });
    y += left.h + gap;
  }
  Object.assign(boxes.down4, { x: Math.round((wide - side) / 2), y });
  for (const [name, beside, x] of [["image", "inc", 0], ["logits", "up4", wide - boxes.logits.w]]) {
    const box = boxes[name], { x: at, y: top, w, h: tall } = boxes[beside];
    if (wings) Object.assign(box, { x, y: Math.max(0, Math.round(top + 19 + (tall - 19 - (box.h - box.label)) / 2 - box.label)) });
    else Object.assign(box, { x: Math.round(at + (w - box.w) / 2), y: Math.max(boxes.image.h, boxes.logits.h) - box.h });
  }
  return { boxes, wings, high: y + boxes.down4.h };
}

export const xrayNode = (tag, props, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
export const xraySet = (target, props) => { for (const [key, value] of Object.entries(props)) if (target.getAttribute(key) !== String(value)) target.setAttribute(key, value); };

/** A line along points [[x, y], ...] with an arrow head at its end. */
export function xrayArrow(points) {
  const [[fx, fy], [tx, ty]] = points.slice(-2), length = Math.hypot(tx - fx, ty - fy) || 1, ux = (tx - fx) / length, uy = (ty - fy) / length;
  const wing = (s) => `${(tx - 6 * ux + s * 4 * uy).toFixed(1)} ${(ty - 6 * uy - s * 4 * ux).toFixed(1)}`;
  return `M${points.map((p) => p.join(" ")).join("L")}M${wing(1)}L${tx} ${ty}L${wing(-1)}`;
}

/** All arrows of a layout: name -> path; a skip also has the place of its gate's words. */
export function xrayArrows({ boxes, wings }) {
  const core = (name) => { const b = boxes[name], top = b.y + b.label; return { left: b.x, right: b.x + b.w, top: b.y, bottom: b.y + b.h, cx: b.x + b.w / 2, cy: (top + b.y + b.h) / 2 }; };
  const paths = {}, gates = [], image = core("image"), inc = core("inc"), up4 = core("up4"), logits = core("logits"), deep = core("down4");
  paths.first = xrayArrow(wings ? [[image.right + 4, inc.cy], [inc.left - 4, inc.cy]] : [[inc.cx, image.bottom + 4], [inc.cx, inc.top - 3]]);
  paths.last = xrayArrow(wings ? [[up4.right + 4, up4.cy], [logits.left - 4, up4.cy]] : [[up4.cx, up4.top - 3], [up4.cx, logits.bottom + 4]]);
  for (let level = 0; level < 4; level++) {
    const from = core(RECEPTIVE_STAGES[level]), to = core(RECEPTIVE_STAGES[level + 1]), up = core(RECEPTIVE_STAGES[8 - level]), below = core(RECEPTIVE_STAGES[7 - level]);
    paths[`down${level}`] = xrayArrow(level < 3 ? [[to.cx, from.bottom + 4], [to.cx, to.top - 2]] : [[Math.min(from.cx, deep.left - 12), from.bottom + 4], [Math.min(from.cx, deep.left - 12), deep.cy], [deep.left - 4, deep.cy]]);
    paths[`up${level}`] = xrayArrow(level < 3 ? [[below.cx, below.top - 2], [below.cx, up.bottom + 4]] : [[deep.right + 4, deep.cy], [Math.max(up.cx, deep.right + 12), deep.cy], [Math.max(up.cx, deep.right + 12), up.bottom + 4]]);
    paths[`skip${level}`] = xrayArrow([[from.right + 4, from.cy], [up.left - 4, from.cy]]);
    gates.push({ x: (from.right + up.left) / 2, y: from.cy - 7 });
  }
  return { paths, gates };
}
