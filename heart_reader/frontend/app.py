"""The application factory."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from heart_reader.frontend.access import AddressGuard, Delays, HostGuard, check_key
from heart_reader.frontend.audit import Audit
from heart_reader.frontend.error_answers import add_error_handlers
from heart_reader.frontend.keys import KeyRing
from heart_reader.frontend.metrics import Metrics
from heart_reader.frontend.middleware import RequestContext
from heart_reader.frontend.open_inference import probes, protocol
from heart_reader.frontend.reading_service import ReadingService
from heart_reader.frontend.routes import STATIC_DIR, api, operation, pages, reading
from heart_reader.frontend.samples import SampleFolder
from heart_reader.frontend.served_readers import name_readers
from heart_reader.frontend.settings import Settings
from heart_reader.frontend.signal_parts import signal_parts
from heart_reader.frontend.tracing import Tracing, provider_of_environment
from heart_reader.frontend.upload_folders import UploadFolders
from heart_reader.frontend.upload_room import UploadRoom

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["create_app"]

NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment."


def create_app(settings: Settings, *, host_names: Collection[str] | None = None, traces: TracerProvider | None = None) -> FastAPI:
    """Make the application; the checkpoints are loaded and tried when the server starts.

    Parameters
    ----------
    settings
        What to serve and how much of it at a time.
    host_names
        Names under which clients may address the server, in lower case and without ports; None
        means any, for servers behind a proxy that checks them.
    traces
        What makes and sends the spans of traces; None leaves it to the environment, see
        :func:`~heart_reader.frontend.tracing.provider_of_environment`.

    Raises
    ------
    CheckpointError
        When the server starts, if a checkpoint cannot be served.
    ConfigError
        If the file of keys cannot be read, or traces cannot be sent as asked for.
    """
    # What describes the interface is a route like any other, behind the key where there is one.
    app = FastAPI(title="heart_reader", summary="Reads 12-lead ECGs.", description=NOTICE, lifespan=_lifespan, openapi_url=None)
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.samples = SampleFolder(settings.samples_dir)
    app.state.keys = KeyRing(settings.api_key, settings.api_keys_file)
    app.state.wrong_keys = Delays()
    app.state.uploads = UploadRoom(settings)
    app.state.metrics.watch_uploads(lambda: len(app.state.uploads))
    app.state.service = None
    app.state.cutting = CapacityLimiter(1)
    app.state.folders = None
    app.state.startup_error = None
    add_error_handlers(app)
    if host_names is not None:
        app.add_middleware(HostGuard, names=host_names)
    if settings.share_of_an_address is not None:
        app.add_middleware(AddressGuard, most=settings.share_of_an_address, retry_after_s=settings.retry_after_s)
    app.add_middleware(Audit, local=not app.state.keys)
    if (traces := provider_of_environment() if traces is None else traces) is not None:
        app.add_middleware(Tracing, provider=traces)
    app.state.traces = traces
    app.add_middleware(RequestContext, metrics=app.state.metrics)
    keyed = [Depends(check_key)] if app.state.keys else []
    app.include_router(reading, dependencies=keyed)
    app.include_router(pages)
    app.include_router(operation, dependencies=keyed)
    app.include_router(api, dependencies=keyed)
    app.include_router(signal_parts, dependencies=keyed)
    app.include_router(probes)
    app.include_router(protocol, dependencies=keyed)
    app.mount("/static", StaticFiles(directory=STATIC_DIR), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    with closing(UploadFolders()) as app.state.folders:
        try:
            readers = await to_thread.run_sync(name_readers, settings.asked_readers)
            app.state.service = await to_thread.run_sync(ReadingService, readers, settings, app.state.metrics)
        except Exception as error:
            app.state.startup_error = error
            raise
        # What is loaded stays: searching it for garbage takes time from every reading.
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            service, app.state.service = app.state.service, None
            await to_thread.run_sync(service.close)
            if app.state.traces is not None:
                await to_thread.run_sync(app.state.traces.shutdown)
