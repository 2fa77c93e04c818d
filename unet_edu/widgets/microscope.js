// What a DoubleConv said on one batch, unpacked from the widget's state (see double_conv.py), and the sums behind one value.
import { decode } from "./dom.js";

export const STAGES = ["input", "conv1", "bn1", "relu1", "conv2", "bn2", "relu2"];
/** 0 for the first conv, BatchNorm, ReLU, 1 for the second, -1 for the image. (Notebook 6 replaces String.at by one without at(-1).) */
export const half = (stage) => (stage === "input" ? -1 : Number(stage.slice(-1)) - 1);
export const kind = (stage) => stage.replace(/\d/, "");
export const before = (stage) => STAGES[STAGES.indexOf(stage) - 1];

/** Three planes of bytes, high to low -> whole numbers. */
function unfold(text) {
  const bytes = decode(text, Uint8Array), n = bytes.length / 3, numbers = new Uint32Array(n);
  for (let i = 0; i < n; i++) numbers[i] = (bytes[i] << 16) | (bytes[n + i] << 8) | bytes[2 * n + i];
  return numbers;
}

/** The state as functions: map(stage, mode, image, channel) -> values in raster order, and what else torch said. */
export function readings(data) {
  const [images, rows, cols] = data.size, [inside, mid, out] = data.channels, area = rows * cols;
  const channels = (stage) => [inside, mid, out][half(stage) + 1];
  const weights = data.weight.map((text) => decode(text, Float32Array)), numbers = new Map(), maps = new Map();
  const coded = (stage, mode) => (stage === "conv2" ? data[mode].conv2 : data[stage]);
  const once = (store, key, make) => { if (!store.has(key)) store.set(key, make()); return store.get(key); };

  const map = (stage, mode, image, channel) => once(maps, [stage, mode, image, channel].join(), () => {
    if (kind(stage) === "relu") return map(before(stage), mode, image, channel).map((value) => Math.max(0, value));
    const source = kind(stage) === "bn" ? before(stage) : stage, { planes } = coded(source, mode);
    const { low, step } = kind(stage) === "bn" ? data[mode].bn[half(stage)] : coded(source, mode);
    const all = once(numbers, planes, () => unfold(planes)), start = (image * channels(stage) + channel) * area;
    return Float64Array.from(all.subarray(start, start + area), (number) => low[channel] + number * step[channel]);
  });
  const batch = (stage, mode, channel) => once(maps, [stage, mode, "all", channel].join(), () => {
    const values = new Float64Array(images * area);
    for (let i = 0; i < images; i++) values.set(map(stage, mode, i, channel), i * area);
    return values;
  });
  return {
    images, rows, cols, channels, map,
    /** All values of a channel in the batch. */
    batch,
    /** What they amount to: {mean, spread, low, high, most}. */
    moments: (stage, mode, channel) => once(maps, [stage, mode, "moments", channel].join(), () => moments(batch(stage, mode, channel))),
    /** The nine weights from one input channel to one output channel. */
    weight: (stage, channel, from) => { const at = (channel * channels(before(stage)) + from) * 9; return [...weights[half(stage)].subarray(at, at + 9)]; },
    norm: (stage, mode, channel) => {
      const used = data[mode].norm[half(stage)];
      return { mean: used.mean[channel], var: used.var[channel], weight: used.weight[channel], bias: used.bias[channel], eps: data.eps[half(stage)] };
    },
    /** Exact zeros after the ReLU of one half: [image][channel], counted by torch. */
    zeros: (which, mode) => data[mode].zeros[which],
  };
}

/** The 3x3 window round a pixel, row by row; null where it lies outside the map and padding puts a zero. */
export function windowAt(values, rows, cols, row, column) {
  return [-1, 0, 1].flatMap((dr) => [-1, 0, 1].map((dc) => {
    const r = row + dr, c = column + dc;
    return r >= 0 && c >= 0 && r < rows && c < cols ? values[r * cols + c] : null;
  }));
}

/** A convolution's value at one pixel: per input channel the window, the weights, the nine products and their sum. */
export function products(read, stage, mode, image, channel, row, column) {
  return Array.from({ length: read.channels(before(stage)) }, (_, from) => {
    const seen = windowAt(read.map(before(stage), mode, image, from), read.rows, read.cols, row, column);
    const weight = read.weight(stage, channel, from), parts = seen.map((x, i) => (x ?? 0) * weight[i]);
    return { seen, weight, parts, sum: parts.reduce((a, b) => a + b, 0) };
  });
}

export const normalise = (x, n) => ((x - n.mean) / Math.sqrt(n.var + n.eps)) * n.weight + n.bias;

/** Mean, standard deviation (biased), least, greatest, and the greatest magnitude. */
export function moments(values) {
  let sum = 0, squares = 0, low = Infinity, high = -Infinity;
  for (const value of values) { sum += value; low = Math.min(low, value); high = Math.max(high, value); }
  const mean = sum / values.length;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, spread: Math.sqrt(squares / values.length), low, high, most: Math.max(-low, high) };
}
