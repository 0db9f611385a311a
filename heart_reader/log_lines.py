"""Log lines as JSON, one object each: of the server, and of the receiver of ECGs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

__all__ = ["JsonLines", "set_up_logging"]

# What a caller passes as ``extra`` stands beside the attributes every log record has, and beside
# marks that other libraries leave on all of them, whose names are private.
_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Formats a log record as a JSON object of ``time``, ``level``, ``event`` and its ``extra``.

    Examples
    --------
    >>> given = {"msg": "request", "levelname": "INFO", "created": 0.0, "n": 2}
    >>> record = logging.makeLogRecord(given)
    >>> JsonLines().format(record)
    '{"time": "1970-01-01T00:00:00.000+00:00", "level": "INFO", "event": "request", "n": 2}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _OWN and not name.startswith("_")},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up_logging(*, debug: bool) -> None:
    """Log to the standard error; the framework's own lines only when debugging."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("heart_reader").setLevel(logging.DEBUG if debug else logging.INFO)
    for framework in ("uvicorn", "pynetdicom"):
        logging.getLogger(framework).setLevel(logging.DEBUG if debug else logging.CRITICAL)
