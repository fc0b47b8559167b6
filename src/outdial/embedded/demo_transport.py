"""What the demo wants of a broker, whichever it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from outdial.app import Transport

Publish = Callable[[str, bytes, str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DemoTransport:
    """The daemon's side, how to publish a job (tenant, body, type, message id), and what to call it. `environment`: what
    another process sets to reach the same broker; empty = it cannot."""

    transport: Transport
    publish: Publish
    words: str
    environment: Mapping[str, str] = field(default_factory=dict)
