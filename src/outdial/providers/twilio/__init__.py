"""Twilio Programmable Voice, API version 2010-04-01, and SignalWire, which speaks it too (`dialect`). The four parts:

place · look up, search, hang up (`ask`) · verify (`signature`) and read callbacks (`callbacks`) · `tables`.
"""

from __future__ import annotations

from functools import partial

from outdial.providers.contract import AccountCarrier, ConnectionSettings, OpenConnection, Provider, Secrets, Speech
from outdial.providers.http import HttpClient
from outdial.providers.twilio import ask, place
from outdial.providers.twilio.account import check_settings, open_account
from outdial.providers.twilio.callbacks import TwilioCallbacks
from outdial.providers.twilio.dialect import SIGNALWIRE_DIALECT, TWILIO_DIALECT, Dialect

SPEECH = Speech(place.place, ask.look_up, ask.search, ask.hang_up, settle_time_s=300.0, searchable=True)


def _provider(dialect: Dialect) -> Provider:
    def opened(settings: ConnectionSettings, secrets: Secrets, http: HttpClient) -> OpenConnection:
        account = open_account(settings, secrets, dialect)
        return OpenConnection(AccountCarrier(SPEECH, account, http), TwilioCallbacks(account), frozenset({"POST"}))

    return Provider(
        dialect.name,
        opened,
        partial(check_settings, dialect=dialect),
        partial(place.check_instruction, dialect=dialect),
    )


TWILIO = _provider(TWILIO_DIALECT)
SIGNALWIRE = _provider(SIGNALWIRE_DIALECT)
