import hashlib
import http.server
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from heart_reader.commands import main
from heart_reader.data.download import DATASETS, Dataset, download
from heart_reader.errors import DataError

BIG = np.random.default_rng(0).bytes(700_000)
FILES = {"LICENSE.txt": b"free", "records100/00000/a b.dat": b"signal" * 50, "records100/00000/a.hea": b"", "big.bin": BIG}


class Server(http.server.ThreadingHTTPServer):
    """Serves a dictionary; ``cut`` bytes into a file it hangs up, as often as ``n_cuts`` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut, self.n_cuts, self.ranges_allowed = 300_000, 0, True
        self.stall, self.stalled = threading.Event(), threading.Event()
        self.stall.set()
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/set/1.0/"

    def publish(self, files: dict[str, bytes], prefix: str = "") -> None:
        self.files = {f"{prefix}{name}": content for name, content in files.items()}
        lines = [f"{hashlib.sha256(content).hexdigest()} {name}" for name, content in self.files.items()]
        self.files["SHA256SUMS.txt"] = "\n".join(lines).encode() + b"\n"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.removeprefix("/set/1.0/").replace("%20", " ")
        wanted = self.headers["Range"]
        self.server.asked.append((name, wanted))
        if not self.server.stall.is_set():
            self.server.stalled.set()
            self.server.stall.wait(30)
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges_allowed else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        body = content[start:]
        if len(body) > self.server.cut and self.server.n_cuts > 0:
            self.server.n_cuts -= 1
            body = body[: self.server.cut]
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server():
    with Server() as running:
        running.publish(FILES)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def on_disk(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_files_arrive_once(server, tmp_path):
    assert download(Dataset(server.url), tmp_path / "x") == (4, 0)
    assert on_disk(tmp_path / "x") == FILES
    server.asked.clear()
    assert download(Dataset(server.url), tmp_path / "x") == (0, 4)
    assert server.asked == [("SHA256SUMS.txt", None)]


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    download(Dataset(server.url), tmp_path)
    (tmp_path / "big.bin").write_bytes(BIG[:-1] + b"?")
    assert download(Dataset(server.url), tmp_path) == (1, 3)
    assert on_disk(tmp_path) == FILES


def test_a_cut_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.n_cuts = 2
    download(Dataset(server.url), tmp_path)
    assert on_disk(tmp_path) == FILES
    assert [wanted for name, wanted in server.asked if name == "big.bin"] == [None, "bytes=300000-", "bytes=600000-"]


def test_a_server_that_keeps_cutting_is_given_up_and_the_part_kept(server, tmp_path):
    server.n_cuts, server.ranges_allowed = 99, False
    with pytest.raises(DataError, match=r"big\.bin: the connection was cut after 300000 bytes: run the same command again"):
        download(Dataset(server.url), tmp_path, only=["big.bin"])
    assert on_disk(tmp_path) == {"big.bin.part": BIG[:300_000]}
    server.n_cuts, server.ranges_allowed = 0, True
    server.asked.clear()
    download(Dataset(server.url), tmp_path, only=["big.bin"])
    assert on_disk(tmp_path) == {"big.bin": BIG}
    assert server.asked[1:] == [("big.bin", "bytes=300000-")]


@pytest.mark.parametrize("part", [BIG, BIG + b"too long", b"of another release", BIG[:1000], b""])
def test_any_part_that_lies_there_ends_well(server, tmp_path, part):
    (tmp_path / "big.bin.part").write_bytes(part)
    assert download(Dataset(server.url), tmp_path, only=["big.bin"]) == (1, 0)
    assert on_disk(tmp_path) == {"big.bin": BIG}


def test_a_file_that_is_not_what_was_published_gets_no_name(server, tmp_path):
    server.files["LICENSE.txt"] = b"forged"
    with pytest.raises(DataError, match=r"LICENSE\.txt: SHA-256 .* is published: it was changed on the way, run again"):
        download(Dataset(server.url), tmp_path, only=["LICENSE.txt"])
    assert on_disk(tmp_path) == {}


@pytest.mark.parametrize("path", ["../evil", "a/../../evil", "/etc/evil", "a//b", "a\\..\\b", "C:evil", "./../evil", "a/./b", "a\x07b"])
def test_paths_that_lead_elsewhere_are_refused(server, tmp_path, path):
    server.files["SHA256SUMS.txt"] = f"{'0' * 64} LICENSE.txt\n{'0' * 64} {path}\n".encode()
    with pytest.raises(DataError, match=r"SHA256SUMS\.txt line 2: path .* leads out of the data set"):
        download(Dataset(server.url), tmp_path / "x")
    assert on_disk(tmp_path) == {}


@pytest.mark.parametrize("text", ["<html>maintenance</html>", f"{'0' * 63} a", "0" * 64])
def test_a_page_instead_of_sums_is_refused(server, tmp_path, text):
    server.files["SHA256SUMS.txt"] = text.encode()
    with pytest.raises(DataError, match=r"line 1: .*a SHA-256 and a path are needed"):
        download(Dataset(server.url), tmp_path)


def test_only_what_matches_is_fetched(server, tmp_path):
    assert download(Dataset(server.url), tmp_path, only=["*.hea", "LICENSE*"]) == (2, 0)
    assert set(on_disk(tmp_path)) == {"LICENSE.txt", "records100/00000/a.hea"}
    with pytest.raises(DataError, match=r"none of 4 files matches records500/\*: mend --only"):
        download(Dataset(server.url), tmp_path, only=["records500/*"])


def test_a_part_of_a_larger_set_loses_its_prefix(server, tmp_path):
    server.publish({"training/cpsc_2018/g1/A0001.hea": b"h", "training/georgia/g1/E00001.hea": b"no", "RECORDS": b"no"})
    download(Dataset(server.url, DATASETS["cpsc2018"].prefix), tmp_path)
    assert on_disk(tmp_path) == {"g1/A0001.hea": b"h"}


def test_sums_of_both_usual_spellings_are_read(server, tmp_path):
    digest = hashlib.sha256(b"free").hexdigest()
    server.files["SHA256SUMS.txt"] = f"{digest.upper()}  ./LICENSE.txt\r\n\n".encode()
    assert download(Dataset(server.url), tmp_path) == (1, 0)


def test_the_command_says_what_it_did(server, tmp_path, capsys):
    assert (
        main(
            ["data", "download", "ptbxl", "--base-url", server.url.rstrip("/"), "--to", str(tmp_path), "--only", "*.txt", "--only", "big*"]
        )
        == 0
    )
    assert capsys.readouterr().out == f"{tmp_path}: 2 files fetched, 0 were there; all have their published SHA-256\n"


def test_the_folder_follows_the_environment(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HEART_READER_DATA", str(tmp_path))
    assert main(["data", "download", "mitbih", "--base-url", server.url, "--only", "LICENSE.txt"]) == 0
    assert on_disk(tmp_path) == {"mitbih/LICENSE.txt": b"free"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "file:///etc/"}, "an address that starts with https:// is needed"),
        ({"url": "http://127.0.0.1:1/"}, "the server did not give this file"),
        ({"url": "http://[bad/"}, "the server did not give this file"),
        ({"gone": "SHA256SUMS.txt"}, "404"),
        ({"gone": "big.bin"}, "404"),
        ({"blocked": "records100"}, "choose another folder by --to"),
    ],
)
def test_failures_are_one_line_and_status_1(server, tmp_path, capsys, change, message):
    server.files.pop(change.get("gone"), None)
    if "blocked" in change:
        (tmp_path / change["blocked"]).touch()
    assert main(["data", "download", "ptbxl", "--base-url", change.get("url", server.url), "--to", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def status_of(*words: str) -> int:
    try:
        return main(words)
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.mark.parametrize("argv", [[], ["georgia"], ["ptbxl", "--too", "x"]])
def test_wrong_usage_is_status_2(argv, capsys):
    assert status_of("data", "download", *argv) == 2
    assert "error: " in capsys.readouterr().err


def test_help_is_status_0(capsys):
    assert status_of("data", "download", "--help") == 0
    assert "--only" in capsys.readouterr().out


def test_ctrl_c_says_that_it_resumes(server, tmp_path):
    server.stall.clear()
    command = [sys.executable, "-m", "heart_reader", "data", "download", "ptbxl", "--base-url", server.url, "--to", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stalled.wait(30)
    process.send_signal(signal.SIGINT)
    server.stall.set()
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error == "stopped: run the same command again, it resumes\n"
