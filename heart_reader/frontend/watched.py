"""Work that says beside its answer in which stages its time went, from whichever process.

The answer of a process begins with one line for the server, which counts the stages and makes the
spans of a trace of them. So processes hold no exporter, and one that is ended loses no span.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from heart_reader.frontend.worker import Prepare
from heart_reader.stages import noted, noting

__all__ = ["heard", "watched"]

STAGES = "stages"


def watched(prepare: Prepare) -> Callable[..., bytes]:
    """Prepare work that is watched; what it answers is for :func:`heard`."""
    return partial(_watch, prepare())


def _watch(do: Callable[..., bytes], *arguments: Any) -> bytes:
    with noting() as stages:
        try:
            content = do(*arguments)
        except Exception as error:
            # Sent with the error, as far as that can be sent.
            error.__dict__[STAGES] = stages.to_json()
            raise
    return json.dumps(stages.to_json(), separators=(",", ":")).encode() + b"\n" + content


def heard(do: Callable[..., bytes], *arguments: Any, **options: Any) -> bytes:
    """Have watched work done, and add its stages to those of the request that it is done for."""
    try:
        answer = do(*arguments, **options)
    except Exception as error:
        if (stages := noted()) is not None:
            stages.add(getattr(error, STAGES, ()))
        raise
    line, _, content = answer.partition(b"\n")
    if (stages := noted()) is not None:
        stages.add(json.loads(line))
    return content
