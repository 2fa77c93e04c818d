// A reader's own picture as a small grey square. The twin of pictures.py: the middle square, each pixel the mean of what it covers.

const SCENE_FILE_WORDS = {
  empty: (name) => `${name}: the file is empty; choose another, or save it again.`,
  heavy: (name, size, most) => `${name}: the file has ${size} MB; the most is ${most} MB. Make the picture smaller first.`,
  huge: (name, wide, high, most) => `${name}: ${wide} × ${high} pixels are more than ${most} million. Make the picture smaller first.`,
  foreign: (name) => `${name}: this is no picture that the browser can read; save it as PNG or JPEG and try again.`,
};
const MOST_MEGABYTES = 20, MOST_MEGAPIXELS = 40, FILE_TILE = 512;

/** A file -> grey values 0..255, Uint8Array of side x side. Transparent becomes white. Rejects with an Error whose message is for readers. */
export async function greyPicture(file, side) {
  const megabytes = file.size / 2 ** 20;
  if (!file.size) throw new Error(SCENE_FILE_WORDS.empty(file.name));
  if (megabytes > MOST_MEGABYTES) throw new Error(SCENE_FILE_WORDS.heavy(file.name, Math.ceil(megabytes), MOST_MEGABYTES));
  const [wide, high] = await sizeOfPicture(file); // known before the pixels are unpacked, which may take gigabytes
  if (wide * high > MOST_MEGAPIXELS * 1e6) throw new Error(SCENE_FILE_WORDS.huge(file.name, wide, high, MOST_MEGAPIXELS));
  const bitmap = await createImageBitmap(file).catch(() => { throw new Error(SCENE_FILE_WORDS.foreign(file.name)); });
  try { return await greySquare(bitmap, side); } finally { bitmap.close(); }
}

async function sizeOfPicture(file) {
  const url = URL.createObjectURL(file), image = new Image();
  try {
    await new Promise((resolve, reject) => { image.onload = resolve; image.onerror = reject; image.src = url; });
    if (!image.naturalWidth || !image.naturalHeight) throw new Error();
    return [image.naturalWidth, image.naturalHeight];
  } catch {
    throw new Error(SCENE_FILE_WORDS.foreign(file.name));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Which of `side` parts each of `length` places falls into, and the share of it that does; the rest belongs to the next part. */
function partsOf(length, side) {
  const step = length / side, part = new Uint16Array(length), share = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    part[i] = Math.min(side - 1, Math.floor(i / step));
    share[i] = Math.min(1, (part[i] + 1) * step - i);
  }
  return [part, share];
}

/** The middle square of a bitmap, tile by tile, so that a large one neither fills the memory nor holds the page up. */
async function greySquare(bitmap, side) {
  const whole = Math.min(bitmap.width, bitmap.height), left = (bitmap.width - whole) >> 1, top = (bitmap.height - whole) >> 1;
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
  canvas.width = canvas.height = Math.min(FILE_TILE, whole);
  const sum = new Float64Array((side + 1) * (side + 1)), row = new Float64Array(side + 1), [part, share] = partsOf(whole, side);
  const few = whole < side ? new Float64Array(whole * whole) : null; // enlarged in squares, so that no value is invented
  for (let y = 0; y < whole; y += canvas.height) for (let x = 0; x < whole; x += canvas.width) {
    const wide = Math.min(canvas.width, whole - x), high = Math.min(canvas.height, whole - y);
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, wide, high);
    pen.drawImage(bitmap, left + x, top + y, wide, high, 0, 0, wide, high);
    const { data } = pen.getImageData(0, 0, wide, high);
    for (let r = 0, j = 0; r < high; r++) {
      row.fill(0);
      for (let c = 0; c < wide; c++, j += 4) {
        const grey = 0.299 * data[j] + 0.587 * data[j + 1] + 0.114 * data[j + 2], at = part[x + c], first = share[x + c];
        if (few) few[(y + r) * whole + x + c] = grey;
        row[at] += first * grey;
        row[at + 1] += (1 - first) * grey;
      }
      const at = part[y + r] * (side + 1), first = share[y + r];
      for (let c = 0; c < side; c++) { sum[at + c] += first * row[c]; sum[at + side + 1 + c] += (1 - first) * row[c]; }
    }
    if (whole > FILE_TILE) await new Promise((resolve) => setTimeout(resolve));
  }
  const area = (whole / side) ** 2, nearest = (i) => Math.floor(((i + 0.5) * whole) / side);
  return Uint8Array.from({ length: side * side }, (_, i) => {
    const r = Math.floor(i / side), c = i % side;
    return Math.round(few ? few[nearest(r) * whole + nearest(c)] : sum[r * (side + 1) + c] / area);
  });
}
