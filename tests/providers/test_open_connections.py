"""Connections are opened from the catalogue; a bad one harms no other and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from outdial.errors import BadInput, NotFound
from outdial.ports.carriers import CallbackReader, Carrier, Carriers
from outdial.providers.contract import ConnectionSettings, api_root, read_settings
from outdial.providers.http import HttpClient
from outdial.providers.registry import PROVIDERS, OpenConnections, provider_of
from outdial.providers.twilio.account import check_settings, open_account
from outdial.rules.ids import ConnectionId
from outdial.web.callbacks import Doors
from tests.providers.twilio_account import ACCOUNT_SID, CONNECTION, TOKEN, account, secrets, settings

GOOD: dict[str, object] = {"account": ACCOUNT_SID, "credentials": {"auth_token": "env:TOKEN"}}
BAD = ConnectionId("bad")


def opened(*rows: tuple[ConnectionId, str, Mapping[str, object]]) -> tuple[OpenConnections, Mapping[ConnectionId, Any]]:
    connections = OpenConnections(HttpClient(), secrets)
    return connections, connections.replace(rows)


def test_it_serves_the_story_and_the_callback_server() -> None:
    connections, problems = opened((CONNECTION, "twilio", GOOD))
    carriers: Carriers = connections
    doors: Doors = connections
    carrier: Carrier = carriers.of(CONNECTION)
    door = doors.door("twilio", CONNECTION)
    assert door is not None
    reader: CallbackReader = door.reader
    assert (carrier.searchable, carrier.settle_time_s, reader is not None) == (True, 300.0, True)
    assert (door.callback_methods, problems) == (frozenset({"POST"}), {})


def test_a_bad_connection_harms_no_other() -> None:
    connections, problems = opened((BAD, "twilio", {"account": "mine"}), (CONNECTION, "twilio", GOOD))
    assert connections.of(CONNECTION).searchable
    assert set(problems) == {BAD}
    with pytest.raises(NotFound, match="no account SID"):
        connections.of(BAD)
    assert connections.door("twilio", BAD) is None


def test_what_the_catalogue_does_not_have_is_not_found() -> None:
    connections, _ = opened((CONNECTION, "twilio", GOOD))
    with pytest.raises(NotFound):
        connections.of(BAD)
    assert connections.door("plivo", CONNECTION) is None
    connections.replace(())
    with pytest.raises(NotFound):
        connections.of(CONNECTION)


def test_replacing_reads_the_secrets_anew() -> None:
    tokens = iter(("old", "new"))
    connections = OpenConnections(HttpClient(), lambda _: SecretStr(next(tokens)))
    connections.replace([(CONNECTION, "twilio", GOOD)])
    before = connections.of(CONNECTION)
    connections.replace([(CONNECTION, "twilio", GOOD)])
    assert connections.of(CONNECTION) is not before
    assert next(tokens, None) is None


def test_an_unknown_provider_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match=r"known are: .*twilio"):
        provider_of("twillio")
    assert provider_of("twilio") is PROVIDERS["twilio"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"account": None}, "account"),
        ({"account": "AC1"}, "account"),
        ({"credentials": {"token": "env:TOKEN"}}, "credentials.token"),
        ({"credentials": {"api_key": "env:KEY", "api_secret": "env:SECRET"}}, "credentials.auth_token"),
        ({"credentials": {"auth_token": "env:TOKEN", "api_key": "env:KEY"}}, "credentials"),
        ({"base_url": "api.twilio.com"}, "base_url"),
        ({"base_url": "https://user:pass@api.twilio.com"}, "base_url"),
        ({"base_url": "https://api.twilio.com?x=1"}, "base_url"),
        ({"options": {"edge": "dublin"}}, "options.edge"),
    ],
)
def test_bad_settings_name_the_key(given: Mapping[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_settings(settings(**given))
    assert caught.value.field == f"connections.{CONNECTION}.{field}"
    assert caught.value.cure or field == "base_url"


def test_an_empty_secret_is_refused_by_reference() -> None:
    with pytest.raises(BadInput, match="env:TOKEN is empty"):
        open_account(settings(), lambda _: SecretStr(" \n"))


def test_secrets_do_not_show_when_printed() -> None:
    credentials = {"auth_token": "env:TOKEN", "shared_key": "env:OTHER"}
    shown = repr(account(credentials=credentials))
    assert TOKEN not in shown
    assert secrets("env:OTHER").get_secret_value() not in shown
    assert "Basic" not in shown


@pytest.mark.parametrize(
    ("stored", "field"),
    [({"base_url": 7}, "base_url"), ({"credentials": "x"}, "credentials"), ({"options": []}, "options")],
)
def test_stored_settings_of_a_wrong_type(stored: Mapping[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_settings(CONNECTION, stored)
    assert caught.value.field == f"connections.{CONNECTION}.{field}"


def test_a_provider_without_an_address_of_its_own_needs_one() -> None:
    with pytest.raises(BadInput):
        api_root(ConnectionSettings(CONNECTION), None)
    assert api_root(ConnectionSettings(CONNECTION, "http://127.0.0.1:8081/api/"), None) == "http://127.0.0.1:8081/api"
