// Which pixels of the image a pixel of any stage can see: receptive.py, word for word in JavaScript; torch judges both.
import { maxPool2dSize, skipPadding } from "./shapes.js";

export const RECEPTIVE_STAGES = ["inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4", "logits"];
export const RECEPTIVE_LEVELS = [0, 1, 2, 3, 4, 3, 2, 1, 0, 0]; // how often each stage's map was halved

const receptiveWhole = (name, value, least, why = "must be at least") => {
  if (!Number.isInteger(value)) throw new TypeError(`${name} ${value}: must be a whole number`);
  if (value < least) throw new RangeError(`${name} ${value}: ${why} ${least}`);
};

/** How many pixels the map of `stage` has where the image has `size`, per axis. */
export function stageSize(stage, size) {
  const at = RECEPTIVE_STAGES.indexOf(stage);
  if (at < 0) throw new RangeError(`stage '${stage}': must be one of ${RECEPTIVE_STAGES.join(", ")}`);
  receptiveWhole("size", size, 16, "four poolings leave 0 pixels; use at least");
  for (let level = 0; level < RECEPTIVE_LEVELS[at]; level++) size = maxPool2dSize(size, 2);
  return size;
}

const receptiveWithin = (first, last, size) => [Math.max(first, 0), Math.min(last, size - 1)], receptiveAnywhere = (first, last) => [first, last];

function encoderSees(level, first, last, sizes, bilinear, keep) {
  [first, last] = keep(first - 2, last + 2, sizes[level]); // two 3x3 convolutions
  return level ? encoderSees(level - 1, 2 * first, 2 * last + 1, sizes, bilinear, keep) : [first, last];
}

function decoderSees(level, first, last, sizes, bilinear, keep) {
  if (level === 4) return encoderSees(level, first, last, sizes, bilinear, keep);
  [first, last] = keep(first - 2, last + 2, sizes[level]);
  const skip = encoderSees(level, first, last, sizes, bilinear, keep), small = sizes[level + 1], [before] = skipPadding(2 * small, sizes[level]);
  [first, last] = keep(first - before, last - before, 2 * small); // what F.pad put in saw nothing
  const at = (i) => (bilinear ? (i * (small - 1)) / (2 * small - 1) : Math.floor(i / 2));
  const below = decoderSees(level + 1, Math.floor(at(first)), Math.ceil(at(last)), sizes, bilinear, keep);
  return [Math.min(skip[0], below[0]), Math.max(skip[1], below[1])];
}

/** What pixel `index` of the map of `stage` sees of an image of `size` pixels, along one axis:
    {first, last} inside the image, {reachFirst, reachLast} as if it went on for ever. */
export function receptiveField(stage, index, size, bilinear = false) {
  const pixels = stageSize(stage, size), at = RECEPTIVE_STAGES.indexOf(stage);
  receptiveWhole("index", index, 0);
  if (index >= pixels) throw new RangeError(`index ${index}: ${stage} has ${pixels} pixels at size ${size}, numbered 0 to ${pixels - 1}`);
  const sizes = RECEPTIVE_STAGES.slice(0, 5).map((name) => stageSize(name, size)), sees = at <= 4 ? encoderSees : decoderSees;
  const [first, last] = sees(RECEPTIVE_LEVELS[at], index, index, sizes, bilinear, receptiveWithin);
  const [reachFirst, reachLast] = sees(RECEPTIVE_LEVELS[at], index, index, sizes, bilinear, receptiveAnywhere);
  return { first, last, reachFirst, reachLast };
}
