"""Telnyx's own: every row of its tables, its times and tokens, its settings, and what its events may leave out."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from time import time
from typing import Any

import pytest
from pydantic import SecretStr

from outdial.errors import BadInput, Retryable
from outdial.ports.carriers import Ambiguous, CallbackRequest, ForgedCallback, Refused, RefusedForNow
from outdial.providers.contract import read_settings
from outdial.providers.http import Answer, HttpClient
from outdial.providers.registry import PROVIDERS
from outdial.providers.tables import SIP_OUTCOMES
from outdial.providers.telnyx.account import open_account
from outdial.providers.telnyx.ask import look_up, search
from outdial.providers.telnyx.place import judge
from outdial.providers.telnyx.tables import (
    CREATE_ERRORS,
    CREATE_ERRORS_AT,
    HANGUP_CAUSES,
    MACHINE_RESULTS,
    PROVING_STATUSES,
    REASON_CODES,
)
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress, final_outcome
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import CONNECTION, PLACEMENT, QUERY
from tests.providers.contract.telnyx import (
    APPLICATION,
    CALL_ID,
    COLLECTED,
    INITIATED,
    KEY,
    SEQUENCES,
    TELNYX,
    error,
    hung_up,
    listed,
    live,
    sign,
)
from tests.providers.scripted_server import answers, in_turn, scripted

READER = TELNYX.open("https://api.example.com", HttpClient()).reader


def callback(event: object, body: bytes | None = None, **headers: str) -> CallbackRequest:
    raw = json.dumps({"data": event}).encode() if body is None else body
    signed = {**sign("", raw, time()), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return CallbackRequest(CONNECTION, PLACEMENT, "POST", TELNYX.callback_url, signed, raw)


def read(event: object) -> CallNews:
    (news,) = READER.read(callback(event))
    return news


def an_answer(status: int, content: object, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(content).encode())


# --- Tables -----------------------------------------------------------------------------------------------------------


def collected(where: str) -> dict[str, str]:
    return {str(rule["match"]): rule["outcome"] for rule in COLLECTED if rule["where"].startswith(where)}


def test_the_tables_hold_what_was_collected_and_nothing_else() -> None:
    errors = set(CREATE_ERRORS) | {code for code, _ in CREATE_ERRORS_AT}
    assert errors - set(collected("create")) == {"10038"}, "named by the fact sheet only"
    assert set(collected("create")) <= errors
    assert set(HANGUP_CAUSES) == set(collected("call.hangup"))
    assert set(MACHINE_RESULTS) == set(collected("AMD"))
    ranges = {
        "D11",
        "D12",
        "D14",
        "D15",
        "D16",
        "D17",
        "D18",
        "D53",
        "D54",
        "D61",
        "D65",
        *(f"PE{n}" for n in range(2, 7)),
    }
    assert set(REASON_CODES) - set(collected("D/P/T")) == ranges, "written as ranges in the fact sheet"
    assert {code: REASON_CODES[code] for code in collected("D/P/T")} == collected("D/P/T")


@pytest.mark.parametrize(("word", "outcome"), collected("AMD").items())
def test_every_machine_result(word: str, outcome: str) -> None:
    for kind in (2, 1):
        event = {**SEQUENCES["human" if kind == 2 else "human_premium"][2]["data"]}
        news = read({**event, "payload": {**event["payload"], "result": word}})
        assert final_outcome(Outcome.ANSWERED_UNKNOWN, news.answered_by) == outcome
        assert (news.progress, news.known_code) == (Progress.MACHINE_RESULT, True)


def test_a_machine_result_of_tomorrow_is_a_result() -> None:
    event = SEQUENCES["human"][2]["data"]
    news = read({**event, "payload": {**event["payload"], "result": "parrot"}})
    assert (news.answered_by, news.provider_code, news.known_code) == (AnsweredBy.UNKNOWN, "parrot", False)


PLAIN_CAUSES = {
    "originator_cancel": Outcome.CANCELED,
    "timeout": Outcome.NO_ANSWER,
    "no_answer": Outcome.NO_ANSWER,
    "time_limit": Outcome.ANSWERED_UNKNOWN,
    "user_busy": Outcome.BUSY,
    "call_rejected": Outcome.REJECTED,
    "not_found": Outcome.INVALID_NUMBER,
    "normal_clearing": Outcome.NO_ANSWER,
    "unspecified": Outcome.CARRIER_FAILED,
}


@pytest.mark.parametrize(("cause", "outcome"), PLAIN_CAUSES.items())
def test_every_cause_without_a_sip_code(cause: str, outcome: Outcome) -> None:
    for code in ("unspecified", None, "", "rubbish"):
        news = read(hung_up(hangup_cause=cause, sip_hangup_cause=code))
        assert (news.progress, news.outcome, news.known_code) == (Progress.FINAL, outcome, True)
        assert (news.provider_status, news.was_answered) == (cause, outcome.startswith("answered_"))


@pytest.mark.parametrize(("code", "outcome"), SIP_OUTCOMES.items())
def test_every_sip_code_where_the_cause_leaves_it_open(code: str, outcome: Outcome) -> None:
    for cause in ("normal_clearing", "unspecified"):
        news = read(hung_up(hangup_cause=cause, sip_hangup_cause=code))
        assert (news.outcome, news.provider_code, news.known_code) == (outcome, code, True)
    assert read(hung_up(hangup_cause="timeout", sip_hangup_cause=code)).outcome is Outcome.NO_ANSWER
    declined = outcome if outcome in {Outcome.REJECTED, Outcome.SPAM_BLOCKED} else None
    assert read(hung_up(hangup_cause="call_rejected", sip_hangup_cause=code)).outcome is (declined or Outcome.REJECTED)
    assert read(hung_up(hangup_cause="user_busy", sip_hangup_cause=code)).outcome is (declined or Outcome.BUSY)


@pytest.mark.parametrize(("reason", "outcome"), REASON_CODES.items())
def test_every_reason_code_of_a_refused_call(reason: str, outcome: Outcome) -> None:
    said = hung_up(hangup_cause="call_rejected", sip_hangup_cause=f"403 {reason}")
    headers = [{"name": "Reason", "value": f"refused ({reason})"}]
    carried = hung_up(hangup_cause="unspecified", sip_hangup_cause="403", sip_headers=headers)
    for event in (said, carried):
        news = read(event)
        assert (news.outcome, news.provider_code, news.known_code) == (outcome, reason, True)
    assert read(hung_up(hangup_cause="timeout", sip_hangup_cause=f"403 {reason}")).outcome is Outcome.NO_ANSWER


@pytest.mark.parametrize(("cause", "code"), [("levitation", "486"), (None, None), ("unspecified", "299")])
def test_causes_of_tomorrow_end_as_unknown_and_are_counted(cause: str | None, code: str | None) -> None:
    news = read(hung_up(hangup_cause=cause, sip_hangup_cause=code))
    assert (news.progress, news.outcome, news.known_code) == (Progress.FINAL, Outcome.UNKNOWN, False)
    assert (news.provider_status, news.provider_code) == (cause, code)


@pytest.mark.parametrize("code", CREATE_ERRORS)
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_no_code_proves_anything_with_a_failed_server(status: int, code: str) -> None:
    assert judge(an_answer(status, error(code))) == Ambiguous(f"http_{status}", code)


@pytest.mark.parametrize("status", sorted(PROVING_STATUSES))
def test_the_first_listed_of_several_errors_decides(status: int) -> None:
    several = {"errors": [{"code": "99999"}, {"code": 7}, "x", {"code": "20100"}, {"code": "10004"}]}
    assert judge(an_answer(status, several)) == Refused(Outcome.ACCOUNT_BLOCKED, f"http_{status}", "20100")


def test_a_number_that_is_not_e164_without_saying_which_proves_nothing() -> None:
    assert judge(an_answer(422, error("10016"))) == Ambiguous("http_422", "10016")


def test_a_401_is_the_account_whatever_it_says() -> None:
    assert judge(Answer(401, {}, b"")) == Refused(Outcome.ACCOUNT_BLOCKED, "http_401", "http_401")
    unlisted = Refused(Outcome.ACCOUNT_BLOCKED, "http_401", "99999", known_code=False)
    assert judge(an_answer(401, error("99999"))) == unlisted


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [({"x-ratelimit-reset": "3"}, 3.0), ({"x-ratelimit-reset": "3", "retry-after": "5"}, 5.0),
     ({"x-ratelimit-reset": "soon"}, None), ({"x-ratelimit-reset": "99999"}, 3600.0)],
)  # fmt: skip
def test_the_rate_limits_own_header_names_the_delay(headers: Mapping[str, str], delay_s: float | None) -> None:
    assert judge(Answer(429, headers, json.dumps(error("10011")).encode())) == RefusedForNow("10011", delay_s)


# --- Events -----------------------------------------------------------------------------------------------------------


def test_a_whole_event() -> None:
    assert read(SEQUENCES["human"][1]["data"]) == CallNews(
        progress=Progress.ANSWERED,
        carrier_call_id=CALL_ID,
        at=1795213810.0,
        was_answered=True,
        provider_status="call.answered",
        to="+12025550143",
        from_number="+12025550101",
        event_id="0ccc7b54-4df3-4bca-a65a-3da1ecc77702",
    )


@pytest.mark.parametrize("kind", ["call.cost", "call.recording.saved", "call.playback.ended", "call.levitated", "x"])
def test_other_events_say_nothing_about_how_far_a_call_got(kind: str) -> None:
    assert list(READER.read(callback({**INITIATED, "event_type": kind}))) == []


@pytest.mark.parametrize("state", [None, "", "YXR0ZW1wdC0x", "not base64!", base64.b64encode(b"\xff").decode(), 7])
def test_a_client_state_that_the_application_changed_is_no_objection(state: object) -> None:
    assert read(hung_up(client_state=state)).outcome is Outcome.ANSWERED_UNKNOWN


@pytest.mark.parametrize("at", [None, "", "yesterday", "2026-11-20T22:30:10", 7])
def test_a_time_that_cannot_be_read_is_left_out(at: object) -> None:
    assert read({**INITIATED, "occurred_at": at}).at is None


@pytest.mark.parametrize("event", [{}, {"event_type": 7}, None, []])
def test_a_body_of_the_first_webhook_version_names_the_cure(event: object) -> None:
    with pytest.raises(BadInput) as caught:
        READER.read(callback(event))
    assert 'webhook API version to "2"' in caught.value.cure


def test_a_machine_event_without_a_result_is_unreadable() -> None:
    event = SEQUENCES["human"][2]["data"]
    with pytest.raises(BadInput, match="result"):
        READER.read(callback({**event, "payload": {**event["payload"], "result": None}}))


@pytest.mark.parametrize("stamp", ["", "soon", "-5", "1e9", "９９", "9" * 30, "1795213800.5"])
def test_times_that_are_none_are_forged(stamp: str) -> None:
    raw = b'{"data": {}}'
    signature = KEY.sign(stamp.encode("utf-8", "surrogateescape") + b"|" + raw).signature
    headers = {"telnyx_signature_ed25519": base64.b64encode(signature).decode(), "telnyx_timestamp": stamp}
    with pytest.raises(ForgedCallback):
        READER.read(callback(None, raw, **headers))


def test_while_the_public_key_changes_both_are_good() -> None:
    known = {**TELNYX.secrets, "env:NEW": base64.b64encode(bytes(range(1, 33))).decode()}
    credentials = {"api_key": "env:KEY", "public_key": "env:NEW", "other_public_key": "env:PUBLIC"}
    for name, good in ((credentials, True), ({**credentials, "other_public_key": "env:NEW"}, False)):
        settings = read_settings(CONNECTION, {**TELNYX.settings, "credentials": name})
        reader = PROVIDERS["telnyx"].open(settings, lambda key: SecretStr(known[key]), HttpClient()).reader
        if good:
            assert reader.read(callback(INITIATED))
        else:
            with pytest.raises(ForgedCallback):
                reader.read(callback(INITIATED))


# --- Asking -----------------------------------------------------------------------------------------------------------


async def test_the_answer_and_the_machines_result_are_told_with_the_end() -> None:
    events = [event["data"] for event in SEQUENCES["machine"]]
    over = {"data": {"is_alive": False, "end_time": "2026-11-20T22:31:00Z", "call_leg_id": "leg"}}
    async with scripted(in_turn(answers(200, over), listed(*events))) as server, HttpClient() as http:
        news = await look_up(CALL_ID, account(server.url), http)
    assert news is not None
    assert (news.outcome, news.answered_by, news.was_answered) == (
        Outcome.ANSWERED_UNKNOWN,
        AnsweredBy.MACHINE,
        True,
    )
    assert server.requests[1].target.startswith("/v2/call_events?filter%5Bleg_id%5D=leg&")


async def test_lists_without_end_are_no_answer() -> None:
    async with scripted(in_turn(live(), *[listed(pages=99)] * 20)) as server, HttpClient() as http:
        with pytest.raises(Retryable, match="no end"):
            await search(QUERY, account(server.url), http)


def account(url: str) -> Any:
    settings = read_settings(CONNECTION, {**TELNYX.settings, "base_url": url})
    return open_account(settings, lambda key: SecretStr(TELNYX.secrets[key]))


# --- Settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field", "cure"),
    [
        ({"options": {}}, "options.connection_id", "Call Control application"),
        ({"options": {"connection_id": 1494}}, "options.connection_id", "quotes"),
        ({"options": {"connection_id": "my app"}}, "options.connection_id", "quotes"),
        ({"options": {"connection_id": APPLICATION, "region": "x"}}, "options.region", "connection_id"),
        ({"account": "me"}, "account", "leave it out"),
        ({"credentials": {"api_key": "env:KEY"}}, "credentials.public_key", "env:TELNYX_PUBLIC_KEY"),
        ({"credentials": {"public_key": "env:KEY"}}, "credentials.api_key", "env:TELNYX_API_KEY"),
        ({"credentials": {"token": "env:KEY"}}, "credentials.token", "api_key"),
    ],
)
def test_bad_settings_name_the_key(change: dict[str, Any], field: str, cure: str) -> None:
    with pytest.raises(BadInput) as caught:
        PROVIDERS["telnyx"].check_settings(read_settings(CONNECTION, {**TELNYX.settings, **change}))
    assert caught.value.field == f"connections.{CONNECTION}.{field}"
    assert cure in caught.value.cure


@pytest.mark.parametrize("key", ["not base64!", "c2hvcnQ=", ""])
def test_a_public_key_that_is_none_is_refused(key: str) -> None:
    secrets = {**TELNYX.secrets, "env:PUBLIC": key}
    with pytest.raises(BadInput) as caught:
        open_account(read_settings(CONNECTION, TELNYX.settings), lambda name: SecretStr(secrets[name]))
    assert caught.value.field == f"connections.{CONNECTION}.credentials.public_key"


def test_secrets_do_not_show() -> None:
    opened = TELNYX.open("https://api.example.com", HttpClient())
    shown = repr(vars(opened.carrier)) + repr(vars(opened.reader)) + repr(replace(callback(INITIATED)))
    for secret in TELNYX.secrets.values():
        assert secret not in shown
