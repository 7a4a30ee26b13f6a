"""A Hugging Face hub on this machine that can break off in the middle of a download."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


class Hub:
    """One repository's ``files`` (``model`` or ``dataset``); ``cut`` is a file's name or None.

    While ``cut`` is set, that file's downloads end after half of its bytes. ``requests`` collects what was
    asked for: method, path and headers.
    """

    def __init__(self, kind: str, name: str, files: dict[str, bytes]) -> None:
        self.kind, self.name, self.files = kind, name, files
        self.cut: str | None = None
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.url = ""

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the headers and the body that answer a request."""
        prefix = "datasets/" if self.kind == "dataset" else ""
        file = path.removeprefix(f"/{prefix}{self.name}/resolve/{COMMIT}/")
        if file in self.files:
            content = self.files[file]
            etag = hashlib.sha256(content).hexdigest()
            return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}, content
        api = f"/api/{self.kind}s/{self.name}"
        if path in (api, f"{api}/revision/{COMMIT}"):
            return self._json(
                {
                    "id": self.name,
                    "sha": COMMIT,
                    "siblings": [{"rfilename": name} for name in self.files],
                    "private": False,
                    "gated": False,
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                }
            )
        if path.startswith(f"{api}/tree/{COMMIT}"):
            below = path.removeprefix(f"{api}/tree/{COMMIT}").strip("/")
            return self._json(self._below(f"{below}/" if below else ""))
        if path.startswith(f"{api}/paths-info/{COMMIT}"):
            return self._json([self._entry(name) for name in self.files])
        return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""

    def _below(self, folder: str) -> list[dict[str, object]]:
        files = [name for name in self.files if name.startswith(folder)]
        inner = {name[len(folder) :].split("/")[0] for name in files if "/" in name[len(folder) :]}
        folders = [{"type": "directory", "path": folder + name, "size": 0, "oid": "0"} for name in inner]
        return folders + [self._entry(name) for name in files if "/" not in name[len(folder) :]]

    def _entry(self, name: str) -> dict[str, object]:
        content = self.files[name]
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid}

    @staticmethod
    def _json(value: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


@contextlib.contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve ``hub`` on a free port of this machine; ``hub.url`` is its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hub.requests.append((self.command, path, dict(self.headers)))
            status, headers, body = hub.answer(self.command, path)
            start = 0
            if self.headers.get("Range", "").startswith("bytes=") and status == 200:
                start = int(self.headers["Range"].removeprefix("bytes=").partition("-")[0])
                status = 206
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            if self.command == "HEAD":
                return
            if hub.cut is not None and path.endswith(hub.cut):
                self.wfile.write(body[start : max(start, len(body) // 2)])
                self.close_connection = True
                return
            self.wfile.write(body[start:])

        do_GET = do_HEAD = do_POST = reply

        def log_message(self, *arguments: object) -> None:
            """Say nothing: the output is the tests'."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
