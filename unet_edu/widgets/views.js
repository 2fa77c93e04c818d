// What a widget shows beside its sentence: captioned pictures to point at, a formula with its terms, folded numbers.
import { dress, h, put, reveal, show } from "./dom.js";
import { drawGrid } from "./grid.js";

/** Give a frame its views: ui.picture, ui.pick, ui.terms, ui.numbers. */
export function views(ui) {
  /** A canvas under its caption, in a figure of fixed width so that nothing jumps; `pick` is the label of one that can be pointed at.
      Returns {canvas, figure, title, fit(cells), draw(grid), at(event)}: draw() chooses the cells' size, `most` CSS pixels at the most;
      the canvas stays a square, or `tall` CSS pixels tall, whatever the number of cells. */
  ui.picture = (caption, side, { pick, into = ui.stage } = {}) => {
    const canvas = h("canvas", pick ? { tabindex: "0", role: "application", "aria-label": pick } : { role: "img", "aria-label": caption });
    const title = h("figcaption", {}, caption), figure = h("figure", { style: `width:${side + 6}px` }, title, canvas);
    into.append(figure);
    let grid = null;
    const room = () => Math.max(60, Math.min(side, ui.width - 12)), fit = (cells, most = 44) => Math.max(3, Math.min(most, Math.floor(room() / cells)));
    const draw = ({ most, tall, ...cells }) => {
      dress(figure, { minHeight: `${(tall || room()) + 30}px` });
      grid = drawGrid(canvas, { size: fit(Math.max(cells.rows, cells.cols), most), room: [room() + 6, tall || room() + 6], ...cells });
    };
    return { canvas, figure, title, fit, draw, at: (event) => grid && grid.at(event) };
  };

  /** Pointing at a canvas, or its arrow keys, chooses a cell: at(event) -> {row, col} | null, now() -> [row, col], choose(row, col);
      `drag`: only while a button or a finger is down. */
  ui.pick = (canvas, { at, now, choose, drag = false }) => {
    const point = (event) => { const cell = at(event); if (cell) choose(cell.row, cell.col); };
    ui.listen(canvas, "pointermove", (event) => { if (!drag || event.buttons) point(event); });
    ui.listen(canvas, "pointerdown", point);
    ui.listen(canvas, "keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(now()[0] + step[0], now()[1] + step[1]);
    });
  };

  /** The formula: one line, and a table of [term, now, pixels, what it is]; returns (line, rows) => void. A null row is hidden. */
  ui.terms = (head, label, most) => {
    const line = h("p", { class: "unet-big" }), rows = Array.from({ length: most }, () => h("tr", {}, head.map((_, i) => h("td", { class: i === 2 ? "" : "unet-words" }))));
    ui.formula.append(line, h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": label },
      h("table", {}, h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows))));
    return (text, terms) => {
      put(line, text);
      rows.forEach((row, i) => {
        reveal(row, terms[i]);
        (terms[i] || []).forEach((value, j) => put(row.cells[j], typeof value === "number" ? show(value) : value));
      });
    };
  };

  /** The picture's numbers in a folded table; returns (rows, cols, value) => void, which works only while it is open. */
  ui.numbers = (summary) => {
    const table = h("div", { class: "unet-scroll", tabindex: "0", role: "group", "aria-label": summary });
    const details = h("details", { class: "unet-numbers" }, h("summary", {}, summary), table);
    let last = null;
    const fill = () => {
      if (!details.open || !last) return;
      const [rows, cols, value] = last;
      table.replaceChildren(h("table", { class: "unet-output" }, h("tbody", {}, Array.from({ length: rows }, (_, r) => h("tr", {}, Array.from({ length: cols }, (_, c) => h("td", {}, show(value(r, c), 4))))))));
    };
    ui.formula.after(details);
    ui.listen(details, "toggle", fill);
    return (...numbers) => { last = numbers; fill(); };
  };
}
