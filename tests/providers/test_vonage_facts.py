"""Vonage's own: every row of its tables, searching by time, its settings, and what its webhooks may look like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from pydantic import SecretStr

from outdial.errors import BadInput, Retryable
from outdial.ports.carriers import Ambiguous, CallbackRequest, ForgedCallback, Refused, RefusedForNow
from outdial.providers.contract import read_settings
from outdial.providers.http import Answer, HttpClient
from outdial.providers.vonage.account import check_settings, open_account
from outdial.providers.vonage.ask import news_of
from outdial.providers.vonage.place import check_instruction, judge
from outdial.providers.vonage.tables import ANSWERED_BY, CALL_STATUS, CAUSES, CREATE_ERRORS
from outdial.rules.call_progress import Progress, final_outcome
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import BEGUN, CONNECTION, PLACEMENT, QUERY
from tests.providers.contract.official_api import validate
from tests.providers.contract.vonage import APPLICATION_ID, CALL_ID, CALLS, SIGNATURE_SECRET, VONAGE, pem
from tests.providers.scripted_server import Script, answers, in_turn, scripted
from tests.providers.twilio_account import data

RULES = data("vonage_outcomes.json")["rules"]
EVENTS = [rule for rule in RULES if rule["where"] == "event status + detail"]

READINGS = {
    "(not final) answered_*": None,
    "answered_* if answered seen and duration>0": Outcome.ANSWERED_UNKNOWN,
    "caller_id_rejected or carrier refusal: treat as rejected, count a spam signal": Outcome.SPAM_BLOCKED,
}
"""What the collected facts say in words, in outdial's own."""


def event(status: str, detail: str = "", **more: object) -> dict[str, object]:
    call = {"uuid": CALL_ID, "from": "12025550101", "to": "12025550143", "status": status}
    return call | ({"detail": detail} if detail else {}) | more


# --- Tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", EVENTS, ids=[rule["match"] for rule in EVENTS])
def test_every_status_and_detail(rule: Mapping[str, str]) -> None:
    status, _, detail = rule["match"].partition("/")
    news = news_of(event(status, detail, duration="30"))
    expected = READINGS[rule["outcome"]] if rule["outcome"] in READINGS else Outcome(rule["outcome"])
    found = news.outcome if news.answered_by is None else final_outcome(Outcome.ANSWERED_UNKNOWN, news.answered_by)
    assert (found, news.known_code) == (expected, True)


def test_no_row_is_without_its_fact() -> None:
    facts = {rule["match"] for rule in EVENTS}
    assert set(CAUSES) <= facts
    assert set(ANSWERED_BY) <= facts
    signs_of_life = {"started", "ringing", "record", "input", "transfer", "disconnected", "error"}
    assert set(CALL_STATUS) - signs_of_life <= facts
    assert all(CALL_STATUS[status].progress < Progress.ANSWERED for status in signs_of_life)


@pytest.mark.parametrize(
    ("status", "outcome"), [("failed", Outcome.UNKNOWN), ("rejected", Outcome.REJECTED), ("unanswered", Outcome.NO_ANSWER)]
)  # fmt: skip
def test_a_detail_of_tomorrow_is_recorded_and_not_guessed(status: str, outcome: Outcome) -> None:
    news = news_of(event(status, "solar_flare"))
    assert (news.outcome, news.known_code, news.provider_code) == (outcome, False, "solar_flare")


def test_a_detail_below_another_status_is_another_detail() -> None:
    assert news_of(event("unanswered", "declined")).known_code is False
    assert news_of(event("rejected", "timeout")).known_code is False


def test_completed_without_having_begun_is_no_answer_of_anybody() -> None:
    news = news_of(event("completed", duration="0"))
    assert (news.outcome, news.was_answered, news.known_code) == (Outcome.UNKNOWN, False, False)
    short = news_of(event("completed", duration="0", start_time="2026-11-20T22:30:10.000Z"))
    assert (short.outcome, short.was_answered) == (Outcome.ANSWERED_UNKNOWN, True)


def test_an_event_without_a_status_ends_nothing() -> None:
    news = news_of(
        {"reason": "the NCCO has a mistake", "conversation_uuid": "CON-1", "timestamp": "2026-11-20T22:30:00Z"}
    )
    assert (news.progress, news.outcome, news.provider_status, news.provider_code) == (
        Progress.QUEUED,
        None,
        "error",
        None,
    )
    assert news.at == BEGUN


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule["where"] == "create HTTP status"], ids=lambda r: r["match"]
)
def test_every_status_of_a_create_answer(rule: Mapping[str, str]) -> None:
    body = json.dumps({"type": "https://developer.vonage.com/api-errors#whatever", "title": "No"}).encode()
    result = judge(Answer(int(rule["match"]), {}, body))
    match rule["match"]:
        case "400" | "401" | "403":
            assert isinstance(result, Refused)
            assert rule["outcome"].startswith(result.outcome)
        case "429":
            assert result == RefusedForNow("http_429", None)
        case _:  # 404 is documented for other requests only; of a 5xx nothing is proven, whatever the facts call it
            assert isinstance(result, Ambiguous)


@pytest.mark.parametrize("code", CREATE_ERRORS)
def test_a_word_proves_nothing_with_a_server_error(code: str) -> None:
    body = json.dumps({"type": f"https://developer.vonage.com/api-errors#{code}", "title": "No"}).encode()
    assert isinstance(judge(Answer(500, {}, body)), Ambiguous)


# --- Searching by time ------------------------------------------------------------------------------------------------


def page(*calls: Mapping[str, object]) -> Script:
    return answers(200, {"count": len(calls), "_embedded": {"calls": list(calls)}})


OTHERS = [CALLS["started"] | {"uuid": f"00000000-0000-4000-8000-{i:012}", "to": {"type": "phone", "number": f"1202555{i:04}"}}
          for i in range(1_000, 1_100)]  # fmt: skip


async def test_calls_of_the_time_are_paged_through_and_matched_by_both_numbers(http: HttpClient) -> None:
    swapped = CALLS["ringing"] | {"from": CALLS["ringing"]["to"], "to": CALLS["ringing"]["from"]}
    async with scripted(in_turn(page(*OTHERS), page(swapped, CALLS["ringing"]))) as server:
        found = await VONAGE.open(server.url, http).carrier.search(QUERY)
    assert [(news.carrier_call_id, news.progress) for news in found] == [(CALL_ID, Progress.RINGING)]
    queries = [dict(parse_qsl(urlsplit(request.target).query)) for request in server.requests]
    assert [query.pop("record_index") for query in queries] == ["0", "100"]
    times = {"date_start": "2026-11-20T22:29:00Z", "date_end": "2026-11-20T22:31:15Z"}
    assert queries == [{**times, "order": "asc", "page_size": "100"}] * 2
    for request in server.requests:
        validate("vonage_calls.json", request)


async def test_a_late_search_looks_no_further_than_an_early_one(http: HttpClient) -> None:
    async with scripted(page()) as server:
        await VONAGE.open(server.url, http).carrier.search(replace(QUERY, until=BEGUN + 9_000))
    assert "date_end=2026-11-20T22%3A36%3A00Z" in server.requests[0].target


async def test_a_search_ends_after_ten_pages_because_it_proves_nothing_anyway(http: HttpClient) -> None:
    async with scripted(page(*OTHERS)) as server:
        carrier = VONAGE.open(server.url, http).carrier
        assert (list(await carrier.search(QUERY)), carrier.searchable) == ([], False)
    assert len(server.requests) == 10


@pytest.mark.parametrize("script", [answers(500, b""), answers(200, {"_embedded": None}), answers(200, b"{")])
async def test_a_search_that_fails_is_said_to_have_failed(http: HttpClient, script: Script) -> None:
    async with scripted(script) as server:
        with pytest.raises(Retryable):
            await VONAGE.open(server.url, http).carrier.search(QUERY)


async def test_a_call_that_will_not_end_is_hung_up_again(http: HttpClient) -> None:
    async with scripted(in_turn(answers(400, {"title": "Bad Request"}), answers(200, CALLS["answered"]))) as server:
        with pytest.raises(Retryable, match="present state"):
            await VONAGE.open(server.url, http).carrier.hang_up(CALL_ID)


# --- Webhooks ---------------------------------------------------------------------------------------------------------

BODY = json.dumps(event("ringing")).encode()
HASH = hashlib.sha256(BODY).hexdigest()


def webhook(claims: Mapping[str, Any], secret: str = SIGNATURE_SECRET, algorithm: str = "HS256") -> CallbackRequest:
    said = {"iat": int(time()), "payload_hash": HASH, "application_id": APPLICATION_ID, **claims}
    token = jwt.encode({name: value for name, value in said.items() if value is not None}, secret, algorithm=algorithm)
    return CallbackRequest(
        CONNECTION, PLACEMENT, "POST", VONAGE.callback_url, {"Authorization": f"Bearer {token}"}, BODY
    )


@pytest.mark.parametrize(
    "claims",
    [{"payload_hash": None}, {"payload_hash": "0" * 64}, {"payload_hash": 7}, {"iat": None}, {"iat": "now"},
     {"iat": float("nan")}, {"application_id": "00000000-0000-4000-8000-000000000000"}],
    ids=str,
)  # fmt: skip
def test_well_signed_but_for_something_else_is_forged(claims: Mapping[str, Any]) -> None:
    reader = VONAGE.open("http://127.0.0.1:1", HttpClient()).reader
    assert reader.read(webhook({}))
    with pytest.raises(ForgedCallback):
        reader.read(webhook(claims))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none"])
def test_another_algorithm_is_forged(algorithm: str) -> None:
    reader = VONAGE.open("http://127.0.0.1:1", HttpClient()).reader
    with pytest.raises(ForgedCallback):
        reader.read(webhook({}, "" if algorithm == "none" else SIGNATURE_SECRET * 2, algorithm))


def test_while_the_secret_changes_both_are_good() -> None:
    credentials = {"private_key": "k", "signature_secret": "new", "other_signature_secret": "old"}
    secrets = {"k": pem(), "new": "n" * 32, "old": SIGNATURE_SECRET}
    given = read_settings(CONNECTION, {"account": APPLICATION_ID, "credentials": credentials})
    assert open_account(given, lambda key: SecretStr(secrets[key])).signature_secrets == ("n" * 32, SIGNATURE_SECRET)


# --- Settings and instructions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"account": None}, "account"),
        ({"account": "my-app"}, "account"),
        ({"credentials": {"private_key": "k"}}, "credentials.signature_secret"),
        ({"credentials": {"signature_secret": "s"}}, "credentials.private_key"),
        ({"credentials": {"private_key": "k", "signature_secret": "s", "api_key": "x"}}, "credentials.api_key"),
        ({"options": {"region": "eu"}}, "options.region"),
        ({"base_url": "api.nexmo.com"}, "base_url"),
    ],
)
def test_bad_settings_name_the_key(given: Mapping[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_settings(read_settings(CONNECTION, {**VONAGE.settings, **given}))
    assert caught.value.field == f"connections.{CONNECTION}.{field}"


@pytest.mark.parametrize("key", ["-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----", "0123", "ö"])
def test_a_key_that_is_none_is_refused_by_reference(key: str) -> None:
    secrets = {"secret:key": key, "secret:signature": "s"}
    with pytest.raises(BadInput, match="secret:key is no RSA private key") as caught:
        open_account(read_settings(CONNECTION, VONAGE.settings), lambda name: SecretStr(secrets[name]))
    assert key not in str(caught.value)


def test_a_key_on_one_line_is_read_and_nothing_secret_is_shown() -> None:
    secrets = {"secret:key": pem().replace("\n", "\\n"), "secret:signature": SIGNATURE_SECRET}
    account = open_account(read_settings(CONNECTION, VONAGE.settings), lambda name: SecretStr(secrets[name]))
    assert SIGNATURE_SECRET not in repr(account)
    assert "rsa" not in repr(account).lower()


@pytest.mark.parametrize(
    ("instruction", "field"),
    [
        ({}, "answer.vonage"),
        ({"ncco": [{"action": "talk"}], "answer_url": "https://example.com"}, "answer.vonage"),
        ({"url": "https://example.com"}, "answer.vonage.url"),
        ({"ncco": []}, "answer.vonage.ncco"),
        ({"ncco": [{"text": "Hello"}]}, "answer.vonage.ncco"),
        ({"ncco": "talk"}, "answer.vonage.ncco"),
        ({"ncco": [{"action": "talk"}], "answer_method": "GET"}, "answer.vonage.answer_method"),
        ({"answer_url": "ftp://example.com"}, "answer.vonage.answer_url"),
        ({"answer_url": "https://[::1"}, "answer.vonage.answer_url"),
        ({"answer_url": "https://example.com", "answer_method": "PUT"}, "answer.vonage.answer_method"),
    ],
)
def test_a_bad_instruction_names_the_key(instruction: Mapping[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_instruction(instruction)
    assert caught.value.field == field


async def test_an_ncco_is_sent_as_it_is(http: HttpClient) -> None:
    ncco = [{"action": "talk", "text": "Hello"}]
    async with scripted(answers(*VONAGE.create.accepted)) as server:
        await VONAGE.open(server.url, http).carrier.place(VONAGE.order(instruction={"ncco": ncco}))
    validate("vonage_calls.json", server.requests[0])
    sent = json.loads(server.requests[0].body)
    assert (sent["ncco"], "answer_url" in sent) == (ncco, False)
