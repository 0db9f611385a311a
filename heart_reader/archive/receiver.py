"""The C-STORE receiver: takes ECGs of those who may send them, and bounds what they can ask for.

References
----------
DICOM PS3.4, B Storage Service Class and Table B.2-1 (statuses); PS3.8, 9.3 (protocol data units).
"""

from __future__ import annotations

import logging
import socketserver
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, _config, evt
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from heart_reader.archive.access import MEGABYTE
from heart_reader.archive.names import ECG_CLASSES, checked_ae, checked_uid
from heart_reader.archive.report import facts_of
from heart_reader.archive.spool import Spool, SpoolFull
from heart_reader.errors import ArchiveError, ConfigError

if TYPE_CHECKING:
    from pynetdicom.events import Event

__all__ = ["Limits", "Receiver"]

log = logging.getLogger("heart_reader.archive")

_VERIFICATION = "1.2.840.10008.1.1"
# Implicit and explicit, little and big endian; nothing that is compressed.
_SYNTAXES = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"]
SUCCESS, NO_ROOM, NOT_AS_CLASS, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
# Requests to associate list what they can and are longer than a unit of data may be.
_LONGEST_REQUEST = MEGABYTE


@dataclass(frozen=True)
class Limits:
    """What senders may ask of the receiver.

    Parameters
    ----------
    max_pdu
        Bytes of a protocol data unit; 4,096 at least.
    max_bytes
        Bytes of an object.
    connections
        How many at a time.
    idle_s
        How long a connection may be silent.
    room_s
        How long an ECG waits for room before its sender is told that there is none.
    """

    max_pdu: int = 1 << 17
    max_bytes: int = 50 * MEGABYTE
    connections: int = 8
    idle_s: float = 30.0
    room_s: float = 10.0


class Receiver:
    """Listens for ECGs and puts them into a spool.

    Parameters
    ----------
    title
        Its AE title; who calls another one is refused.
    callers
        AE titles that may call; None lets everyone.
    spool
        Where ECGs go.
    """

    def __init__(self, title: str, callers: tuple[str, ...] | None, spool: Spool, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._spool = spool
        # Its lines name patients when they name identifiers of requests.
        _config.LOG_HANDLER_LEVEL = "none"
        self._entity = AE(checked_ae(title))
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = [checked_ae(one) for one in callers or ()]
        self._entity.maximum_pdu_size = self.limits.max_pdu
        self._entity.maximum_associations = self.limits.connections
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.network_timeout = self.limits.idle_s
        for uid in (*ECG_CLASSES, _VERIFICATION):
            self._entity.add_supported_context(uid, _SYNTAXES)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        return int(self._server.server_address[1])

    def start(self, host: str, port: int) -> None:
        """Listen, in threads.

        Raises
        ------
        ConfigError
            If the address cannot be listened on.
        """
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._stored),
            (evt.EVT_C_ECHO, self._echoed),
            (evt.EVT_ACCEPTED, self._accepted),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_ABORTED, self._aborted),
        ]
        own: Any = {"server_class": _Server, "request_handler": _Handler, "limits": self.limits}
        try:
            server: Any = self._entity.make_server((host, port), evt_handlers=handlers, **own)
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"cannot listen on {host}:{port} ({reason}): free it or pass another --port or --host") from None
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="receiver", daemon=True)
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Take no more connections, let what is being sent arrive for a while, and end the rest."""
        assert self._server is not None
        assert self._thread is not None
        socketserver.BaseServer.shutdown(self._server)
        self._server.server_close()
        self._thread.join()
        waiting = threading.Event()
        for _ in range(round(grace_s * 10)):
            if not any(one.is_alive() for one in self._entity.active_associations):
                break
            waiting.wait(0.1)
        self._entity.shutdown()

    def _stored(self, event: Event) -> int:
        """Take an ECG; the status says what became of it."""
        request: Any = event.request
        facts: dict[str, Any] = {"caller": _caller(event)}
        try:
            uid = checked_uid(request.AffectedSOPInstanceUID, "ECG")
            facts["sop_instance_uid"] = uid
            content = event.encoded_dataset()
            facts["bytes"] = len(content)
            found = facts_of(content)
            if (found.SOPInstanceUID, found.SOPClassUID) != (uid, request.AffectedSOPClassUID):
                return self._refused(facts, NOT_AS_CLASS, "identifier or class of the object are not those of the request")
            self._spool.put(uid, content, self.limits.room_s)
        except SpoolFull as full:
            return self._refused(facts, NO_ROOM, full.message)
        except ArchiveError as error:
            return self._refused(facts, NOT_UNDERSTOOD, error.message)
        except OSError as error:
            return self._refused(facts, NO_ROOM, f"it cannot be written ({error.strerror or type(error).__name__})")
        except Exception as error:  # the receiver goes on, whatever one object does
            return self._refused(facts, NOT_UNDERSTOOD, type(error).__name__)
        log.info("ECG received", extra=facts)
        return SUCCESS

    def _refused(self, facts: dict[str, Any], status: int, reason: str) -> int:
        log.warning("ECG refused", extra={**facts, "status": f"{status:04X}", "reason": reason})
        return status

    def _echoed(self, event: Event) -> int:
        log.info("echo", extra={"caller": _caller(event)})
        return SUCCESS

    def _accepted(self, event: Event) -> None:
        log.debug("connection", extra={"caller": _caller(event)})

    def _rejected(self, event: Event) -> None:
        log.warning("connection refused", extra={"caller": _caller(event), "called": _called(event)})

    def _aborted(self, event: Event) -> None:
        log.warning("connection broken off", extra={"caller": _caller(event)})


def _caller(event: Event) -> str:
    """Who calls, as title and address."""
    requestor = event.assoc.requestor
    return f"{requestor.ae_title}@{requestor.address}"


def _called(event: Event) -> str:
    primitive = event.assoc.requestor.primitive
    return str(getattr(primitive, "called_ae_title", ""))


class _Server(ThreadedAssociationServer):
    """A server that takes a bounded number of connections, also of those that say nothing."""

    def __init__(self, *args: Any, limits: Limits, **others: Any) -> None:
        self.limits = limits
        super().__init__(*args, **others)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a connection is taken; a few more than may associate, so that these are told."""
        alive = sum(one.is_alive() for one in self.ae.active_associations)
        if alive < 2 * self.limits.connections:
            return True
        log.warning("connection refused", extra={"caller": f"@{client_address[0]}", "reason": f"{alive} connections are open"})
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection failed; the server goes on."""
        log.exception("connection failed", extra={"caller": f"@{client_address[0]}"})


class _Handler(RequestHandler):
    """Makes associations whose socket knows limits."""

    def _create_association(self) -> Any:
        association = super()._create_association()
        server = self.server
        assert isinstance(server, _Server)
        self.request.settimeout(server.limits.idle_s)
        # The library has no other place for a socket of one's own.
        bounded: Any = association.dul.socket
        bounded.__class__ = _BoundedSocket
        bounded.limits, bounded.taken = server.limits, 0
        association.bind(evt.EVT_DIMSE_RECV, bounded.begin_anew)
        return association


class _BoundedSocket(AssociationSocket):
    """Reads no unit that is longer than agreed, and no object that is larger than allowed.

    pynetdicom believes the length that a unit states, and gathers an object whole.
    """

    limits: Limits
    taken: int

    def begin_anew(self, event: Event) -> None:
        """Count from here: a message is complete."""
        self.taken = 0

    def recv(self, nr_bytes: int) -> bytearray:
        """Read some bytes.

        Raises
        ------
        OSError
            If they are too many, which ends the connection.
        """
        self.taken += nr_bytes
        # Before an association is agreed on, nothing but requests for one may be so long.
        longest = max(self.limits.max_pdu, 0 if self.assoc.is_established else _LONGEST_REQUEST)
        if nr_bytes > longest or self.taken > self.limits.max_bytes + _LONGEST_REQUEST:
            what = f"a unit of {nr_bytes} bytes" if nr_bytes > longest else f"an object of more than {self.limits.max_bytes} bytes"
            log.warning("connection broken off", extra={"caller": f"@{self.assoc.requestor.address}", "reason": what})
            raise OSError(what)
        return super().recv(nr_bytes)

    def _shutdown_socket(self) -> None:
        """Close the socket also where the other side has closed it already."""
        super()._shutdown_socket()
        if self.socket is not None:
            self.socket.close()
