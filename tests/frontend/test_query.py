"""Options in an address are read and described as FastAPI does."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query, Request
from fastapi.testclient import TestClient

from heart_reader.frontend.error_answers import add_error_handlers
from heart_reader.frontend.query import described, options_of
from heart_reader.frontend.schemas import ReadOptions


async def by_fastapi(options: Annotated[ReadOptions, Query()]) -> dict[str, Any]:
    return options.model_dump(exclude_unset=True)


async def by_us(request: Request) -> dict[str, Any]:
    return options_of(request, ReadOptions).model_dump(exclude_unset=True)


@pytest.fixture(scope="module")
def both() -> TestClient:
    app = FastAPI()
    add_error_handlers(app)

    @app.middleware("http")
    async def name(request: Request, answer: Any) -> Any:
        request.state.request_id = "1"
        return await answer(request)

    app.get("/fastapi")(by_fastapi)
    app.get("/us", openapi_extra={"parameters": described(ReadOptions)})(by_us)
    return TestClient(app)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("waveform=1&fs=500&unit=mV&leads=I,II&reader=a&form=fhir", 200),
        ("waveform=yes&unit=", 200),
        ("fs=250&fs=500", 200),
        ("leads=I%2CII&unit=%C2%B5V", 200),
        ("fs=", 422),
        ("fs=abc&waveform=perhaps&form=pdf", 422),
        ("fs=0", 422),
        ("fs=nan", 422),
        ("unit=millivolts", 422),
        ("other=1", 422),
        ("other=1&other=2&fs=-1", 422),
    ],
)
def test_an_address_is_answered_as_by_fastapi(both: TestClient, query: str, status: int) -> None:
    ours, theirs = both.get(f"/us?{query}"), both.get(f"/fastapi?{query}")
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert ours.status_code == status


def test_options_are_described_as_by_fastapi(both: TestClient) -> None:
    paths = both.get("/openapi.json").json()["paths"]
    assert paths["/us"]["get"]["parameters"] == paths["/fastapi"]["get"]["parameters"]
