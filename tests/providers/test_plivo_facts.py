"""Plivo's own: every row of its tables, its version 3 signatures, its settings and instructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plivo.utils.signature_v3 import construct_post_url, get_signature_v3

from outdial.errors import BadInput, Retryable
from outdial.ports.carriers import Ambiguous, CallbackRequest, ForgedCallback, Refused, RefusedForNow
from outdial.providers.contract import read_settings
from outdial.providers.http import Answer, HttpClient
from outdial.providers.plivo.account import check_settings
from outdial.providers.plivo.ask import news_of_finished, news_of_live
from outdial.providers.plivo.place import check_instruction, judge
from outdial.providers.plivo.signature import is_signed
from outdial.providers.plivo.tables import CALL_STATUS, CAUSES
from outdial.rules.call_progress import CallNews, Progress, final_outcome
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import BEGUN, CONNECTION, PLACEMENT, QUERY
from tests.providers.contract.plivo import CALL_ID, GONE, NONCE, PLIVO, TOKEN, finished, ids, live, sign
from tests.providers.scripted_server import Script, answers, scripted
from tests.providers.twilio_account import data

RULES = data("plivo_outcomes.json")["rules"]
CODES = {rule["match"]: rule["outcome"] for rule in RULES if rule["where"] == "HangupCauseCode"}
READER = PLIVO.open("http://127.0.0.1:1", HttpClient()).reader


def callback(form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> CallbackRequest:
    raw = urlencode(form).encode()
    given = sign(PLIVO.callback_url, raw, 0.0) if headers is None else headers
    return CallbackRequest(CONNECTION, PLACEMENT, "POST", PLIVO.callback_url, given, raw)


def read(**form: str) -> CallNews:
    (news,) = READER.read(callback({"CallUUID": CALL_ID, "To": "12025550143", "From": "12025550101", **form}))
    return news


def outcome_of(news: CallNews) -> Outcome | None:
    return None if news.outcome is None else final_outcome(news.outcome, news.answered_by)


# --- Tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CODES)
def test_every_cause_in_callbacks_and_records(code: str) -> None:
    expected = Outcome.ANSWERED_UNKNOWN if CODES[code].startswith("answered_*") else Outcome(CODES[code])
    answered = expected.startswith("answered_")
    status = "completed" if answered else "failed"
    hung_up = read(Event="Hangup", CallStatus=status, HangupCauseCode=code, Duration="30" if answered else "0")
    record = news_of_finished(finished(int(code), answered=answered))
    for news in (hung_up, record):
        assert (outcome_of(news), news.was_answered, news.known_code) == (expected, answered, True)
        assert (news.progress, news.provider_code) == (Progress.FINAL, code)


def test_no_row_is_without_its_fact() -> None:
    """Of the URL and XML errors the collected facts have samples only; they are ranges."""
    ranges = {str(code) for code in (*range(7011, 7035), *range(8011, 8015))}
    assert set(CAUSES) - ranges == set(CODES) - ranges
    assert {CAUSES[code] for code in ranges} == {Outcome.APP_ERROR}


STATUSES = {
    "queued": None, "ringing": None, "in-progress": None, "completed": Outcome.ANSWERED_UNKNOWN, "busy": Outcome.BUSY,
    "failed": Outcome.CARRIER_FAILED, "timeout": Outcome.NO_ANSWER, "no-answer": Outcome.NO_ANSWER,
    "cancel": Outcome.CANCELED,
}  # fmt: skip


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_without_a_cause(status: str) -> None:
    news = read(Event="Hangup", CallStatus=status)
    assert (news.outcome, news.known_code) == (STATUSES[status], True)
    assert set(STATUSES) == set(CALL_STATUS)


def test_a_cause_of_tomorrow_is_recorded_and_not_guessed() -> None:
    news = read(Event="Hangup", CallStatus="failed", HangupCauseCode="3999")
    assert (news.outcome, news.known_code, news.provider_code) == (Outcome.UNKNOWN, False, "3999")
    assert read(Event="Hangup", CallStatus="busy", HangupCauseCode="3999").outcome is Outcome.BUSY


def test_a_status_of_tomorrow_ends_nothing() -> None:
    news = read(Event="Levitate", CallStatus="levitating")
    assert (news.progress, news.outcome, news.known_code) == (Progress.QUEUED, None, False)


def test_a_final_word_about_a_live_call_ends_nothing() -> None:
    news = news_of_live(live("completed"))
    assert (news.progress, news.outcome, news.was_answered) == (Progress.QUEUED, None, False)


@pytest.mark.parametrize("cause", ["5010", "7011", "3080"])
def test_an_answered_call_stays_answered_however_it_ended(cause: str) -> None:
    assert read(Event="Hangup", CallStatus="completed", HangupCauseCode=cause).outcome is Outcome.ANSWERED_UNKNOWN
    assert news_of_finished(finished(int(cause))).outcome is Outcome.ANSWERED_UNKNOWN


@pytest.mark.parametrize(("said", "known"), [("true", True), ("True", True), ("false", True), ("parrot", False)])
def test_machine_detection(said: str, known: bool) -> None:
    news = read(Event="MachineDetection", CallStatus="in-progress", Machine=said)
    assert (news.progress, news.known_code) == (Progress.MACHINE_RESULT, known)
    assert news.answered_by == {"true": "machine", "false": "human"}.get(said.lower(), "unknown")


def test_a_callback_names_the_call_as_the_create_answer_did() -> None:
    assert (
        read(Event="Ring", CallStatus="ringing", CallUUID="another leg", RequestUUID=CALL_ID).carrier_call_id == CALL_ID
    )
    assert read(Event="Ring", CallStatus="ringing").carrier_call_id == CALL_ID


def test_our_own_clock_counts_but_for_records() -> None:
    assert read(Event="Ring", CallStatus="ringing", SessionStart="2026-11-20 22:30:00").at is None
    assert news_of_finished(finished()).at == BEGUN + 40


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule["where"] == "create HTTP status"], ids=lambda r: r["match"]
)
def test_every_status_of_a_create_answer(rule: Mapping[str, str]) -> None:
    result = judge(Answer(int(rule["match"]), {}, b'{"api_id": "1", "error": "no"}'))
    match rule["match"]:
        case "429":
            assert result == RefusedForNow("http_429", None)
        case "500" | "503":
            assert isinstance(result, Ambiguous)
        case _:
            assert isinstance(result, Refused)
            assert result.outcome in rule["outcome"]


def test_a_refusal_in_an_object_is_read_too() -> None:
    answer = Answer(400, {}, b'{"error": {"error": "1202 is not associated with your account"}}')
    assert judge(answer) == Refused(Outcome.CALLER_ID_REJECTED, "http_400", "from_not_owned")


def test_several_calls_at_once_were_never_asked_for() -> None:
    assert isinstance(judge(Answer(201, {}, b'{"request_uuid": ["12345678-a", "12345678-b"]}')), Ambiguous)


# --- Signatures -------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)


PLAIN = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=6)
"""The SDK itself fails on other queries."""


@given(st.dictionaries(WORDS, WORDS, max_size=5), st.dictionaries(PLAIN, PLAIN, max_size=3), WORDS)
def test_the_official_sdk_signs_the_same(form: dict[str, str], query: dict[str, str], nonce: str) -> None:
    url = PLIVO.callback_url + ("?" + urlencode(query) if query else "")
    signature = get_signature_v3(TOKEN.encode(), construct_post_url(url, dict(form)).decode(), nonce).decode()
    fields = list(form.items())
    headers = {"x-plivo-signature-v3": f"bm9uZQ==,{signature}", "x-plivo-signature-v3-nonce": nonce}
    assert is_signed(url, fields[::-1], headers, ["another token", TOKEN])
    assert not is_signed(url, [*fields, ("x", "y")], headers, [TOKEN])
    assert not is_signed(url, fields, headers | {"x-plivo-signature-v3-nonce": nonce + "1"}, [TOKEN])


def test_a_subaccounts_callback_is_signed_by_the_main_account_too() -> None:
    request = callback({"Event": "Ring", "CallStatus": "ringing"})
    headers = {
        name.replace("-V3", "-Ma-V3") if name.endswith("-V3") else name: v for name, v in request.headers.items()
    }
    assert READER.read(replace(request, headers=headers))


def test_version_2_is_not_accepted_since_it_leaves_the_body_unsigned() -> None:
    request = callback({"Event": "Ring", "CallStatus": "ringing"})
    headers = {name.replace("V3", "V2"): value for name, value in request.headers.items()}
    with pytest.raises(ForgedCallback):
        READER.read(replace(request, headers=headers))


def test_without_a_nonce_it_is_forged() -> None:
    raw = {"Event": "Ring", "CallStatus": "ringing"}
    signature = get_signature_v3(TOKEN.encode(), construct_post_url(PLIVO.callback_url, raw).decode(), "").decode()
    with pytest.raises(ForgedCallback):
        READER.read(callback(raw, {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": ""}))
    assert callback(raw).headers["X-Plivo-Signature-V3-Nonce"] == NONCE


# --- Searching, settings, instructions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [answers(200, {"calls": None}), answers(200, ids(*[CALL_ID] * 20)), GONE],
    ids=["no list", "a list without end", "no such list"],
)
async def test_a_search_that_cannot_end_is_no_negative_answer(http: HttpClient, script: Script) -> None:
    async with scripted(script) as server:
        with pytest.raises(Retryable):
            await PLIVO.open(server.url, http).carrier.search(QUERY)


def test_settle_time() -> None:
    carrier = PLIVO.open("http://127.0.0.1:1", HttpClient()).carrier
    assert (carrier.settle_time_s, carrier.searchable) == (600.0, True)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"account": None}, "account"),
        ({"account": "MA123"}, "account"),
        ({"credentials": {}}, "credentials.auth_token"),
        ({"credentials": {"auth_token": "t", "key": "x"}}, "credentials.key"),
        ({"options": {"x": "y"}}, "options.x"),
        ({"base_url": "api.plivo.com"}, "base_url"),
    ],
)
def test_bad_settings_name_the_key(given: Mapping[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_settings(read_settings(CONNECTION, {**PLIVO.settings, **given}))
    assert caught.value.field == f"connections.{CONNECTION}.{field}"


@pytest.mark.parametrize(
    ("instruction", "field"),
    [
        ({}, "answer.plivo.answer_url"),
        ({"url": "https://example.com"}, "answer.plivo.url"),
        ({"answer_url": "example.com"}, "answer.plivo.answer_url"),
        ({"answer_url": 7}, "answer.plivo.answer_url"),
        ({"answer_url": "https://example.com", "answer_method": "get"}, "answer.plivo.answer_method"),
    ],
)
def test_a_bad_instruction_names_the_key(instruction: Mapping[str, object], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_instruction(instruction)
    assert caught.value.field == field
