"""Traces, for those who collect them: thin spans at the steps of an attempt's way, children of what the producer began.

Off unless `start` is called, and then a span costs one comparison; OpenTelemetry (extra `otel`) is imported by `start`
only. The job's `traceparent` is carried to its events in any case, by the events themselves. No span holds a phone
number. Where spans go is said by OpenTelemetry's own environment variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, ...).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from outdial import __version__
from outdial.errors import BadConfiguration

Span = Callable[[str, str | None, dict[str, Any]], AbstractContextManager[object]]
_NOTHING: AbstractContextManager[object] = nullcontext()
_open: Span | None = None


def span(name: str, parent: object = None, **attributes: Any) -> AbstractContextManager[object]:
    """A span as long as the block. `parent`: a W3C `traceparent`, whatever else it is makes a trace of its own."""
    if _open is None:
        return _NOTHING
    return _open(name, parent if isinstance(parent, str) else None, attributes)


def start(exporter: Any = None) -> Callable[[], None]:
    """Begin to trace; returns what ends it and sends the last spans. `exporter`: another than OTLP over HTTP, for tests.

    Raises `BadConfiguration` when the extra is not installed.
    """
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        raise BadConfiguration(
            "traces.enabled: OpenTelemetry is not installed; install outdial[otel] or switch traces off"
        ) from None
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    resource = Resource.create({"service.name": "outdial", "service.version": __version__})
    provider, propagator = TracerProvider(resource=resource), TraceContextTextMapPropagator()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("outdial", __version__)

    def open_span(name: str, parent: str | None, attributes: dict[str, Any]) -> AbstractContextManager[object]:
        context = propagator.extract({"traceparent": parent}) if parent else None
        known = {f"outdial.{key}": value for key, value in attributes.items() if value is not None}
        return tracer.start_as_current_span(name, context=context, attributes=known)

    def stop() -> None:
        global _open  # noqa: PLW0603  one switch per process, like logging
        _open = None
        provider.shutdown()

    global _open  # noqa: PLW0603  as above
    _open = open_span
    return stop
