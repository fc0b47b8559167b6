"""A Twilio account: where it is, who we are there, and which secrets its callbacks may be signed with."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from outdial.errors import BadInput
from outdial.providers.contract import ConnectionSettings, Secrets, api_root

DEFAULT_BASE_URL = "https://api.twilio.com"
API_VERSION = "2010-04-01"
CREDENTIALS = frozenset({"auth_token", "other_auth_token", "api_key", "api_secret", "shared_key"})
"""`auth_token` signs callbacks, and requests too unless `api_key` and `api_secret` are given. While the token is being
changed, `other_auth_token` is accepted on callbacks besides. `shared_key` verifies HMAC-SHA256 signatures."""

_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Account:
    """`headers` authenticate our requests, the tokens and the shared key their callbacks."""

    sid: str
    calls_url: str
    """`…/Accounts/{sid}/Calls`, without the `.json`."""
    origin: str
    """What `next_page_uri` is relative to."""
    headers: Mapping[str, str] = field(repr=False)
    auth_tokens: tuple[str, ...] = field(repr=False)
    shared_key: str | None = field(default=None, repr=False)

    def call_url(self, carrier_call_id: str) -> str:
        """The address of one call."""
        return f"{self.calls_url}/{quote(carrier_call_id, safe='')}.json"


def check_settings(settings: ConnectionSettings) -> None:
    """All that can be said without the secrets. Raises `BadInput`."""
    settings.refuse_unknown(CREDENTIALS, frozenset())
    api_root(settings, DEFAULT_BASE_URL)
    if settings.account is None:
        raise BadInput(settings.where("account"), "is missing", "the account SID, AC and 32 hexadecimal digits")
    if not _ACCOUNT_SID.fullmatch(settings.account):
        problem = f"{settings.account!r} is no account SID"
        raise BadInput(settings.where("account"), problem, "AC and 32 hexadecimal digits")
    if "auth_token" not in settings.credentials:
        cure = 'callbacks are verified with it; for example auth_token = "env:TWILIO_AUTH_TOKEN"'
        raise BadInput(settings.where("credentials.auth_token"), "is missing", cure)
    if ("api_key" in settings.credentials) != ("api_secret" in settings.credentials):
        raise BadInput(settings.where("credentials"), "has only one of api_key and api_secret", "give both or neither")


def open_account(settings: ConnectionSettings, secrets: Secrets) -> Account:
    """The account with its secrets. Raises `BadInput`, and what `secrets` raises."""
    check_settings(settings)
    sid = settings.account or ""
    root = api_root(settings, DEFAULT_BASE_URL)
    tokens = tuple(
        token for name in ("auth_token", "other_auth_token") if (token := settings.secret(name, secrets)) is not None
    )
    user = settings.secret("api_key", secrets) or sid
    password = settings.secret("api_secret", secrets) or tokens[0]
    return Account(
        sid=sid,
        calls_url=f"{root}/{API_VERSION}/Accounts/{sid}/Calls",
        origin=root,
        headers={"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()},
        auth_tokens=tokens,
        shared_key=settings.secret("shared_key", secrets),
    )
