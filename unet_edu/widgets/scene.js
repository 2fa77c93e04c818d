// A scene of 64 x 64 pixels that a reader draws: what lies there and how a camera sees it. The twin of data.py, drawn by hand.
// Deviation: a stroke of the pen has any shape, so its texture follows the distance from its rim, whatever that shape is.
import { line } from "./paint.js";

export const SCENE_SIDE = 64;
const SCENE_PIXELS = SCENE_SIDE * SCENE_SIDE;
const SCENE_LIGHT = 1.25; // of data.py, where the lamp points; a picture that was taken before is shown unchanged under it
const SCENE_SQUARE = [[1, 0], [0, 1], [-1, 0], [0, -1]];
const SCENE_HEXAGON = [[1, 0], [0.5, 0.8660254], [-0.5, 0.8660254], [-1, 0], [-0.5, -0.8660254], [0.5, -0.8660254]];
export const SCENE_LAMPS = { // unit vectors from the middle of the picture to its brighter side: right, down
  left: [-1, 0], top_left: [-Math.SQRT1_2, -Math.SQRT1_2], top: [0, -1], top_right: [Math.SQRT1_2, -Math.SQRT1_2],
  right: [1, 0], bottom_right: [Math.SQRT1_2, Math.SQRT1_2], bottom: [0, 1], bottom_left: [-Math.SQRT1_2, Math.SQRT1_2],
};

/** A source of uniform numbers in [0, 1), the same for the same seed everywhere (mulberry32). */
export function sceneUniform(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const sceneBetween = (random, low, high) => low + (high - low) * random();
const sceneRamp = (distance, width) => { const t = Math.min(Math.max(distance / width + 0.5, 0), 1); return t * t * (3 - 2 * t); };

function sceneHeading(random) {
  for (;;) {
    const x = sceneBetween(random, -1, 1), y = sceneBetween(random, -1, 1), square = x * x + y * y;
    if (square > 0.01 && square < 1) { const length = Math.sqrt(square); return [x / length, y / length]; }
  }
}

/** Smooth random texture in -1..1: random values every `cell` pixels, interpolated between. */
export function sceneClouds(random, cell, side = SCENE_SIDE) {
  const n = Math.floor(side / cell) + 2, knots = Float64Array.from({ length: n * n }, () => 2 * random() - 1), map = new Float64Array(side * side);
  for (let i = 0, y = 0; y < side; y++) for (let x = 0; x < side; x++, i++) {
    const r = Math.floor(y / cell), c = Math.floor(x / cell), fy = (y % cell) / cell, fx = (x % cell) / cell;
    const at = (row, col) => knots[row * n + col] * (1 - fy) + knots[(row + 1) * n + col] * fy;
    map[i] = at(r, c) * (1 - fx) + at(r, c + 1) * fx;
  }
  return map;
}

/** The look of one cell, as data.cell draws it: inside(x, y) and brightness(inside, inside its nucleus, grain). */
export function sceneCell(random, radius) {
  const [ux, uy] = sceneHeading(random), oval = sceneBetween(random, -0.12, 0.12), lobes = sceneBetween(random, -0.06, 0.06);
  const nx = sceneBetween(random, -0.25, 0.25) * radius, ny = sceneBetween(random, -0.25, 0.25) * radius, share = sceneBetween(random, 0.34, 0.46);
  const grey = sceneBetween(random, 0.44, 0.64), membrane = sceneBetween(random, 0.08, 0.2), dark = sceneBetween(random, 0.1, 0.24);
  return {
    glow: 0.06,
    share,
    inside: (x, y) => {
      const rho = Math.sqrt(x * x + y * y) + 1e-9, c = (x * ux + y * uy) / rho, s = (y * ux - x * uy) / rho;
      return radius * (1 + oval * (c * c - s * s) + lobes * c * (c * c - 3 * s * s)) - rho;
    },
    nucleus: (x, y) => share * radius - Math.sqrt((x - nx) * (x - nx) + (y - ny) * (y - ny)),
    brightness: (inside, nucleus, grain) => grey + 0.07 * grain - membrane * (1 - sceneRamp(inside - 1.4, 2)) - dark * sceneRamp(nucleus, 1.8),
  };
}

/** The look of one crystal, as data.crystal draws it: its edges, the light on each facet, its table. */
export function sceneCrystal(random, radius) {
  const normals = random() < 0.5 ? SCENE_HEXAGON : SCENE_SQUARE, [ux, uy] = sceneHeading(random), [lx, ly] = sceneHeading(random);
  const edges = normals.map(([a, b]) => {
    const x = a * ux - b * uy, y = a * uy + b * ux, far = radius * sceneBetween(random, 0.72, 1.02), slope = sceneBetween(random, 0.14, 0.28);
    return { x, y, far, slope, light: 0.46 + slope * (x * lx + y * ly) + sceneBetween(random, -0.05, 0.05) };
  });
  const from = sceneBetween(random, 0.3, 0.45), table = sceneBetween(random, 0.36, 0.6), rim = sceneBetween(random, 0.08, 0.2);
  const short = (e, x, y) => e.far - (e.x * x + e.y * y); // how far inside of an edge
  return {
    glow: 0,
    inside: (x, y) => { let least = Infinity; for (const e of edges) least = Math.min(least, short(e, x, y)); return least; },
    facet: (x, y) => { let best = edges[0]; for (const e of edges) if (short(e, x, y) < short(best, x, y)) best = e; return best.light; },
    facing: (x, y) => 0.46 + edges[0].slope * (x * lx + y * ly), // the light on a side that looks this way
    brightness: (inside, light, grain, size = radius) => {
      const side = light + 0.03 * grain;
      return side + sceneRamp(inside - from * size, 1.2) * (table - side) - rim * (1 - sceneRamp(inside - 0.9, 1.4));
    },
  };
}

const sceneLook = (label, random, radius) => (label === 1 ? sceneCell : sceneCrystal)(random, radius);
/** One pixel of an object over what lies under it. */
const sceneLaid = (under, inside, glow, soft, brightness) => {
  const below = glow ? under + glow * sceneRamp(inside + 3, 4) : under;
  return below + sceneRamp(inside, soft) * (brightness - below);
};

/** A surface that holds no object yet. `albedo`: what lies there; `labels`: its classes, null where nobody knows them; `ground`: what
    an eraser brings back; `bell`: this camera's noise, standard deviation 1, the same for every picture of the scene. */
export function blankScene(seed = 0) {
  const random = sceneUniform(seed), broad = sceneClouds(random, 16), fine = sceneClouds(random, 5), grain = sceneClouds(random, 3);
  const ground = Float32Array.from(broad, (v, i) => 0.46 + 0.035 * v + 0.02 * fine[i]);
  const bell = Float32Array.from(broad, () => (random() + random() + random() + random() - 2) * 1.7320508);
  return { seed, count: 0, kind: "blank", albedo: ground.slice(), labels: new Uint8Array(SCENE_PIXELS), ground, grain, bell };
}

/** A picture that was taken before: grey values 0..255, and the class of each pixel if it is known (toy pictures). */
export function pictureScene(grey, labels = null, seed = 0) {
  const scene = blankScene(seed), albedo = Float32Array.from(grey, (v) => v / 255 / SCENE_LIGHT);
  const ground = labels ? sceneGround(albedo, labels, scene.ground) : albedo.slice();
  return { ...scene, kind: labels ? "toy" : "own", albedo, labels: labels && Uint8Array.from(labels), ground };
}

/** The background of a toy picture as if no object lay on it: its light, fitted by a plane that bends (6 numbers), with fresh texture. */
function sceneGround(albedo, labels, texture) {
  const terms = (i) => { const x = (i % SCENE_SIDE) / 32 - 1, y = Math.floor(i / SCENE_SIDE) / 32 - 1; return [1, x, y, x * x, x * y, y * y]; };
  const matrix = Array.from({ length: 6 }, () => new Float64Array(7));
  for (let i = 0; i < SCENE_PIXELS; i++) {
    if (labels[i]) continue;
    const t = [...terms(i), albedo[i]];
    for (let r = 0; r < 6; r++) for (let c = 0; c < 7; c++) matrix[r][c] += t[r] * t[c];
  }
  for (let r = 0; r < 6; r++) { // Gauss and Jordan; the small term keeps a picture without background solvable
    matrix[r][r] += 1e-6;
    for (let other = 0; other < 6; other++) {
      if (other === r) continue;
      const share = matrix[other][r] / matrix[r][r];
      for (let c = r; c < 7; c++) matrix[other][c] -= share * matrix[r][c];
    }
  }
  const weights = matrix.map((row, r) => row[6] / row[r]);
  return Float32Array.from(texture, (v, i) => v - 0.46 + terms(i).reduce((sum, t, k) => sum + weights[k] * t, 0));
}

/** Visit the pixels within `reach` of a cell: each(index, x, y), offsets from the cell's middle in pixels. */
function sceneNear({ row, col }, reach, each) {
  for (let y = Math.max(0, row - reach); y <= Math.min(SCENE_SIDE - 1, row + reach); y++) {
    for (let x = Math.max(0, col - reach); x <= Math.min(SCENE_SIDE - 1, col + reach); x++) each(y * SCENE_SIDE + x, x - col, y - row);
  }
}

/** The scene with one more object, a cell (label 1) or a crystal (2), round its middle at {row, col}: new layers, the old ones stay. */
export function stampedScene(scene, { label, row, col, radius, seed }) {
  const albedo = scene.albedo.slice(), labels = scene.labels && scene.labels.slice(), random = sceneUniform(seed), look = sceneLook(label, random, radius);
  const soft = sceneBetween(random, 1.2, 2.2);
  sceneNear({ row, col }, Math.floor(1.45 * radius) + 4, (i, x, y) => {
    const inside = look.inside(x, y), detail = label === 1 ? look.nucleus(x, y) : look.facet(x, y);
    albedo[i] = sceneLaid(albedo[i], inside, look.glow, soft, look.brightness(inside, detail, scene.grain[i]));
    if (labels && inside > 0) labels[i] = label;
  });
  return { albedo, labels };
}

/** Distance of each marked pixel from the nearest pixel that is not, in pixels; beyond the picture nothing ends. 0 elsewhere. */
export function sceneDepths(marked) {
  const n = SCENE_SIDE, far = 2 * n, up = new Float64Array(SCENE_PIXELS), map = new Float64Array(SCENE_PIXELS);
  for (let x = 0; x < n; x++) {
    for (let y = 0, d = far; y < n; y++) { d = marked[y * n + x] ? d + 1 : 0; up[y * n + x] = d; }
    for (let y = n - 1, d = far; y >= 0; y--) { d = marked[y * n + x] ? d + 1 : 0; const i = y * n + x; if (d < up[i]) up[i] = d; }
  }
  for (let i = 0, y = 0; y < n; y++) for (let x = 0; x < n; x++, i++) {
    if (!marked[i]) continue;
    let least = up[i] * up[i];
    for (let d = 1; d < n && d * d < least; d++) {
      if (x >= d) least = Math.min(least, d * d + up[i - d] * up[i - d]);
      if (x + d < n) least = Math.min(least, d * d + up[i + d] * up[i + d]);
    }
    map[i] = Math.sqrt(least);
  }
  return map;
}

/** One stroke of a pen: label 1 draws a cell, 2 a crystal with an angular pen, 0 erases. add(from, to), then layers() as stampedScene(). */
export function penStroke(scene, { label, radius, seed }) {
  const random = sceneUniform(seed), look = label ? sceneLook(label, random, radius) : null, soft = label ? sceneBetween(random, 1.2, 2.2) : 1.5;
  const field = new Float64Array(SCENE_PIXELS).fill(-1e3); // distance inside the pen's way, negative outside
  const inPen = label === 2 ? look.inside : (x, y) => radius - Math.sqrt(x * x + y * y);
  let start = null;
  return {
    add(from, to) {
      start = start || from;
      for (const cell of line(from, to)) sceneNear(cell, radius + 7, (i, x, y) => { const inside = inPen(x, y); if (inside > field[i]) field[i] = inside; });
    },
    layers() {
      const albedo = scene.albedo.slice(), labels = scene.labels && scene.labels.slice();
      if (label === 0) {
        for (let i = 0; i < SCENE_PIXELS; i++) {
          if (field[i] > -2) albedo[i] += sceneRamp(field[i], soft) * (scene.ground[i] - albedo[i]);
          if (labels && field[i] > 0) labels[i] = 0;
        }
        return { albedo, labels };
      }
      const deep = sceneDepths(field.map((v) => Number(v > 0)));
      // Where passes of the pen lie side by side, the rim is farther than each pass alone says.
      const inside = field.map((v, i) => (v > 0 ? Math.max(v, deep[i] - 0.75) : v));
      const depth = inside.reduce((most, v) => Math.max(most, v), 1);
      const detail = label === 1 ? sceneNucleus(inside, start, look.share) : sceneSides(inside, look.facing);
      for (let i = 0; i < SCENE_PIXELS; i++) {
        if (inside[i] < -6) continue;
        albedo[i] = sceneLaid(albedo[i], inside[i], look.glow, soft, look.brightness(inside[i], detail(i), scene.grain[i], depth / 0.87));
        if (labels && inside[i] > 0) labels[i] = label;
      }
      return { albedo, labels };
    },
  };
}

/** Where the nucleus of a drawn cell lies: at its deepest place, among equals the one nearest to where the stroke began. */
function sceneNucleus(inside, start, share) {
  let best = -Infinity, depth = 0, row = 0, col = 0;
  for (let i = 0; i < SCENE_PIXELS; i++) {
    if (inside[i] <= 0) continue;
    const y = Math.floor(i / SCENE_SIDE), x = i % SCENE_SIDE, value = inside[i] - 0.06 * Math.hypot(y - start.row, x - start.col);
    if (value > best) [best, depth, row, col] = [value, inside[i], y, x];
  }
  return (i) => share * depth - Math.hypot(Math.floor(i / SCENE_SIDE) - row, (i % SCENE_SIDE) - col);
}

/** The light on each pixel of a drawn crystal: its sides look where the rim lies, so a straight rim gives a flat side. */
function sceneSides(inside, facing) {
  const n = SCENE_SIDE, at = (y, x) => Math.max(-3, inside[Math.min(n - 1, Math.max(0, y)) * n + Math.min(n - 1, Math.max(0, x))]);
  return (i) => {
    const y = Math.floor(i / n), x = i % n;
    let right = 0, down = 0; // Sobel: the way to the rim, smoothed over three pixels
    for (const d of [-1, 0, 1]) {
      right -= (d ? 1 : 2) * (at(y + d, x + 1) - at(y + d, x - 1));
      down -= (d ? 1 : 2) * (at(y + 1, x + d) - at(y - 1, x + d));
    }
    const length = Math.sqrt(right * right + down * down) || 1;
    return facing(right / length, down / length);
  };
}

/** The lamp, as in data.py, at each pixel. `uneven` 0..1: 0 lights all alike, 1 is the most uneven that data.py draws; `from`: a name of SCENE_LAMPS. */
export function lampLight(uneven, from) {
  const [ux, uy] = SCENE_LAMPS[from], n = SCENE_SIDE, fx = (0.5 + 0.3 * uneven * ux) * n, fy = (0.5 + 0.3 * uneven * uy) * n;
  return Float64Array.from({ length: SCENE_PIXELS }, (_, i) => {
    const x = (i % n) + 0.5, y = Math.floor(i / n) + 0.5, far = ((x - fx) ** 2 + (y - fy) ** 2) / (2 * n * n);
    return (SCENE_LIGHT + 0.25 * uneven * (ux * (x / n - 0.5) + uy * (y / n - 0.5))) / (1 + 2 * uneven * far);
  });
}

/** What the camera sees: 0..1 in steps of 1/255. `noise`: standard deviation at middle grey, in units of full white. */
export function photograph({ albedo, bell }, light, noise) {
  const image = new Float32Array(SCENE_PIXELS);
  for (let i = 0; i < SCENE_PIXELS; i++) {
    const lit = albedo[i] * light[i], seen = lit + noise * Math.sqrt(Math.max(lit, 0) / 0.5) * bell[i];
    image[i] = Math.floor(Math.min(1, Math.max(0, seen)) * 255 + 0.5) / 255;
  }
  return image;
}
