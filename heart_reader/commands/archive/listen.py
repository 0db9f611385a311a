"""Receive ECGs by C-STORE, read them, and send structured reports back.

What was received and not yet reported lies in the spool, also across a stop. AE titles keep
mistakes out, not attackers: let a firewall decide who reaches the port.
"""

from __future__ import annotations

import argparse
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.commands.archive.options import access_of, add_access, count
from heart_reader.commands.options import add_checkpoint, positive_number
from heart_reader.machine import is_loopback

if TYPE_CHECKING:
    from heart_reader.archive.destination import Destination
    from heart_reader.archive.receiver import Limits

__all__ = ["add_arguments", "run"]

ANYONE = "ANY"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=11112, help="port to listen on (default: %(default)s)")
    parser.add_argument("--aet", default="HEART_READER", metavar="TITLE", help="own AE title (default: %(default)s)")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="TITLE", help=f"AE title that may send; repeatable; {ANYONE} for everyone"
    )
    to = parser.add_mutually_exclusive_group()
    to.add_argument("--send-to", metavar="TITLE@HOST:PORT", help="send reports by C-STORE")
    to.add_argument("--stow", metavar="URL", help="send reports by DICOMweb (STOW)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write each reading as JSON into this folder, without the patient")
    parser.add_argument("--spool", type=Path, default=Path("heart-reader-spool"), metavar="DIR", help="what waits (default: %(default)s)")
    parser.add_argument("--queue", type=count, default=100, metavar="N", help="ECGs and reports that may wait (default: %(default)s)")
    parser.add_argument("--max-object-mb", type=positive_number, default=50.0, metavar="MB", help="largest ECG (default: %(default)s)")
    parser.add_argument("--max-pdu", type=count, default=131072, metavar="BYTES", help="largest unit of data (default: %(default)s)")
    parser.add_argument("--max-connections", type=count, default=8, metavar="N", help="connections at a time (default: %(default)s)")
    parser.add_argument("--idle", type=positive_number, default=30.0, metavar="S", help="longest silence of one (default: %(default)s)")
    add_access(parser)
    add_checkpoint(parser)
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help="who must have signed it (default: HEART_READER_TRUSTED_KEYS)")


def run(arguments: argparse.Namespace) -> None:
    """Listen until Ctrl-C or SIGTERM."""
    callers = _callers(arguments)
    limits = _limits(arguments)
    from heart_reader.archive.receiver import Receiver
    from heart_reader.archive.service import Service
    from heart_reader.archive.spool import Spool
    from heart_reader.classifier import EcgClassifier
    from heart_reader.folders import run_folder
    from heart_reader.log_lines import set_up_logging
    from heart_reader.signing import named_keys
    from heart_reader.weights import find_reader

    set_up_logging(debug=arguments.debug)
    with ExitStack() as stack:
        destination = _destination(arguments, stack)
        stack.enter_context(run_folder(arguments.spool))
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
        spool = Spool(arguments.spool, max(1, arguments.queue))
        receiver = Receiver(arguments.aet, callers, spool, limits)
        classifier = EcgClassifier.load(find_reader(arguments.checkpoint), trusted=named_keys(arguments.trusted_keys))
        service = Service(receiver, spool, classifier, destination, arguments.out)
        service.start(arguments.host, arguments.port)
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for one in (signal.SIGINT, signal.SIGTERM):
                signal.signal(one, lambda number, frame: stop.set())
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        print(f"heart_reader listens as {arguments.aet} on {host}:{receiver.port} (Ctrl-C stops it)", flush=True)
        try:
            while not stop.wait(1.0):  # a wait without end would hide signals on Windows
                pass
        finally:
            service.stop()


def _callers(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """Return who may send, None for everyone; a door to others needs a list."""
    from heart_reader.errors import ConfigError

    if ANYONE in arguments.allow:
        return None
    if not arguments.allow and not is_loopback(arguments.host):
        raise ConfigError(f"--host {arguments.host} lets other machines in: name who may send with --allow TITLE, or --allow {ANYONE}")
    return tuple(arguments.allow) or None


def _limits(arguments: argparse.Namespace) -> Limits:
    from heart_reader.archive.access import MEGABYTE
    from heart_reader.archive.receiver import Limits
    from heart_reader.errors import ConfigError

    if not 4096 <= arguments.max_pdu <= 1 << 24:
        raise ConfigError(f"--max-pdu {arguments.max_pdu}: 4096 to {1 << 24} bytes are possible")
    if not 0 <= arguments.port < 65536:
        raise ConfigError(f"--port {arguments.port}: 0 to 65535 are possible, 0 for any that is free")
    if arguments.send_to is None and arguments.stow is None and arguments.out is None:
        raise ConfigError("readings would go nowhere: name --send-to TITLE@HOST:PORT, --stow URL or --out DIR")
    return Limits(arguments.max_pdu, int(arguments.max_object_mb * MEGABYTE), max(1, arguments.max_connections), arguments.idle)


def _destination(arguments: argparse.Namespace, stack: ExitStack) -> Destination | None:
    """Return where reports go."""
    from heart_reader.archive.destination import CStore, Stow
    from heart_reader.archive.dicomweb import Archive
    from heart_reader.archive.names import AeAddress, checked_ae

    if arguments.send_to is not None:
        return CStore(checked_ae(arguments.aet), AeAddress.of(arguments.send_to))
    if arguments.stow is not None:
        return Stow(stack.enter_context(Archive(access_of(arguments, arguments.stow))))
    return None
