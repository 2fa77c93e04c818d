// What a pixel of a stage can see of the image, by arithmetic, and what it does see, by the recorded gradient: marked and put in words.
import { show } from "./dom.js";
import { mosaic, paintMosaic, ramp, showSmall } from "./feature_maps.js";
import { receptiveField } from "./receptive.js";
import { xrayFrame } from "./xray_painter.js";
import { XRAY_WORDS } from "./xray_words.js";

const XRAY_BLIND = 1e-6; // of a gradient: a pixel that turned from black to white would change the map by no more

/** The field of pixel (row, column) of a stage in an image of height x wide: {down, across} as receptiveField() says, and `cut`, the sides where an edge cuts it. */
export function xraySight(stage, row, column, height, wide, bilinear) {
  const down = receptiveField(stage, row, height, bilinear), across = receptiveField(stage, column, wide, bilinear);
  return { down, across, cut: [down.reachFirst < down.first, down.reachLast > down.last, across.reachFirst < across.first, across.reachLast > across.last] };
}

const frameField = (pen, cell, palette, { down, across, cut }, width, inset) => {
  const x = across.first * cell + inset, y = down.first * cell + inset;
  xrayFrame(pen, x, y, (across.last + 1) * cell - inset - x, (down.last + 1) * cell - inset - y, palette, width, cut);
};

/** Draw, on the image in cells of `cell` pixels, the frame of what is seen and the spot where the pixel lies; `map`, `image`: [height, width]. */
export const xrayMark = (palette, { row, column }, sight, map, image, width) => (pen, cell) => {
  frameField(pen, cell, palette, sight, width, width / 2 + 1);
  const [rows, cols] = map, [height, wide] = image, spot = [(column * wide) / cols, (row * height) / rows, wide / cols, height / rows].map((v) => v * cell);
  if (spot[2] >= 10) return xrayFrame(pen, spot[0] + 2, spot[1] + 2, spot[2] - 4, spot[3] - 4, palette, 1.5);
  pen.fillStyle = palette.window;
  pen.fillRect(spot[0], spot[1], Math.max(2, spot[2]), Math.max(2, spot[3]));
};

/** The sample picture, dimmed, and on it the gradient `near` of the recorded pixel; framed is what that pixel can see. */
export function paintGradient(pen, cell, palette, near, { height, width, image }, sight) {
  const under = document.createElement("canvas");
  paintMosaic(under, mosaic(1, 1, height, width), { data: image.map((v) => 0.55 * v) }, { shades: ramp(palette, "grey"), most: 1, signed: false });
  const below = under.getContext("2d"), picture = below.getImageData(0, 0, width, height), window = [1, 3, 5].map((i) => parseInt(palette.window.slice(i, i + 2), 16));
  near.field().forEach((part, i) => { const t = Math.sqrt(part); window.forEach((v, k) => { picture.data[4 * i + k] += t * (v - picture.data[4 * i + k]); }); });
  below.putImageData(picture, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(under, 0, 0, width * cell, height * cell);
  frameField(pen, cell, palette, sight, 2, 2);
}

export function tellSight({ down, across, cut }, height, wide) {
  const tall = down.last - down.first + 1, broad = across.last - across.first + 1;
  const words = XRAY_WORDS.can([down.first, down.last], [across.first, across.last], tall, broad, tall === height && broad === wide);
  const where = XRAY_WORDS.sides.filter((_, i) => cut[i]), most = where.length > 1 ? where.slice(0, -1).join(XRAY_WORDS.comma) + XRAY_WORDS.and + where.at(-1) : where[0];
  return words + (most ? XRAY_WORDS.cut(down.reachLast - down.reachFirst + 1, across.reachLast - across.reachFirst + 1, most) : XRAY_WORDS.uncut);
}

export function tellGradient(near, recorded, { down, across }) {
  if (near.peak < XRAY_BLIND) return XRAY_WORDS.blind(near.row, near.col, showSmall(near.peak));
  const all = recorded.height * recorded.width, many = (n) => n.toLocaleString("en-US");
  return XRAY_WORDS.does(near.row, near.col, many(near.area), show((100 * near.area) / all, 1), many(all), show(100 * near.central, 1), down.reachLast - down.reachFirst + 1, across.reachLast - across.reachFirst + 1);
}
