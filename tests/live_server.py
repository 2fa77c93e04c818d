"""A server for the live network's files that can be slow, break off, lack a file or tell what it was asked for."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.site.server import TYPES


@dataclass
class Site:
    """What is served: `folders` maps beginnings of paths to folders, `texts` whole paths to HTML.

    The other settings go by the last part of a path, and may change while the server runs.
    """

    folders: dict[str, Path]
    texts: dict[str, str]
    url: str = ""
    pause: float = 0.0  # seconds before each chunk of 64 KB of a file of more than that
    cut: dict[str, int] = field(default_factory=dict)  # name -> bytes after which the connection breaks
    missing: set[str] = field(default_factory=set)
    above: dict[str, str] = field(default_factory=dict)  # name -> a line of script to put above the file's own
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, int]] = field(default_factory=list)  # method, name, bytes sent

    def sent(self, name: str) -> list[int]:
        return [count for _, asked, count in self.asked if asked == name]


class Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *args):
        pass

    def body(self) -> tuple[bytes, str] | None:
        path = self.path.split("?")[0]
        if path in self.site.texts:
            return self.site.texts[path].encode(), TYPES[".html"]
        for start, folder in self.site.folders.items():
            file = folder / path.removeprefix(start)
            if path.startswith(start) and file.is_file() and file.name not in self.site.missing:
                above = self.site.above.get(file.name, "")
                return above.encode() + file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream")
        return None

    def do_GET(self):
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        found = self.body()
        if found is None:
            self.site.asked.append((self.command, name, 0))
            return self.send_error(404)
        body, kind = found
        self.send_response(200)
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for key, value in (headers | self.site.headers).items():
            self.send_header(key, value)
        self.end_headers()
        sent, end = 0, self.site.cut.get(name, len(body))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < end:
                if self.site.pause and len(body) > 65536:
                    time.sleep(self.site.pause)
                sent += self.wfile.write(body[sent : min(end, sent + 65536)])
        self.site.asked.append((self.command, name, sent))

    do_POST = do_PUT = do_GET  # remembered under their own names, should a page ever send something


@contextlib.contextmanager
def serve(site: Site):
    """Serve `site` on a port of its own; its `url` says where."""
    handler = type("SiteHandler", (Handler,), {"site": site})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
