"""Counters for an operator, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one server, in a registry of their own.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.count_request("GET", "/health", 200, 0.001)
    >>> '{method="GET",route="/health",status="200"} 1.0' in metrics.render().decode()
    True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("heart_reader_requests", "Requests answered", ["method", "route", "status"], registry=self.registry)
        self._seconds = Histogram("heart_reader_request_seconds", "Time to answer a request", ["route"], registry=self.registry)
        self._readings = Counter("heart_reader_readings", "Recordings received, by outcome", ["reader", "outcome"], registry=self.registry)
        self._in_flight = Gauge("heart_reader_readings_in_flight", "Readings running or waiting", registry=self.registry)
        self._uploads = Gauge("heart_reader_uploads_in_flight", "Uploads under way", registry=self.registry)
        self._closed = Counter("heart_reader_connections_closed", "Connections closed by the server", ["reason"], registry=self.registry)

    def count_request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(duration_s)

    def count_reading(self, outcome: str, reader: str) -> None:
        """Count one recording: its outcome is ``"read"``, ``"inferred"`` (its logits alone),
        ``"given_up"`` (its client left) or an error's code.
        """
        self._readings.labels(reader, outcome).inc()

    def watch_in_flight(self, count: Callable[[], float]) -> None:
        """Ask ``count`` for the readings in flight whenever the metrics are rendered."""
        self._in_flight.set_function(count)

    def watch_uploads(self, count: Callable[[], float]) -> None:
        """Ask ``count`` for the uploads under way whenever the metrics are rendered."""
        self._uploads.set_function(count)

    def count_closed(self, reason: str) -> None:
        """Count one connection that the server closed."""
        self._closed.labels(reason).inc()

    def render(self) -> bytes:
        """Return the current values as text."""
        return generate_latest(self.registry)
