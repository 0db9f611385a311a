"""Traces of requests by OpenTelemetry: who waited where, and nothing of whom.

Off unless the environment names where spans go, by OpenTelemetry's own variables. A span of a
request has its route, status, reader and request id; those below it have the stages of the work.
No address, file name, query or word of a recording is in any.

References
----------
W3C Trace Context, https://www.w3.org/TR/trace-context/. OpenTelemetry specification: OTLP exporter
configuration; semantic conventions for HTTP spans.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heart_reader import __version__
from heart_reader.errors import ConfigError
from heart_reader.extras import missing
from heart_reader.frontend.access import COUNTED
from heart_reader.stages import noted

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

__all__ = ["Tracing", "provider_of_environment"]

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
SERVICE = "heart-reader"
CONTEXT = ("traceparent", "tracestate")


def provider_of_environment(environment: Mapping[str, str] = os.environ) -> TracerProvider | None:
    """Return what makes and sends spans; None where the environment names no endpoint.

    Raises
    ------
    ConfigError
        If it asks for another protocol than ``http/protobuf``.
    HeartReaderError
        If it names one and OpenTelemetry is not installed.
    """
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none"
    if off or not any(environment.get(name) for name in ENDPOINTS):
        return None
    asked = next((environment[name] for name in PROTOCOLS if environment.get(name)), PROTOCOL)
    if asked != PROTOCOL:
        raise ConfigError(f"{PROTOCOLS[1]} = {asked}: spans are sent by {PROTOCOL}: set that, and the endpoint of it")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise missing(error.name or "opentelemetry") from None
    named = environment.get("OTEL_SERVICE_NAME") or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    resource = Resource.create({"service.version": __version__, **({} if named else {"service.name": SERVICE})})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Tracing:
    """Makes one span for each request for a reading, a model or its logits, and one per stage."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.app = app
        self._tracer = provider.get_tracer("heart_reader", __version__)
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(COUNTED):
            await self.app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind

        headers = Headers(scope=scope)
        sent = {name: headers[name] for name in CONTEXT if name in headers}
        span = self._tracer.start_span(scope["method"], self._propagator.extract(sent), SpanKind.SERVER)
        status = 0

        async def send_seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_seen)
        finally:
            self._describe(span, scope, status)
            span.end()

    def _describe(self, span: Span, scope: Scope, status: int) -> None:
        """Say what the request was, and make the spans of its stages."""
        from opentelemetry.trace import StatusCode, set_span_in_context

        state, route = scope["state"], getattr(scope.get("route"), "path", "unmatched")
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.request.method", scope["method"])
        span.set_attribute("http.route", route)
        span.set_attribute("heart_reader.request_id", state["request_id"])
        if "model_sha256" in state:
            span.set_attribute("heart_reader.model_sha256", state["model_sha256"])
        if status:
            span.set_attribute("http.response.status_code", status)
        if not status or status >= 500:
            span.set_status(StatusCode.ERROR)
        within = set_span_in_context(span)
        for name, one in (noted() or {}).items():
            attributes = {"heart_reader.calls": one.calls, "heart_reader.busy_ms": one.busy_ns / 1e6}
            if one.items:
                attributes["heart_reader.windows"] = one.items
            self._tracer.start_span(name, within, attributes=attributes, start_time=one.begun_ns).end(one.ended_ns)
