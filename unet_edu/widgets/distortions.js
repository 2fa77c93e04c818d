// A small scene and the ways to spoil it: objects lost or of the wrong class, edges eaten or grown, a shift, pixels that the reader painted.
// The scene is one of cells (discs) and crystals (squares) on 32 x 32 pixels, in whole numbers only, so that torch draws the same.

export const TOY_SIDE = 32;
/** [class, row, column, radius], the largest first. */
const TOY_OBJECTS = [[1, 9, 9, 7], [2, 9, 23, 6], [2, 23, 10, 5], [1, 22, 22, 5], [1, 28, 29, 3], [2, 17, 29, 2]];
const TOY_PIXELS = TOY_SIDE * TOY_SIDE, TOY_LETTERS = "ubcx"; // of a painted pixel: untouched, or the class

/** The objects of a scene: "both" classes, "cells" only, or "nothing". */
export const toyObjects = (scene) => (scene === "nothing" ? [] : TOY_OBJECTS.filter(([label]) => scene === "both" || label === 1));

/** Class of each pixel: within `tenths` of the radius of an object, by the straight distance (1) or the larger of the two (2). */
function toyMask(objects, tenths) {
  const map = new Uint8Array(TOY_PIXELS);
  for (const [label, row, column, radius] of objects) {
    for (let r = 0, i = 0; r < TOY_SIDE; r++) for (let c = 0; c < TOY_SIDE; c++, i++) {
      const down = Math.abs(r - row), across = Math.abs(c - column);
      const inside = label === 1 ? 100 * (down * down + across * across) < (radius * tenths) ** 2 : 10 * Math.max(down, across) < radius * tenths;
      if (inside) map[i] = label;
    }
  }
  return map;
}

/** Of pixel i: itself and its four neighbours; outside the picture is background. */
const crossAt = (map, side, i) => [map[i], i >= side ? map[i - side] : 0, i + side < map.length ? map[i + side] : 0, i % side ? map[i - 1] : 0, (i + 1) % side ? map[i + 1] : 0];

/** An object pixel stays if its four neighbours have its class. */
export const erodeClasses = (map, side = TOY_SIDE) => map.map((label, i) => (crossAt(map, side, i).every((other) => other === label) ? label : 0));
/** A background pixel beside an object takes its class, the larger number of two. */
export const dilateClasses = (map, side = TOY_SIDE) => map.map((label, i) => label || Math.max(...crossAt(map, side, i)));
/** Moved down and to the right; what comes in is background. */
const shiftClasses = (map, down, right, side = TOY_SIDE) => map.map((_, i) => {
  const r = Math.floor(i / side) - down, c = (i % side) - right;
  return r >= 0 && r < map.length / side && c >= 0 && c < side ? map[r * side + c] : 0;
});

/** The scene of a state and its spoilt copy: {truth, spoilt}. Lost are the smallest objects, of the wrong class the largest. */
export function spoil({ scene, size, lost, mistaken, erode, dilate, row_shift, column_shift }) {
  const objects = toyObjects(scene), kept = objects.slice(0, Math.max(0, objects.length - lost));
  // The class decides the shape, so a mistaken object is drawn with its own and then renamed.
  let spoilt = new Uint8Array(TOY_PIXELS);
  kept.forEach((object, i) => toyMask([object], size).forEach((label, at) => { if (label) spoilt[at] = i < mistaken ? 3 - label : label; }));
  for (let n = 0; n < erode; n++) spoilt = erodeClasses(spoilt);
  for (let n = 0; n < dilate; n++) spoilt = dilateClasses(spoilt);
  spoilt = shiftClasses(spoilt, row_shift, column_shift);
  return { truth: toyMask(objects, size), spoilt };
}

/** Painted pixels, -1 where nothing is painted, as run lengths: "u40c3" is 40 untouched pixels, then 3 of class 1; "none" without any. */
export function paintCode(paint) {
  let end = paint.length, text = "";
  while (end && paint[end - 1] < 0) end--;
  for (let i = 0, from = 0; i < end; i++) if (i + 1 === end || paint[i + 1] !== paint[i]) { text += TOY_LETTERS[paint[i] + 1] + (i + 1 - from); from = i + 1; }
  return text || "none";
}
export function paintOf(code) {
  const paint = new Int8Array(TOY_PIXELS).fill(-1);
  let at = 0;
  for (const [, letter, run] of code.matchAll(/([ubcx])(\d+)/g)) paint.fill(TOY_LETTERS.indexOf(letter) - 1, at, (at += Number(run)));
  return paint;
}
export const isPaintCode = (code) => code === "none" || (/^([ubcx][1-9]\d{0,3})+$/.test(code) && code.match(/\d+/g).reduce((sum, run) => sum + Number(run), 0) <= TOY_PIXELS);
