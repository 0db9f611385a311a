"""Who made a checkpoint: signed and verified, and whatever is wrong with either is refused."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from heart_reader.checkpoint import SAFETENSORS, load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.errors import ConfigError, Integrity, NotTrusted
from heart_reader.frontend.reading_work import load_warm, prepare_reading
from heart_reader.frontend.workers import Workers
from heart_reader.manifest import MANIFEST, manifest_sha256
from heart_reader.signing import TRUSTED_KEYS, TrustedKeys, check_signature, named_keys, sign_checkpoint, signature_facts
from heart_reader.signing.keys import create_key, key_id, read_private_key
from heart_reader.signing.signature import SIGNATURE
from heart_reader.weights import find_reader, shipped_readers

ROOT = Path(__file__).resolve().parent.parent


def never_asked() -> str:
    raise AssertionError("the key has no passphrase")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    create_key(tmp_path / "ours", "Ward 7", None)
    return tmp_path / "ours"


@pytest.fixture
def trusted(key: Path) -> TrustedKeys:
    return TrustedKeys.read(key.with_name("ours.pub"))


@pytest.fixture
def unsigned(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "tiny"))


@pytest.fixture
def signed(unsigned: Path, key: Path) -> Path:
    sign_checkpoint(unsigned, read_private_key(key, never_asked))
    return unsigned


def run_signing(*arguments: object, passphrase: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEART_READER_SIGNING")}
    environment |= {} if passphrase is None else {"HEART_READER_SIGNING_PASSPHRASE": passphrase}
    command = [sys.executable, "-m", "heart_reader", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_a_signed_checkpoint_is_the_same_and_says_by_whom(tiny_checkpoint: Path, signed: Path, trusted: TrustedKeys) -> None:
    reader = EcgClassifier.load(signed, trusted=trusted)
    assert reader.checkpoint.sha256 == load_checkpoint(tiny_checkpoint).sha256
    assert reader.card()["signature"] == {"state": "verified", "by": "Ward 7", "key": key_id(trusted.keys[0][1])}
    assert EcgClassifier.load(signed).card()["signature"] == {**reader.card()["signature"], "state": "not_verified", "by": None}
    assert EcgClassifier.load(tiny_checkpoint).card()["signature"] == {"state": "unsigned", "by": None, "key": None}


def test_signing_again_takes_the_place_of_the_signature(signed: Path, tmp_path: Path) -> None:
    create_key(tmp_path / "theirs", "Ward 8", None)
    sign_checkpoint(signed, read_private_key(tmp_path / "theirs", never_asked))
    both = TrustedKeys((*TrustedKeys.read(tmp_path / "ours.pub").keys, *TrustedKeys.read(tmp_path / "theirs.pub").keys))
    assert check_signature(load_checkpoint(signed), both) == "Ward 8"
    assert sorted(path.name for path in signed.iterdir()) == sorted([MANIFEST, SIGNATURE, SAFETENSORS])


def test_an_unsigned_checkpoint_is_refused(unsigned: Path, trusted: TrustedKeys) -> None:
    with pytest.raises(NotTrusted, match=r"not signed \(no manifest\.sig\); only checkpoints signed by Ward 7 \([0-9a-f]{16}\)"):
        EcgClassifier.load(unsigned, trusted=trusted)


def test_a_key_that_is_not_trusted_is_refused(signed: Path, tmp_path: Path) -> None:
    other = TrustedKeys.read(create_key(tmp_path / "other", "Somebody", None))
    with pytest.raises(NotTrusted, match=r"signed with key [0-9a-f]{16}; only checkpoints signed by Somebody"):
        check_signature(load_checkpoint(signed), other)


def test_a_key_that_claims_to_be_a_trusted_one_is_refused(signed: Path, trusted: TrustedKeys, tmp_path: Path) -> None:
    create_key(tmp_path / "other", "Ward 7", None)
    sign_checkpoint(signed, read_private_key(tmp_path / "other", never_asked))
    content = json.loads((signed / SIGNATURE).read_text())
    (signed / SIGNATURE).write_text(json.dumps({**content, "key": key_id(trusted.keys[0][1])}))
    with pytest.raises(NotTrusted, match="not a signature of this checkpoint by Ward 7"):
        check_signature(load_checkpoint(signed), trusted)


def test_an_altered_manifest_is_refused_even_if_its_own_hash_was_made_anew(signed: Path, trusted: TrustedKeys) -> None:
    manifest = json.loads((signed / MANIFEST).read_text())
    manifest["seed"] += 1
    manifest["sha256"] = manifest_sha256(manifest)
    (signed / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(NotTrusted, match="changed after it was signed"):
        check_signature(load_checkpoint(signed), trusted)
    content = json.loads((signed / SIGNATURE).read_text())
    (signed / SIGNATURE).write_text(json.dumps({**content, "checkpoint_sha256": manifest["sha256"]}))
    with pytest.raises(NotTrusted, match="not a signature of this checkpoint by Ward 7: forged or damaged"):
        check_signature(load_checkpoint(signed), trusted)


def test_altered_weights_are_refused(signed: Path, trusted: TrustedKeys) -> None:
    weights = bytearray((signed / SAFETENSORS).read_bytes())
    weights[-1] ^= 1
    (signed / SAFETENSORS).write_bytes(weights)
    with pytest.raises(Integrity, match="does not match the hash"):
        EcgClassifier.load(signed, trusted=trusted)


def test_a_signature_cut_anywhere_or_changed_in_any_bit_is_refused(signed: Path, trusted: TrustedKeys) -> None:
    whole = (signed / SIGNATURE).read_bytes()
    checkpoint = load_checkpoint(signed)
    for length in range(len(whole.rstrip())):
        (signed / SIGNATURE).write_bytes(whole[:length])
        with pytest.raises(Integrity, match="cut short"):
            check_signature(checkpoint, trusted)
    value = base64.b64decode(json.loads(whole)["signature"])
    for place in range(len(value)):
        changed = base64.b64encode(bytes(byte ^ (place == number) for number, byte in enumerate(value))).decode()
        (signed / SIGNATURE).write_text(json.dumps({**json.loads(whole), "signature": changed}))
        with pytest.raises(NotTrusted, match="forged or damaged"):
            check_signature(checkpoint, trusted)


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "[" * 3000, '{"format": 2, "algorithm": "ed25519"}', '{"format": 1, "algorithm": "none"}', "x" * 100_000]
)
def test_other_files_are_no_signatures(unsigned: Path, trusted: TrustedKeys, content: str) -> None:
    (unsigned / SIGNATURE).write_text(content)
    checkpoint = load_checkpoint(unsigned)
    with pytest.raises(Integrity):
        check_signature(checkpoint, trusted)
    assert signature_facts(checkpoint, None) == {"state": "not_verified", "by": None, "key": None}


def test_a_signature_has_a_plain_key_and_hash(signed: Path, trusted: TrustedKeys) -> None:
    content = json.loads((signed / SIGNATURE).read_text())
    for name in ("key", "checkpoint_sha256"):
        (signed / SIGNATURE).write_text(json.dumps({**content, name: "<b>\x1b[31m"}))
        with pytest.raises(Integrity):
            check_signature(load_checkpoint(signed), trusted)


@pytest.mark.skipif(os.name != "posix", reason="files have no modes here")
def test_only_its_owner_may_read_a_private_key(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_private_key(key, never_asked)


def test_a_key_is_never_written_over(key: Path, tmp_path: Path) -> None:
    before = key.read_bytes()
    for path in (key, tmp_path / "absent" / "key"):
        with pytest.raises(ConfigError, match="pass another --key"):
            create_key(path, "Ward 7", None)
    key.with_name("ours.pub").unlink()
    with pytest.raises(ConfigError, match="cannot be written"):
        create_key(key, "Ward 7", None)
    assert key.read_bytes() == before


@pytest.mark.parametrize("name", ["", "  ", "Ward\n7"])
def test_a_key_has_a_name_of_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="a name on one line"):
        create_key(tmp_path / "key", name, None)


@pytest.mark.parametrize("line", ["ed25519", "ed25519 AAAA Ward 7", "rsa " + "A" * 43 + "= Ward 7", "ed25519 " + "A" * 43 + "=", "x\nx"])
def test_a_damaged_list_of_keys_is_refused(key: Path, tmp_path: Path, line: str) -> None:
    """One bad line spoils the list: a key that is left out silently would be missed too late."""
    (tmp_path / "list").write_text(key.with_name("ours.pub").read_text() + line)
    with pytest.raises(ConfigError, match="line 2: no public key"):
        TrustedKeys.read(tmp_path / "list")


def test_a_list_of_no_keys_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# nobody yet\n\n")
    with pytest.raises(ConfigError, match="no public key in it"):
        TrustedKeys.read(tmp_path / "list")
    with pytest.raises(ConfigError, match="cannot be read"):
        TrustedKeys.read(tmp_path / "absent")


def test_the_environment_names_trusted_keys(key: Path, trusted: TrustedKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRUSTED_KEYS, raising=False)
    assert named_keys(None) is None
    monkeypatch.setenv(TRUSTED_KEYS, str(key.with_name("ours.pub")))
    assert named_keys(None) == trusted
    with pytest.raises(ConfigError):
        named_keys(key)


def test_the_commands_make_a_locked_key_sign_and_verify(unsigned: Path, tmp_path: Path) -> None:
    key = tmp_path / "locked"
    made = run_signing("keygen", "--key", key, "--name", "Ward 9", "--passphrase", passphrase="correct horse")
    assert made.returncode == 0, made.stderr
    assert b"ENCRYPTED" in key.read_bytes()
    for passphrase, reason in ((None, "no terminal to ask for it"), ("wrong", "wrong passphrase")):
        answer = run_signing("sign", unsigned, "--key", key, passphrase=passphrase)
        assert (answer.returncode, reason in answer.stderr) == (2, True), answer.stderr
    answer = run_signing("verify", unsigned, "--public", f"{key}.pub")
    assert (answer.returncode, "not signed" in answer.stderr) == (1, True)
    assert run_signing("sign", unsigned, "--key", key, passphrase="correct horse").returncode == 0
    answer = run_signing("verify", unsigned, "--public", f"{key}.pub")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip().endswith("signed by Ward 9")


def test_private_keys_of_other_kinds_are_refused(key: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    other = tmp_path / "x25519"
    other.write_bytes(X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    other.chmod(0o600)
    with pytest.raises(ConfigError, match="a key of another kind; ed25519 is allowed"):
        read_private_key(other, never_asked)
    key.write_bytes(key.read_bytes()[:60])
    with pytest.raises(ConfigError, match="not a private key in PEM"):
        read_private_key(key, never_asked)


@pytest.mark.slow
def test_predict_reads_only_what_is_trusted(signed: Path, key: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "heart_reader",
        "read",
        "test_files/norm.hea",
        "--checkpoint",
        str(signed),
        "--trusted-keys",
        f"{key}.pub",
    ]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    (signed / SIGNATURE).unlink()
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "not signed" in answer.stderr


def test_the_server_reads_only_what_is_trusted(signed: Path, trusted: TrustedKeys) -> None:
    load_warm(signed, trusted)
    (signed / SIGNATURE).unlink()
    with pytest.raises(NotTrusted):
        load_warm(signed, trusted)
    answer = subprocess.run(
        [sys.executable, "run_server.py", "--port", "0", "--checkpoint", str(signed), "--trusted-keys", str(signed.parent / "ours.pub")],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 1
    assert "not signed" in answer.stderr


def test_each_process_that_reads_asks_for_the_signature(signed: Path, trusted: TrustedKeys) -> None:
    sha256 = load_checkpoint(signed).sha256
    (signed / SIGNATURE).unlink()
    workers = Workers(partial(prepare_reading, {"signed": (signed, sha256)}, trusted, 10_000_000), 1, timeout_s=20.0, memory_mb=500)
    try:
        with pytest.raises(NotTrusted):
            workers.wait()
    finally:
        workers.close()


def test_a_device_reads_only_what_is_trusted(trusted: TrustedKeys) -> None:
    with pytest.raises(NotTrusted):
        EcgClassifier.load(find_reader(), trusted=trusted)


def test_shipped_checkpoints_are_what_security_md_says(trusted: TrustedKeys) -> None:
    assert "unsigned" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for directory in map(find_reader, shipped_readers()):
        assert signature_facts(load_checkpoint(directory), None)["state"] == "unsigned"


def test_without_the_library_nothing_is_trusted(signed: Path, trusted: TrustedKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cryptography.exceptions", "cryptography.hazmat.primitives.asymmetric.ed25519"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"heart-reader\[signing\]"):
        check_signature(load_checkpoint(signed), trusted)
    assert EcgClassifier.load(signed).card()["signature"]["state"] == "not_verified"
