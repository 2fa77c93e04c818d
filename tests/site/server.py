"""A loopback server with gzip, as a static host would answer; used by the browser tests and the benchmark."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import threading
from pathlib import Path

TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ipynb": "application/json",
}


@functools.lru_cache(maxsize=512)
def packed(body: bytes) -> bytes:
    """The body under gzip: many pages ask for the same files."""
    return gzip.compress(body, 6)


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, extra: dict[str, str | Path], **kwargs):
        self.extra = extra
        super().__init__(*args, **kwargs)

    def log_message(self, *args):
        pass

    def do_GET(self):
        name = self.path.split("?")[0]
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        for start, folder in self.extra.items():
            if isinstance(folder, Path) and name.startswith(start):
                path = folder / name.removeprefix(start)
        if name in self.extra:
            body, kind = self.extra[name].encode(), TYPES[".html"]
        elif path.is_file():
            body, kind = path.read_bytes(), TYPES.get(path.suffix, "application/octet-stream")
        else:
            return self.send_error(404)
        body = packed(body)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)


@contextlib.contextmanager
def serve(root: Path, extra: dict[str, str | Path] | None = None):
    """Yield the base URL of a server for ``root``; ``extra``, which may grow, maps further paths to HTML texts, and
    beginnings of paths to folders."""
    handler = functools.partial(Handler, directory=str(root), extra={} if extra is None else extra)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
