"""A Plivo account or subaccount: where it is, who we are there, and the tokens its callbacks may be signed with."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from outdial.errors import BadInput
from outdial.providers.contract import ConnectionSettings, Secrets, api_root

DEFAULT_BASE_URL = "https://api.plivo.com"
CREDENTIALS = frozenset({"auth_token", "other_auth_token", "main_auth_token"})
"""`auth_token` authenticates requests and signs callbacks. While it is being changed, `other_auth_token` is accepted on
callbacks besides. A subaccount's callbacks are signed with its main account's token too: `main_auth_token`."""

_AUTH_ID = re.compile(r"(MA|SA)[A-Z0-9]{18}")


@dataclass(frozen=True, slots=True)
class Account:
    """`headers` authenticate our requests, the tokens their callbacks."""

    auth_id: str
    account_url: str
    """`…/Account/{auth_id}`"""
    headers: Mapping[str, str] = field(repr=False)
    auth_tokens: tuple[str, ...] = field(repr=False)

    @property
    def calls_url(self) -> str:
        """Where calls are created and listed; Plivo's addresses end with a slash."""
        return f"{self.account_url}/Call/"

    def call_url(self, carrier_call_id: str) -> str:
        """The address of one call."""
        return f"{self.account_url}/Call/{quote(carrier_call_id, safe='')}/"

    def request_url(self, carrier_call_id: str) -> str:
        """The address of a call that has not been dialled yet."""
        return f"{self.account_url}/Request/{quote(carrier_call_id, safe='')}/"


def check_settings(settings: ConnectionSettings) -> None:
    """All that can be said without the secrets. Raises `BadInput`."""
    settings.refuse_unknown(CREDENTIALS, frozenset())
    api_root(settings, DEFAULT_BASE_URL)
    if settings.account is None:
        raise BadInput(settings.where("account"), "is missing", "the auth id, MA or SA and 18 letters or digits")
    if not _AUTH_ID.fullmatch(settings.account):
        problem = f"{settings.account!r} is no auth id"
        raise BadInput(settings.where("account"), problem, "MA or SA and 18 capital letters or digits")
    if "auth_token" not in settings.credentials:
        cure = 'requests and callbacks need it; for example auth_token = "env:PLIVO_AUTH_TOKEN"'
        raise BadInput(settings.where("credentials.auth_token"), "is missing", cure)


def open_account(settings: ConnectionSettings, secrets: Secrets) -> Account:
    """The account with its secrets. Raises `BadInput`, and what `secrets` raises."""
    check_settings(settings)
    auth_id = settings.account or ""
    names = ("auth_token", "other_auth_token", "main_auth_token")
    tokens = tuple(token for name in names if (token := settings.secret(name, secrets)) is not None)
    return Account(
        auth_id=auth_id,
        account_url=f"{api_root(settings, DEFAULT_BASE_URL)}/v1/Account/{auth_id}",
        headers={"Authorization": "Basic " + b64encode(f"{auth_id}:{tokens[0]}".encode()).decode()},
        auth_tokens=tokens,
    )
