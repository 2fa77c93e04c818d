// The U-Net as the paper draws it, with every stage's feature maps in it: enlarge one, read its numbers, see what its pixels see.
import { dress, h, put, reveal, show } from "./dom.js";
import { mapStatistics, mosaic, paintMosaic, ramp, recordedFields, showSmall } from "./feature_maps.js";
import { cellAt, penFor } from "./grid.js";
import { RECEPTIVE_STAGES } from "./receptive.js";
import { unetTrace } from "./shapes.js";
import { xrayFrame, xrayPainter } from "./xray_painter.js";
import { paintGradient, tellGradient, tellSight, xrayMark, xraySight } from "./xray_sight.js";
import { xrayStrip } from "./xray_strip.js";
import { xrayU } from "./xray_u.js";
import { XRAY_WORDS } from "./xray_words.js";

/** What a link may carry: the widget that holds an X-ray has these traits. */
export const XRAY_BOUNDS = { stage: RECEPTIVE_STAGES, channel: [0, 2047], map_row: [0, 511], map_column: [0, 511], gradient: [false, true] };

const clamp = (value, size) => Math.min(Math.max(value, 0), size - 1);
const sameCell = (a, b) => (a && b ? ["stage", "channel", "row", "col"].every((key) => a[key] === b[key]) : a === b);

/**
 * The X-ray of one network. `get(key)` reads the traits of XRAY_BOUNDS from the model; ui.write writes them.
 * network: {n_channels, n_classes, channels, bilinear}, until the first answer tells its shapes; `fields`: effective.field_table(), a function
 * that promises it and is called when a reader asks for it, or null.
 * gates(): the four gates, 0 to 1, shallow to deep. Returns
 *   node: to be put into the page; gates: an empty box under the U, for the gates' sliders;
 *   know(network, class_names, fields): another network took the place of the first; nothing is shown until it answers;
 *   update(stages, {image, height, width}): the network's new answer, drawn by the next draw(palette).
 */
export function xray(ui, { get, gates = () => [1, 1, 1, 1], network = {}, size = [64, 64], classes = [], fields = null, width = () => ui.width }) {
  const tableOf = (given) => (given && typeof given !== "function" ? recordedFields(given) : null);
  let { n_channels = 1, n_classes = 3, channels = 8, bilinear = false } = network, recorded = tableOf(fields), asked = false, sorry = "", hover = null;
  const shapesOf = (height, wide) => ({ image: [n_channels, height, wide], ...Object.fromEntries(unetTrace(height, wide, n_channels, n_classes, channels, bilinear).map((s, i) => [RECEPTIVE_STAGES[i], [s.channels, s.height, s.width]])) });
  const view = { shapes: shapesOf(...size), answer: null, version: 0 }; // what is known: name -> [C, H, W], the network's last answer, its number
  const sizeOf = () => view.shapes.image.slice(1), nameOf = (stage, i) => (stage === "logits" && classes[i] ? XRAY_WORDS.named(classes[i], i) : XRAY_WORDS.nth(i));
  const sightOf = ({ stage, row, column }, [height, wide] = sizeOf()) => xraySight(stage, row, column, height, wide, bilinear);
  /** What is chosen, within the maps that there are. */
  const chosen = () => {
    const stage = get("stage"), [c, y, x] = view.shapes[stage];
    return { stage, channel: clamp(get("channel"), c), row: clamp(get("map_row"), y), column: clamp(get("map_column"), x) };
  };
  let place = [0, 0]; // of the image, in parts of its height and width: a coarse map between two fine ones does not move it
  /** Another stage, at the same place of the image. */
  const move = (stage, { channel = 0, row, col } = {}) => {
    const now = chosen(), from = view.shapes[now.stage], to = view.shapes[stage], at = [now.row, now.column];
    place = place.map((part, i) => (Math.floor(part * from[i + 1]) === at[i] ? part : (at[i] + 0.5) / from[i + 1]));
    const [y, x] = place.map((part, i) => clamp(Math.floor(part * to[i + 1]), to[i + 1]));
    ui.write({ stage, channel, map_row: row ?? y, map_column: col ?? x });
  };

  const figure = (canvas, className) => { const title = h("span", {}); return { canvas, title, figure: h("figure", { class: className }, h("figcaption", {}, title), canvas) }; };
  const input = figure(h("canvas", { role: "img" }), "unet-xray-input"), map = figure(h("canvas", { tabindex: "0", role: "application", "aria-label": XRAY_WORDS.pick }), "unet-xray-map");
  const inputNote = h("p", { class: "unet-note" }), mapNote = h("p", { class: "unet-note" }), bar = h("canvas", { "aria-hidden": "true", class: "unet-xray-bar" });
  map.figure.append(bar);
  const numbers = Object.fromEntries(Object.keys(XRAY_WORDS.statistics).map((name) => [name, h("dd", {})]));
  const list = h("dl", { class: "unet-xray-numbers" }, Object.entries(numbers).map(([name, cell]) => h("div", {}, h("dt", {}, XRAY_WORDS.statistics[name]), cell)));
  const controls = h("div", { class: "unet-xray-controls" }), axis = (which) => () => view.shapes[get("stage")][which] - 1;
  ["channel", "map_row", "map_column"].forEach((key, i) => ui.slider(key, [XRAY_WORDS.channel, XRAY_WORDS.row, XRAY_WORDS.column][i], { max: axis(i), into: controls }));
  const toggle = ui.check("gradient", XRAY_WORDS.gradient, { into: controls });
  reveal(toggle, fields);
  const told = h("p", { class: "unet-xray-say", "aria-live": "polite" }), gateBox = h("div", { class: "unet-xray-gates" });
  const u = xrayU(ui, { choose: move, point: (cell) => { if (!sameCell(cell, hover)) { hover = cell; ui.redraw(); } } });
  const strip = xrayStrip(ui, { stage: get("stage"), now: () => ({ channel: chosen().channel, count: view.shapes[get("stage")][0] }), choose: (channel) => ui.write({ channel }) });
  const pictures = h("div", { class: "unet-xray-pictures" }, input.figure, map.figure, inputNote, mapNote);
  const node = h("div", { class: "unet-xray" }, h("p", { class: "unet-note" }, XRAY_WORDS.hint), u.nodes, gateBox, strip.node,
    h("div", { class: "unet-xray-look" }, pictures, h("div", { class: "unet-xray-side" }, list, controls)), told);

  let mapGrid = { side: 0, cell: 1 };
  ui.pick(map.canvas, {
    at: (event) => { const [, y, x] = view.shapes[get("stage")]; return cellAt(map.canvas, mapGrid.side, 0, mapGrid.cell, y, x)(event); },
    now: () => { const { row, column } = chosen(); return [row, column]; },
    choose: (row, column) => {
      const now = chosen(), [, y, x] = view.shapes[now.stage], to = { map_row: clamp(row, y), map_column: clamp(column, x) };
      if (to.map_row !== now.row || to.map_column !== now.column) ui.write(to);
    },
  });
  const { once, enlarge, watch, whole, forget } = xrayPainter(ui);
  watch([...Object.values(u.canvases), input.canvas, map.canvas, strip.canvas, bar]);

  /** What a reader asked for and is not here yet. */
  function fetchFields() {
    if (!get("gradient")) { asked = false; sorry = ""; }
    if (typeof fields !== "function" || recorded || asked || !get("gradient")) return;
    asked = true;
    sorry = XRAY_WORDS.coming;
    fields().then((table) => { recorded = recordedFields(table); sorry = ""; }, (error) => { sorry = ` ${error.message}`; }).finally(ui.redraw);
  }

  /** The image, small in the U and large beside the map, with the frame of what `now` sees; or, where asked for, the gradient. Returns what is to be said of it. */
  function drawImage(palette, now, side) {
    const { shapes, answer, version } = view, size = sizeOf(), area = shapes[now.stage].slice(1), sight = sightOf(now), words = tellSight(sight, ...size);
    const near = get("gradient") && recorded ? recorded.nearest(now.stage, now.row, now.column, ...area) : null, grey = { shades: ramp(palette, "grey"), most: 1, signed: false };
    const paint = (canvas, wide, line) => answer && enlarge(canvas, answer.image, ...size, wide, grey, `${version}|${now.stage},${now.row},${now.column}|${palette.window}|${wide}`, xrayMark(palette, now, sight, area, size, line));
    paint(u.canvases.image, u.inner(), 1.5);
    let said = "";
    if (near) {
      const of = sightOf({ stage: now.stage, row: near.row, column: near.col }, [recorded.height, recorded.width]);
      said = tellGradient(near, recorded, of);
      paintField(palette, now.stage, near, of, side);
    } else paint(input.canvas, side, 2);
    put(input.title, near ? XRAY_WORDS.sample : XRAY_WORDS.sees);
    put(inputNote, near ? XRAY_WORDS.brightest(now.stage === "logits" ? XRAY_WORDS.largest : XRAY_WORDS.summed) : XRAY_WORDS.dashed);
    input.canvas.setAttribute("aria-label", XRAY_WORDS.input((words + said).trim()));
    return words + said + sorry;
  }
  function paintField(palette, stage, near, sight, side) {
    const state = `gradient|${stage}|${near.which}|${palette.window}|${side}`, cell = side / Math.max(recorded.height, recorded.width);
    once(input.canvas, state, () => {
      const pen = penFor(input.canvas, recorded.width * cell, recorded.height * cell, state);
      if (pen) paintGradient(pen, cell, palette, near, recorded, sight);
    });
  }

  /** The map that is chosen, its scale and its numbers. */
  function drawMap(palette, at, side) {
    const { shapes, answer, version } = view, [, rows, cols] = shapes[at.stage], signed = at.stage === "logits";
    const values = answer.stages[at.stage].data.subarray(at.channel * rows * cols, (at.channel + 1) * rows * cols);
    const facts = mapStatistics(values), most = signed ? Math.max(Math.abs(facts.low), Math.abs(facts.high)) : Math.max(0, facts.high);
    const look = { shades: ramp(palette, signed ? "diverging" : "sequential"), most, signed };
    const cell = enlarge(map.canvas, values, rows, cols, side, look, `${version}|${at.stage},${at.channel},${at.row},${at.column}|${palette.paper}|${side}`, (pen, px) => {
      const out = Math.max(-1, (10 - px) / 2); // a small pixel is framed from outside
      xrayFrame(pen, at.column * px - out, at.row * px - out, px + 2 * out, px + 2 * out, palette, 2);
    });
    mapGrid = { side: cols * cell, cell };
    put(map.title, XRAY_WORDS.map(at.stage, nameOf(at.stage, at.channel)));
    put(mapNote, XRAY_WORDS.scale(signed ? showSmall(-most) : "0", showSmall(most)));
    once(bar, `${signed}|${palette.paper}`, () => paintMosaic(bar, mosaic(1, 1, 1, 64), { data: Float32Array.from({ length: 64 }, (_, i) => (signed ? i / 31.5 - 1 : i / 63)) }, { ...look, most: 1 }));
    for (const name of ["low", "mean", "high"]) put(numbers[name], showSmall(facts[name], 3));
    put(numbers.zeros, XRAY_WORDS.percent(show(100 * facts.zeros, 1)));
  }

  function draw(palette) {
    const at = chosen(), now = hover ? { ...hover, column: hover.col } : at, all = width(), side = all >= 740 ? 256 : all >= 600 ? 192 : Math.min(256, Math.floor((all - 16) / 2));
    const { answer, shapes, version } = view, [, rows, cols] = shapes[now.stage];
    fetchFields();
    u.draw(palette, view, at.stage, gates(), all, once);
    dress(pictures, { width: `${2 * side + 16}px` });
    const words = drawImage(palette, now, side);
    if (!answer) { put(told, XRAY_WORDS.unknown(at.stage, nameOf(at.stage, at.channel), at.row, at.column) + words); return; }
    drawMap(palette, at, side);
    const value = answer.stages[now.stage].data[(now.channel * rows + now.row) * cols + now.column];
    put(told, XRAY_WORDS.pixel(now.stage, nameOf(now.stage, now.channel), now.row, now.column, showSmall(value, 3)) + words);
    strip.draw(palette, answer.stages[at.stage], at, shapes[at.stage], version, all, once);
  }

  return {
    node, gates: gateBox, draw,
    know(other, names = classes, table = null) {
      ({ n_channels = 1, n_classes = 3, channels = 8, bilinear = false } = other);
      [classes, fields, recorded, asked, sorry] = [names, table, tableOf(table), false, ""];
      reveal(toggle, fields);
      Object.assign(view, { shapes: shapesOf(...sizeOf()), answer: null, version: view.version + 1 });
      hover = null;
      forget();
    },
    update(stages, { image, height, width: wide }) {
      view.answer = { stages: Object.fromEntries(RECEPTIVE_STAGES.map((name) => [name, { data: stages[name].data }])), image };
      view.shapes = { image: [image.length / (height * wide), height, wide], ...Object.fromEntries(RECEPTIVE_STAGES.map((name) => [name, stages[name].shape.slice(-3)])) };
      hover = hover && hover.row < view.shapes[hover.stage][1] && hover.col < view.shapes[hover.stage][2] && hover.channel < view.shapes[hover.stage][0] ? hover : null;
      view.version += 1;
      whole();
    },
  };
}
