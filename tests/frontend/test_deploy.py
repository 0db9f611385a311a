"""The server behind a real proxy with the files of ``deploy/``; only ports and limits differ."""

from __future__ import annotations

import getpass
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from heart_reader.frontend.keys import new_key
from heart_reader.frontend.settings import Settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
NAME = "ecg.example"
CLIENT = "127.0.0.77"


class Site(NamedTuple):
    https: int
    http: int
    server: int
    key: str
    audit: Path
    tls: ssl.SSLContext


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + 15
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def replaced(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, f"{old!r} stands no longer in the file of deploy/"
        text = text.replace(old, new)
    return text


def nginx_command(folder: Path, https: int, plain: int, server: int) -> list[str]:
    site = replaced(
        (DEPLOY / "nginx.conf").read_text(encoding="utf-8"),
        ("listen 443", f"listen 127.0.0.1:{https}"),
        ("listen 80", f"listen 127.0.0.1:{plain}"),
        ("127.0.0.1:8000", f"127.0.0.1:{server}"),
        ("/etc/heart-reader/tls", str(folder)),
        ("/var/log/nginx", str(folder)),
    )
    (folder / "site.conf").write_text(site, encoding="utf-8")
    paths = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ {paths}\ninclude {folder}/site.conf; }}\n",
        encoding="utf-8",
    )
    return ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def caddy_command(folder: Path, https: int, plain: int, server: int) -> list[str]:
    site = replaced(
        (DEPLOY / "Caddyfile").read_text(encoding="utf-8"),
        ("{\n\tservers", f"{{\n\tadmin off\n\thttps_port {https}\n\thttp_port {plain}\n\tservers"),
        ("127.0.0.1:8000", f"127.0.0.1:{server}"),
        (f"\n{NAME} {{", f"\n{NAME} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"),
    )
    (folder / "Caddyfile").write_text(site, encoding="utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


COMMANDS = {"nginx": nginx_command, "caddy": caddy_command}


def environment(folder: Path, server: int) -> dict[str, str]:
    """Of the server, as ``deploy/environment`` says."""
    text = replaced(
        (DEPLOY / "environment").read_text(encoding="utf-8"),
        ("PORT=8000", f"PORT={server}"),
        ("/etc/heart-reader", str(folder)),
        ("/var/log/heart-reader", str(folder)),
    )
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {**os.environ, **dict(line.split("=", 1) for line in lines), "HEART_READER_MAX_UPLOAD_MB": "2"}


@pytest.fixture(scope="module", params=list(COMMANDS))
def site(request: pytest.FixtureRequest, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    for program in (request.param, "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install {program}")
    folder = tmp_path_factory.mktemp(request.param)
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    certificate += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(certificate, check=True, capture_output=True)
    key, line = new_key("ward-3")
    (folder / "keys").write_text(line + "\n", encoding="utf-8")
    https, plain, server = free_port(), free_port(), free_port()
    command = [sys.executable, "run_server.py", "--checkpoint", str(tiny_checkpoint)]
    surroundings = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        subprocess.Popen(command, cwd=ROOT, env=environment(folder, server), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader,
        (folder / "output").open("wb") as output,
        subprocess.Popen(
            COMMANDS[request.param](folder, https, plain, server), env=surroundings, stdout=output, stderr=subprocess.STDOUT
        ) as proxy,
    ):
        try:
            assert reader.stdout is not None
            assert b"ready" in reader.stdout.readline()
            wait_for(https)
            tls = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
            yield Site(https, plain, server, key, folder / "audit.log", tls)
        finally:
            reader.terminate()
            proxy.terminate()


def ask(
    site: Site, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None, key: bool = True
) -> tuple[http.client.HTTPResponse, bytes]:
    """Ask over TLS from an address of this client's own."""
    raw = socket.create_connection(("127.0.0.1", site.https), timeout=20, source_address=(CLIENT, 0))
    connection = http.client.HTTPConnection(NAME)
    connection.sock = site.tls.wrap_socket(raw, server_hostname=NAME)
    sent = {**({"X-API-Key": site.key} if key else {}), **(headers or {})}
    connection.request("GET" if body is None else "POST", path, body=body, headers=sent)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def form(content: bytes) -> tuple[bytes, dict[str, str]]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="Jane_Doe.csv"\r\n\r\n'
    return head + content + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def last_audit_line(site: Site) -> dict[str, object]:
    line: dict[str, object] = json.loads(site.audit.read_text(encoding="utf-8").splitlines()[-1])
    return line


def test_a_reading_over_tls_and_its_audit_line(site: Site, ecg_csv: bytes) -> None:
    body, headers = form(ecg_csv)
    answer, content = ask(site, "/api/v1/predict", body=body, headers=headers)
    assert answer.status == 200
    assert json.loads(content)["duration_s"] == 10
    assert answer.headers["Strict-Transport-Security"]
    assert answer.headers.get_all("Content-Security-Policy") is not None
    line = last_audit_line(site)
    assert (line["key"], line["client"], line["outcome"], line["status"]) == ("ward-3", CLIENT, "answered", 200)
    assert line["record_sha256"] == [hashlib.sha256(ecg_csv).hexdigest()]
    assert line["answer_sha256"] == hashlib.sha256(content).hexdigest()
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "Jane" not in json.dumps(line)


def test_without_a_key_nothing_is_read(site: Site, ecg_csv: bytes) -> None:
    body, headers = form(ecg_csv)
    answer, content = ask(site, "/api/v1/predict", body=body, headers=headers, key=False)
    assert (answer.status, json.loads(content)["code"]) == (401, "unauthorized")
    line = last_audit_line(site)
    assert (line["key"], line["client"], line["outcome"], line["record_sha256"]) == (None, CLIENT, "unauthorized", None)


def test_an_address_is_believed_of_the_proxy_only(site: Site, ecg_csv: bytes) -> None:
    body, headers = form(ecg_csv)
    invented = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9"}
    assert ask(site, "/api/v1/predict", body=body, headers={**headers, **invented})[0].status == 200
    assert last_audit_line(site)["client"] == CLIENT
    # Past the proxy, from another address than its own.
    direct = http.client.HTTPConnection("127.0.0.1", site.server, source_address=("127.0.0.78", 0), timeout=20)
    direct.request("POST", "/api/v1/predict", body=body, headers={**headers, **invented, "X-API-Key": site.key})
    answer = direct.getresponse()
    assert answer.status == 200
    answer.read()  # the line is there when the answer is complete
    direct.close()
    assert last_audit_line(site)["client"] == "127.0.0.78"


def test_another_name_is_refused(site: Site) -> None:
    answer, content = ask(site, "/health", headers={"Host": "evil.example"})
    # Caddy says nothing to it, and 200.
    assert answer.status in (421, 200)
    assert b'"ok"' not in content
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", site.https), timeout=20) as raw, pytest.raises(ssl.SSLError):
        anybody.wrap_socket(raw, server_hostname="evil.example")


def test_plain_http_is_sent_to_tls(site: Site) -> None:
    wait_for(site.http)
    connection = http.client.HTTPConnection("127.0.0.1", site.http, timeout=20)
    connection.request("GET", "/docs", headers={"Host": NAME})
    answer = connection.getresponse()
    assert answer.status in (301, 308)
    assert answer.headers["Location"].startswith(f"https://{NAME}")
    connection.close()


def test_an_upload_beyond_the_limits_is_refused_in_the_one_shape(site: Site, request: pytest.FixtureRequest) -> None:
    # Beyond the server's limit, which is set to 2 MB here, and within the proxy's of 52 MB.
    body, headers = form(bytes(3 << 20))
    answer, content = ask(site, "/api/v1/predict", body=body, headers=headers)
    assert (answer.status, json.loads(content)["code"]) == (413, "upload_too_large")
    if "caddy" in request.node.name:
        return  # it asks the server first, and waits for the body
    # Beyond both: announced, and refused before it comes.
    answer, content = ask(site, "/api/v1/predict", body=b"", headers={**headers, "Content-Length": str(140 << 20)})
    assert answer.status == 413
    assert json.loads(content).keys() == {"code", "message", "detail", "request_id"}


def test_limits_of_the_proxy_fit_those_of_the_server() -> None:
    settings = Settings()
    config = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert f"client_max_body_size {settings.max_upload_mb + 2}m;" in config
    assert f"larger than {settings.max_upload_mb} MB" in config
    idle_s = next(int(line.split()[1].rstrip("s;")) for line in config.splitlines() if line.strip().startswith("keepalive_timeout"))
    assert idle_s < settings.patience_s
