"""Twilio Programmable Voice, API version 2010-04-01, and SignalWire, which speaks it too (`dialect`). The four parts:

place · look up, search, hang up (`ask`) · verify (`signature`) and read callbacks (`callbacks`) · `tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from outdial.ports.carriers import CallOrder, PlaceResult, SearchQuery
from outdial.providers.contract import ConnectionSettings, OpenConnection, Provider, Secrets
from outdial.providers.http import HttpClient
from outdial.providers.twilio import ask, place
from outdial.providers.twilio.account import Account, check_settings, open_account
from outdial.providers.twilio.callbacks import TwilioCallbacks
from outdial.providers.twilio.dialect import SIGNALWIRE_DIALECT, TWILIO_DIALECT, Dialect
from outdial.rules.call_progress import CallNews


class TwilioCarrier:
    """One Twilio account (or subaccount) as a `ports.Carrier`."""

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


def _provider(dialect: Dialect) -> Provider:
    def opened(settings: ConnectionSettings, secrets: Secrets, http: HttpClient) -> OpenConnection:
        account = open_account(settings, secrets, dialect)
        return OpenConnection(TwilioCarrier(account, http), TwilioCallbacks(account), frozenset({"POST"}))

    return Provider(
        dialect.name,
        opened,
        partial(check_settings, dialect=dialect),
        partial(place.check_instruction, dialect=dialect),
    )


TWILIO = _provider(TWILIO_DIALECT)
SIGNALWIRE = _provider(SIGNALWIRE_DIALECT)
