"""Counters for an operator, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from heart_reader.frontend.memory import ProcessMemory
from heart_reader.stages import Stages

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WINDOWS = (1, 2, 4, 8, 16, 32)


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
        self._waiting = Gauge("heart_reader_readings_waiting", "Readings that wait for their turn", registry=self.registry)
        self._places = Gauge("heart_reader_queue_places", "Readings that may wait for their turn", registry=self.registry)
        self._refused = Counter("heart_reader_refused", "Requests refused, by the code of the answer", ["code"], registry=self.registry)
        self._stages = Histogram(
            "heart_reader_stage_seconds", "Time of a request in one stage", ["stage"], buckets=STAGE_S, registry=self.registry
        )
        self._windows = Histogram(
            "heart_reader_network_windows", "Windows per call of the network, mean of a request", buckets=WINDOWS, registry=self.registry
        )
        self._readers = Gauge(
            "heart_reader_reader_info", "A reader that is served", ["reader", "checkpoint_sha256"], registry=self.registry
        )
        self.registry.register(ProcessMemory())
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

    def watch_waiting(self, count: Callable[[], float], places: int) -> None:
        """Ask ``count`` for the readings that wait whenever the metrics are rendered.

        Parameters
        ----------
        places
            How many may wait.
        """
        self._waiting.set_function(count)
        self._places.set(places)

    def name_readers(self, readers: Mapping[str, str]) -> None:
        """Say which readers are served: name to hash of the checkpoint."""
        self._readers.clear()
        for name, sha256 in readers.items():
            self._readers.labels(name, sha256).set(1)

    def count_refused(self, code: str) -> None:
        """Count one request that was refused."""
        self._refused.labels(code).inc()

    def count_stages(self, stages: Stages) -> None:
        """Count the time of one request in each of its stages."""
        for name, one in stages.items():
            self._stages.labels(name).observe(one.busy_ns / 1e9)
            if one.items:
                self._windows.observe(one.items / one.calls)

    def count_closed(self, reason: str) -> None:
        """Count one connection that the server closed."""
        self._closed.labels(reason).inc()

    def render(self) -> bytes:
        """Return the current values as text."""
        return generate_latest(self.registry)
