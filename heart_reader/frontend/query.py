"""Options in the address of a request, for the route that is asked most.

Elsewhere FastAPI reads them. It looks at the types of every option anew each time, which takes it
as long as the parser of HTTP takes for the whole request.
"""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

__all__ = ["described", "options_of"]

IN_QUERY = "query"
Model = TypeVar("Model", bound=BaseModel)


def options_of(request: Request, model: type[Model]) -> Model:
    """Return what the address says; of an option that is repeated the last.

    Raises
    ------
    RequestValidationError
        If an option is unknown or has no lawful value.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise RequestValidationError([{**one, "loc": (IN_QUERY, *one["loc"])} for one in found]) from None


def described(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the options as OpenAPI states them, none of which is required."""
    said = model.model_json_schema()["properties"].items()
    schemas = {name: {key: value for key, value in schema.items() if (key, value) != ("default", None)} for name, schema in said}
    return [
        {"name": name, "in": IN_QUERY, "required": False, "schema": schema, "description": schema["description"]}
        for name, schema in schemas.items()
    ]
