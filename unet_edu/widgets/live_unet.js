// The live network in its smallest form: a button that starts it and runs it once.
import { openEngine } from "./engine.js";
import { h } from "./kit.js";

const WORDS = { start: "Start the network", at: (loaded, total) => `${loaded} of ${total} bytes`, done: (kind, classes) => `${kind}: ${classes}` };

function render({ model, el }) {
  let engine = null;
  const said = h("p", { role: "status" });
  const start = async () => {
    try {
      engine = await openEngine({ model, onProgress: (loaded, total) => { said.textContent = WORDS.at(loaded, total); } });
      const { stages } = await engine.run({ image: new Float32Array(64 * 64), height: 64, width: 64, gates: [1, 1, 1, 1] });
      said.textContent = WORDS.done(engine.kind, stages.logits.shape.join(" x "));
    } catch (error) {
      said.textContent = error.message;
    }
  };
  el.append(h("div", { class: "unet unet-live-unet" }, h("button", { type: "button", onclick: start }, WORDS.start), said));
  return () => engine?.close();
}

export default { render };
