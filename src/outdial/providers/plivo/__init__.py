"""Plivo Voice API, version 1. The four parts, one file each:

place · look up, search, hang up (`ask`) · verify (`signature`) and read callbacks (`callbacks`) · `tables`.
"""

from __future__ import annotations

from outdial.providers.contract import AccountCarrier, ConnectionSettings, OpenConnection, Provider, Secrets, Speech
from outdial.providers.http import HttpClient
from outdial.providers.plivo import ask, place
from outdial.providers.plivo.account import check_settings, open_account
from outdial.providers.plivo.callbacks import PlivoCallbacks

NAME = "plivo"
SPEECH = Speech(place.place, ask.look_up, ask.search, ask.hang_up, settle_time_s=600.0, searchable=True)


def open_connection(settings: ConnectionSettings, secrets: Secrets, http: HttpClient) -> OpenConnection:
    """Check the settings, read the secrets, build both halves."""
    account = open_account(settings, secrets)
    return OpenConnection(AccountCarrier(SPEECH, account, http), PlivoCallbacks(account), frozenset({"POST"}))


PLIVO = Provider(NAME, open_connection, check_settings, place.check_instruction)
