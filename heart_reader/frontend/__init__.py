"""The HTTP server and its page: it takes files, asks the classifier and shows the answer; it
computes nothing itself.
"""

from __future__ import annotations

from heart_reader.frontend.app import create_app
from heart_reader.frontend.server import serve
from heart_reader.frontend.settings import Settings

__all__ = ["Settings", "create_app", "serve"]
