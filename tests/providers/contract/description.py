"""What the contract suite has to know about a provider: its settings, what it is sent, and what it answers.

Written down from the provider's documentation, never from the adapter: the two are compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from pydantic import SecretStr

from outdial.ports.carriers import CallOrder, PlaceResult, SearchQuery
from outdial.providers.contract import OpenConnection, read_settings
from outdial.providers.http import HttpClient
from outdial.providers.registry import provider_of
from outdial.rules.call_progress import Progress
from outdial.rules.callback_address import callback_url
from outdial.rules.ids import E164, ConnectionId, Placement
from outdial.rules.outcome import Outcome
from tests.providers.scripted_server import Request, Script

CONNECTION = ConnectionId("acme-us")
PLACEMENT = Placement(UUID("6f1d3a52-6f3c-4b1e-9a53-0d7e3b9b8c11"))
PUBLIC_URL = "https://calls.example.com"
FROM, TO = E164("+12025550101"), E164("+12025550143")
BEGUN = 1_795_213_800.0
"""Fri, 20 Nov 2026 22:30:00 UTC: when the example calls were made."""

Event = Mapping[str, Any]
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """One answer to a create request that the provider documents, and what it proves."""

    name: str
    status: int
    content: object
    result: PlaceResult


@dataclass(frozen=True)
class Create:
    """The create request as the provider documents it."""

    path: str
    accepted: tuple[int, object]
    """Status and content of its answer when it takes the call."""
    call_id: str
    """The id in that answer."""
    provider_status: str | None
    body: Callable[[CallOrder], object]
    """Exactly what must be sent: a list of pairs for a form, anything else for JSON."""
    check_authorization: Callable[[Headers], None]
    """Asserts. Header names in lower case."""
    refusals: Sequence[Refusal]
    without_id: object
    """A 2xx answer's content that lacks the call id."""


@dataclass(frozen=True)
class LookUp:
    """What carriers answer when asked about a call, and what it means: None = no such call."""

    name: str
    scripts: Sequence[Script]
    progress: Progress | None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Search:
    """What carriers answer when asked for a lost call, and the ids that are found."""

    name: str
    scripts: Sequence[Script]
    found: Sequence[str]


@dataclass(frozen=True)
class HangUp:
    """What carriers answer to a hang-up, and the requests that it takes, as (method, path, JSON or pairs or None)."""

    name: str
    scripts: Sequence[Script]
    requests: Sequence[tuple[str, str, object]]


@dataclass(frozen=True)
class Callbacks:
    """How the provider calls back."""

    encode: Callable[[Event], bytes]
    content_type: str
    sign: Callable[[str, bytes, float], Headers]
    """Address, raw body and Unix time to signature headers, by the official SDK or written from the documentation."""
    official: Callable[[str, bytes, Headers], bool]
    """What the official SDK says of a callback."""
    signature_header: str
    sequences: Mapping[str, Sequence[Event]]
    ends: Mapping[str, Outcome]
    """The outcome that each sequence must come to."""
    signs_address: bool = True
    names_our_call: bool = True
    """Whether what is signed, address or body, holds our token; if not, only the token's secrecy binds the two."""
    oldest_s: float | None = None
    """How old a signature may be; None = it has no time."""
    method: str = "POST"
    query_of: Callable[[Event], str] = lambda _: ""
    """The query of the address that the provider was given for this event, with its question mark."""


@dataclass(frozen=True)
class ProviderUnderTest:
    """One provider for the suite. `settings`: as in the catalogue, without `base_url`, which becomes the script's."""

    name: str
    settings: Mapping[str, object]
    secrets: Mapping[str, str]
    instruction: Mapping[str, object]
    create: Create
    look_ups: Sequence[LookUp]
    searches: Sequence[Search]
    hang_ups: Sequence[HangUp]
    callbacks: Callbacks
    base_path: str = ""
    """What the provider's own base address has after its host, if anything."""
    official_api: str | None = None
    """File in tests/data/openapi that describes it; None = the provider publishes none that may be copied."""
    number: Callable[[str], str] = field(default=lambda e164: e164)
    """An E.164 number as this provider writes it."""
    machine_detection: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def callback_url(self) -> str:
        return callback_url(PUBLIC_URL, self.name, CONNECTION, PLACEMENT)

    def open(self, base_url: str, http: HttpClient, **settings: object) -> OpenConnection:
        """The connection as the daemon opens it."""
        given = {**self.settings, "base_url": base_url + self.base_path, **settings}
        secrets = self.secrets
        return provider_of(self.name).open(read_settings(CONNECTION, given), lambda key: SecretStr(secrets[key]), http)

    def order(self, check_start: Callable[[], None] = lambda: None, **more: Any) -> CallOrder:
        """An order that its connection can place."""
        given: dict[str, Any] = {
            "placement": PLACEMENT, "from_number": FROM, "to": TO, "instruction": self.instruction,
            "callback_url": self.callback_url, "ring_timeout_s": 30, "max_duration_s": 1800,
            "detect_machine": False, "record": False,
        }  # fmt: skip
        return CallOrder(check_start=check_start, **{**given, **more})


QUERY = SearchQuery(PLACEMENT, FROM, TO, BEGUN, BEGUN + 15)
"""For the call of the examples."""


def content_of(request: Request) -> object:
    """A request's body: pairs of a form, a JSON value, or None."""
    if not request.body:
        return None
    if request.headers["content-type"].startswith("application/json"):
        return json.loads(request.body)
    return parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)


def path_of(request: Request) -> str:
    return urlsplit(request.target).path


def form(event: Event) -> bytes:
    """Encodes an event as providers with forms do."""
    return urlencode(list(event.items())).encode()


def as_json(event: Event) -> bytes:
    """Encodes an event as providers with JSON do."""
    return json.dumps(event, separators=(",", ":")).encode()
