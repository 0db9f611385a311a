"""HTTP that an archive is spoken to with: patient, bounded, and never redirected with a secret."""

from __future__ import annotations

import io
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from heart_reader.archive.access import MEGABYTE, Access
from heart_reader.errors import ArchiveError

__all__ = ["Session"]

# Of an archive that is busy or starting; PS3.18, 8.5 has them from HTTP.
_BUSY = (408, 425, 429, 502, 503, 504)
_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30
_DEEPEST = 8
_WORDS = {
    400: "it does not understand the request",
    401: "it wants to know who asks: set HEART_READER_ARCHIVE_TOKEN, or HEART_READER_ARCHIVE_USER and _PASSWORD, or --headers",
    403: "it does not allow this to who asks",
    404: "there is no such thing, or no DICOMweb at this address",
    406: "it cannot answer in a form that is understood here",
    409: "it refuses the object",
    413: "the object is too large for it",
    415: "it does not take such objects",
}


class Session(requests.Session):
    """A session whose answers are whole, of a bounded size, and of status 2xx.

    Requests that found no answer, or an archive that was busy, are repeated after growing pauses;
    what is stored twice has one identifier, so this holds for storing, too.
    """

    def __init__(self, access: Access) -> None:
        super().__init__()
        self._access = access
        self.verify = True if access.ca is None else str(access.ca)
        # Also where there is no secret: requests would else look for one in a .netrc.
        self.auth = self._let_in
        retry = urllib3.Retry(
            total=access.retries,
            allowed_methods={"GET", "POST"},
            status_forcelist=_BUSY,
            backoff_factor=_PAUSE_S,
            backoff_max=_LONGEST_PAUSE_S,
            retry_after_max=_LONGEST_PAUSE_S,
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=retry))

    def request(self, method: str, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Send a request.

        Raises
        ------
        ArchiveError
            If there is no answer, or one that is too large or says no.
        """
        # It lacks the port; requests makes the right one.
        options["headers"] = {name: value for name, value in (options.get("headers") or {}).items() if name != "Host"}
        # Named here, for else the environment would win over --ca.
        options |= {"allow_redirects": False, "stream": True, "timeout": self._access.timeout_s, "verify": self.verify}
        where = self._access.url
        try:
            answer = super().request(method, url, *args, **options)
            self._take(answer)
        except requests.exceptions.SSLError as error:
            raise ArchiveError(f"{where}: not trusted ({_reason(error)}): name the certificate of its authority with --ca") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ArchiveError(f"{where}: out of reach ({_reason(error)}): check address, port and network") from None
        if not 200 <= answer.status_code < 300:
            raise ArchiveError(f"{where}: {_refusal(answer)}")
        # Parameters, such as the charset, make dicomweb-client blind.
        kind = answer.headers.get("Content-Type", "")
        if kind.lower().startswith(("application/dicom+json", "application/json")):
            answer.headers["Content-Type"] = "application/dicom+json"
        return answer

    def _let_in(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._access.headers)
        return request

    def _take(self, answer: requests.Response) -> None:
        """Take the whole body in, up to a limit."""
        raw, limit = answer.raw, self._access.max_bytes
        body = bytearray()
        with answer:
            while part := raw.read(min(MEGABYTE, limit + 1 - len(body)), decode_content=True):
                body += part
                if len(body) > limit:
                    raise ArchiveError(f"{self._access.url}: an answer of more than {limit / MEGABYTE:g} MB, which is the limit")
        answer.raw = io.BytesIO(bytes(body))


def _refusal(answer: requests.Response) -> str:
    """Say what a status means; what the archive writes about it may hold names, so it stays out."""
    status = answer.status_code
    if 300 <= status < 400:
        place = answer.headers.get("Location", "elsewhere").split("?")[0][:200]
        return f"it has moved (status {status}, to {place}): give that address"
    return f"status {status}: {_WORDS.get(status, 'it failed' if status >= 500 else 'it refuses')}"


def _reason(error: BaseException) -> str:
    """Return the innermost reason without the address, whose query names people."""
    for _ in range(_DEEPEST):
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            inner = next((one for one in error.args if isinstance(one, BaseException)), None)
        if inner is None:
            break
        error = inner
    words = getattr(error, "strerror", None) or getattr(error, "verify_message", None)
    return str(words or type(error).__name__)
