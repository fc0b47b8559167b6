"""Carriers: placing, asking, hanging up, and reading what they call back with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from outdial.rules.call_progress import CallNews
from outdial.rules.ids import E164, ConnectionId, Placement
from outdial.rules.outcome import Outcome


class StartTooLate(Exception):
    """Raised by `CallOrder.check_start` directly before the first byte: the intent is too old, nothing was sent."""


@dataclass(frozen=True, slots=True)
class CallOrder:
    """One create request. `instruction`: the provider's own answer instruction, e.g. {"url": …} or {"twiml": …}.

    `check_start` is called after the connection to the carrier is there and directly before the first byte of the
    request; it raises `StartTooLate`, and then nothing may be sent.
    """

    placement: Placement
    from_number: E164
    to: E164
    ring_timeout_s: int
    max_duration_s: int
    detect_machine: bool
    record: bool
    instruction: Mapping[str, Any]
    callback_url: str
    check_start: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The carrier took the call."""

    carrier_call_id: str
    provider_status: str | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proven: no byte of the request left (too late, DNS, connect or TLS failure)."""

    reason: str
    """`too_late` | `connect` | …"""


@dataclass(frozen=True, slots=True)
class RefusedForNow:
    """Proven: no call, and the carrier says try later (429, concurrency or queue full). `delay_s` = its own delay."""

    code: str
    delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Proven: no call, by a refusal that the carrier documents as final."""

    outcome: Outcome
    provider_status: str | None = None
    provider_code: str | None = None
    known_code: bool = True


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The call may exist: a timeout or reset after the first byte, 5xx, an unreadable 2xx, anything not documented."""

    reason: str
    provider_code: str | None = None


PlaceResult = Accepted | NotSent | RefusedForNow | Refused | Ambiguous


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """How to find a call whose create answer was lost. Times in Unix seconds."""

    placement: Placement
    from_number: E164
    to: E164
    begun_at: float
    until: float


class Carrier(Protocol):
    """One connection: an account or trunk at a provider."""

    settle_time_s: float
    """How long after a create its call may still be missing from the provider's list."""
    searchable: bool
    """Whether a search that finds nothing, after the settle time, proves that there is no call."""

    async def place(self, order: CallOrder) -> PlaceResult:
        """Exactly one create request, never re-sent. Never raises but for cancellation."""

    async def look_up(self, carrier_call_id: str) -> CallNews | None:
        """The call's state; None = the carrier does not know it. Raises `Retryable` when it cannot be asked."""

    async def search(self, query: SearchQuery) -> Sequence[CallNews]:
        """All calls that may be this one. Raises `Retryable` when the carrier cannot be asked."""

    async def hang_up(self, carrier_call_id: str) -> None:
        """End the call whatever its state; a call that is gone already is no error. Raises `Retryable`."""


class Carriers(Protocol):
    """The connections this replica can dial through."""

    def of(self, connection: ConnectionId) -> Carrier:
        """Raises `NotFound` when the catalogue has no such connection."""


class ForgedCallback(Exception):
    """The signature, its age or its connection is wrong: 403, counted, no row is touched."""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A callback as it came over HTTP. `url` is the public address the carrier was given, query included."""

    connection: ConnectionId
    placement: Placement
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HandOn:
    """A callback that goes on to the customer's own application, as it came: raw body, signature headers."""

    address: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class CallbackReader(Protocol):
    """A carrier's "verify and read"."""

    def read(self, request: CallbackRequest) -> Sequence[CallNews]:
        """Check the signature over the raw body, then translate. Raises `ForgedCallback`; `BadInput` when unreadable."""
