"""All providers, one line each, and the connections opened through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from outdial.errors import BadInput, NotFound, OutdialError
from outdial.ports.carriers import Carrier
from outdial.providers.contract import OpenConnection, Provider, Secrets, read_settings
from outdial.providers.http import HttpClient
from outdial.providers.plivo import PLIVO
from outdial.providers.telnyx import TELNYX
from outdial.providers.twilio import SIGNALWIRE, TWILIO
from outdial.providers.vonage import VONAGE
from outdial.rules.ids import ConnectionId

PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        TWILIO,
        SIGNALWIRE,
        TELNYX,
        VONAGE,
        PLIVO,
    )
}  # fmt: skip


def provider_of(name: str, field: str = "provider") -> Provider:
    """Raises `BadInput` for a provider that outdial does not speak."""
    if name not in PROVIDERS:
        raise BadInput(field, f"{name!r} is no provider outdial speaks", f"known are: {', '.join(sorted(PROVIDERS))}")
    return PROVIDERS[name]


class OpenConnections:
    """The catalogue's connections, ready for use. Satisfies `ports.Carriers`, and the callback server's `Doors`."""

    def __init__(self, http: HttpClient, secrets: Secrets) -> None:
        self._http = http
        self._secrets = secrets
        self._open: dict[ConnectionId, tuple[str, OpenConnection]] = {}
        self._problems: dict[ConnectionId, OutdialError] = {}

    def replace(
        self, rows: Iterable[tuple[ConnectionId, str, Mapping[str, object]]]
    ) -> Mapping[ConnectionId, OutdialError]:
        """Open exactly these (name, provider, settings), reading their secrets anew; the ones that cannot be, and why.

        One bad connection harms no other. Calls under way hold the carrier they began with.
        """
        opened: dict[ConnectionId, tuple[str, OpenConnection]] = {}
        problems: dict[ConnectionId, OutdialError] = {}
        for name, provider, settings in rows:
            try:
                adapter = provider_of(provider, f"connections.{name}.provider")
                opened[name] = (provider, adapter.open(read_settings(name, settings), self._secrets, self._http))
            except OutdialError as error:
                problems[name] = error
        self._open, self._problems = opened, problems
        return problems

    def of(self, connection: ConnectionId) -> Carrier:
        """Raises `NotFound` when the catalogue has no such connection, or one that cannot be opened."""
        if connection in self._open:
            return self._open[connection][1].carrier
        if connection in self._problems:
            raise NotFound(f"connection {connection} cannot be opened: {self._problems[connection]}")
        raise NotFound(f"the catalogue has no connection {connection}")

    def door(self, provider: str, connection: ConnectionId) -> OpenConnection | None:
        """Where callbacks of this connection go in; None = no such connection at this provider."""
        name, opened = self._open.get(connection, (None, None))
        return opened if name == provider else None
