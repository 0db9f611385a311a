"""The HTTP server and its page, which compute nothing: they take files and show the answers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heart_reader.frontend.app import create_app
    from heart_reader.frontend.server import serve
    from heart_reader.frontend.settings import Settings

__all__ = ["Settings", "create_app", "serve"]

# Imported when first used: the processes that read are started before the web server is loaded, and
# never load it.
_MODULES = {"Settings": "settings", "create_app": "app", "serve": "server"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
