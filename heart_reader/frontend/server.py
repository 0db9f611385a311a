"""Listening on a port until told to stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
from types import FrameType

import uvicorn

from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.frontend.app import create_app
from heart_reader.frontend.logs import set_up_logging
from heart_reader.frontend.settings import Settings

__all__ = ["serve"]

GRACE_S = 10
BACKLOG = 128


def serve(settings: Settings) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are running are answered first.

    Parameters
    ----------
    settings
        Where to listen and what to serve.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be served.
    ConfigError
        If the address cannot be listened on.
    """
    set_up_logging(debug=settings.debug)
    # One thread per reading and as many readings as cores: threads of torch and BLAS would only fight. Set before torch is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)
    with _listen(settings) as listener:
        app = create_app(settings, host_names=settings.host_names)
        # Of the two parsers it is h11 that bounds the size of headers.
        config = uvicorn.Config(app, http="h11", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S)
        try:
            _Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            # The server has closed its connections by now and hands the signal on.
            return
        except SystemExit:
            # uvicorn leaves this way when the start-up failed; the reason is more useful than its status.
            error = app.state.startup_error
            raise error if isinstance(error, HeartReaderError) else RuntimeError("the server did not start") from error


class _Server(uvicorn.Server):
    """A server that says once, on one line, where it can be reached."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"heart_reader is ready on http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C stops it)", flush=True)


def _listen(settings: Settings) -> socket.socket:
    """Take the port before the model is loaded: a port in use is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise ConfigError(f"cannot listen on {place} ({error.strerror or error}): free it or pass another --port or --host") from None


def _stop(signal_number: int, frame: FrameType | None) -> None:
    """End on SIGTERM as on Ctrl-C."""
    raise KeyboardInterrupt
