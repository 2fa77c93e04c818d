// All channels of one stage side by side on one scale: choose one by a click or with the arrow keys.
import { dress, h, put } from "./dom.js";
import { extent, mosaic, mosaicAt, paintMosaic, showSmall, stillChannels } from "./feature_maps.js";
import { xrayLook } from "./xray_u.js";
import { XRAY_WORDS } from "./xray_words.js";

/** `now()`: the channel that is chosen and how many there are; `choose(channel)`. Returns {node, canvas, draw(palette, stage, at, shape, version, wide, once)}. */
export function xrayStrip(ui, { now, choose, stage }) {
  const canvas = h("canvas", { tabindex: "0", role: "application", "aria-label": XRAY_WORDS.stripPick(stage) }), title = h("span", {}), note = h("p", { class: "unet-note" });
  const mark = h("div", { class: "unet-xray-frame", "aria-hidden": "true" }), stand = h("div", { class: "unet-xray-stand" }, canvas, mark);
  const node = h("figure", { class: "unet-xray-strip" }, h("figcaption", {}, title), stand, note);
  let plan = null;
  ui.listen(canvas, "click", (event) => { const cell = plan && mosaicAt(canvas, plan, event); if (cell) choose(cell.channel); });
  ui.listen(canvas, "keydown", (event) => {
    const row = plan?.across || 1, by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[event.key];
    if (!by) return;
    event.preventDefault();
    const { channel, count } = now(), to = channel + by;
    if (to >= 0 && to < count) choose(to);
  });
  return {
    node, canvas,
    draw(palette, stage, at, [count, rows, cols], version, all, once) {
      const room = all >= 560 ? 112 : 220, gap = 2;
      let cell = Math.min(112, room); // the largest cells with which all channels fit into the room
      while (cell > 8 && Math.ceil(count / Math.max(1, Math.floor((all + gap) / (cell + gap)))) * (cell + gap) > room + gap) cell -= 1;
      const across = Math.min(count, Math.max(1, Math.floor((all + gap) / (cell + gap)))), times = Math.max(1, Math.round(cell / cols));
      plan = mosaic(count, across, rows, cols, times, Math.max(1, Math.round((gap * cols * times) / cell)));
      const scale = cell / (cols * times), wide = Math.round(plan.wide * scale), high = Math.round(plan.high * scale);
      dress(stand, { minHeight: `${room + 8}px` }); // gaps are rounded to whole pixels
      dress(canvas, { width: `${wide}px`, height: `${high}px` });
      dress(mark, { left: `${(plan.left(at.channel) * scale).toFixed(1)}px`, top: `${(plan.top(at.channel) * scale).toFixed(1)}px`, width: `${cell}px`, height: `${((rows * cell) / cols).toFixed(1)}px` });
      once(canvas, `${version}|${at.stage}|${palette.paper}|${all}`, () => paintMosaic(canvas, plan, stage, xrayLook(palette, at.stage, stage)));
      stage.most ??= extent(stage.data).most; // out of sight, nothing has been painted with it yet
      stage.still ??= stillChannels(stage.data, count, rows * cols, stage.most);
      put(title, XRAY_WORDS.strip(at.stage, count));
      put(note, XRAY_WORDS.whole(showSmall(stage.most)) + XRAY_WORDS.dead(stage.still.dead, count) + XRAY_WORDS.flat(stage.still.flat, count));
      const label = XRAY_WORDS.stripPick(at.stage);
      if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label);
    },
  };
}
