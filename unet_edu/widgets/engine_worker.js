// The half of engine.js that computes: a worker, so that the page stays free while the network runs.
// It fetches onnxruntime-web and the network once, keeps them in the browser's cache, and answers one question at a time.
// Nothing is sent anywhere: each request below is a GET of a file that lies beside this one.

const WORDS = {
  missing: (name, status) => `the server answered ${status} for ${name}. The copy of the book there is not complete; build it anew`,
  broken: (name, got, all) => `the connection broke after ${got} of ${all} bytes of ${name}. Try again`,
  offline: (name) => `${name} could not be fetched: there is no connection. Try again`,
  runtime: (said) => `onnxruntime-web could not start: ${said}`,
  noOnnx: "this is not an ONNX file. Export your network with unet_edu.export.to_onnx(model, path) and drop that file",
  unread: (said) => `onnxruntime-web cannot read this file: ${said}`,
  foreign: (names) => `this is an ONNX file of another network: it has no ${names}. The network must come from unet_edu.export.to_onnx(model, path)`,
  channels: (n) => `this network reads pictures of ${n} channels; the canvas has 1. Train a UNet(n_channels=1, ...)`,
  many: (n) => `this network tells ${n} ${n === 1 ? "class" : "classes"} apart; the page has colours for 2 or 3, background included. Train a UNet(n_channels=1, n_classes=3)`,
  shape: (name, shape) => `this is an ONNX file of another network: its ${name} is ${shape} for a picture of 64 x 64 pixels. The network must come from unet_edu.export.to_onnx(model, path)`,
  fails: (said) => `this network fails on a picture of 64 x 64 pixels: ${said}`,
  pictures: "the held-out pictures on the server are damaged. Build the book anew",
  notFinite: "this network answers a black picture with nan or inf: its weights are broken. Train it anew",
  size: (height, width, said) => `this network cannot answer ${height} x ${width} pixels: ${said}`,
  classes: (n, has) => `the held-out pictures have ${n} classes, this network has ${has}, so it has no score on them`,
};
const STAGES = ["inc", "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4", "logits"];
const STORE = "unet-live", COLOURS = 3, SIDE = 64;

let ort, current, pictures; // the runtime; {session, info}; the held-out set

const firstLine = (error) => String(error?.message ?? error).replace(/^\[[^\]]*\]\s*/, "").split("\n")[0].slice(0, 300);

/** The browser's own store of answers; null where it gives none (a page without https, a private window). */
const openStore = () => (self.caches ? caches.open(STORE).catch(() => null) : null);

/** Files of the site as bytes: {name: Uint8Array}; `progress(loaded, total)` in bytes of the files as they lie on the server. */
async function fetchAll(base, files, names, progress) {
  const store = await openStore(), total = names.reduce((sum, name) => sum + files[name].bytes, 0);
  const address = (name) => `${base}${name}?v=${files[name].hash}`;
  let loaded = 0;
  const read = async (name, answer) => {
    const whole = new Uint8Array(files[name].bytes), reader = answer.body.getReader();
    let at = 0;
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true }));
      if (done) break;
      if (at + value.length <= whole.length) whole.set(value, at);
      at += value.length;
      progress((loaded += value.length), total);
    }
    if (at === whole.length) return whole;
    loaded -= at;
    throw new Error(WORDS.broken(name, at, whole.length));
  };
  const take = async (name) => {
    const kept = await store?.match(address(name)).catch(() => undefined);
    if (kept) try { return await read(name, kept); } catch { /* damaged: fetched anew */ }
    let answer;
    try { answer = await fetch(address(name)); } catch { throw new Error(WORDS.offline(name)); }
    if (!answer.ok) throw new Error(WORDS.missing(name, answer.status));
    const bytes = await read(name, answer);
    await store?.put(address(name), new Response(bytes)).catch(() => {}); // no room: fetched again next time
    return bytes;
  };
  progress(0, total);
  const all = await Promise.all(names.map(take));
  const wanted = new Set(Object.keys(files).map(address));
  for (const request of (await store?.keys().catch(() => [])) ?? []) // of an earlier build of this site
    if (request.url.startsWith(base) && !wanted.has(request.url)) await store.delete(request);
  return Object.fromEntries(names.map((name, i) => [name, all[i]]));
}

const unzip = async (bytes) => new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());

async function open({ base, files, names }) {
  const got = await fetchAll(base, files, Object.values(names), (loaded, total) => postMessage({ progress: [loaded, total] }));
  const url = URL.createObjectURL(new Blob([got[names.runtime]], { type: "text/javascript" }));
  let session;
  try {
    ort = await import(url);
    Object.assign(ort.env.wasm, { numThreads: 1, proxy: false, wasmBinary: await unzip(got[names.wasm]) });
    ort.env.logLevel = "fatal";
    session = await sessionOf(got[names.network]);
  } catch (error) {
    throw new Error(WORDS.runtime(firstLine(error)));
  } finally {
    URL.revokeObjectURL(url);
    if (ort) ort.env.wasm.wasmBinary = undefined; // 14 MB which are compiled by now
  }
  current = await examine(session, got[names.network]);
  pictures = heldOut(await unzip(got[names.pictures]));
  return { info: current.info };
}

/** The file of unet_edu.export.held_out_bytes: 8 letters, four numbers, all images, all masks. */
function heldOut(bytes) {
  const view = new DataView(bytes.buffer), [n, height, width, classes] = [8, 12, 16, 20].map((at) => view.getUint32(at, true)), size = n * height * width;
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== "unet-edu" || bytes.length !== 24 + 2 * size) throw new Error(WORDS.pictures);
  return { n, height, width, classes, images: bytes.subarray(24, 24 + size), masks: bytes.subarray(24 + size) };
}

const sessionOf = (bytes) => ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 4 });

/** What the head of an ONNX file says: {graph: whether there is one, metadata: {key: value}}; null if the bytes are none. */
function headOf(bytes) {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1, byte = 128; byte >= 128; scale *= 128) {
      if (at >= bytes.length || scale > 2 ** 63) throw new Error("no number");
      byte = bytes[at++];
      value += (byte & 127) * scale;
    }
    return value;
  };
  const field = (end) => {
    const tag = number(), kind = tag % 8, number_ = Math.floor(tag / 8);
    if (kind === 0) return { key: number_, value: number() };
    const length = kind === 2 ? number() : kind === 1 ? 8 : kind === 5 ? 4 : NaN;
    if (!(number_ > 0 && at + length <= end)) throw new Error("no field");
    return { key: number_, from: at, to: (at += length) };
  };
  const text = ({ from, to }) => new TextDecoder().decode(bytes.subarray(from, to));
  const head = { graph: false, metadata: {} };
  try {
    while (at < bytes.length) {
      const { key, from, to } = field(bytes.length);
      if (key === 7) head.graph = true; // ModelProto.graph
      if (key !== 14) continue; // ModelProto.metadata_props: entries of key (1) and value (2)
      const entry = {};
      for (at = from; at < to;) { const part = field(to); entry[part.key] = text(part); }
      head.metadata[entry[1]] = entry[2];
    }
  } catch {
    return null;
  }
  return head.graph ? head : null;
}

/** {session, info} of a network that works here, or an Error in words. */
async function examine(session, bytes) {
  const lacks = [...["image", "gates"].filter((name) => !session.inputNames.includes(name)), ...STAGES.filter((name) => !session.outputNames.includes(name))];
  if (lacks.length) throw new Error(WORDS.foreign(lacks.map((name) => `"${name}"`).join(", ")));
  const foreign = session.inputNames.find((name) => !["image", "gates"].includes(name));
  const channels = session.inputMetadata?.find(({ name }) => name === "image")?.shape?.[1];
  if (typeof channels === "number" && channels > 1) throw new Error(WORDS.channels(channels));
  let stages;
  try {
    if (foreign) throw new Error(`"${foreign}"`);
    stages = await forward(session, new Float32Array(SIDE * SIDE), SIDE, SIDE, [1, 1, 1, 1], STAGES);
  } catch (error) {
    throw new Error(WORDS.fails(firstLine(error)));
  }
  for (const [name, { data, shape }] of Object.entries(stages)) {
    const level = name === "logits" ? 0 : name.startsWith("up") ? 4 - Number(name[2]) : Number(name[4] ?? 0);
    if (shape.length !== 3 || shape[1] !== SIDE >> level || shape[2] !== SIDE >> level) throw new Error(WORDS.shape(name, shape.join(" x ")));
    if (!data.every(Number.isFinite)) throw new Error(WORDS.notFinite);
  }
  const { metadata } = headOf(bytes), n_classes = stages.logits.shape[0];
  if (n_classes < 2 || n_classes > COLOURS) throw new Error(WORDS.many(n_classes));
  let class_names;
  try { class_names = JSON.parse(metadata.class_names); } catch { /* none are written in the file */ }
  if (!Array.isArray(class_names) || class_names.length !== n_classes) class_names = Array.from({ length: n_classes }, (_, i) => `class ${i}`);
  return { session, info: { width: stages.inc.shape[0], n_channels: 1, n_classes, class_names: class_names.map(String), bilinear: /^(1|true)$/i.test(metadata.bilinear ?? "") } };
}

/** One pass: {stage: {data, shape: [C, H, W]}} for the stages in `wanted`. */
async function forward(session, image, height, width, gates, wanted) {
  const feeds = { image: new ort.Tensor("float32", image, [1, 1, height, width]), gates: new ort.Tensor("float32", Float32Array.from(gates), [4]) };
  const answer = await session.run(feeds, wanted), stages = {};
  for (const name of wanted) {
    stages[name] = { data: answer[name].data, shape: answer[name].dims.slice(1).map(Number) };
    answer[name].dispose?.();
  }
  return stages;
}

async function run({ image, height, width, gates, stages: wanted = STAGES }) {
  const start = performance.now();
  try {
    const stages = await forward(current.session, image, height, width, gates, wanted);
    return { stages, ms: performance.now() - start };
  } catch (error) {
    throw new Error(WORDS.size(height, width, firstLine(error)));
  }
}

/** Counts of (true class, predicted class) over `many` of the held-out pictures, row by row. */
async function score({ gates, first, many }) {
  const classes = current.info.n_classes, { height, width } = pictures, pixels = height * width, matrix = new Array(classes * classes).fill(0);
  if (classes < pictures.classes) throw new Error(WORDS.classes(pictures.classes, classes));
  for (let n = first; n < first + many; n++) {
    const image = Float32Array.from(pictures.images.subarray(n * pixels, (n + 1) * pixels), (grey) => grey / 255);
    const { data } = (await forward(current.session, image, height, width, gates, ["logits"])).logits;
    for (let i = 0; i < pixels; i++) {
      let best = 0;
      for (let c = 1; c < classes; c++) if (data[c * pixels + i] > data[best * pixels + i]) best = c;
      matrix[pictures.masks[n * pixels + i] * classes + best]++;
    }
  }
  return { matrix };
}

/** Another network in the place of the present one, which stays if the file is refused. */
async function load({ bytes }) {
  if (!headOf(bytes)) throw new Error(WORDS.noOnnx);
  let session, next;
  try {
    session = await sessionOf(bytes);
  } catch (error) {
    throw new Error(WORDS.unread(firstLine(error)));
  }
  try {
    next = await examine(session, bytes);
  } catch (error) {
    await session.release();
    throw error;
  }
  await current.session.release();
  current = next;
  return { info: current.info };
}

const ASKED = { open, run, score, load };

self.onmessage = async ({ data: { id, ask, ...rest } }) => {
  try {
    const answer = await ASKED[ask](rest);
    postMessage({ id, answer }, Object.values(answer.stages ?? {}).map(({ data }) => data.buffer));
  } catch (error) {
    postMessage({ id, error: firstLine(error) });
  }
};
