"""What all answers of the server have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Answer"]


class Answer(BaseModel):
    """An answer: later versions may add fields; a number that is not finite becomes null."""

    model_config = ConfigDict(extra="allow", ser_json_inf_nan="null")
