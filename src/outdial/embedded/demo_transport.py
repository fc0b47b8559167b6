"""What the demo wants of a broker, whichever it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from outdial.app import Transport

Publish = Callable[[str, bytes, str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DemoTransport:
    """The daemon's side, how to publish a job (tenant, body, type, message id), and what to call it."""

    transport: Transport
    publish: Publish
    words: str
