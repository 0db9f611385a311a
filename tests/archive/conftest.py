"""An archive of its own for the tests: Orthanc, where it is installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc", "/usr/local/share/orthanc/plugins")
USER, PASSWORD = "ward", "a password of tests"


@dataclass(frozen=True)
class Orthanc:
    """A running archive: DICOMweb and DICOM on free ports of this machine."""

    http: int
    dicom: int
    receiver: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def rest(self, path: str, data: bytes | None = None) -> bytes:
        """Ask Orthanc's own interface, or post something to it."""
        passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
        passwords.add_password(None, f"http://127.0.0.1:{self.http}", USER, PASSWORD, is_authenticated=True)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        with opener.open(f"http://127.0.0.1:{self.http}{path}", data, timeout=30) as answer:
            return bytes(answer.read())

    def instances(self) -> list[str]:
        return list(json.loads(self.rest("/instances")))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the archive ended at once"
            assert time.monotonic() < end, "the archive does not listen"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    """A fresh archive; a skip where Orthanc or its DICOMweb plug-in is not installed."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    plugin = next((path for folder in PLUGINS for path in sorted(Path(folder).glob("libOrthancDicomWeb.so*"))), None)
    if program is None or plugin is None:
        pytest.skip("Orthanc and its DICOMweb plug-in are not installed: apt-get install orthanc orthanc-dicomweb")
    found = Orthanc(free_port(), free_port(), free_port())
    settings = {
        "Name": "tests", "StorageDirectory": str(tmp_path / "db"), "IndexDirectory": str(tmp_path / "db"), "Plugins": [str(plugin)],
        "HttpPort": found.http, "DicomPort": found.dicom, "DicomAet": "ORTHANC", "DicomCheckCalledAet": True,
        "RemoteAccessAllowed": False, "AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD},
        "DicomModalities": {"reader": ["HEART_READER", "127.0.0.1", found.receiver]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    with (tmp_path / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(tmp_path / "orthanc.json")], stdout=log, stderr=log)
        try:
            wait_for(found.http, process)
            yield found
        finally:
            process.terminate()
            process.wait(30)
