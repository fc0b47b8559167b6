"""Traces: off they cost nothing, on each step's span belongs to the trace that the producer began."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from outdial.errors import BadConfiguration
from outdial.telemetry import traces
from tests.support.daemon import scenario
from tests.support.replica import replica

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_a_span_is_a_child_of_the_producers_and_holds_what_it_is_told() -> None:
    exporter = InMemorySpanExporter()
    stop = traces.start(exporter)
    with traces.span("place", PARENT, connection="line", nothing=None), traces.span("inside"):
        pass
    with traces.span("place", "no trace at all"), traces.span("another", 7):
        pass
    stop()
    inside, place, *others = exporter.get_finished_spans()
    assert place.parent is not None
    assert format(place.context.trace_id, "032x") == TRACE == format(inside.context.trace_id, "032x")
    assert dict(place.attributes or {}) == {"outdial.connection": "line"}
    assert all(format(one.context.trace_id, "032x") != TRACE for one in others)


def test_off_nothing_of_opentelemetry_is_imported() -> None:
    program = (
        "import sys, outdial.app, outdial.telemetry.traces as t\n"
        "with t.span('x', 'y', z=1): pass\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_the_extra_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(BadConfiguration, match=r"traces\.enabled.*outdial\[otel\]"):
        traces.start()


async def test_the_way_of_an_attempt_is_one_trace_and_holds_no_phone_number(embedded_database_url: str) -> None:
    exporter = InMemorySpanExporter()
    async with replica(embedded_database_url, scenario(ring_s=1.0)) as one:
        stop = traces.start(exporter)
        attempt = await one.publish("+12025550143", traceparent=PARENT)
        await one.ended(attempt)
        await one.until(lambda: one.event("ended", attempt) is not None)
        stop()
    ended = one.event("ended", attempt)
    assert ended is not None
    assert ended["traceparent"] == PARENT
    ours = {s.name: s for s in exporter.get_finished_spans() if format(s.context.trace_id, "032x") == TRACE}
    assert set(ours) == {"attempt.take_in", "attempt.place", "attempt.settle"}
    assert dict(ours["attempt.place"].attributes or {})["outdial.attempt_id"] == attempt
    assert "2025550143" not in str([dict(s.attributes or {}) for s in exporter.get_finished_spans()])
