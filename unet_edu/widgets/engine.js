// What computes the live network: onnxruntime-web in a worker on a static page, the kernel in a notebook. One interface, the same answers.

const ENGINE_WORDS = {
  failed: (why) => `The network cannot run here: ${why}.`,
  file: "this page was opened as a file, and a browser lets such a page fetch nothing. Serve the book, for example with make serve",
  webAssembly: "this browser has no WebAssembly, or it is switched off",
  old: "this browser is too old for it",
  worker: (said) => `the browser refused to start a worker${said ? ` (${said})` : ""}`,
  list: (said) => `the list of its files could not be read (${said}). Look at your connection and try again`,
  noEngine: "this copy of the book was built without it. `make book` builds a copy that has it",
  died: "its worker has stopped. Load the page again",
  kernel: (seconds) => `no kernel has answered for ${seconds} seconds. It is busy or gone; run the cell of this widget again`,
  refused: (name, why) => `${name} was not taken: ${why}. The network before it stays.`,
  nameless: "The file",
  large: (mb, most) => `it has ${mb} MB, and ${most} MB is the limit`,
  empty: "it is empty",
  unreadable: "the browser could not read it",
  notebook: "in a notebook, give your network to Python: LiveUNet(model)",
  image: (height, width, got) => `the picture is ${height} x ${width} with ${got} values; give whole sides from 16 to 512 and one value for each pixel`,
  gates: (gates) => `gates are ${gates}; give four numbers from 0 to 1`,
};
const ENGINE_NAMES = { runtime: "onnxruntime.mjs", wasm: "onnxruntime.gzip", network: "unet.onnx", pictures: "held_out.gzip" };
const ENGINE_LIMIT = 64, ENGINE_PICTURES = 64; // megabytes of a dropped file; held-out pictures
const ENGINE_PATIENCE = 60; // seconds until a kernel that says nothing counts as gone
const ENGINE_SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]; // a module with one SIMD instruction

/** Names of the outputs, in the order of a forward pass. */
const ENGINE_STAGES = ["inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4", "logits"];

/**
 * Start the network: {kind, info, run, score, load, close}, or an Error whose message is for readers.
 * `model`: the widget's. The static host says in `model.live` where the files lie; without it a kernel computes.
 * `onProgress(loaded, total)`: bytes. `onInfo(info)`: another network has taken the place of the one before.
 */
export async function openEngine({ model, onProgress = () => {}, onInfo = () => {} }) {
  try {
    return model.live ? await engineInBrowser(model.live, onProgress, onInfo) : await engineInKernel(model, onInfo);
  } catch (error) {
    throw new Error(ENGINE_WORDS.failed(error.message));
  }
}

/** The interface over `ask(what, values)`, which answers one question at a time. `parts`: held-out pictures in one question. */
function engineOver(kind, first, ask, parts, stop, onInfo) {
  let info = first, busy = false, closed = false, waiting = null, scoring = null, loading = [];
  const later = () => { const job = {}; job.promise = new Promise((resolve, reject) => Object.assign(job, { resolve, reject })); return job; };

  /* A network first, then the newest picture, then the next few pictures of a score: drawing goes between two of them. */
  function next() {
    if (busy || closed) return;
    let job, asked, heard;
    if (loading.length) {
      job = loading.shift();
      asked = ["load", job.values];
      heard = (answer) => { changed(answer.info); job.resolve(info); };
    } else if (waiting) {
      [job, waiting] = [waiting, null];
      asked = ["run", job.values];
      heard = job.resolve;
    } else if (scoring) {
      job = scoring;
      asked = ["score", { gates: job.gates, first: job.done, many: parts }];
      heard = ({ matrix }) => counted(job, asked[1].first, matrix);
    } else return;
    busy = true;
    ask(...asked).then((answer) => (answer === null ? job.resolve(null) : heard(answer)))
      .catch((error) => { if (job === scoring) scoring = null; job.reject(error); })
      .finally(() => { busy = false; next(); });
  }

  function changed(now) {
    info = now;
    if (scoring) Object.assign(scoring, { done: 0, matrix: null }); // begins again with the network that is there now
    onInfo(now);
  }

  function counted(job, first, matrix) {
    if (job !== scoring || first !== job.done) return; // a newer score has taken its place, or another network
    job.matrix = job.matrix ? job.matrix.map((value, i) => value + matrix[i]) : matrix;
    job.done += parts;
    if (job.done < ENGINE_PICTURES) return;
    scoring = null;
    job.resolve(engineScores(job.matrix, info.n_classes));
  }

  return {
    kind,
    get info() { return info; },
    changed,
    run({ image, height, width, gates = [1, 1, 1, 1], stages }) {
      const side = (n) => Number.isInteger(n) && n >= 16 && n <= 512;
      if (!side(height) || !side(width) || image.length !== height * width) return Promise.reject(new Error(ENGINE_WORDS.image(height, width, image.length)));
      if (!engineGates(gates)) return Promise.reject(new Error(ENGINE_WORDS.gates(gates)));
      if (closed) return Promise.resolve(null);
      waiting?.resolve(null);
      waiting = Object.assign(later(), { values: { image: Float32Array.from(image), height, width, gates: [...gates], ...(stages ? { stages } : {}) } });
      const { promise } = waiting;
      next();
      return promise;
    },
    score({ gates = [1, 1, 1, 1] } = {}) {
      if (!engineGates(gates)) return Promise.reject(new Error(ENGINE_WORDS.gates(gates)));
      if (closed) return Promise.resolve(null);
      scoring?.resolve(null);
      scoring = Object.assign(later(), { gates: [...gates], done: 0, matrix: null });
      const { promise } = scoring;
      next();
      return promise;
    },
    async load(file) {
      const name = file.name ? `“${file.name}”` : ENGINE_WORDS.nameless;
      try {
        if (kind === "kernel") throw new Error(ENGINE_WORDS.notebook);
        const size = file.size ?? file.byteLength;
        if (size > ENGINE_LIMIT * 1e6) throw new Error(ENGINE_WORDS.large(Math.ceil(size / 1e6), ENGINE_LIMIT));
        if (size === 0) throw new Error(ENGINE_WORDS.empty);
        const bytes = new Uint8Array(file.arrayBuffer ? await file.arrayBuffer().catch(() => { throw new Error(ENGINE_WORDS.unreadable); }) : file);
        const job = Object.assign(later(), { values: { bytes } });
        loading.push(job);
        next();
        return await job.promise;
      } catch (error) {
        throw new Error(ENGINE_WORDS.refused(name, error.message));
      }
    },
    close() {
      closed = true;
      for (const job of [waiting, scoring, ...loading]) job?.resolve(null);
      [waiting, scoring, loading] = [null, null, []];
      stop();
    },
  };
}

const engineGates = (gates) => gates?.length === 4 && [...gates].every((gate) => Number.isFinite(gate) && gate >= 0 && gate <= 1);

/** Scores of a confusion matrix, given row by row (row = true class), as unet_edu.metrics has them; null where there is none. */
export function engineScores(matrix, classes) {
  const sum = (pick) => Array.from({ length: classes }, (_, i) => pick(i)).reduce((a, b) => a + b, 0);
  const iou = Array.from({ length: classes }, (_, c) => {
    const hit = matrix[c * classes + c], all = sum((i) => matrix[c * classes + i]) + sum((i) => matrix[i * classes + c]) - hit;
    return all ? hit / all : null;
  });
  const there = iou.slice(1).filter((value) => value !== null);
  return {
    iou,
    mean_iou: there.length ? there.reduce((a, b) => a + b, 0) / there.length : null,
    matrix: Array.from({ length: classes }, (_, r) => matrix.slice(r * classes, (r + 1) * classes)),
    pictures: ENGINE_PICTURES,
  };
}

async function engineInBrowser(live, onProgress, onInfo) {
  if (new URL(live).protocol === "file:") throw new Error(ENGINE_WORDS.file);
  if (typeof WebAssembly !== "object") throw new Error(ENGINE_WORDS.webAssembly);
  if (typeof DecompressionStream !== "function" || !WebAssembly.validate(new Uint8Array(ENGINE_SIMD))) throw new Error(ENGINE_WORDS.old);
  let list;
  try {
    const answer = await fetch(`${live}files.json`, { cache: "no-cache" }); // asks whether it has changed
    if (!answer.ok) throw new Error(String(answer.status));
    list = await answer.json();
  } catch (error) {
    throw new Error(ENGINE_WORDS.list(error.message));
  }
  if (!list.files) throw new Error(ENGINE_WORDS.noEngine);
  let worker, count = 0;
  try {
    worker = new Worker(`${live}engine_worker.js?v=${list.files["engine_worker.js"].hash}`, { type: "module" });
  } catch (error) {
    throw new Error(ENGINE_WORDS.worker(error.message));
  }
  const open = new Map();
  worker.onmessage = ({ data }) => {
    if (data.progress) return onProgress(...data.progress);
    const job = open.get(data.id);
    if (!open.delete(data.id)) return; // given up
    data.error === undefined ? job.resolve(data.answer) : job.reject(new Error(data.error));
  };
  let alive = false, dead = null;
  worker.onerror = (event) => {
    event.preventDefault();
    dead = new Error(alive ? ENGINE_WORDS.died : ENGINE_WORDS.worker(event.message));
    worker.terminate();
    for (const job of open.values()) job.reject(dead);
    open.clear();
  };
  const ask = (what, values) => new Promise((resolve, reject) => {
    if (dead) return reject(dead);
    open.set(++count, { resolve, reject });
    worker.postMessage({ id: count, ask: what, ...values });
  });
  const stop = () => {
    worker.terminate();
    for (const job of open.values()) job.resolve(null);
    open.clear();
  };
  try {
    const { info } = await ask("open", { base: live, files: list.files, names: ENGINE_NAMES });
    alive = true;
    return engineOver("browser", info, ask, 1, stop, onInfo);
  } catch (error) {
    stop();
    throw error;
  }
}

async function engineInKernel(model, onInfo) {
  const mark = Math.random().toString(36).slice(2), open = new Map();
  let count = 0, engine = null;
  const hear = (content, buffers) => {
    if (content?.unet === "changed") return engine?.changed(content.info);
    const job = content?.unet === "answer" && open.get(content.id);
    if (job) job.hear(content, buffers);
  };
  const ask = (what, { image, ...values }) => new Promise((resolve, reject) => {
    const id = `${mark}-${++count}`;
    const end = (settle, value) => { clearTimeout(timer); open.delete(id); settle(value); };
    const timer = setTimeout(() => end(reject, new Error(ENGINE_WORDS.kernel(ENGINE_PATIENCE))), ENGINE_PATIENCE * 1000);
    open.set(id, {
      stop: () => end(resolve, null),
      hear: (content, buffers) => (content.error === undefined ? end(resolve, engineUnpack(content.answer, buffers)) : end(reject, new Error(content.error))),
    });
    try {
      model.send({ unet: "ask", id, ask: what, ...values }, undefined, image ? [image.slice().buffer] : []);
    } catch (error) {
      end(reject, error);
    }
  });
  const stop = () => {
    model.off("msg:custom", hear);
    for (const job of [...open.values()]) job.stop();
  };
  model.on("msg:custom", hear);
  try {
    const { info } = await ask("info", {});
    engine = engineOver("kernel", info, ask, 8, stop, onInfo);
    engine.fields = () => ask("fields", {}).then((answer) => answer?.fields ?? null); // input gradients: a kernel can take them
    return engine;
  } catch (error) {
    stop();
    throw error;
  }
}

/** An answer of the kernel with its arrays in place: they travel as raw bytes beside the message. */
function engineUnpack(answer, buffers) {
  if (!answer.stages) return answer;
  const numbers = (part) => {
    const view = part instanceof ArrayBuffer ? new Uint8Array(part) : new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    return new Float32Array(view.slice().buffer);
  };
  return { ...answer, stages: Object.fromEntries(answer.stages.map(([name, shape], i) => [name, { data: numbers(buffers[i]), shape }])) };
}
