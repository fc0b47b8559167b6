"""How a metric is defined: once, with name, kind, labels and meaning, in a registry of its own per app.

A label whose values are known beforehand is closed: its series exist at 0 from the start, so that rates and alerts
work from the first minute. An open label takes what the catalogue or the code names (connections, queues); it never
takes a phone number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

OPEN: tuple[str, ...] = ()
"""The values of a label that only the catalogue or the code knows."""

# A second series for every counter, which nothing here reads; the library has no annotation for it.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class MetricFact:
    """What the reference page says about a metric. `labels`: name -> its values, empty when they are open."""

    name: str
    kind: str
    labels: Mapping[str, tuple[str, ...]]
    meaning: str
    buckets: tuple[float, ...] = ()


class Definitions:
    """Defines metrics in `registry` and remembers them in order."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.facts: list[MetricFact] = []

    def counter(self, name: str, meaning: str, **labels: Sequence[str]) -> Counter:
        """A count that only grows; `name` ends in `_total`."""
        self._note(name, "counter", meaning, labels)
        counter = Counter(name, meaning, tuple(labels), registry=self.registry)
        for values in _closed_series(labels):
            counter.labels(*values)
        return counter

    def gauge(self, name: str, meaning: str, **labels: Sequence[str]) -> Gauge:
        """A value that goes up and down."""
        self._note(name, "gauge", meaning, labels)
        gauge = Gauge(name, meaning, tuple(labels), registry=self.registry)
        for values in _closed_series(labels):
            gauge.labels(*values)
        return gauge

    def histogram(self, name: str, meaning: str, buckets: tuple[float, ...], **labels: Sequence[str]) -> Histogram:
        """Observations in seconds (or what `name` says), counted up to each bucket's bound."""
        self._note(name, "histogram", meaning, labels, buckets)
        histogram = Histogram(name, meaning, tuple(labels), buckets=buckets, registry=self.registry)
        for values in _closed_series(labels):
            histogram.labels(*values)
        return histogram

    def _note(
        self, name: str, kind: str, meaning: str, labels: Mapping[str, Sequence[str]], buckets: tuple[float, ...] = ()
    ) -> None:
        closed = {label: tuple(str(value) for value in values) for label, values in labels.items()}
        self.facts.append(MetricFact(name, kind, closed, meaning, buckets))


def _closed_series(labels: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    if not labels or any(len(values) == 0 for values in labels.values()):
        return []
    return [tuple(str(value) for value in values) for values in product(*labels.values())]
