"""Telnyx Call Control, Voice API version 2. The four parts, one file each:

place · look up, search, hang up (`ask`) · verify (`signature`), read callbacks (`callbacks`) and hand them on to the
customer's own application (`hand_on`) · `tables`.
"""

from __future__ import annotations

from outdial.providers.contract import AccountCarrier, ConnectionSettings, OpenConnection, Provider, Secrets, Speech
from outdial.providers.http import HttpClient
from outdial.providers.telnyx import ask, place
from outdial.providers.telnyx.account import check_settings, open_account
from outdial.providers.telnyx.callbacks import TelnyxCallbacks

NAME = "telnyx"
SPEECH = Speech(place.place, ask.look_up, ask.search, ask.hang_up, settle_time_s=300.0, searchable=True)


def open_connection(settings: ConnectionSettings, secrets: Secrets, http: HttpClient) -> OpenConnection:
    """Check the settings, read the secrets, build both halves."""
    account = open_account(settings, secrets)
    callbacks = TelnyxCallbacks(account)
    return OpenConnection(AccountCarrier(SPEECH, account, http), callbacks, frozenset({"POST"}), callbacks.hand_on)


TELNYX = Provider(NAME, open_connection, check_settings, place.check_instruction)
