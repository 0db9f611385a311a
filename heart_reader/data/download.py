"""Download public ECG data sets.

PhysioNet publishes ``SHA256SUMS.txt`` with every data set. Each file it lists is fetched to
``NAME.part``, resumed there after a cut, checked, and only then given its name; a file that is
there and whole is not fetched again. So the same command starts, continues and verifies a download.
"""

from __future__ import annotations

import hashlib
import http
import http.client
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from tqdm import tqdm

from heart_reader.errors import DataError

__all__ = ["DATASETS", "Dataset", "ListedFile", "download"]

SUMS = "SHA256SUMS.txt"
USER_AGENT = "heart-reader downloader (https sums checked; resumes)"
BLOCK = 1 << 18
TIMEOUT_S = 60
ATTEMPTS = 4
# Enough to hide the wait between PTB-XL's 43,598 small files, few enough to be a polite guest.
CONNECTIONS = 4


@dataclass(frozen=True)
class Dataset:
    """Where a data set is published.

    Parameters
    ----------
    base_url
        Folder of ``SHA256SUMS.txt``.
    prefix
        Part of that folder that is wanted; it is not repeated on disk.
    """

    base_url: str
    prefix: str = ""


DATASETS = {
    "ptbxl": Dataset("https://physionet.org/files/ptb-xl/1.0.3/"),
    "ptbxl-plus": Dataset("https://physionet.org/files/ptb-xl-plus/1.0.1/"),
    "mitbih": Dataset("https://physionet.org/files/mitdb/1.0.0/"),
    "cpsc2018": Dataset("https://physionet.org/files/challenge-2020/1.0.2/", "training/cpsc_2018/"),
}


@dataclass(frozen=True)
class ListedFile:
    """One line of the sums file: the path below the data set's wanted part, the address and the
    SHA-256 in hexadecimal.
    """

    path: str
    url: str
    sha256: str


def download(dataset: Dataset, folder: Path, *, only: Sequence[str] = ()) -> tuple[int, int]:
    """Fetch what is not there yet and check it.

    Parameters
    ----------
    folder
        Where the files go, in the layout they are published in.
    only
        Patterns such as ``records100/*``; a file is wanted if it matches any of them. Empty means
        all files.

    Returns
    -------
    tuple
        Number of files fetched, and of those that were there already.

    Raises
    ------
    DataError
        If the sums file is unusable, nothing matches, or a file cannot be fetched, written or does
        not have its published sum.
    """
    if not re.match(r"https?://[^/\s]+/", dataset.base_url):
        raise DataError(f"{dataset.base_url}: an address that starts with https:// is needed: mend --base-url")
    listed = list(_parse_sums(_read_text(f"{dataset.base_url}{SUMS}"), dataset))
    wanted = [file for file in listed if not only or any(fnmatchcase(file.path, pattern) for pattern in only)]
    if not wanted:
        raise DataError(f"{dataset.base_url}: none of {len(listed)} files matches {', '.join(only) or dataset.prefix}: mend --only")
    n_fetched = 0
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        tasks = [pool.submit(_ensure, file, folder / file.path) for file in wanted]
        for task in tqdm(as_completed(tasks), str(folder), len(tasks), disable=None, unit="file"):
            n_fetched += task.result()
    finally:
        # After an error or Ctrl-C the few files under way are finished and the others are not
        # begun.
        pool.shutdown(wait=True, cancel_futures=True)
    return n_fetched, len(wanted) - n_fetched


def _parse_sums(text: str, dataset: Dataset) -> Iterator[ListedFile]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *]?(\S.*)", line.rstrip())
        if match is None:
            raise DataError(f"{dataset.base_url}{SUMS} line {number}: {line[:60]!r}; a SHA-256 and a path are needed: try again later")
        path = match[2].removeprefix("./")
        parts = path.split("/")
        # A sums file must never be able to write outside the chosen folder.
        if any(part in ("", ".", "..") for part in parts) or not path.isprintable() or "\\" in path or ":" in path:
            raise DataError(f"{dataset.base_url}{SUMS} line {number}: path {path!r} leads out of the data set: do not use this source")
        if path.startswith(dataset.prefix):
            yield ListedFile(path.removeprefix(dataset.prefix), dataset.base_url + quote(path), match[1].lower())


def _read_text(url: str) -> str:
    answer = _open(url)
    assert answer is not None  # only a request from a later byte on can be empty
    with answer:
        try:
            return answer.read().decode("utf-8", errors="replace")
        except (http.client.HTTPException, OSError) as error:
            raise DataError(f"{url}: the connection was cut ({error}): run the same command again") from None


def _ensure(file: ListedFile, target: Path) -> bool:
    """Bring one file to its final name; return whether it had to be fetched."""
    try:
        if target.is_file() and _sha256(target) == file.sha256:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        resumed = part.exists()
        _fetch(file.url, part)
        if resumed and _sha256(part) != file.sha256:
            # The beginning may come from another release or a damaged disk: once more from the
            # start.
            part.unlink()
            _fetch(file.url, part)
        found = _sha256(part)
        if found != file.sha256:
            part.unlink()
            raise DataError(
                f"{file.url}: SHA-256 {found[:12]}..., {file.sha256[:12]}... is published: it was changed on the way, run again"
            )
        part.replace(target)
    except OSError as error:
        raise DataError(f"{target}: {error.strerror or error}: free some space or choose another folder by --to, then run again") from None
    return True


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(url: str, part: Path) -> None:
    """Append to ``part`` what it lacks; a connection that is cut is taken up again for as long as
    that brings anything.
    """
    n_stalled, n_before = 0, _size(part)
    while not _fetch_rest(url, part, n_before):
        n_after = _size(part)
        n_stalled = 0 if n_after > n_before else n_stalled + 1
        if n_stalled == ATTEMPTS:
            raise DataError(f"{url}: the connection was cut after {n_after} bytes: run the same command again, it resumes")
        n_before = n_after


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch_rest(url: str, part: Path, n_before: int) -> bool:
    """Append one answer to ``part``; return whether the file is now as long as the server says."""
    answer = _open(url, n_before)
    if answer is None:
        return True
    with answer:
        resumes = answer.status == http.HTTPStatus.PARTIAL_CONTENT and f"bytes {n_before}-" in (answer.headers["Content-Range"] or "")
        length = answer.headers["Content-Length"]
        n_read, whole = 0, False
        with open(part, "ab" if resumes else "wb") as file:
            while not whole:
                try:
                    block = answer.read(BLOCK)
                except (http.client.HTTPException, OSError):
                    return False
                whole = not block
                n_read += file.write(block)
    return length is None or n_read == int(length)


def _open(url: str, start: int = 0) -> http.client.HTTPResponse | None:
    """Ask for a file from byte ``start`` on; None means that nothing lies beyond it."""
    headers = {"User-Agent": USER_AGENT, **({"Range": f"bytes={start}-"} if start else {})}
    try:
        request = Request(url, headers=headers)  # noqa: S310  download() admits http and https only
        return urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
    except HTTPError as error:
        error.close()
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        reason = f"{error.code} {error.reason}"
    except URLError as error:
        reason = str(error.reason)
    except (http.client.HTTPException, OSError, ValueError) as error:
        reason = str(error) or type(error).__name__
    raise DataError(f"{url}: the server did not give this file ({reason}): check the connection and the address, then run again")
