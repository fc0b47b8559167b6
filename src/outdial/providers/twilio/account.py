"""A Twilio account: where it is, who we are there, and which secrets its callbacks may be signed with."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from outdial.errors import BadInput
from outdial.providers.contract import ConnectionSettings, Secrets, api_root
from outdial.providers.twilio.dialect import TWILIO_DIALECT, Dialect


@dataclass(frozen=True, slots=True)
class Account:
    """`headers` authenticate our requests, the tokens and the shared key their callbacks.

    At Twilio `auth_token` signs callbacks, and requests too unless `api_key` and `api_secret` are given; `shared_key`
    verifies HMAC-SHA256 signatures. At SignalWire `api_token` signs requests and `signing_key` callbacks. What begins
    with `other_` is accepted on callbacks besides, while the secret is being changed.
    """

    dialect: Dialect
    sid: str
    calls_url: str
    """`…/Accounts/{sid}/Calls`, without a suffix."""
    origin: str
    """What `next_page_uri` is relative to."""
    headers: Mapping[str, str] = field(repr=False)
    auth_tokens: tuple[str, ...] = field(repr=False)
    shared_key: str | None = field(default=None, repr=False)

    def call_url(self, carrier_call_id: str) -> str:
        """The address of one call."""
        return f"{self.calls_url}/{quote(carrier_call_id, safe='')}{self.dialect.suffix}"


def check_settings(settings: ConnectionSettings, dialect: Dialect = TWILIO_DIALECT) -> None:
    """All that can be said without the secrets. Raises `BadInput`."""
    settings.refuse_unknown(_known(dialect), frozenset())
    api_root(settings, dialect.base_url)
    if settings.account is None:
        raise BadInput(settings.where("account"), "is missing", f"the {dialect.account_is}")
    if not dialect.account.fullmatch(settings.account):
        what, _, cure = dialect.account_is.partition(", ")
        raise BadInput(settings.where("account"), f"{settings.account!r} is no {what}", cure)
    for name, why in (
        (dialect.signers[0], "callbacks are verified"),
        (dialect.authenticator, "requests are authenticated"),
    ):
        if name not in settings.credentials:
            cure = f'{why} with it; for example {name} = "env:{dialect.name.upper()}_{name.upper()}"'
            raise BadInput(settings.where(f"credentials.{name}"), "is missing", cure)
    if ("api_key" in settings.credentials) != ("api_secret" in settings.credentials):
        raise BadInput(settings.where("credentials"), "has only one of api_key and api_secret", "give both or neither")


def open_account(settings: ConnectionSettings, secrets: Secrets, dialect: Dialect = TWILIO_DIALECT) -> Account:
    """The account with its secrets. Raises `BadInput`, and what `secrets` raises."""
    check_settings(settings, dialect)
    sid = settings.account or ""
    root = api_root(settings, dialect.base_url)
    given = {name: value for name in _known(dialect) if (value := settings.secret(name, secrets)) is not None}
    tokens = tuple(given[name] for name in dialect.signers if name in given)
    user, password = given.get("api_key", sid), given.get("api_secret", given[dialect.authenticator])
    return Account(
        dialect=dialect,
        sid=sid,
        calls_url=f"{root}{dialect.path}/Accounts/{sid}/Calls",
        origin=root,
        headers={"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()},
        auth_tokens=tokens,
        shared_key=given.get("shared_key"),
    )


def _known(dialect: Dialect) -> frozenset[str]:
    return frozenset({dialect.authenticator, *dialect.signers, *dialect.other_credentials})
