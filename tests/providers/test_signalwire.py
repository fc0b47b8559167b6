"""What is SignalWire's own beside the contract: its signature rule, its field names, its settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback
from outdial.providers.contract import read_settings
from outdial.providers.http import HttpClient
from outdial.providers.registry import PROVIDERS
from outdial.rules.call_progress import AnsweredBy
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import CONNECTION, PLACEMENT
from tests.providers.contract.signalwire import PROJECT, SIGNALWIRE, signature

PROVIDER = PROVIDERS["signalwire"]
READER = SIGNALWIRE.open("https://acme.example.com", HttpClient()).reader
BASE = {"CallSid": "b3877c40", "AccountSid": PROJECT}


def callback(pairs: list[tuple[str, str]], header: str = "X-SignalWire-Signature", query: str = "") -> CallbackRequest:
    url, body = SIGNALWIRE.callback_url + query, urlencode(pairs).encode()
    return CallbackRequest(CONNECTION, PLACEMENT, "POST", url, {header: signature(url, body)}, body)


def test_repeated_values_are_signed_as_they_come() -> None:
    pairs = [*BASE.items(), ("CallStatus", "ringing"), ("x", "b"), ("x", "a"), ("x", "b")]
    assert READER.read(callback(pairs))
    sorted_once = callback([*pairs[:-3], ("x", "a"), ("x", "b")])
    with pytest.raises(ForgedCallback):
        READER.read(replace(callback(pairs), headers=sorted_once.headers))


def test_the_compatible_header_is_enough() -> None:
    assert READER.read(callback([*BASE.items(), ("CallStatus", "ringing")], "X-Twilio-Signature"))


def test_its_own_header_decides_when_both_are_there() -> None:
    good = callback([*BASE.items(), ("CallStatus", "ringing")], "X-Twilio-Signature")
    with pytest.raises(ForgedCallback):
        READER.read(replace(good, headers={**good.headers, "X-SignalWire-Signature": "bm8="}))


@pytest.mark.parametrize(("code", "outcome"), [("404", Outcome.INVALID_NUMBER), ("608", Outcome.SPAM_BLOCKED)])
def test_the_sip_code_has_another_name(code: str, outcome: Outcome) -> None:
    pairs = [*BASE.items(), ("CallStatus", "failed"), ("SipResultCode", code)]
    assert [news.outcome for news in READER.read(callback(pairs))] == [outcome]


@pytest.mark.parametrize(
    ("word", "result"), [("human", AnsweredBy.HUMAN), ("machine", AnsweredBy.MACHINE), ("parrot", AnsweredBy.UNKNOWN)]
)
def test_machine_detection(word: str, result: AnsweredBy) -> None:
    (news,) = READER.read(callback([*BASE.items(), ("AnsweredBy", word)], query="?about=machine"))
    assert (news.answered_by, news.known_code) == (result, word != "parrot")


@pytest.mark.parametrize(
    ("change", "field", "cure"),
    [
        ({"base_url": None}, "base_url", "no address of its own"),
        ({"account": "AC" + "0" * 32}, "account", "UUID"),
        ({"credentials": {"api_token": "env:T"}}, "credentials.signing_key", "env:SIGNALWIRE_SIGNING_KEY"),
        ({"credentials": {"signing_key": "env:T"}}, "credentials.api_token", "env:SIGNALWIRE_API_TOKEN"),
        ({"credentials": {"auth_token": "env:T"}}, "credentials.auth_token", "signing_key"),
    ],
)
def test_bad_settings_name_the_key(change: dict[str, Any], field: str, cure: str) -> None:
    settings = {"base_url": "https://acme.example.com", **SIGNALWIRE.settings, **change}
    with pytest.raises(BadInput) as caught:
        PROVIDER.check_settings(read_settings(CONNECTION, settings))
    assert caught.value.field == f"connections.{CONNECTION}.{field}"
    assert cure in caught.value.cure


@pytest.mark.parametrize(
    ("instruction", "field"),
    [
        ({"twiml": "<Response/>"}, "answer.signalwire.twiml"),
        ({}, "answer.signalwire"),
        ({"laml": ""}, "answer.signalwire.laml"),
    ],
)
def test_bad_instructions_name_the_field(instruction: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        PROVIDER.check_instruction(instruction)
    assert caught.value.field == field


def test_secrets_do_not_show() -> None:
    opened = PROVIDER.open(
        read_settings(CONNECTION, {"base_url": "https://acme.example.com", **SIGNALWIRE.settings}),
        lambda key: SecretStr(SIGNALWIRE.secrets[key]),
        HttpClient(),
    )
    for secret in SIGNALWIRE.secrets.values():
        assert secret not in repr(vars(opened.carrier)) + repr(vars(opened.reader))
