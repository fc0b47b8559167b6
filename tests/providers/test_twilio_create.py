"""Placing through Twilio: what is sent, and what each kind of answer proves."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import jsonschema
import pytest

from outdial.errors import BadInput
from outdial.ports.carriers import Accepted, Ambiguous, NotSent, PlaceResult, Refused, RefusedForNow, StartTooLate
from outdial.providers.http import Answer, HttpClient, HttpLimits
from outdial.providers.tables import SIP_OUTCOMES
from outdial.providers.twilio.place import check_instruction, form_of, judge, place
from outdial.providers.twilio.tables import ANSWERED_BY, CALL_STATUS, CREATE_ERRORS, PROVING_STATUSES
from outdial.rules.call_progress import final_outcome
from outdial.rules.outcome import Outcome
from tests.providers.scripted_server import Exchange, Script, answers, scripted
from tests.providers.twilio_account import (
    ACCOUNT_SID,
    CALL_SID,
    CALLBACK_URL,
    FROM,
    TO,
    TOKEN,
    account,
    data,
    order,
)

CALLS = "/2010-04-01/Accounts/{AccountSid}/Calls.json"
CREATE = data("openapi/twilio_calls.json")["paths"][CALLS]["post"]
CREATE_FORM = CREATE["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
CREATED = CREATE["responses"]["201"]["content"]["application/json"]["examples"]["queued"]["value"]


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(HttpLimits(total_s=2.0)) as client:
        yield client


# --- What is sent ---------------------------------------------------------------------------------------------------


def typed(form: list[tuple[str, str]]) -> dict[str, Any]:
    """A form as the JSON that its OpenAPI schema describes."""
    values: dict[str, Any] = {}
    for key, value in form:
        match CREATE_FORM["properties"].get(key, {}).get("type"):
            case "array":
                values.setdefault(key, []).append(value)
            case "integer":
                values[key] = int(value)
            case "boolean":
                values[key] = {"true": True, "false": False}[value]
            case _:
                assert key not in values, f"{key} is given twice"
                values[key] = value
    return values


INSTRUCTIONS = [
    {"url": "https://example.com/answer"},
    {"url": "https://example.com/answer", "method": "GET"},
    {"twiml": "<Response><Say>Hello</Say></Response>"},
]


@pytest.mark.parametrize("instruction", INSTRUCTIONS)
@pytest.mark.parametrize("detect_machine", [False, True])
@pytest.mark.parametrize("record", [False, True])
def test_the_form_is_one_that_twilio_describes(
    instruction: Mapping[str, object], detect_machine: bool, record: bool
) -> None:
    form = typed(form_of(order(instruction, detect_machine=detect_machine, record=record)))
    jsonschema.validate(form, CREATE_FORM)
    assert ("MachineDetection" in form, form.get("AsyncAmd") == "true") == (detect_machine, detect_machine)
    assert ("Record" in form) == record
    assert ("Url" in form) != ("Twiml" in form)


async def test_the_whole_create_request(http: HttpClient) -> None:
    async with scripted(answers(201, CREATED)) as server:
        result = await place(order(detect_machine=True, record=True), account(server.url), http)
    assert result == Accepted(CALL_SID, "queued")
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json")
    assert (
        base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{ACCOUNT_SID}:{TOKEN}"
    )
    assert request.form == [
        ("To", TO),
        ("From", FROM),
        ("Timeout", "30"),
        ("TimeLimit", "1800"),
        ("StatusCallback", f"{CALLBACK_URL}#rc=3&rp=5xx,ct,rt"),
        ("StatusCallbackMethod", "POST"),
        ("StatusCallbackEvent", "initiated"),
        ("StatusCallbackEvent", "ringing"),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
        ("Url", "https://example.com/answer"),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", f"{CALLBACK_URL}?about=machine#rc=3&rp=5xx,ct,rt"),
        ("AsyncAmdStatusCallbackMethod", "POST"),
        ("Record", "true"),
    ]


async def test_an_api_key_signs_requests_when_there_is_one(http: HttpClient) -> None:
    credentials = {"auth_token": "env:TOKEN", "api_key": "env:KEY", "api_secret": "env:SECRET"}
    async with scripted(answers(201, CREATED)) as server:
        await place(order(), account(server.url, credentials), http)
    assert base64.b64decode(server.requests[0].headers["authorization"].removeprefix("Basic ")) == b"SK1:s1"


# --- What answers prove: every row of the tables --------------------------------------------------------------------


def an_answer(status: int, content: object, **headers: str) -> Answer:
    return Answer(status, headers, content if isinstance(content, bytes) else json.dumps(content).encode())


def expected(outcome: Outcome, status: int, code: str) -> PlaceResult:
    if outcome is Outcome.CAPACITY:
        return RefusedForNow(code, None)
    if outcome is Outcome.AMBIGUOUS:
        return Ambiguous("documented_as_ambiguous", code)
    return Refused(outcome, f"http_{status}", code)


@pytest.mark.parametrize(("code", "outcome"), CREATE_ERRORS.items())
@pytest.mark.parametrize("status", sorted(PROVING_STATUSES))
def test_every_documented_create_error(status: int, code: str, outcome: Outcome) -> None:
    assert judge(an_answer(status, {"code": int(code), "status": status})) == expected(outcome, status, code)


@pytest.mark.parametrize("code", CREATE_ERRORS)
@pytest.mark.parametrize("status", [100, 301, 307, 408, 500, 502, 503, 504])
def test_no_code_proves_anything_with_a_status_that_is_not_documented(status: int, code: str) -> None:
    assert judge(an_answer(status, {"code": int(code)})) == Ambiguous(f"http_{status}", code)


@pytest.mark.parametrize("status", sorted(PROVING_STATUSES - {401}))
@pytest.mark.parametrize(
    "content", [{"code": 99999}, {}, [], None, "21211", b"<html>", {"code": "21211"}, {"code": True}]
)
def test_what_is_not_listed_is_ambiguous(status: int, content: object) -> None:
    assert isinstance(judge(an_answer(status, content)), Ambiguous)


def test_401_is_the_account_whatever_it_says() -> None:
    assert judge(an_answer(401, b"")) == Refused(Outcome.ACCOUNT_BLOCKED, "http_401", "http_401")
    unlisted = Refused(Outcome.ACCOUNT_BLOCKED, "http_401", "20999", known_code=False)
    assert judge(an_answer(401, {"code": 20999})) == unlisted


@pytest.mark.parametrize(
    ("content", "headers", "result"),
    [
        ({"code": 20429}, {"retry-after": "3"}, RefusedForNow("20429", 3.0)),
        ({"code": 20429}, {}, RefusedForNow("20429", None)),
        ({"code": 21211}, {}, RefusedForNow("21211", None)),
        (b"slow down", {"retry-after": "9"}, RefusedForNow("http_429", 9.0)),
    ],
)
def test_429_is_always_for_now(content: object, headers: Mapping[str, str], result: PlaceResult) -> None:
    assert judge(Answer(429, headers, an_answer(429, content).body)) == result


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_success_with_a_call_id_is_accepted(status: int) -> None:
    assert judge(an_answer(status, {"sid": CALL_SID, "status": "queued"})) == Accepted(CALL_SID, "queued")
    uuid = "b3877c40-da60-4998-90ad-b792e98472af"
    assert judge(an_answer(status, {"sid": uuid})) == Accepted(uuid, None)


@pytest.mark.parametrize(
    "content", [{}, {"sid": None}, {"sid": 7}, {"sid": ""}, {"sid": "../x"}, [], b"", b"[" * 99_999]
)
def test_a_success_without_a_readable_call_id_is_ambiguous(content: object) -> None:
    assert judge(an_answer(201, content)) == Ambiguous("unreadable_success")


FACTS = data("twilio_outcomes.json")
DEVIATIONS = {20503: Outcome.AMBIGUOUS}
"""The collection calls 20503 a provider error; nobody documents that it was not processed, so it proves nothing."""


@pytest.mark.parametrize("row", FACTS["rules"], ids=lambda row: f"{row['where']} {row['match']}")
def test_every_collected_rule_stands_in_the_tables(row: Mapping[str, Any]) -> None:
    match row["where"]:
        case "create error code":
            code = row["match"]
            assert CREATE_ERRORS[str(code)] == DEVIATIONS.get(code, row["outcome"])
        case "CallStatus":
            by_other_means = {"failed": Outcome.CARRIER_FAILED, "completed": Outcome.ANSWERED_UNKNOWN}
            assert CALL_STATUS[row["match"]].outcome == by_other_means.get(row["match"], row["outcome"])
        case "AnsweredBy":
            assert final_outcome(Outcome.ANSWERED_UNKNOWN, ANSWERED_BY[row["match"]]) == row["outcome"]
        case other:
            pytest.fail(f"no table for {other}")


@pytest.mark.parametrize(("code", "meaning"), FACTS["sip"].items())
def test_every_collected_sip_code_stands_in_the_table(code: str, meaning: str) -> None:
    without_text = {"403": "rejected"}
    assert SIP_OUTCOMES[code] == without_text.get(code, re.split(r"\W", meaning)[0])


def test_the_tables_have_nothing_that_was_not_collected() -> None:
    collected = {str(row["match"]) for row in FACTS["rules"] if row["where"] == "create error code"}
    assert set(CREATE_ERRORS) - collected == {"21626"}, "named by the fact sheet only"
    assert set(SIP_OUTCOMES) == set(FACTS["sip"])


@pytest.mark.parametrize("status", [status for status in CREATE["responses"] if status != "201"])
def test_the_error_examples_of_the_official_description(status: str) -> None:
    examples = CREATE["responses"][status]["content"]["application/json"]["examples"]
    classes = {
        "invalid-to": Outcome.INVALID_NUMBER,
        "unreachable": Outcome.INVALID_NUMBER,
        "invalid-from": Outcome.CALLER_ID_REJECTED,
        "from-not-verified": Outcome.CALLER_ID_REJECTED,
        "geo": Outcome.BLOCKED_DESTINATION,
        "blocked": Outcome.BLOCKED_DESTINATION,
        "trial-unverified-to": Outcome.BLOCKED_DESTINATION,
        "auth": Outcome.ACCOUNT_BLOCKED,
        "queue-full": RefusedForNow,
        "concurrency": RefusedForNow,
        "unavailable": Ambiguous,
    }
    for name, example in examples.items():
        result = judge(an_answer(int(status), example["value"]))
        assert classes[name] == (result.outcome if isinstance(result, Refused) else type(result))


# --- Over the wire: one POST, whatever happens ----------------------------------------------------------------------


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def truncated(exchange: Exchange) -> None:
    await exchange.answer(201, json.dumps(CREATED).encode()[:40], declared=900)
    exchange.writer.close()


WIRE: list[tuple[str, Script, PlaceResult]] = [
    ("201 as documented", answers(201, CREATED), Accepted(CALL_SID, "queued")),
    ("201 with a wrong content type", answers(201, CREATED, "text/html"), Accepted(CALL_SID, "queued")),
    ("201 without sid", answers(201, {"status": "queued"}), Ambiguous("unreadable_success")),
    ("201 cut off", truncated, Ambiguous("truncated")),
    ("201 with half a JSON", answers(201, b'{"sid": "CA0000000'), Ambiguous("unreadable_success")),
    ("500 with HTML", answers(500, b"<html>Oops</html>", "text/html"), Ambiguous("http_500")),
    ("502 with HTML", answers(502, b"<html>Bad gateway</html>", "text/html"), Ambiguous("http_502")),
    ("503 as documented", answers(503, {"code": 20503}), Ambiguous("http_503", "20503")),
    ("reset after reading", reset, Ambiguous("disconnected")),
    ("a redirect", answers(307, b"", Location="/2010-04-01/elsewhere"), Ambiguous("http_307")),
    ("429 with Retry-After", answers(429, {"code": 20429}, Retry_After="2"), RefusedForNow("20429", 2.0)),
    ("429 without", answers(429, b"", "text/plain"), RefusedForNow("http_429", None)),
    ("400 From", answers(400, {"code": 21210}), Refused(Outcome.CALLER_ID_REJECTED, "http_400", "21210")),
]


@pytest.mark.parametrize(("script", "result"), [row[1:] for row in WIRE], ids=[row[0] for row in WIRE])
async def test_one_create_request_whatever_comes_back(http: HttpClient, script: Script, result: PlaceResult) -> None:
    async with scripted(script) as server:
        assert await place(order(), account(server.url), http) == result
    assert len(server.requests) == 1


async def test_a_late_start_is_not_sent(http: HttpClient) -> None:
    def late() -> None:
        raise StartTooLate

    async with scripted(answers(201, CREATED)) as server:
        assert await place(order(check_start=late), account(server.url), http) == NotSent("too_late")
    assert server.bytes_seen == 0


async def test_a_useless_instruction_is_our_own_mistake_and_asks_nobody(http: HttpClient) -> None:
    async with scripted(answers(201, CREATED)) as server:
        result = await place(order({}), account(server.url), http)
    assert result == Refused(Outcome.APP_ERROR, provider_code="bad_instruction")
    assert server.connections == 0


# --- Answer instructions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instruction", [*INSTRUCTIONS, {"twiml": "x" * 4_000}])
def test_good_instructions(instruction: Mapping[str, object]) -> None:
    check_instruction(instruction)


@pytest.mark.parametrize(
    ("instruction", "field"),
    [
        ({}, "answer.twilio"),
        ({"url": "https://a.example", "twiml": "<Response/>"}, "answer.twilio"),
        ({"application_sid": "AP1"}, "answer.twilio.application_sid"),
        ({"url": "https://a.example", "Url": "x"}, "answer.twilio.Url"),
        ({"url": ""}, "answer.twilio.url"),
        ({"url": 7}, "answer.twilio.url"),
        ({"url": "ftp://a.example"}, "answer.twilio.url"),
        ({"url": "/answer"}, "answer.twilio.url"),
        ({"url": "https://my_host.example"}, "answer.twilio.url"),
        ({"url": "https://[broken"}, "answer.twilio.url"),
        ({"url": "https://a.example", "method": "PUT"}, "answer.twilio.method"),
        ({"twiml": " "}, "answer.twilio.twiml"),
        ({"twiml": {}}, "answer.twilio.twiml"),
        ({"twiml": "x" * 4_001}, "answer.twilio.twiml"),
        ({"twiml": "<Response/>", "method": "GET"}, "answer.twilio.method"),
    ],
)
def test_bad_instructions_name_the_field(instruction: Mapping[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_instruction(instruction)
    assert caught.value.field == field
