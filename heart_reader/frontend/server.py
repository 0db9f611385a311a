"""Listening on a port until stopped."""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
from types import FrameType

import uvicorn

from heart_reader.errors import HeartReaderError
from heart_reader.frontend.app import create_app
from heart_reader.frontend.audit import audit_into
from heart_reader.frontend.connections import ConnectionGuard
from heart_reader.frontend.settings import Settings
from heart_reader.log_lines import set_up_logging

__all__ = ["serve"]

GRACE_S = 10
BACKLOG = 128


def serve(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are running are answered first.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be served.
    ConfigError
        If the address cannot be listened on, the file of keys cannot be read, or audit lines cannot
        be written.
    """
    set_up_logging(debug=settings.debug)
    audit_into(settings.audit_log)
    # One thread per reading and as many readings as cores: threads of torch and BLAS would only
    # fight. Set before torch is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)
    with _listen(settings) as listener:
        app = create_app(settings, host_names=settings.host_names)
        guard = ConnectionGuard(settings, app.state.metrics)
        # Only one of the two parsers, h11, bounds the size of headers.
        config = uvicorn.Config(
            app,
            http=guard.protocol(),
            # There are none here, and a connection that became one would leave the guard.
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=math.ceil(settings.patience_s),
            # Left alone, it would believe what any program on this machine says of its client.
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=[str(network) for network in settings.proxies],
        )
        try:
            _Server(config, guard).run(sockets=[listener])
        except KeyboardInterrupt:
            # The server has closed its connections by now and hands the signal on.
            return
        except SystemExit:
            # uvicorn leaves this way when the start-up failed; the reason is more useful than its
            # status.
            error = app.state.startup_error
            raise error if isinstance(error, HeartReaderError) else RuntimeError("the server did not start") from error


class _Server(uvicorn.Server):
    """A server that prints its address once and looks after its connections."""

    def __init__(self, config: uvicorn.Config, guard: ConnectionGuard) -> None:
        super().__init__(config)
        self._guard = guard

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"heart_reader is ready on http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C stops it)", flush=True)

    async def on_tick(self, counter: int) -> bool:
        # There are ten ticks a second.
        if counter % 10 == 0:
            self._guard.sweep()
        return await super().on_tick(counter)


def _listen(settings: Settings) -> socket.socket:
    """Take the port before the model is loaded: a port in use fails at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise HeartReaderError(f"cannot listen on {place} ({error.strerror or error}): free it or pass another --port or --host") from None


def _stop(signal_number: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt
