// The whole network as a U: every stage's map with its channels and size, what F.pad adds, and what each stage costs.
import { freshId, h, put } from "./dom.js";
import { legend } from "./grid.js";
import { mix } from "./ink.js";
import { frame } from "./kit.js";
import { unetTrace } from "./shapes.js";

const WORDS = {
  title: "U-Net trace",
  height: "image height", width: "image width", n_channels: "n_channels", n_classes: "n_classes",
  channels: "channels of inc", bilinear: "bilinear", stage: "stage",
  picture: "The U-Net drawn as a U; point at a stage, or choose one with the arrow keys",
  image: "image",
  map: (c, y, x) => `${c} × ${y} × ${x}`, deep: (c) => `${c} ×`, flat: (y, x) => `${y} × ${x}`, list: (pad) => `[${pad.join(", ")}]`,
  key: { image: "image", encoder: "encoder's map, which crosses as the skip", decoder: "decoder's map", output: "logits", zero: "zeros that F.pad adds: [left, right, top, bottom]", chosen: "chosen stage" },
  scale: "Taller: a larger map. Wider: more channels. Both on a logarithmic scale.",
  inc: (from, to) => `inc: two 3 × 3 convolutions turn ${from} into ${to}. The map also crosses to up4 as its skip.`,
  down: (name, from, pooled, to, odd, skip) => `${name}: max pooling takes ${from} to ${pooled}${odd}, and two 3 × 3 convolutions make ${to} of it.${skip}`,
  odd: (what) => ` and drops the odd ${what}`, odds: { row: "row", column: "column", both: "row and column" },
  crosses: (to) => ` The map also crosses to ${to} as its skip.`, bottom: " This is the bottom of the U: no skip leaves it.",
  up: (name, from, mode, grown, padded, skip, concat, to) => `${name}: ${mode} takes ${from} to ${grown}. ${padded} The skip from ${skip} joins, and two 3 × 3 convolutions turn ${concat} channels into ${to}.`,
  modes: { false: "the transposed convolution", true: "bilinear up-sampling" },
  padded: (list, what) => `F.pad ${list} adds ${what}.`, unpadded: (list) => `F.pad ${list} adds nothing, the sizes agree.`,
  sides: { left: "a column of zeros at the left", right: "a column of zeros at the right", top: "a row of zeros at the top", bottom: "a row of zeros at the bottom" }, and: " and ",
  out: (from, to) => `outc: a 1 × 1 convolution turns the channels of ${from} into one score (logit) for each class: ${to}.`,
  parameters: (name, sum, total) => `parameters of ${name} = ${sum} = ${total}`,
  memory: (map, values, bytes) => `its map: ${map} = ${values} values, ${bytes} in float32`,
  whole: (parameters, bytes, maps) => `whole network: ${parameters} parameters, ${bytes} in float32; the ten maps above, ${maps}`,
  units: { kib: (n) => `${n} KiB`, mib: (n) => `${n} MiB` },
  table: "All stages as a table", total: "total", none: "–",
  head: ["stage", "enters", "up-sampled", "F.pad", "joined", "leaves", "parameters", "map, float32"],
};
const NAMES = ["inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4", "outc"];
const BOUNDS = { height: [16, 600], width: [16, 600], channels: [4, 64], n_channels: [1, 8], n_classes: [1, 8], bilinear: [false, true], stage: NAMES };

/** Parameters of every stage of a trace, as products: [{name, terms: [[3, 3, in, out], [2, out], ...], count}]. */
export function stageParameters(trace, n_channels, bilinear) {
  const block = (into, middle, out) => [[3, 3, into, middle], [2, middle], [3, 3, middle, out], [2, out]]; // no bias; BatchNorm has 2 a channel
  return trace.map((stage, i) => {
    const from = i ? trace[i - 1].channels : n_channels, out = stage.channels;
    const terms = stage.kind === "out" ? [[from, out], [out]]
      : stage.kind !== "up" ? block(from, out, out)
      : bilinear ? block(stage.concat, stage.concat / 2, out)
      : [[2, 2, from, stage.up[0]], [stage.up[0]], ...block(stage.concat, out, out)];
    return { name: stage.name, terms, count: terms.reduce((sum, term) => sum + term.reduce((a, b) => a * b), 0) };
  });
}

/** Where things stand in a picture `wide` pixels wide: rows[level], left(level), right(level) give centres. */
export function layout(wide) {
  const narrow = wide < 480, text = narrow ? 61 : 100, most = narrow ? 20 : 40, gap = narrow ? 9 : 20, line = narrow ? 13 : 15;
  const box = (c) => 5 + ((most - 5) * Math.log2(c)) / 10, tall = (y, x) => 9 + (43 * Math.log(Math.sqrt(y * x))) / Math.log(600);
  const first = text + 5 + most / 2, middle = wide / 2, need = most * 1.5 + 2 * gap + 2 * box(512);
  const step = Math.min(52, (middle - need / 2 - first) / 3), heights = [0, 1, 2, 3, 4].map((l) => Math.max(tall(600 / 2 ** l, 600 / 2 ** l), line * (narrow ? 4 : 3)));
  const rows = [];
  let y = (narrow ? 3 : 2) * line + 24;
  for (const height of heights) { rows.push(y + height / 2); y += height + (narrow ? 28 : 24); }
  return { narrow, text, most, gap, line, box, tall, middle, rows, top: ((narrow ? 3 : 2) * line) / 2 + 2, high: y - 16,
    left: (l) => (l < 4 ? first + l * step : middle), right: (l) => (l < 4 ? wide - first - l * step : middle) };
}

const node = (tag, props, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const set = (target, props) => { for (const [key, value] of Object.entries(props)) if (target.getAttribute(key) !== String(value)) target.setAttribute(key, value); };
const many = (n) => n.toLocaleString("en-US");
const bytes = (n) => (n < 2 ** 20 ? WORDS.units.kib((n / 1024).toFixed(1)) : WORDS.units.mib((n / 2 ** 20).toFixed(1)));

function pytorch({ height, width, channels, n_channels, n_classes, bilinear, stage }, trace, costs) {
  const at = NAMES.indexOf(stage), total = costs.reduce((sum, cost) => sum + cost.count, 0);
  return `import torch
from unet_edu.model import UNet

net = UNet(n_channels=${n_channels}, n_classes=${n_classes}, bilinear=${bilinear ? "True" : "False"}, width=${channels}).eval()
shapes = {}
for name, stage in net.named_children():
    stage.register_forward_hook(lambda m, x, y, name=name: shapes.update({name: tuple(y.shape)}))
with torch.no_grad():
    logits = net(torch.zeros(1, ${n_channels}, ${height}, ${width}))
print(tuple(logits.shape))  # (1, ${n_classes}, ${height}, ${width})
print(sum(p.numel() for p in net.parameters()))  # ${total}
print(shapes["${stage}"])  # (1, ${trace[at].channels}, ${trace[at].height}, ${trace[at].width})
print(sum(p.numel() for p in net.${stage}.parameters()))  # ${costs[at].count}
`;
}

function render({ model, el }) {
  const read = () => {
    const m = Object.fromEntries(Object.keys(BOUNDS).map((key) => [key, model.get(key)]));
    const trace = unetTrace(m.height, m.width, m.n_channels, m.n_classes, m.channels, m.bilinear);
    return { m, trace, costs: stageParameters(trace, m.n_channels, m.bilinear) };
  };
  const ui = frame({ model, el, stem: "unet-trace", words: WORDS, bounds: BOUNDS, code: () => { const { m, trace, costs } = read(); return pytorch(m, trace, costs); } });
  for (const key of ["height", "width", "channels", "n_channels", "n_classes"]) ui.slider(key, WORDS[key]);
  ui.check("bilinear", WORDS.bilinear);
  ui.select("stage", WORDS.stage, NAMES.map((name) => [name, name]));

  const pattern = freshId(), svg = node("svg", { role: "application", tabindex: "0", "aria-label": WORDS.picture, class: "unet-u" });
  const beneath = node("g", {}), lines = node("g", {}), ground = node("rect", { width: 5, height: 5 }), stripes = node("path", { d: "M0 0L5 5" });
  svg.append(node("defs", {}, node("pattern", { id: pattern, width: 5, height: 5, patternUnits: "userSpaceOnUse" }, ground, stripes)), beneath, lines);
  const arrow = (kind) => lines.appendChild(node("path", { class: `unet-arrow unet-arrow-${kind}` }));
  const arrows = { first: arrow("conv"), down: [1, 2, 3, 4].map(() => arrow("pool")), skip: [0, 1, 2, 3].map(() => arrow("skip")), up: [0, 1, 2, 3].map(() => arrow("up")), conv: [0, 1, 2, 3].map(() => arrow("conv")), last: arrow("out") };
  const parts = ["image", ...NAMES].map((name) => {
    const group = node("g", { "data-stage": name }), texts = [0, 1, 2].map((i) => node("text", { class: i ? "" : "unet-name" }));
    const part = { name, group, zone: node("rect", { class: "unet-zone", rx: 5 }), box: node("rect", { class: "unet-map" }), texts };
    beneath.append(part.zone);
    group.append(part.box, ...texts);
    if (/^up/.test(name)) {
      Object.assign(part, { skip: node("rect", { class: "unet-map" }), grown: node("rect", { class: "unet-map" }), joined: node("text", { "text-anchor": "middle" }),
        face: node("rect", { class: "unet-face" }), strips: [0, 1, 2, 3].map(() => node("rect", { fill: `url(#${pattern})`, class: "unet-strip" })), pad: node("text", { class: "unet-pad" }) });
      group.append(part.skip, part.grown, part.joined, part.face, ...part.strips, part.pad);
    }
    svg.append(group);
    return part;
  });
  const key = legend();
  ui.stage.append(svg, key.node, h("p", { class: "unet-note" }, WORDS.scale));
  const facts = [h("p", { class: "unet-sum" }), h("p"), h("p")];
  ui.formula.append(...facts);
  const table = h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": WORDS.table });
  const details = h("details", { class: "unet-numbers" }, h("summary", {}, WORDS.table), table);
  ui.formula.after(details);

  const text = (s) => WORDS.map(s.channels, s.height, s.width), map = (s) => 4 * s.channels * s.height * s.width;
  const pointed = (x1, y1, x2, y2) => { // a line with an open head
    const long = Math.hypot(x2 - x1, y2 - y1) || 1, ux = (x2 - x1) / long, uy = (y2 - y1) / long, r = (n) => n.toFixed(1);
    return `M${r(x1)} ${r(y1)}L${r(x2)} ${r(y2)}M${r(x2 - 6 * ux + 4 * uy)} ${r(y2 - 6 * uy - 4 * ux)}L${r(x2)} ${r(y2)}L${r(x2 - 6 * ux - 4 * uy)} ${r(y2 - 6 * uy + 4 * ux)}`;
  };
  let zones = [];

  ui.draw = (palette) => {
    const { m, trace, costs } = read(), wide = Math.max(280, Math.round(ui.width) || 640), L = layout(wide), chosen = NAMES.indexOf(m.stage);
    set(svg, { width: wide, height: Math.ceil(L.high), viewBox: `0 0 ${wide} ${Math.ceil(L.high)}` });
    set(ground, { fill: palette.zero });
    set(stripes, { stroke: palette.quiet, "stroke-width": 1.2 });
    const fills = { image: mix(palette.paper, palette.input, 0.85), encoder: mix(palette.paper, palette.skip, 0.45), decoder: mix(palette.paper, palette.decoder, 0.45), output: mix(palette.paper, palette.output, 0.5) };
    const image = { name: "image", kind: "image", channels: m.n_channels, height: m.height, width: m.width }, spots = [];
    zones = [];
    parts.forEach((part, i) => {
      const s = i ? trace[i - 1] : image, level = i === 0 || i === 10 ? -1 : i <= 5 ? i - 1 : 9 - i, isLeft = i <= 5, before = i < 5; // where its box and where its words stand
      const high = level < 0 ? 22 : L.tall(s.height, s.width), w = L.box(s.channels), y = level < 0 ? L.top : L.rows[level];
      const x = isLeft ? L.left(Math.max(0, level)) : L.right(Math.max(0, level));
      spots[i] = { x, y, w, high };
      set(part.box, { x: x - w / 2, y: y - high / 2, width: w, height: high, fill: i === 0 ? fills.image : i === 10 ? fills.output : isLeft ? fills.encoder : fills.decoder });
      const said = L.narrow ? [s.name, WORDS.deep(s.channels), WORDS.flat(s.height, s.width)] : [s.name, text(s), ""], pads = s.pad && s.pad.some(Boolean);
      const count_ = L.narrow ? 3 : pads ? 3 : 2, half = Math.max(high, count_ * L.line) / 2, tx = before ? x - L.most / 2 - 5 : x + L.most / 2 + 5, ty = y - (count_ * L.line) / 2 + L.line * 0.78;
      part.texts.forEach((t, j) => { put(t, said[j]); set(t, { x: tx, y: ty + j * L.line, "text-anchor": before ? "end" : "start" }); });
      const zone = { x: before ? tx - L.text + 2 : x - L.most / 2 - 3, y: y - half - 3, width: L.text + L.most + 5, height: 2 * half + 6 };
      if (part.skip) {
        const [a, b] = [L.box(s.concat - s.up[0]), L.box(s.up[0])], end = x - L.most / 2 - L.gap;
        set(part.skip, { x: end - a - b, y: y - high / 2, width: a, height: high, fill: fills.encoder });
        set(part.grown, { x: end - b, y: y - high / 2, width: b, height: high, fill: fills.decoder });
        put(part.joined, String(s.concat));
        set(part.joined, { x: end - (a + b) / 2, y: y - high / 2 - 4 });
        Object.assign(spots[i], { joinLeft: end - a - b, joinRight: end, grown: end - b / 2 });
        const py = L.narrow ? y + half + 10 : ty + 2 * L.line, size = 10, fx = L.narrow ? Math.min(tx, wide - 75) : tx + 1, fy = py - size + 1, [l, r, t, d] = s.pad, over = y - high / 2 - 17;
        zone.width += zone.x - (end - a - b - 4);
        zone.x = end - a - b - 4;
        zone.height += Math.max(0, zone.y - over) + (L.narrow && pads ? 11 : 0);
        zone.y = Math.min(zone.y, over);
        for (const shape of [part.face, part.pad, ...part.strips]) set(shape, { visibility: pads ? "visible" : "hidden" });
        put(part.pad, WORDS.list(s.pad));
        set(part.pad, { x: fx + size + 4, y: py });
        set(part.face, { x: fx, y: fy, width: size, height: size, fill: fills.decoder });
        [[0, 0, l && 4, size], [size - 4, 0, r && 4, size], [0, 0, size, t && 4], [0, size - 4, size, d && 4]].forEach(([sx, sy, sw, sh], j) =>
          set(part.strips[j], { x: fx + sx, y: fy + sy, width: sw, height: sh, stroke: palette.ink, "stroke-width": sw && sh ? 1 : 0 }));
      }
      set(part.zone, zone);
      part.zone.classList.toggle("unet-chosen", i - 1 === chosen);
      if (i) zones.push(zone);
    });
    const at = (name) => spots[NAMES.indexOf(name) + 1], top = (s) => s.y - s.high / 2, bottom = (s) => s.y + s.high / 2;
    set(arrows.first, { d: pointed(spots[0].x, bottom(spots[0]) + 3, at("inc").x, top(at("inc")) - 3) });
    set(arrows.last, { d: pointed(at("up4").x, top(at("up4")) - 3, at("outc").x, bottom(at("outc")) + 3) });
    for (let l = 0; l < 4; l++) {
      const from = spots[l + 1], to = spots[l + 2], up = at(`up${4 - l}`), below = l === 3 ? spots[5] : at(`up${3 - l}`);
      set(arrows.down[l], { d: pointed(from.x + 1, bottom(from) + 3, to.x - (l === 3 ? 4 : 0), top(to) - 3) });
      set(arrows.skip[l], { d: pointed(from.x + from.w / 2 + 3, from.y, up.joinLeft - 3, up.y) });
      set(arrows.up[l], { d: pointed(below.x + (l === 3 ? 4 : 0), top(below) - 3, up.grown, bottom(up) + 3) });
      set(arrows.conv[l], { d: pointed(up.joinRight + 2, up.y, up.x - up.w / 2 - 2, up.y) });
    }
    key.draw(palette, [{ fill: fills.image, text: WORDS.key.image }, { fill: fills.encoder, text: WORDS.key.encoder }, { fill: fills.decoder, text: WORDS.key.decoder }, { fill: fills.output, text: WORDS.key.output },
      { fill: palette.zero, hatch: "back", hatchColour: palette.quiet, text: WORDS.key.zero }, { fill: palette.paper, outline: palette.window, text: WORDS.key.chosen }]);

    const s = trace[chosen], cost = costs[chosen], total = costs.reduce((sum, c) => sum + c.count, 0);
    ui.say(tell(m, trace, chosen, image));
    put(facts[0], WORDS.parameters(s.name, cost.terms.map((term) => term.join("·")).join(" + "), many(cost.count)));
    put(facts[1], WORDS.memory(text(s), many(map(s) / 4), bytes(map(s))));
    put(facts[2], WORDS.whole(many(total), bytes(4 * total), bytes(trace.reduce((sum, stage) => sum + map(stage), 0))));
    if (details.open) tabulate();
  };

  function tell(m, trace, i, image) {
    const s = trace[i], from = i ? trace[i - 1] : image;
    if (s.kind === "double_conv") return WORDS.inc(text(from), text(s));
    if (s.kind === "out") return WORDS.out(text(from), text(s));
    if (s.kind === "down") {
      const odd = [from.height % 2 ? "row" : "", from.width % 2 ? "column" : ""].join(""), what = odd === "rowcolumn" ? "both" : odd;
      return WORDS.down(s.name, text(from), WORDS.map(from.channels, s.height, s.width), text(s), what ? WORDS.odd(WORDS.odds[what]) : "", i < 4 ? WORDS.crosses(NAMES[8 - i]) : WORDS.bottom);
    }
    const sides = ["left", "right", "top", "bottom"].filter((_, j) => s.pad[j]).map((side) => WORDS.sides[side]).join(WORDS.and), list = WORDS.list(s.pad);
    return WORDS.up(s.name, text(from), WORDS.modes[m.bilinear], WORDS.map(...s.up), sides ? WORDS.padded(list, sides) : WORDS.unpadded(list), NAMES[8 - i], s.concat, s.channels);
  }
  function tabulate() {
    const { m, trace, costs } = read(), none = WORDS.none;
    const rows = trace.map((s, i) => [text(i ? trace[i - 1] : { channels: m.n_channels, height: m.height, width: m.width }), s.up.length ? WORDS.map(...s.up) : none, s.pad.length ? WORDS.list(s.pad) : none, s.concat || none, text(s), many(costs[i].count), bytes(map(s))]);
    rows.push(["", "", "", "", "", many(costs.reduce((sum, c) => sum + c.count, 0)), bytes(trace.reduce((sum, s) => sum + map(s), 0))]);
    table.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, WORDS.head.map((word) => h("th", { scope: "col" }, word)))),
      h("tbody", {}, rows.map((row, i) => h("tr", {}, h("th", { scope: "row" }, NAMES[i] || WORDS.total), row.map((cell) => h("td", {}, String(cell))))))));
  }
  ui.listen(details, "toggle", () => { if (details.open) tabulate(); });

  const choose = (name) => { if (NAMES.includes(name) && name !== model.get("stage")) ui.write({ stage: name }); };
  const point = (event) => {
    const box = svg.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const at = zones.findIndex((z) => x >= z.x && x <= z.x + z.width && y >= z.y && y <= z.y + z.height);
    if (at >= 0) choose(NAMES[at]);
  };
  ui.listen(svg, "pointermove", point);
  ui.listen(svg, "pointerdown", point);
  ui.listen(svg, "keydown", (event) => {
    const i = NAMES.indexOf(model.get("stage")), isLeft = i < 4;
    const to = { ArrowUp: isLeft || i === 4 ? i - 1 : i + 1, ArrowDown: isLeft ? i + 1 : i === 4 ? 4 : i - 1,
      ArrowRight: isLeft ? 8 - i : i === 4 ? 5 : i, ArrowLeft: i === 4 ? 3 : i > 4 && i < 9 ? 8 - i : i }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(NAMES[to]);
  });
  return ui.ready();
}

export default { render };
