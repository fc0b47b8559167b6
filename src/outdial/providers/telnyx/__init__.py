"""Telnyx Call Control, Voice API version 2. The four parts, one file each:

place · look up, search, hang up (`ask`) · verify (`signature`), read callbacks (`callbacks`) and hand them on to the
customer's own application (`hand_on`) · `tables`.
"""

from __future__ import annotations

from collections.abc import Sequence

from outdial.ports.carriers import CallOrder, PlaceResult, SearchQuery
from outdial.providers.contract import ConnectionSettings, OpenConnection, Provider, Secrets
from outdial.providers.http import HttpClient
from outdial.providers.telnyx import ask, place
from outdial.providers.telnyx.account import Account, check_settings, open_account
from outdial.providers.telnyx.callbacks import TelnyxCallbacks
from outdial.rules.call_progress import CallNews

NAME = "telnyx"


class TelnyxCarrier:
    """One Call Control application as a `ports.Carrier`."""

    settle_time_s = 300.0
    searchable = True

    def __init__(self, account: Account, http: HttpClient) -> None:
        self._account = account
        self._http = http

    async def place(self, order: CallOrder) -> PlaceResult:
        return await place.place(order, self._account, self._http)

    async def look_up(self, carrier_call_id: str) -> CallNews | None:
        return await ask.look_up(carrier_call_id, self._account, self._http)

    async def search(self, query: SearchQuery) -> Sequence[CallNews]:
        return await ask.search(query, self._account, self._http)

    async def hang_up(self, carrier_call_id: str) -> None:
        await ask.hang_up(carrier_call_id, self._account, self._http)


def open_connection(settings: ConnectionSettings, secrets: Secrets, http: HttpClient) -> OpenConnection:
    """Check the settings, read the secrets, build both halves."""
    account = open_account(settings, secrets)
    callbacks = TelnyxCallbacks(account)
    return OpenConnection(TelnyxCarrier(account, http), callbacks, frozenset({"POST"}), callbacks.hand_on)


TELNYX = Provider(NAME, open_connection, check_settings, place.check_instruction)
