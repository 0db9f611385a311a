"""A tiny DICOMweb archive in memory, which can be told to misbehave."""

from __future__ import annotations

import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydicom

__all__ = ["Store", "serving"]

BOUNDARY = "b0undary"
LEVELS = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}
SAID = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality", "StudyDate", "PatientID", "PatientName")
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Store:
    """What the archive holds, what it was asked, and how it misbehaves.

    ``answer`` may answer a request in place of the archive, from its method and path.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answer: Callable[[str, str], Answer | None] = lambda method, path: None
    knows_offsets: bool = True
    page: int = 1000
    url: str = ""

    def add(self, content: bytes) -> None:
        self.objects[str(self.parsed(content).SOPInstanceUID)] = content

    @staticmethod
    def parsed(content: bytes) -> pydicom.Dataset:
        return pydicom.dcmread(io.BytesIO(content))

    def search(self, parts: list[str], query: dict[str, str]) -> Answer:
        level = parts[-1]
        above = dict(zip(("StudyInstanceUID", "SeriesInstanceUID"), parts[1::2], strict=False))
        found: dict[str, dict[str, Any]] = {}
        for dataset in map(self.parsed, self.objects.values()):
            wanted = {**above, **{name: value for name, value in query.items() if name in SAID and name != "StudyDate"}}
            wanted |= {"Modality": query["ModalitiesInStudy"]} if "ModalitiesInStudy" in query else {}
            first, _, last = query.get("StudyDate", "-").partition("-")
            if (first or "0") <= dataset.StudyDate <= (last or "9") and all(str(dataset[name].value) == of for name, of in wanted.items()):
                found[str(dataset[LEVELS[level]].value)] = {name: dataset[name] for name in SAID}
        rows = [{f"{e.tag:08X}": e.to_json_dict(None, 1024) for e in one.values()} for one in found.values()]
        begin = int(query.get("offset", 0)) if self.knows_offsets else 0
        body = json.dumps(rows[begin:][: min(self.page, int(query.get("limit", 10**9)))]).encode()
        return 200, {"Content-Type": "application/dicom+json; charset=utf-8"}, body

    def respond(self, method: str, path: str, body: bytes) -> Answer:
        misbehaves = self.answer(method, path)
        if misbehaves is not None:
            return misbehaves
        parts = urlsplit(path).path.strip("/").split("/")[1:]
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if method == "POST":
            content = body.split(b"\r\n\r\n", 1)[1].rpartition(b"\r\n--")[0]
            self.add(content)
            return 200, {"Content-Type": "application/dicom+json"}, b"{}"
        if parts[-1] in LEVELS:
            return self.search(parts, query)
        content = self.objects.get(parts[-1], b"")
        head = b"--" + BOUNDARY.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n"
        kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
        return (200 if content else 404), {"Content-Type": kind}, head + content + b"\r\n--" + BOUNDARY.encode() + b"--\r\n"


@contextmanager
def serving(store: Store, certificate: Path | None = None) -> Iterator[Store]:
    """Serve the store on a free port, with TLS if there is a certificate."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            store.asked.append((self.command, self.path, dict(self.headers)))
            status, headers, content = store.respond(self.command, self.path, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None  # type: ignore[method-assign]
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
