/* Brings the widgets of a static page to life: reads the state that the build saved and gives each widget the model it expects.
   A classic script, so that it also runs from file://, right behind the chapter's bench, which so answers before the rest of the
   page is there. The interface is anywidget's (get, set, on, off, save_changes, send). */
(function () {
  "use strict";
  const WORDS = {
    failed: "This widget could not start: ",
  };
  const LIVE = new URL("live/", document.currentScript.src).href;

  function createModel(state) {
    const values = Object.assign({}, state);
    const listeners = new Map();
    const emit = (name, ...rest) => [...(listeners.get(name) || [])].forEach((listener) => listener(...rest));
    const model = {
      get: (key) => values[key],
      set(key, value) {
        const changes = typeof key === "object" ? key : { [key]: value };
        const changed = Object.keys(changes).filter((name) => values[name] !== changes[name]);
        Object.assign(values, changes);
        changed.forEach((name) => emit("change:" + name, model, values[name]));
        if (changed.length) emit("change", model);
      },
      on(names, listener) {
        for (const name of names.split(" ")) {
          if (!listeners.has(name)) listeners.set(name, new Set());
          listeners.get(name).add(listener);
        }
      },
      off(names, listener) {
        if (!names) return listeners.clear();
        for (const name of names.split(" ")) listener ? listeners.get(name)?.delete(listener) : listeners.delete(name);
      },
      save_changes() {},
      send() {},
      widget_manager: null,
      live: LIVE, // there is no kernel here: where engine.js finds what it runs instead
    };
    return model;
  }

  function addStyle(text) {
    const style = document.createElement("style");
    style.textContent = text;
    document.head.append(style);
  }

  async function start() {
    const holder = document.getElementById("unet-widget-state");
    if (!holder) return;
    const { files, texts, widgets } = JSON.parse(holder.textContent);
    const text = (index) => texts[index].map((part) => files[part]).join("");
    const modules = new Map();
    const styled = new Set();
    const load = (index) => {
      if (!modules.has(index)) {
        const url = URL.createObjectURL(new Blob([text(index)], { type: "text/javascript" }));
        modules.set(index, import(url).finally(() => URL.revokeObjectURL(url)));
      }
      return modules.get(index);
    };
    // A module that is used once is the chapter's bench: it answers first. The questions, of which there are many, follow.
    const uses = (state) => Object.values(widgets).filter((other) => other._esm === state._esm).length;
    let mounted = 0;
    async function mountAll() {
      const mounts = [];
      for (const script of document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]')) {
        const state = widgets[JSON.parse(script.textContent).model_id];
        if (!state) continue;
        const el = document.createElement("div");
        el.className = "unet-host";
        script.replaceWith(el);
        if (state._css !== undefined && !styled.has(state._css)) {
          styled.add(state._css);
          addStyle(text(state._css));
        }
        mounts.push([el, state]);
      }
      mounts.sort(([, a], [, b]) => (uses(a) > 1) - (uses(b) > 1));
      for (const [el, state] of mounts) {
        if (mounted++) await new Promise((resolve) => setTimeout(resolve)); // let the page breathe between two widgets
        try {
          const { default: exported } = await load(state._esm);
          const widget = typeof exported === "function" ? await exported() : exported;
          const model = createModel(state);
          await widget.initialize?.({ model });
          const cleanup = await widget.render({ model, el });
          el.addEventListener("unet:unmount", () => { if (typeof cleanup === "function") cleanup(); el.replaceChildren(); }, { once: true });
        } catch (error) {
          el.textContent = WORDS.failed + error.message;
          console.error(error);
        }
      }
    }
    await mountAll(); // what stands before this script: the chapter's bench does
    if (document.readyState === "loading") await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
    await mountAll();
  }

  /* The theme's own scripts (menus, search, copy buttons) are not needed to read or to move a slider: they come last, in order. */
  function loadTheRest() {
    for (const waiting of document.querySelectorAll("script[data-later]")) {
      const script = document.createElement("script");
      for (const { name, value } of waiting.attributes) if (name !== "type" && name !== "data-later") script.setAttribute(name, value);
      script.async = false;
      waiting.replaceWith(script);
    }
  }

  /* While a reader moves a widget, and a moment longer, the page paints only what is on the screen (see site.css). */
  function quickenMoves() {
    const { dataset } = document.documentElement;
    let timer = 0;
    const moving = ({ target }) => {
      if (!target.closest || !target.closest(".unet")) return;
      if (dataset.moving === undefined) dataset.moving = "";
      clearTimeout(timer);
      timer = setTimeout(() => { delete dataset.moving; }, 1000);
    };
    for (const type of ["pointerdown", "pointermove", "keydown", "focusin", "input"]) document.addEventListener(type, moving, { capture: true, passive: true });
  }

  start().finally(() => {
    document.documentElement.dataset.widgets = "ready";
    quickenMoves();
    loadTheRest();
  });
})();
