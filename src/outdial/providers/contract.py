"""What a provider consists of. Each one is a file or folder with the same four parts, in this order:

place · look up, search, hang up · verify and read callbacks · tables.

`registry.py` names them all. Adding one touches its own files and one line there (docs/how-to/add-a-carrier.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from outdial.errors import BadInput
from outdial.ports.carriers import (
    CallbackReader,
    CallbackRequest,
    CallOrder,
    Carrier,
    HandOn,
    PlaceResult,
    SearchQuery,
)
from outdial.providers.http import HttpClient
from outdial.rules.call_progress import CallNews
from outdial.rules.ids import ConnectionId

Option = str | int | float | bool


class SecretText(Protocol):
    """A secret that does not show itself when printed; pydantic's `SecretStr` is one."""

    def get_secret_value(self) -> str:
        """The secret in the clear."""


Secrets = Callable[[str], SecretText]
"""Resolves a reference (`env:NAME`, `file:/path`, `secret:name`); raises `OutdialError` naming the reference."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """A connection as the catalogue has it. `credentials` holds references only, never secrets."""

    connection: ConnectionId
    base_url: str | None = None
    """The API's address; None = the provider's own."""
    account: str | None = None
    """The account's name at the provider. Not a secret."""
    credentials: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    """What only this provider knows."""

    def where(self, key: str) -> str:
        """The key as an operator wrote it, for error texts."""
        return f"connections.{self.connection}.{key}"

    def secret(self, name: str, secrets: Secrets) -> str | None:
        """The secret behind `credentials.<name>`; None when there is none. An empty secret is refused."""
        reference = self.credentials.get(name)
        if reference is None:
            return None
        value = secrets(reference).get_secret_value().strip()
        if not value:
            raise BadInput(self.where(f"credentials.{name}"), f"{reference} is empty", "put the secret there")
        return value

    def refuse_unknown(self, credentials: frozenset[str], options: frozenset[str]) -> None:
        """Raises `BadInput` for a credential or option that the provider does not know."""
        for part, given, known in (("credentials", self.credentials, credentials), ("options", self.options, options)):
            for name in sorted(set(given) - known):
                cure = f"known are: {', '.join(sorted(known))}" if known else f"this provider knows no {part}"
                raise BadInput(self.where(f"{part}.{name}"), "is unknown", cure)


def read_settings(connection: ConnectionId, settings: Mapping[str, object]) -> ConnectionSettings:
    """From the catalogue's stored settings. Raises `BadInput` for a value of the wrong type."""
    return ConnectionSettings(
        connection,
        _text(connection, settings, "base_url"),
        _text(connection, settings, "account"),
        {name: str(reference) for name, reference in _table(connection, settings, "credentials").items()},
        {
            name: value
            for name, value in _table(connection, settings, "options").items()
            if isinstance(value, str | int | float | bool)
        },
    )


def api_root(settings: ConnectionSettings, default: str | None) -> str:
    """The API's address without a trailing slash. Raises `BadInput` when it cannot be one."""
    field_name = settings.where("base_url")
    address = settings.base_url or default
    if address is None:
        raise BadInput(field_name, "is missing", "this provider has no address of its own")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(field_name, f"{address!r} is not an http or https address")
    if parts.username is not None or parts.query or parts.fragment:
        raise BadInput(field_name, "has a user name, query or fragment", "credentials go below `credentials`")
    return address.rstrip("/")


def hands_nothing_on(_: CallbackRequest) -> HandOn | None:
    """For providers that ask the customer's own application themselves."""
    return None


@dataclass(frozen=True, slots=True)
class OpenConnection:
    """A connection ready for use: places calls, and reads what its provider calls back with."""

    carrier: Carrier
    reader: CallbackReader
    callback_methods: frozenset[str]
    """HTTP methods its provider calls back with."""
    hand_on: Callable[[CallbackRequest], HandOn | None] = hands_nothing_on
    """What of a callback that was read without objection goes on to the customer's own application."""


Account = TypeVar("Account")


@dataclass(frozen=True, slots=True)
class Speech(Generic[Account]):
    """How a provider is spoken: one function per question of `ports.Carrier`, told which account it is about."""

    place: Callable[[CallOrder, Account, HttpClient], Awaitable[PlaceResult]]
    look_up: Callable[[str, Account, HttpClient], Awaitable[CallNews | None]]
    search: Callable[[SearchQuery, Account, HttpClient], Awaitable[Sequence[CallNews]]]
    hang_up: Callable[[str, Account, HttpClient], Awaitable[None]]
    settle_time_s: float
    searchable: bool


class AccountCarrier(Generic[Account]):
    """One account at a provider as a `ports.Carrier`."""

    def __init__(self, speech: Speech[Account], account: Account, http: HttpClient) -> None:
        self._speech, self._account, self._http = speech, account, http
        self.settle_time_s, self.searchable = speech.settle_time_s, speech.searchable

    async def place(self, order: CallOrder) -> PlaceResult:
        """See `ports.Carrier`, here and below."""
        return await self._speech.place(order, self._account, self._http)

    async def look_up(self, carrier_call_id: str) -> CallNews | None:
        """See `ports.Carrier`."""
        return await self._speech.look_up(carrier_call_id, self._account, self._http)

    async def search(self, query: SearchQuery) -> Sequence[CallNews]:
        """See `ports.Carrier`."""
        return await self._speech.search(query, self._account, self._http)

    async def hang_up(self, carrier_call_id: str) -> None:
        """See `ports.Carrier`."""
        await self._speech.hang_up(carrier_call_id, self._account, self._http)


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of voice calls."""

    name: str
    """As in catalogue files, answer maps, callback addresses and metrics."""
    open: Callable[[ConnectionSettings, Secrets, HttpClient], OpenConnection]
    """Raises `BadInput` for settings it cannot work with, and what `Secrets` raises."""
    check_settings: Callable[[ConnectionSettings], None]
    """The part of `open` that needs no secrets: for `outdial apply`. Raises `BadInput`."""
    check_instruction: Callable[[Mapping[str, object]], None]
    """Raises `BadInput` when the provider could not do this on answer."""


def _text(connection: ConnectionId, settings: Mapping[str, object], key: str) -> str | None:
    value = settings.get(key)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"connections.{connection}.{key}", "is not a text")
    return value


def _table(connection: ConnectionId, settings: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = settings.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadInput(f"connections.{connection}.{key}", "is not a table")
    return value
