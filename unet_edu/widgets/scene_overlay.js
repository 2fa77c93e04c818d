// What a network says of a scene, laid over it: classes as colour, stripes and outline, or one class's probability as a veil.
import { channels } from "./masks.js";

export const OVERLAY_FINE = 4; // canvas pixels a side for each pixel of the scene: room for stripes and outlines
const OVERLAY_VEIL = 90, OVERLAY_STRIPE = 210; // of 255

/**
 * Fill `data` (RGBA, side * OVERLAY_FINE wide). mask: class of each pixel. probabilities: 3 x side x side, class by class.
 * view: "mask", or the number of the class whose probability is shown; threshold: a line where that probability reaches it.
 */
export function paintOverlay(data, side, palette, { mask, probabilities, view = "mask", threshold = null }) {
  const fine = OVERLAY_FINE, ink = channels(palette.ink), colours = [0, 1, 2].map((k) => channels(palette[`class-${k}`])), pixels = side * side;
  const single = view !== "mask", part = single ? probabilities.subarray(view * pixels, (view + 1) * pixels) : null;
  const group = single ? (i) => Number(threshold !== null && part[i] >= threshold) : (i) => mask[i];
  data.fill(0);
  for (let i = 0, r = 0; r < side; r++) for (let c = 0; c < side; c++, i++) {
    const mine = group(i), colour = single ? ink : colours[mine], veil = single ? Math.round(220 * part[i]) : mine ? OVERLAY_VEIL : 0;
    if (!mine && !veil) continue;
    // A line on the inner side of the rim of a group; the picture's own edge is no rim.
    const rim = mine ? [r > 0 && group(i - side) !== mine, r < side - 1 && group(i + side) !== mine, c > 0 && group(i - 1) !== mine, c < side - 1 && group(i + 1) !== mine] : null;
    for (let y = 0; y < fine; y++) for (let x = 0; x < fine; x++) {
      const line = rim && ((rim[0] && y === 0) || (rim[1] && y === fine - 1) || (rim[2] && x === 0) || (rim[3] && x === fine - 1));
      const stripe = !single && mine === 2 && (r * fine + y + c * fine + x) % 12 < 3;
      const shade = single ? (line ? channels(palette.window) : colours[view]) : colour, j = 4 * ((r * fine + y) * side * fine + c * fine + x);
      data[j] = shade[0]; data[j + 1] = shade[1]; data[j + 2] = shade[2];
      data[j + 3] = line ? 255 : stripe ? OVERLAY_STRIPE : veil;
    }
  }
}
