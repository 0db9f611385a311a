"""Keys with names, their file, and what happens to those who guess."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from heart_reader.errors import ConfigError
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.access import MAX_SUBJECTS, Delays
from heart_reader.frontend.keys import KeyRing, key_hash, new_key

ROOT = Path(__file__).resolve().parents[2]
OWN = "a key of enough letters"


class Keys:
    """A file of keys, and the keys themselves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_writes = 0

    def write(self, *lines: str) -> None:
        self.path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        # Two writes within one tick of the file system's clock cannot be distinguished.
        self.n_writes += 1
        os.utime(self.path, (1_700_000_000 + self.n_writes,) * 2)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture
def client(settings: Settings, keys: Keys) -> Iterator[TestClient]:
    """Yield a client; the file has keys ward (20 w) and lab (l), the environment one."""
    keys.write("# keys", "", f"ward {key_hash('w' * 20)}", f"lab  {key_hash('l' * 20).upper()}")
    changes = {"api_keys_file": keys.path, "api_key": Settings(api_key=OWN).api_key}
    with TestClient(create_app(settings.model_copy(update=changes)), client=("192.0.2.1", 1)) as started:
        yield started


def status(client: TestClient, key: str) -> int:
    return client.get("/api/v1/samples", headers={"X-API-Key": key}).status_code


def test_each_key_is_good_and_none_else(client: TestClient) -> None:
    assert [status(client, key) for key in ("w" * 20, "l" * 20, OWN)] == [200] * 3
    assert [status(client, key) for key in ("ward", key_hash("w" * 20), "w" * 19, "", "default")] == [401] * 5


def test_keys_rotate_without_a_stop(client: TestClient, keys: Keys) -> None:
    keys.write(f"ward {key_hash('n' * 20)}", f"lab {key_hash('l' * 20)}")
    assert [status(client, key) for key in ("n" * 20, "l" * 20, OWN, "w" * 20)] == [200, 200, 200, 401]


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("# nothing",),
        ("ward",),
        ("ward " + "w" * 20,),
        (f"ward {key_hash('x')} more",),
        (f"ward {key_hash('x')}", f"ward {key_hash('y')}"),
        (f"default {key_hash('x')}",),
        (f"../etc {key_hash('x')}",),
        (f"lab {key_hash('x')}", "half a li"),
    ],
)
def test_a_broken_file_leaves_the_keys_and_is_reported(
    client: TestClient, keys: Keys, lines: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    keys.write(*lines)
    assert [status(client, key) for key in ("w" * 20, "x")] == [200, 401]
    reported = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(reported) == 1
    assert "--new-key" in reported[0].reason
    assert "w" * 20 not in reported[0].reason
    keys.write(f"ward {key_hash('n' * 20)}")
    assert [status(client, key) for key in ("n" * 20, "w" * 20)] == [200, 401]


def test_a_file_that_is_gone_leaves_the_keys(client: TestClient, keys: Keys, caplog: pytest.LogCaptureFixture) -> None:
    keys.path.unlink()
    assert status(client, "w" * 20) == 200
    assert "cannot be read" in caplog.records[0].reason
    keys.path.write_bytes(b"\xff\xfe")
    assert status(client, "w" * 20) == 200


def test_a_server_does_not_start_with_a_broken_file(settings: Settings, keys: Keys) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        create_app(settings.model_copy(update={"api_keys_file": keys.path}))
    keys.write("ward")
    with pytest.raises(ConfigError, match="line 1"):
        KeyRing(None, keys.path)
    assert not KeyRing(None, None)


def test_the_command_makes_a_key_that_is_good(keys: Keys) -> None:
    command = [sys.executable, "run_server.py", "--new-key", "ward-3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    key, line = (said.split(": ")[1] for said in done.stdout.splitlines())
    assert len(key) > 40
    keys.write(line)
    assert KeyRing(None, keys.path).name_of(key_hash(key)) == "ward-3"
    assert key not in keys.path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", "default", "a b", "a/b", "x" * 65, "-a"])
def test_a_key_has_a_name_that_can_be_written(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be named"):
        new_key(name)


def guess(client: TestClient, n: int) -> list[int]:
    return [status(client, f"guess number {number}") for number in range(n)]


def test_who_guesses_has_to_wait_longer_and_longer(client: TestClient) -> None:
    now = 0.0
    client.app.state.wrong_keys = Delays(lambda: now)
    assert guess(client, 6) == [401] * 6
    waits = []
    for number in range(14):
        answer = client.get("/api/v1/samples", headers={"X-API-Key": OWN})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_wrong_keys")
        assert answer.headers["Retry-After"] in answer.json()["message"]
        waits.append(int(answer.headers["Retry-After"]))
        now += waits[-1] - 0.01
        assert status(client, OWN) == 429
        now += 0.01
        assert status(client, f"another {number}") == 401
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
    now += 900
    assert status(client, OWN) == 200


def test_nobody_else_is_locked_out(client: TestClient) -> None:
    assert guess(client, 8)[-1] == 429
    assert status(client, OWN) == 429
    others = TestClient(client.app, client=("192.0.2.2", 1))
    assert status(others, OWN) == 200


def test_a_program_with_an_old_key_locks_out_only_itself(client: TestClient) -> None:
    assert [status(client, "the key of last year") for _ in range(8)] == [401] * 6 + [429] * 2
    assert status(client, OWN) == 200


def test_a_client_without_a_key_does_not_guess(client: TestClient) -> None:
    assert {client.get("/api/v1/samples").status_code for _ in range(20)} == {401}
    assert status(client, OWN) == 200


def test_addresses_are_remembered_in_bounded_memory() -> None:
    delays = Delays(lambda: 0.0)
    for number in range(MAX_SUBJECTS + 50):
        delays.count(str(number))
    assert len(delays._counts) == MAX_SUBJECTS
    assert delays.count(str(MAX_SUBJECTS)) == 2
    assert delays.count("0") == 1


def test_failures_are_forgotten() -> None:
    now = 0.0
    delays = Delays(lambda: now)
    assert [delays.count("a") for _ in range(7)][-1] == 7
    now = 3601.9
    assert delays.count("a") == 8
    now += 3604.1
    assert delays.count("a") == 1


def test_the_names_are_logged_and_the_keys_are_not(client: TestClient, keys: Keys, caplog: pytest.LogCaptureFixture) -> None:
    keys.write(f"ward {key_hash('n' * 20)}")
    with caplog.at_level(logging.DEBUG):
        status(client, "n" * 20)
    logged = json.dumps([str(vars(record)) for record in caplog.records])
    assert "keys read again" in logged
    assert "n" * 20 not in logged
    assert key_hash("n" * 20) not in logged
