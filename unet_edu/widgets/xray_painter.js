// The canvases of an X-ray: each is painted when it is in sight and has something new to show.
import { dress } from "./dom.js";
import { mosaic, paintMosaic } from "./feature_maps.js";
import { penFor } from "./grid.js";

/**
 * once(canvas, state, paint): run `paint` unless the canvas is out of sight or shows `state` already.
 * enlarge(canvas, values, rows, cols, wide, look, state, over): one map in square pixels, `wide` CSS pixels across; `over(pen, cell)` draws on it. Returns the cell's size.
 * watch(canvases): from now on, what comes into sight is drawn then. whole(): when the hand rests, all is drawn, for a print and for whoever scrolls.
 * forget(): nothing that was painted is still true.
 */
export function xrayPainter(ui) {
  const seen = new Set(), painted = new Map(), sheet = document.createElement("canvas"), one = { data: null, shape: null };
  let rest = 0, everything = false;
  ui.leave(() => clearTimeout(rest));
  const once = (canvas, state, paint) => {
    if ((!seen.has(canvas) && !everything) || painted.get(canvas) === state) return;
    painted.set(canvas, state);
    paint();
  };
  return {
    once,
    enlarge(canvas, values, rows, cols, wide, look, state, over) {
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
    },
    watch(canvases) {
      for (const canvas of canvases) seen.add(canvas);
      if (typeof IntersectionObserver === "undefined") return;
      const observer = new IntersectionObserver((entries) => {
        let fresh = false;
        for (const { target, isIntersecting } of entries) { if (isIntersecting && !seen.has(target)) fresh = true; seen[isIntersecting ? "add" : "delete"](target); }
        if (fresh) ui.redraw();
      }, { rootMargin: "100px" });
      for (const canvas of canvases) observer.observe(canvas);
      ui.leave(() => observer.disconnect());
    },
    whole() {
      clearTimeout(rest);
      rest = setTimeout(() => { everything = true; ui.redraw(); everything = false; }, 400);
    },
    forget() { painted.clear(); },
  };
}

/** A frame that reads on any picture; `open` sides, [top, bottom, left, right], are dashed. */
export function xrayFrame(pen, x, y, w, t, palette, width, open = [false, false, false, false]) {
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
