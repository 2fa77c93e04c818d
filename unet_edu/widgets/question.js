// A question that the reader answers before reading on: checked at once, the solution folded below.
import { freshId, h, keepKeys } from "./dom.js";

const WORDS = {
  kinds: { predict: "Predict", exercise: "Exercise" },
  check: "Check", solution: "Solution", yours: "Your answer",
  right: "Right. ", wrong: "Not yet. ", empty: "Choose or type an answer first.",
  again: "Try again, or unfold the solution.",
};

/** Text with `code` in backticks -> nodes. */
const rich = (text) => text.split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));

function question({ model, el }) {
  const options = model.get("options"), name = freshId(), kind = WORDS.kinds[model.get("kind")];
  const told = h("p", { class: "unet-told", "aria-live": "polite" });
  const solution = h("details", {}, h("summary", {}, WORDS.solution), h("p", {}, rich(model.get("why"))));
  const fields = options.length
    ? options.map((text, i) => h("label", {}, h("input", { type: "radio", name, value: String(i) }), h("span", {}, rich(text))))
    : [h("label", {}, h("span", {}, WORDS.yours), h("input", { type: "number", step: "any", inputmode: "decimal" }))];
  const form = h("form", { class: "unet unet-question", "aria-label": `${kind}: ${model.get("prompt").replaceAll("`", "")}` },
    h("fieldset", {}, h("legend", {}, h("span", { class: "unet-kind" }, kind), " ", rich(model.get("prompt"))), h("div", { class: options.length ? "unet-options" : "unet-typed" }, fields)),
    h("div", { class: "unet-row" }, h("button", { type: "submit" }, WORDS.check)), told, solution);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = form.querySelector(options.length ? "input:checked" : "input");
    const value = input && input.value !== "" ? Number(input.value) : null;
    const answer = model.get("answer"), slack = Number.isInteger(answer) ? 0 : 1e-6 * Math.max(1, Math.abs(answer));
    const right = value !== null && Math.abs(value - answer) <= slack;
    form.dataset.right = value === null ? "" : String(right);
    if (value === null) told.replaceChildren(WORDS.empty);
    else if (right) told.replaceChildren(WORDS.right, ...rich(model.get("why")));
    else told.replaceChildren(WORDS.wrong, ...rich(model.get("hint") || WORDS.again));
    model.set("given", value === null ? "" : String(value));
    model.save_changes();
  });
  keepKeys(form);
  el.append(form);
  return () => form.remove();
}

/** Asked anew when Python changes it. */
function render({ model, el }) {
  const names = ["kind", "prompt", "options", "answer", "why", "hint"].map((key) => `change:${key}`).join(" ");
  let remove = question({ model, el });
  const again = () => { remove(); remove = question({ model, el }); };
  model.on(names, again);
  return () => { model.off(names, again); remove(); };
}

export default { render };
