"""Vonage Voice API, version 1. The four parts, one file each:

place · look up, search, hang up (`ask`) · verify (`signature`) and read webhooks (`callbacks`) · `tables`.
"""

from __future__ import annotations

from outdial.providers.contract import AccountCarrier, ConnectionSettings, OpenConnection, Provider, Secrets, Speech
from outdial.providers.http import HttpClient
from outdial.providers.vonage import ask, place
from outdial.providers.vonage.account import check_settings, open_account
from outdial.providers.vonage.callbacks import VonageCallbacks

NAME = "vonage"
SPEECH = Speech(place.place, ask.look_up, ask.search, ask.hang_up, settle_time_s=300.0, searchable=False)
"""A search that finds nothing proves nothing, however late it is."""


def open_connection(settings: ConnectionSettings, secrets: Secrets, http: HttpClient) -> OpenConnection:
    """Check the settings, read the secrets, build both halves."""
    account = open_account(settings, secrets)
    return OpenConnection(AccountCarrier(SPEECH, account, http), VonageCallbacks(account), frozenset({"POST"}))


VONAGE = Provider(NAME, open_connection, check_settings, place.check_instruction)
