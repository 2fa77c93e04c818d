// The U-Net as the paper draws it, with every stage's feature maps in it: enlarge one, read its numbers, see what its pixels see.
import { dress, h, put, reveal, show } from "./dom.js";
import { extent, mapStatistics, mosaic, mosaicAt, paintMosaic, ramp, recordedFields, showSmall, stillChannels } from "./feature_maps.js";
import { cellAt, penFor } from "./grid.js";
import { RECEPTIVE_STAGES, receptiveField } from "./receptive.js";
import { unetTrace } from "./shapes.js";
import { xrayArrow, xrayArrows, xrayLayout, xrayNode, xraySet } from "./xray_layout.js";

export const XRAY_WORDS = {
  title: "Inside the network",
  hint: "Each stage shows its first maps. Where a map is 0 it has the colour of the page; logits are blue below 0 and red above. Choose a stage to look into it; point at a pixel to see what it can see.",
  image: "image", size: (c, y, x) => `${c}\u2009×\u2009${y}\u2009×\u2009${x}`, area: (y, x) => `${y}\u2009×\u2009${x}`,
  gate: { inc: "skip inc → up4, %", down1: "skip down1 → up3, %", down2: "skip down2 → up2, %", down3: "skip down3 → up1, %" },
  times: (gate) => `× ${gate}`, shut: "× 0 (shut)",
  key: { conv: "convolutions", down: "max pooling, then convolutions", up: "up-sampling, then convolutions", skip: "skip, times its gate" },
  skips: (list) => `Skips: ${list}.`, skip: (from, to, gate) => `${from} → ${to} ${gate}`,
  channel: "channel", row: "row", column: "column",
  gradient: "show what it does see: the input gradient, on a sample picture",
  sees: "Image: what it can see", sample: "Sample: what it does see",
  input: (box) => `The image; ${box}`,
  map: (stage, name) => `${stage}, ${name}`, chosen: "channel", named: (name, i) => `channel ${i} (${name})`, nth: (i) => `channel ${i}`,
  pick: "The enlarged map; arrow keys move the pixel",
  strip: (stage, count) => `All ${count} channels of ${stage}`, stripPick: (stage) => `The channels of ${stage}; arrow keys choose one`,
  dead: (dead, count) => (dead ? ` ${dead} of ${count} are 0 everywhere in this image.` : ""),
  flat: (flat, count) => (flat ? ` ${flat} of ${count} have one value everywhere, to a thousandth of that.` : ""),
  statistics: { low: "min", mean: "mean", high: "max", zeros: "zeros" }, percent: (share) => `${share} %`,
  scale: (from, to) => `Colours: ${from} to ${to}, the largest in this channel.`, whole: (most) => `Colours: the same for all channels, up to ${most}.`,
  pixel: (stage, name, row, column, value) => `${stage}, ${name}, row ${row}, column ${column}: ${value}.`,
  can: (rows, columns, y, x, all) => ` It can see rows ${rows[0]} to ${rows[1]} and columns ${columns[0]} to ${columns[1]} of the image, ${y} × ${x} pixels${all ? ": all of it" : ""}.`,
  uncut: " No edge is in its way.", cut: (y, x, where) => ` Without edges it would be ${y} × ${x}; it is cut ${where}.`,
  sides: ["at the top", "at the bottom", "on the left", "on the right"], and: " and ", comma: ", ",
  dashed: "The frame: what it can see, dashed where the edge cuts it. The small square: where the pixel lies.",
  does: (row, column, area, part, all, central, y, x) => ` On the sample picture, at row ${row}, column ${column}, the recorded pixel nearest to it, 90 % of the gradient comes from ${area} of ${all} pixels (${part} %), and ${central} % from the middle third of its ${y} × ${x} field.`,
  blind: (row, column, peak) => ` On the sample picture, at row ${row}, column ${column}, the recorded pixel nearest to it, no input pixel has a gradient above ${peak}: in truth it sees next to nothing. The picture shows where that little comes from.`,
  brightest: (of) => `The more colour, the larger the gradient of the pixel's ${of} (colours grow with its root).`, summed: "summed channels", largest: "largest logit",
  coming: " The gradients are on their way.",
  unknown: (stage, name, row, column) => `${stage}, ${name}, row ${row}, column ${column}: the network has not answered yet.`,
};
const XRAY_BLIND = 1e-6; // of a gradient: a pixel that turned from black to white would change the map by no more
const XRAY_SKIPS = [["inc", "up4"], ["down1", "up3"], ["down2", "up2"], ["down3", "up1"]];

/** What a link may carry: the widget that holds an X-ray has these traits. */
export const XRAY_BOUNDS = { stage: RECEPTIVE_STAGES, channel: [0, 2047], map_row: [0, 511], map_column: [0, 511], gradient: [false, true] };

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
  let { n_channels = 1, n_classes = 3, channels = 8, bilinear = false } = network, recorded = tableOf(fields), asked = false, sorry = "", rest = 0, everything = false;
  let answer = null, version = 0, hover = null, layout = null, laid = "", shapes = {};
  const shapesOf = (height, wide) => ({ image: [n_channels, height, wide], ...Object.fromEntries(unetTrace(height, wide, n_channels, n_classes, channels, bilinear).map((s, i) => [RECEPTIVE_STAGES[i], [s.channels, s.height, s.width]])) });
  shapes = shapesOf(...size);
  const sizeOf = () => shapes.image.slice(1), nameOf = (stage, i) => (stage === "logits" && classes[i] ? XRAY_WORDS.named(classes[i], i) : XRAY_WORDS.nth(i));
  const clamp = (value, size) => Math.min(Math.max(value, 0), size - 1);
  /** What is chosen, within the maps that there are. */
  const chosen = () => {
    const stage = get("stage"), [c, y, x] = shapes[stage];
    return { stage, channel: clamp(get("channel"), c), row: clamp(get("map_row"), y), column: clamp(get("map_column"), x) };
  };
  let place = [0, 0]; // of the image, in parts of its height and width: a coarse map between two fine ones does not move it
  /** Another stage, at the same place of the image. */
  const move = (stage, { channel = 0, row, col } = {}) => {
    const now = chosen(), from = shapes[now.stage], to = shapes[stage], at = [now.row, now.column];
    place = place.map((part, i) => (Math.floor(part * from[i + 1]) === at[i] ? part : (at[i] + 0.5) / from[i + 1]));
    const [y, x] = place.map((part, i) => clamp(Math.floor(part * to[i + 1]), to[i + 1]));
    ui.write({ stage, channel, map_row: row ?? y, map_column: col ?? x });
  };

  // --- the U ---
  const lines = xrayNode("svg", { "aria-hidden": "true", class: "unet-xray-lines" }), seen = new Set(), painted = new Map(), parts = {}, arrows = {};
  for (const name of ["first", "last", ...[0, 1, 2, 3].flatMap((l) => [`down${l}`, `up${l}`, `skip${l}`])]) {
    arrows[name] = lines.appendChild(xrayNode("path", { class: `unet-xray-arrow unet-xray-${name.replace(/\d/, "")}` }));
  }
  const gateWords = XRAY_SKIPS.map(() => lines.appendChild(xrayNode("text", { "text-anchor": "middle" })));
  const stand = h("div", { class: "unet-xray-u", role: "group", "aria-label": XRAY_WORDS.title });
  stand.append(lines);
  for (const name of ["image", ...RECEPTIVE_STAGES]) {
    const canvas = h("canvas", name === "image" ? { role: "img", "aria-label": XRAY_WORDS.image } : { "aria-hidden": "true" }), words = h("span", { class: "unet-xray-size" }), pane = h("span", { class: "unet-xray-pane" }, canvas);
    const label = h("span", { class: "unet-xray-label" }, h("b", {}, name === "image" ? XRAY_WORDS.image : name), " ", words);
    const side = RECEPTIVE_STAGES.indexOf(name) > 8 ? "out" : RECEPTIVE_STAGES.indexOf(name) > 4 ? "decoder" : name === "image" ? "image" : "encoder";
    const box = name === "image" ? h("div", { class: "unet-xray-box" }, label, pane) : h("button", { type: "button", class: "unet-xray-box", "aria-pressed": "false" }, label, pane);
    box.dataset.stage = name;
    box.dataset.side = side;
    stand.append(box);
    parts[name] = { box, canvas, words };
    seen.add(canvas);
    if (name === "image") continue;
    const at = (event) => { const cell = layout && mosaicAt(canvas, layout.boxes[name].plan, event); return cell && { stage: name, ...cell }; };
    ui.listen(box, "click", (event) => { const cell = event.detail && event.target === canvas ? at(event) : null; move(name, cell || {}); });
    ui.listen(canvas, "pointermove", (event) => point(at(event)));
    ui.listen(canvas, "pointerleave", () => point(null));
  }
  function point(cell) {
    const same = cell && hover ? ["stage", "channel", "row", "col"].every((key) => cell[key] === hover[key]) : cell === hover;
    if (same) return;
    hover = cell;
    ui.redraw();
  }
  const skipWords = h("p", { class: "unet-note" }), gateBox = h("div", { class: "unet-xray-gates" });
  const glyph = (kind) => { const mark = xrayNode("svg", { "aria-hidden": "true", width: 26, height: 14, class: "unet-xray-lines" }, xrayNode("path", { class: `unet-xray-arrow unet-xray-${kind}`, d: xrayArrow([[1, 7], [24, 7]]) })); return mark; };
  const key = h("ul", { class: "unet-key" }, Object.entries({ first: "conv", down: "down", skip: "skip", up: "up" }).map(([kind, word]) => h("li", {}, glyph(kind), XRAY_WORDS.key[word])));

  // --- what is looked at ---
  const figure = (canvas, className) => { const title = h("span", {}); return { canvas, title, figure: h("figure", { class: className }, h("figcaption", {}, title), canvas) }; };
  const input = figure(h("canvas", { role: "img" }), "unet-xray-input"), map = figure(h("canvas", { tabindex: "0", role: "application", "aria-label": XRAY_WORDS.pick }), "unet-xray-map");
  const inputNote = h("p", { class: "unet-note" }), mapNote = h("p", { class: "unet-note" }), bar = h("canvas", { "aria-hidden": "true", class: "unet-xray-bar" });
  map.figure.append(bar);
  const numbers = Object.fromEntries(Object.keys(XRAY_WORDS.statistics).map((name) => [name, h("dd", {})]));
  const list = h("dl", { class: "unet-xray-numbers" }, Object.entries(numbers).map(([name, cell]) => h("div", {}, h("dt", {}, XRAY_WORDS.statistics[name]), cell)));
  const controls = h("div", { class: "unet-xray-controls" });
  const axis = (which) => () => shapes[get("stage")][which] - 1;
  ui.slider("channel", XRAY_WORDS.channel, { max: axis(0), into: controls });
  ui.slider("map_row", XRAY_WORDS.row, { max: axis(1), into: controls });
  ui.slider("map_column", XRAY_WORDS.column, { max: axis(2), into: controls });
  const toggle = ui.check("gradient", XRAY_WORDS.gradient, { into: controls });
  reveal(toggle, fields);
  const told = h("p", { class: "unet-xray-say", "aria-live": "polite" });
  const strip = figure(h("canvas", { tabindex: "0", role: "application", "aria-label": XRAY_WORDS.stripPick(get("stage")) }), "unet-xray-strip"), stripNote = h("p", { class: "unet-note" }), frameMark = h("div", { class: "unet-xray-frame", "aria-hidden": "true" });
  const stripStand = h("div", { class: "unet-xray-stand" });
  strip.canvas.replaceWith(stripStand);
  stripStand.append(strip.canvas, frameMark);
  strip.figure.append(stripNote);
  const pictures = h("div", { class: "unet-xray-pictures" }, input.figure, map.figure, inputNote, mapNote);
  const node = h("div", { class: "unet-xray" }, h("p", { class: "unet-note" }, XRAY_WORDS.hint), stand, key, skipWords, gateBox, strip.figure,
    h("div", { class: "unet-xray-look" }, pictures, h("div", { class: "unet-xray-side" }, list, controls)), told);

  let mapGrid = { side: 0, cell: 1 }, stripPlan = null;
  ui.pick(map.canvas, {
    at: (event) => { const [, y, x] = shapes[get("stage")]; return cellAt(map.canvas, mapGrid.side, 0, mapGrid.cell, y, x)(event); },
    now: () => { const { row, column } = chosen(); return [row, column]; },
    choose: (row, column) => {
      const now = chosen(), [, y, x] = shapes[now.stage], to = { map_row: clamp(row, y), map_column: clamp(column, x) };
      if (to.map_row !== now.row || to.map_column !== now.column) ui.write(to);
    },
  });
  ui.listen(strip.canvas, "click", (event) => { const cell = stripPlan && mosaicAt(strip.canvas, stripPlan, event); if (cell) ui.write({ channel: cell.channel }); });
  ui.listen(strip.canvas, "keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -(stripPlan?.across || 1), ArrowDown: stripPlan?.across || 1 }[event.key], now = chosen();
    if (!by) return;
    event.preventDefault();
    const to = now.channel + by;
    if (to >= 0 && to < shapes[now.stage][0]) ui.write({ channel: to });
  });
  if (typeof IntersectionObserver !== "undefined") { // what is out of sight is drawn when it comes into sight
    const watch = new IntersectionObserver((entries) => {
      let fresh = false;
      for (const { target, isIntersecting } of entries) { if (isIntersecting && !seen.has(target)) fresh = true; seen[isIntersecting ? "add" : "delete"](target); }
      if (fresh) ui.redraw();
    }, { rootMargin: "100px" });
    for (const canvas of [...Object.values(parts).map((part) => part.canvas), input.canvas, map.canvas, strip.canvas, bar]) { seen.add(canvas); watch.observe(canvas); }
    ui.leave(() => watch.disconnect());
  }

  /** What a reader asked for and is not here yet. */
  function fetchFields() {
    if (!get("gradient")) { asked = false; sorry = ""; }
    if (typeof fields !== "function" || recorded || asked || !get("gradient")) return;
    asked = true;
    sorry = XRAY_WORDS.coming;
    fields().then((table) => { recorded = recordedFields(table); sorry = ""; }, (error) => { sorry = ` ${error.message}`; }).finally(ui.redraw);
  }
  ui.leave(() => clearTimeout(rest));

  /** Run `paint` unless the canvas is out of sight or shows `state` already. */
  const once = (canvas, state, paint) => {
    if ((!seen.has(canvas) && !everything) || painted.get(canvas) === state) return;
    painted.set(canvas, state);
    paint();
  };
  const sheet = document.createElement("canvas"), one = { data: null, shape: null };
  /** One map of rows x cols, square pixels, on a canvas `wide` pixels wide; `over(pen, cell)` draws on it. */
  function enlarge(canvas, values, rows, cols, wide, look, state, over) {
    const cell = wide / Math.max(rows, cols); // every map fills the same room, whatever its number of cells
    dress(canvas, { width: `${cols * cell}px`, aspectRatio: `${cols * cell} / ${rows * cell}` }); // it has its size before it is painted
    once(canvas, state, () => {
      one.data = values;
      paintMosaic(sheet, mosaic(1, 1, rows, cols), one, look);
      const pen = penFor(canvas, cols * cell, rows * cell, state);
      if (!pen) return;
      pen.imageSmoothingEnabled = false;
      pen.drawImage(sheet, 0, 0, cols * cell, rows * cell);
      over(pen, cell);
    });
    return cell;
  }
  /** A frame that reads on any picture; `open` sides, [top, bottom, left, right], are dashed. */
  function outline(pen, x, y, w, t, palette, width, open = [false, false, false, false]) {
    const sides = [[x, y, x + w, y], [x, y + t, x + w, y + t], [x, y, x, y + t], [x + w, y, x + w, y + t]];
    for (const [colour, wide] of [["#000000", width + 2], [palette.window, width]]) sides.forEach(([fx, fy, tx, ty], i) => {
      pen.strokeStyle = colour;
      pen.lineWidth = wide;
      pen.setLineDash(open[i] ? [5, 4] : []);
      pen.beginPath();
      pen.moveTo(fx, fy);
      pen.lineTo(tx, ty);
      pen.stroke();
    });
    pen.setLineDash([]);
  }
  const lookAt = (stage, row, column, height, wide) => {
    const down = receptiveField(stage, row, height, bilinear), across = receptiveField(stage, column, wide, bilinear);
    const cut = [down.reachFirst < down.first, down.reachLast > down.last, across.reachFirst < across.first, across.reachLast > across.last];
    return { down, across, cut };
  };
  const markField = (palette, { stage, row, column }, { down, across, cut }, width) => (pen, cell) => {
    const [, rows, cols] = shapes[stage], [height, wide] = sizeOf(), inset = width / 2 + 1, x = across.first * cell + inset, y = down.first * cell + inset;
    outline(pen, x, y, (across.last + 1) * cell - inset - x, (down.last + 1) * cell - inset - y, palette, width, cut);
    const spot = [(column * wide) / cols, (row * height) / rows, wide / cols, height / rows].map((v) => v * cell);
    if (spot[2] >= 10) return outline(pen, spot[0] + 2, spot[1] + 2, spot[2] - 4, spot[3] - 4, palette, 1.5);
    pen.fillStyle = palette.window;
    pen.fillRect(spot[0], spot[1], Math.max(2, spot[2]), Math.max(2, spot[3]));
  };

  function drawU(palette) {
    const wide = width(), now = `${wide}|${Object.values(shapes).join(";")}`;
    if (now !== laid) {
      laid = now;
      layout = xrayLayout(wide, shapes);
      dress(stand, { height: `${layout.high}px`, width: `${wide}px` });
      xraySet(lines, { width: wide, height: layout.high });
      const { paths, gates: places } = xrayArrows(layout);
      for (const [name, d] of Object.entries(paths)) xraySet(arrows[name], { d });
      gateWords.forEach((text, i) => xraySet(text, places[i]));
      for (const [name, { box, canvas, words }] of Object.entries(parts)) {
        const { x, y, w, plan, inner, label } = layout.boxes[name], [c, rows, cols] = shapes[name];
        dress(box, { left: `${x}px`, top: `${y}px`, width: `${w}px` });
        box.style.setProperty("--unet-label", `${label}px`);
        dress(canvas, { width: `${inner}px`, height: `${Math.round((inner * plan.high) / plan.wide)}px` });
        put(words, name === "image" ? XRAY_WORDS.area(rows, cols) : XRAY_WORDS.size(c, rows, cols));
      }
    }
    const { stage } = chosen(), open = gates();
    for (const name of RECEPTIVE_STAGES) {
      const { box, canvas } = parts[name], pressed = String(name === stage);
      if (box.getAttribute("aria-pressed") !== pressed) box.setAttribute("aria-pressed", pressed);
      if (answer) once(canvas, `${version}|${palette.paper}|${now}`, () => paintMosaic(canvas, layout.boxes[name].plan, answer.stages[name], lookOf(palette, name)));
    }
    open.forEach((gate, i) => {
      const path = arrows[`skip${i}`];
      xraySet(path, { opacity: show(0.3 + 0.7 * gate, 2), "stroke-dasharray": gate === 1 ? "none" : gate ? `${show(3 + 9 * gate, 1)} 4` : "1 6" });
      put(gateWords[i], XRAY_WORDS.times(show(gate)));
    });
    put(skipWords, XRAY_WORDS.skips(XRAY_SKIPS.map(([from, to], i) => XRAY_WORDS.skip(from, to, open[i] ? XRAY_WORDS.times(show(open[i])) : XRAY_WORDS.shut)).join(XRAY_WORDS.comma)));
  }

  /** Colours of a stage, one scale for all its channels. */
  function lookOf(palette, name) {
    const signed = name === "logits", stage = answer.stages[name];
    stage.most ??= extent(stage.data).most;
    return { shades: ramp(palette, signed ? "diverging" : "sequential"), most: stage.most, signed, rule: palette.zero };
  }

  function drawLook(palette) {
    const at = chosen(), [height, wide] = sizeOf(), now = hover ? { stage: hover.stage, channel: hover.channel, row: hover.row, column: hover.col } : at;
    const all = width(), side = all >= 740 ? 256 : all >= 600 ? 192 : Math.min(256, Math.floor((all - 16) / 2)), grey = { shades: ramp(palette, "grey"), most: 1, signed: false };
    const sight = lookAt(now.stage, now.row, now.column, height, wide), place = `${now.stage},${now.row},${now.column}`, theme = `${palette.paper}|${side}`;
    const [c, rows, cols] = shapes[at.stage], near = get("gradient") && recorded ? recorded.nearest(now.stage, now.row, now.column, ...shapes[now.stage].slice(1)) : null;
    dress(pictures, { width: `${2 * side + 16}px` });

    if (answer) enlarge(parts.image.canvas, answer.image, height, wide, layout.boxes.image.inner, grey, `${version}|${place}|${palette.window}|${layout.boxes.image.inner}`, markField(palette, now, sight, 1.5));
    if (near) drawGradient(palette, now.stage, near, side);
    else if (answer) enlarge(input.canvas, answer.image, height, wide, side, grey, `${version}|${place}|${palette.window}|${side}`, markField(palette, now, sight, 2));
    put(input.title, near ? XRAY_WORDS.sample : XRAY_WORDS.sees);
    put(inputNote, near ? XRAY_WORDS.brightest(now.stage === "logits" ? XRAY_WORDS.largest : XRAY_WORDS.summed) : XRAY_WORDS.dashed);
    const said = near ? tellGradient(now.stage, near) : "";
    const words = tellSight(now.stage, sight);
    input.canvas.setAttribute("aria-label", XRAY_WORDS.input((words + said).trim()));

    if (!answer) { put(told, XRAY_WORDS.unknown(at.stage, nameOf(at.stage, at.channel), at.row, at.column) + words + said + sorry); return; }
    const values = answer.stages[at.stage].data.subarray(at.channel * rows * cols, (at.channel + 1) * rows * cols), signed = at.stage === "logits";
    const facts = mapStatistics(values), most = signed ? Math.max(Math.abs(facts.low), Math.abs(facts.high)) : Math.max(0, facts.high);
    const mine = { shades: ramp(palette, signed ? "diverging" : "sequential"), most, signed };
    const cell = enlarge(map.canvas, values, rows, cols, side, mine, `${version}|${at.stage},${at.channel},${at.row},${at.column}|${theme}`, (pen, px) => {
      const out = Math.max(-1, (10 - px) / 2); // a small pixel is framed from outside
      outline(pen, at.column * px - out, at.row * px - out, px + 2 * out, px + 2 * out, palette, 2);
    });
    mapGrid = { side: cols * cell, cell };
    put(map.title, XRAY_WORDS.map(at.stage, nameOf(at.stage, at.channel)));
    put(mapNote, XRAY_WORDS.scale(signed ? showSmall(-most) : "0", showSmall(most)));
    once(bar, `${signed}|${palette.paper}`, () => paintMosaic(bar, mosaic(1, 1, 1, 64), { data: Float32Array.from({ length: 64 }, (_, i) => (signed ? i / 31.5 - 1 : i / 63)) }, { ...mine, most: 1 }));
    for (const name of ["low", "mean", "high"]) put(numbers[name], showSmall(facts[name], 3));
    put(numbers.zeros, XRAY_WORDS.percent(show(100 * facts.zeros, 1)));

    const value = answer.stages[now.stage].data[(now.channel * shapes[now.stage][1] + now.row) * shapes[now.stage][2] + now.column];
    put(told, XRAY_WORDS.pixel(now.stage, nameOf(now.stage, now.channel), now.row, now.column, showSmall(value, 3)) + words + said + sorry);
    drawStrip(palette, at, all);
  }

  function tellSight(stage, { down, across, cut }) {
    const [height, wide] = sizeOf(), tall = down.last - down.first + 1, broad = across.last - across.first + 1;
    const words = XRAY_WORDS.can([down.first, down.last], [across.first, across.last], tall, broad, tall === height && broad === wide);
    const where = XRAY_WORDS.sides.filter((_, i) => cut[i]), most = where.length > 1 ? where.slice(0, -1).join(XRAY_WORDS.comma) + XRAY_WORDS.and + where.at(-1) : where[0];
    return words + (most ? XRAY_WORDS.cut(down.reachLast - down.reachFirst + 1, across.reachLast - across.reachFirst + 1, most) : XRAY_WORDS.uncut);
  }
  function tellGradient(stage, near) {
    if (near.peak < XRAY_BLIND) return XRAY_WORDS.blind(near.row, near.col, showSmall(near.peak));
    const all = recorded.height * recorded.width, many = (n) => n.toLocaleString("en-US"), { down, across } = lookAt(stage, near.row, near.col, recorded.height, recorded.width);
    return XRAY_WORDS.does(near.row, near.col, many(near.area), show((100 * near.area) / all, 1), many(all), show(100 * near.central, 1), down.reachLast - down.reachFirst + 1, across.reachLast - across.reachFirst + 1);
  }

  /** The sample picture, dimmed, and on it the gradient; framed is what the recorded pixel can see. */
  function drawGradient(palette, stage, near, side) {
    const { height, width: wide, image } = recorded, state = `gradient|${stage}|${near.which}|${palette.window}|${side}`, cell = side / Math.max(height, wide);
    once(input.canvas, state, () => {
      const pen = penFor(input.canvas, wide * cell, height * cell, state);
      if (!pen) return;
      paintMosaic(sheet, mosaic(1, 1, height, wide), { data: image.map((v) => 0.55 * v) }, { shades: ramp(palette, "grey"), most: 1, signed: false });
      const under = sheet.getContext("2d"), picture = under.getImageData(0, 0, wide, height), field = near.field(), [r, g, b] = [1, 3, 5].map((i) => parseInt(palette.window.slice(i, i + 2), 16));
      field.forEach((part, i) => { const t = Math.sqrt(part); [r, g, b].forEach((v, k) => { picture.data[4 * i + k] += t * (v - picture.data[4 * i + k]); }); });
      under.putImageData(picture, 0, 0);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(sheet, 0, 0, wide * cell, height * cell);
      const { down, across, cut } = lookAt(stage, near.row, near.col, height, wide), inset = 2, x = across.first * cell + inset, y = down.first * cell + inset;
      outline(pen, x, y, (across.last + 1) * cell - inset - x, (down.last + 1) * cell - inset - y, palette, 2, cut);
    });
  }

  function drawStrip(palette, at, all) {
    const [count, rows, cols] = shapes[at.stage], room = all >= 560 ? 112 : 220, gap = 2;
    let cell = Math.min(112, room); // the largest cells with which all channels fit into the room
    while (cell > 8 && Math.ceil(count / Math.max(1, Math.floor((all + gap) / (cell + gap)))) * (cell + gap) > room + gap) cell -= 1;
    const across = Math.min(count, Math.max(1, Math.floor((all + gap) / (cell + gap)))), times = Math.max(1, Math.round(cell / cols));
    stripPlan = mosaic(count, across, rows, cols, times, Math.max(1, Math.round((gap * cols * times) / cell)));
    const scale = cell / (cols * times), wide = Math.round(stripPlan.wide * scale), high = Math.round(stripPlan.high * scale);
    dress(stripStand, { minHeight: `${room + 8}px` }); // gaps are rounded to whole pixels
    dress(strip.canvas, { width: `${wide}px`, height: `${high}px` });
    dress(frameMark, { left: `${(stripPlan.left(at.channel) * scale).toFixed(1)}px`, top: `${(stripPlan.top(at.channel) * scale).toFixed(1)}px`, width: `${cell}px`, height: `${((rows * cell) / cols).toFixed(1)}px` });
    const stage = answer.stages[at.stage];
    once(strip.canvas, `${version}|${at.stage}|${palette.paper}|${all}`, () => paintMosaic(strip.canvas, stripPlan, stage, lookOf(palette, at.stage)));
    stage.most ??= extent(stage.data).most; // out of sight, nothing has been painted with it yet
    stage.still ??= stillChannels(stage.data, count, rows * cols, stage.most);
    put(strip.title, XRAY_WORDS.strip(at.stage, count));
    put(stripNote, XRAY_WORDS.whole(showSmall(stage.most)) + XRAY_WORDS.dead(stage.still.dead, count) + XRAY_WORDS.flat(stage.still.flat, count));
    const label = XRAY_WORDS.stripPick(at.stage);
    if (strip.canvas.getAttribute("aria-label") !== label) strip.canvas.setAttribute("aria-label", label);
  }

  return {
    node, gates: gateBox,
    know(other, names = classes, table = null) {
      ({ n_channels = 1, n_classes = 3, channels = 8, bilinear = false } = other);
      [classes, fields, recorded, asked, sorry] = [names, table, tableOf(table), false, ""];
      reveal(toggle, fields);
      shapes = shapesOf(...sizeOf());
      answer = hover = null;
      painted.clear();
      version += 1;
    },
    update(stages, { image, height, width: wide }) {
      answer = { stages: Object.fromEntries(RECEPTIVE_STAGES.map((name) => [name, { data: stages[name].data }])), image };
      shapes = { image: [image.length / (height * wide), height, wide], ...Object.fromEntries(RECEPTIVE_STAGES.map((name) => [name, stages[name].shape.slice(-3)])) };
      hover = hover && hover.row < shapes[hover.stage][1] && hover.col < shapes[hover.stage][2] && hover.channel < shapes[hover.stage][0] ? hover : null;
      version += 1;
      clearTimeout(rest); // when the hand rests, what is out of sight is drawn as well: for a print, and for whoever scrolls
      rest = setTimeout(() => { everything = true; ui.redraw(); everything = false; }, 400);
    },
    draw(palette) { fetchFields(); drawU(palette); drawLook(palette); },
  };
}
