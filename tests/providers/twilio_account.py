"""A made-up Twilio account and orders for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from outdial.ports.carriers import CallOrder
from outdial.providers.contract import ConnectionSettings
from outdial.providers.twilio.account import Account, open_account
from outdial.rules.callback_address import callback_url
from outdial.rules.ids import E164, ConnectionId, Placement

ACCOUNT_SID = "AC00000000000000000000000000000001"
CALL_SID = "CA00000000000000000000000000000001"
TOKEN = "0123456789abcdef0123456789abcdef"
CONNECTION = ConnectionId("acme-us")
PLACEMENT = Placement(UUID("6f1d3a52-6f3c-4b1e-9a53-0d7e3b9b8c11"))
PUBLIC_URL = "https://calls.example.com"
CALLBACK_URL = callback_url(PUBLIC_URL, "twilio", CONNECTION, PLACEMENT)
FROM, TO = E164("+12025550101"), E164("+12025550143")
SECRETS = {"env:TOKEN": TOKEN, "env:OTHER": "fedcba9876543210fedcba9876543210", "env:KEY": "SK1", "env:SECRET": "s1"}


def secrets(reference: str) -> SecretStr:
    return SecretStr(SECRETS[reference])


def settings(
    base_url: str | None = None, credentials: Mapping[str, str] | None = None, **more: Any
) -> ConnectionSettings:
    given = {"account": ACCOUNT_SID, **more}
    return ConnectionSettings(CONNECTION, base_url, credentials=credentials or {"auth_token": "env:TOKEN"}, **given)


def account(base_url: str | None = None, credentials: Mapping[str, str] | None = None) -> Account:
    return open_account(settings(base_url, credentials), secrets)


def order(
    instruction: Mapping[str, object] | None = None, check_start: Callable[[], None] = lambda: None, **more: Any
) -> CallOrder:
    given: dict[str, Any] = {"ring_timeout_s": 30, "max_duration_s": 1800, "detect_machine": False, "record": False}
    return CallOrder(
        placement=PLACEMENT,
        from_number=FROM,
        to=TO,
        instruction={"url": "https://example.com/answer"} if instruction is None else instruction,
        callback_url=CALLBACK_URL,
        check_start=check_start,
        **{**given, **more},
    )


def data(name: str) -> Any:
    return json.loads((Path(__file__).parents[1] / "data" / name).read_text())
