// What a DoubleConv said on one batch, unpacked from the widget's state (see double_conv.py), and the sums behind one value.
import { decode } from "./dom.js";

export const STAGES = ["input", "conv1", "bn1", "relu1", "conv2", "bn2", "relu2"];
/** 0 for the first conv, BatchNorm, ReLU, 1 for the second, -1 for the image. (Notebook 6 replaces String.at by one without at(-1).) */
export const half = (stage) => (stage === "input" ? -1 : Number(stage.slice(-1)) - 1);
export const kind = (stage) => stage.replace(/\d/, "");
export const before = (stage) => STAGES[STAGES.indexOf(stage) - 1];

const MIDDLE = 128; // see encode() in double_conv.py

/** A 3x3 convolution with padding 1 in float64: per input channel a map and nine weights. The twin of guess() in double_conv.py, down to
    the order of its additions, so that both get the same float64. */
export function convolve(maps, weights, rows, cols) {
  const sums = new Float64Array(rows * cols);
  maps.forEach((values, from) => weights[from].forEach((weight, k) => {
    const dr = Math.floor(k / 3) - 1, dc = (k % 3) - 1, left = Math.max(0, -dc), right = Math.min(cols, cols - dc);
    for (let r = Math.max(0, -dr); r < Math.min(rows, rows - dr); r++) {
      for (let c = left, i = r * cols + left, j = i + dr * cols + dc; c < right; c++, i++, j++) sums[i] += weight * values[j];
    }
  }));
  return sums;
}

/** One to three planes of `n` bytes each, high to low -> n whole numbers. */
function unfold(text, n) {
  const bytes = decode(text, Uint8Array), numbers = new Uint32Array(n);
  for (let i = 0; i < bytes.length; i++) numbers[i % n] = (numbers[i % n] << 8) | bytes[i];
  return numbers;
}

/** The state as functions: map(stage, mode, image, channel) -> values in raster order, and what else torch said. */
export function readings(data) {
  const [images, rows, cols] = data.size, [inside, mid, out] = data.channels, area = rows * cols;
  const channels = (stage) => [inside, mid, out][half(stage) + 1];
  const weights = data.weight.map((text) => decode(text, Float32Array)), numbers = new Map(), maps = new Map();
  const coded = (stage, mode) => (stage === "conv2" ? data[mode].conv2 : data[stage]);
  const once = (store, key, make) => { if (!store.has(key)) store.set(key, make()); return store.get(key); };

  const weight = (stage, channel, from) => { const at = (channel * channels(before(stage)) + from) * 9; return [...weights[half(stage)].subarray(at, at + 9)]; };
  const map = (stage, mode, image, channel) => once(maps, [stage, mode, image, channel].join(), () => {
    if (kind(stage) === "relu") return map(before(stage), mode, image, channel).map((value) => Math.max(0, value));
    const source = kind(stage) === "bn" ? before(stage) : stage;
    const { low, step } = kind(stage) === "bn" ? data[mode].bn[half(stage)] : coded(source, mode);
    return Float64Array.from(steps(source, mode, image, channel), (number) => low[channel] + number * step[channel]);
  });
  /** The step numbers of one map. A convolution's are told as steps away from the sum worked out here. */
  const steps = (stage, mode, image, channel) => once(numbers, [stage, mode, image, channel].join(), () => {
    const { planes, low, step } = coded(stage, mode), all = once(numbers, planes, () => unfold(planes, images * channels(stage) * area));
    const start = (image * channels(stage) + channel) * area, told = all.subarray(start, start + area), prior = before(stage);
    if (!data.guessed || !prior) return told;
    const each = Array.from({ length: channels(prior) }, (_, from) => from);
    const sums = convolve(each.map((from) => map(prior, mode, image, from)), each.map((from) => weight(stage, channel, from)), rows, cols);
    return told.map((number, i) => (number - MIDDLE + (step[channel] > 0 ? Math.floor((sums[i] - low[channel]) / step[channel] + 0.5) : 0)) & 0xffffff);
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
    weight,
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
