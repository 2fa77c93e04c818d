// The size arithmetic of shapes.py, word for word in JavaScript; tests hold both to torch with one table of cases.

const floorDiv = (a, b) => Math.floor(a / b);

function whole(name, value, least) {
  if (!Number.isInteger(value)) throw new TypeError(`${name} ${value}: must be a whole number`);
  if (value < least) throw new RangeError(`${name} ${value}: must be at least ${least}`);
}

function window_(size, kernel_size, stride, padding, dilation) {
  whole("size", size, 1);
  whole("kernel_size", kernel_size, 1);
  whole("stride", stride, 1);
  whole("padding", padding, 0);
  whole("dilation", dilation, 1);
}

const tooWide = (size, kernel_size, padding, dilation, padded, span) => new RangeError(
  `kernel_size ${kernel_size} with dilation ${dilation} spans ${span} pixels, but size ${size} with ` +
  `padding ${padding} has only ${padded}; use a smaller kernel_size or dilation, or a larger size`);

export function conv2dTerms(size, kernel_size, stride = 1, padding = 0, dilation = 1) {
  window_(size, kernel_size, stride, padding, dilation);
  const padded = size + 2 * padding, span = dilation * (kernel_size - 1) + 1;
  if (span > padded) throw tooWide(size, kernel_size, padding, dilation, padded, span);
  const steps = floorDiv(padded - span, stride);
  return { padded, span, steps, unread: (padded - span) % stride, size: steps + 1 };
}

export const conv2dSize = (...numbers) => conv2dTerms(...numbers).size;

export function maxPool2dSize(size, kernel_size, stride = null, padding = 0, dilation = 1, ceil_mode = false) {
  stride = stride ?? kernel_size;
  window_(size, kernel_size, stride, padding, dilation);
  if (padding > floorDiv(kernel_size, 2)) {
    throw new RangeError(`padding ${padding}: must be at most half of kernel_size ${kernel_size}; use at most ${floorDiv(kernel_size, 2)}`);
  }
  const padded = size + 2 * padding, span = dilation * (kernel_size - 1) + 1;
  let steps = floorDiv(padded - span + (ceil_mode ? stride - 1 : 0), stride);
  if (ceil_mode && steps * stride >= size + padding) steps -= 1;
  if (steps < 0) throw tooWide(size, kernel_size, padding, dilation, padded, span);
  return steps + 1;
}

export function convTranspose2dTerms(size, kernel_size, stride = 1, padding = 0, output_padding = 0, dilation = 1) {
  window_(size, kernel_size, stride, padding, dilation);
  whole("output_padding", output_padding, 0);
  if (output_padding >= Math.max(stride, dilation)) {
    throw new RangeError(`output_padding ${output_padding}: must be smaller than stride ${stride} or dilation ${dilation}; ` +
      `use at most ${Math.max(stride, dilation) - 1}`);
  }
  const spread = (size - 1) * stride, overhang = dilation * (kernel_size - 1);
  const full = spread + overhang + output_padding + 1, cropped = 2 * padding;
  if (full - cropped < 1) {
    throw new RangeError(`padding ${padding}: cuts ${cropped} pixels from ${full} and leaves none; use at most ${floorDiv(full - 1, 2)}`);
  }
  return { spread, cropped, overhang, output_padding, inserted: spread + 1, border: overhang - padding, size: full - cropped };
}

export const convTranspose2dSize = (...numbers) => convTranspose2dTerms(...numbers).size;

export function upsampleSize(size, scale_factor = 2) {
  whole("size", size, 1);
  if (!(scale_factor > 0 && scale_factor < Infinity)) throw new RangeError(`scale_factor ${scale_factor}: must be above 0 and finite`);
  const scaled = Math.floor(size * scale_factor);
  if (scaled < 1) throw new RangeError(`scale_factor ${scale_factor}: leaves 0 of ${size} pixels; use a larger one`);
  return scaled;
}

export function skipPadding(small, large) {
  whole("small", small, 1);
  whole("large", large, 1);
  const diff = large - small, before = floorDiv(diff, 2);
  return [before, diff - before];
}

export function unetTrace(height, width, n_channels = 3, n_classes = 2, channels = 64, bilinear = false) {
  whole("n_channels", n_channels, 1);
  whole("n_classes", n_classes, 1);
  whole("channels", channels, 1);
  for (const [name, size] of [["height", height], ["width", width]]) {
    whole(name, size, 1);
    if (size < 16) throw new RangeError(`${name} ${size}: four poolings leave 0 pixels; use at least 16`);
  }
  const stages = [{ name: "inc", kind: "double_conv", channels, height, width, up: [], pad: [], concat: 0 }];
  for (let level = 1; level <= 4; level++) {
    const above = stages[level - 1];
    height = maxPool2dSize(above.height, 2);
    width = maxPool2dSize(above.width, 2);
    stages.push({ name: `down${level}`, kind: "down", channels: bilinear && level === 4 ? above.channels : 2 * above.channels,
      height, width, up: [], pad: [], concat: 0 });
  }
  for (let level = 1; level <= 4; level++) {
    const below = stages[stages.length - 1], skip = stages[4 - level];
    const up = bilinear
      ? [below.channels, upsampleSize(below.height), upsampleSize(below.width)]
      : [floorDiv(below.channels, 2), convTranspose2dSize(below.height, 2, 2), convTranspose2dSize(below.width, 2, 2)];
    stages.push({ name: `up${level}`, kind: "up", channels: bilinear ? Math.max(floorDiv(skip.channels, 2), channels) : skip.channels,
      height: skip.height, width: skip.width, up,
      pad: [...skipPadding(up[2], skip.width), ...skipPadding(up[1], skip.height)], concat: skip.channels + up[0] });
  }
  const last = stages[stages.length - 1];
  return [...stages, { name: "outc", kind: "out", channels: n_classes, height: last.height, width: last.width, up: [], pad: [], concat: 0 }];
}
