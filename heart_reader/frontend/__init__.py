"""The HTTP server and its page, which compute nothing: they take files and show the answers."""

from __future__ import annotations

from heart_reader.frontend.app import create_app
from heart_reader.frontend.server import serve
from heart_reader.frontend.settings import Settings

__all__ = ["Settings", "create_app", "serve"]
