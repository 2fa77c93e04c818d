"""A notebook server and its page in Chromium, one class a front end, with the same few verbs for both."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from pathlib import Path

RUN = """(code) => new Promise((resolve) => {
  const told = { text: "", error: "" };
  const hear = (type, content) => {
    if (type === "stream") told.text += content.text;
    if (type === "execute_result") told.text += content.data["text/plain"];
    if (type === "error") told.error = `${content.ename}: ${content.evalue}`;
  };
  %s
})"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Host:
    """Starts the server, opens one notebook at a time. Subclasses say how their page does it."""

    name: str
    module: str
    address: str  # of a notebook, below the server's
    broken: str | None = (
        None  # what the page says when it meets the Output widget of `interact`, where it cannot draw it
    )
    execute: str  # JavaScript: run `code` in the kernel of the page, tell hear() of each message, then resolve(told)

    def __init__(self, python: Path, folder: Path, environment: dict[str, str], browser):
        self.browser, self.contexts, self.work = browser, [], folder / "work"
        self.prepare(folder)
        log, port = folder / "server.log", free_port()
        command = [str(python), "-m", self.module, "--no-browser", "--ip=127.0.0.1", f"--port={port}", *self.options()]
        self.log = log.open("w")
        self.server = subprocess.Popen(command, cwd=self.work, env=environment, stdout=self.log, stderr=self.log)
        self.url = self.wait_for_url(log)

    def prepare(self, folder: Path) -> None:
        pass

    def options(self) -> list[str]:
        """What else the server is started with."""
        return []

    def wait_for_url(self, log: Path, seconds: float = 300) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.server.poll() is None:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text(encoding="utf-8")):
                return found[0]
            time.sleep(0.2)
        self.close()
        raise RuntimeError(
            f"{self.name} did not start (exit status {self.server.returncode}):\n{log.read_text(encoding='utf-8')[-3000:]}"
        )

    def close(self) -> None:
        for context in self.contexts:
            context.close()
        self.server.terminate()
        try:
            self.server.wait(20)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.log.close()

    def open(self, notebook: str):
        """Open a notebook in a page of its own, ready to run; `page.faults` collects what goes wrong in it."""
        context = self.browser.new_context(viewport={"width": 1400, "height": 1000})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.faults, page.foreign = [], []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((self.url, "data:", "blob:", self.url.replace("http", "ws")))
                else page.foreign.append(r.url)
            ),
        )
        page.goto(self.url + self.address.format(notebook=notebook))
        self.wait_for_kernel(page)
        return page

    def kernel(self, page, code: str) -> dict[str, str]:
        """Run code in the kernel of the page; {"text": what it printed, "error": its error in one line, or nothing}."""
        return page.evaluate(RUN % self.execute, code)

    def ask(self, page, expression: str):
        """The value of an expression in the kernel."""
        told = self.kernel(page, f"import json; print(json.dumps({expression}))")
        assert not told["error"], told["error"]
        return json.loads(told["text"])


class Notebook6(Host):
    name = "notebook6"
    # widgetsnbextension 3.6.10 derives OutputModel from a class in the way of Backbone, which loses static methods.
    broken = "n._deserialize_state is not a function"
    module = "notebook"
    address = "notebooks/{notebook}"
    execute = """Jupyter.notebook.kernel.execute(code, { iopub: {
        output: (message) => hear(message.msg_type, message.content),
        status: (message) => { if (message.content.execution_state === "idle") resolve(told); },
    } }, { silent: false, store_history: false });"""

    def options(self):
        return ["--NotebookApp.token=", "--NotebookApp.password=", "--NotebookApp.enable_mathjax=False", "--allow-root"]

    def wait_for_kernel(self, page):
        page.wait_for_function("window.Jupyter?.notebook?._fully_loaded && Jupyter.notebook.kernel?.widget_manager")
        page.wait_for_function("Jupyter.notebook.kernel.is_connected() && Jupyter.notebook.kernel.info_reply?.banner")
        # The manager first looks for widgets in the kernel and then draws every output anew: wait behind it in the queue.
        page.evaluate("Jupyter.notebook.kernel.widget_manager._loadFromKernel()")
        page.wait_for_timeout(500)

    def run_all(self, page):
        page.evaluate("Jupyter.notebook.execute_all_cells()")
        page.wait_for_function(
            """Jupyter.notebook.get_cells().filter((cell) => cell.cell_type === "code").every((cell) =>
              typeof cell.input_prompt_number === "number")""",
            timeout=240_000,
        )

    def save_with_widgets(self, page):
        page.evaluate("Jupyter.keyboard_manager.actions.call('widgets:save-with-widgets')")

    def scroll_to_cell(self, page, index):
        page.evaluate("(index) => Jupyter.notebook.get_cells().at(index).element[0].scrollIntoView()", index)

    def stop_kernel(self, page):
        page.evaluate("Jupyter.notebook.session.delete()")


class Lab4(Host):
    name = "lab4"
    module = "jupyterlab"
    address = "lab/tree/{notebook}?reset"
    execute = """const future = jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code, store_history: false });
      future.onIOPub = (message) => hear(message.header.msg_type, message.content);
      future.done.then(() => resolve(told), () => resolve(told));"""

    def prepare(self, folder):
        settings = folder / "home" / "config" / "labconfig"
        settings.mkdir(parents=True)
        quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}  # asks another host
        (settings / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")

    def options(self):
        return [
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            "--LabApp.expose_app_in_browser=True",
            "--allow-root",
        ]

    def wait_for_kernel(self, page):
        page.wait_for_function(
            """window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === "idle"
              && jupyterapp.shell.currentWidget.content.widgets.length > 0"""
        )

    def run_all(self, page):
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(
            """jupyterapp.shell.currentWidget.content.widgets.filter((cell) => cell.model.type === "code").every((cell) =>
              cell.model.executionCount !== null && cell.model.executionState !== "running")""",
            timeout=240_000,
        )

    def save_with_widgets(self, page):
        """Settings > Save Widget State Automatically, then File > Save."""
        page.evaluate("jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')")
        page.evaluate("jupyterapp.commands.execute('docmanager:save')")

    def scroll_to_cell(self, page, index):
        page.evaluate(
            """async (index) => { const list = jupyterapp.shell.currentWidget.content;
              await list.scrollToItem((index + list.widgets.length) % list.widgets.length); }""",
            index,
        )

    def stop_kernel(self, page):
        page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")


HOSTS = [Notebook6, Lab4]
