"""Callbacks of Twilio: forged ones are refused, real ones end in the right outcome in whatever order they come."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback
from outdial.providers.twilio.account import Account
from outdial.providers.twilio.callbacks import TwilioCallbacks
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress, final_outcome
from outdial.rules.outcome import Outcome
from tests.providers.twilio_account import (
    ACCOUNT_SID,
    CALL_SID,
    CALLBACK_URL,
    CONNECTION,
    PLACEMENT,
    TOKEN,
    account,
    data,
)

VECTORS = data("signature_vectors.json")["vectors"]
SEQUENCES: dict[str, list[dict[str, str]]] = data("twilio_callbacks.json")["sequences"]
OTHER_TOKEN = "fedcba9876543210fedcba9876543210"
Fields = Iterable[tuple[str, str]]


def sign(url: str, fields: Fields, secret: str = TOKEN, digest: str = "sha1") -> str:
    """Twilio's scheme, written down here a second time and independently."""
    text = url
    for name in sorted({name for name, _ in fields}):
        for value in sorted({value for other, value in fields if other == name}):
            text += name + value
    return base64.b64encode(hmac.new(secret.encode("utf-8"), text.encode("utf-8"), digest).digest()).decode()


def request(
    fields: Mapping[str, str] | Sequence[tuple[str, str]],
    url: str = CALLBACK_URL,
    signature: str | None = None,
    **headers: str,
) -> CallbackRequest:
    pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
    given = {"X-Twilio-Signature": sign(url, pairs) if signature is None else signature}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return CallbackRequest(CONNECTION, PLACEMENT, "POST", url, given, urlencode(pairs).encode())


def read(callback: CallbackRequest, reader: Account | None = None) -> CallNews:
    (news,) = TwilioCallbacks(reader or account()).read(callback)
    return news


RINGING = SEQUENCES["human"][1]
COMPLETED = SEQUENCES["human"][4]


# --- Signatures -----------------------------------------------------------------------------------------------------


def as_callback(vector: Mapping[str, Any]) -> tuple[CallbackRequest, Account]:
    sha256 = vector["algorithm"] == "HMAC_SHA256"
    headers = {"X-Twilio-Signature": vector["signature"]}
    if sha256:
        headers["X-Twilio-Webhooks-Signature-Settings"] = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    reader = replace(account(), shared_key=vector["secret"]) if sha256 else account()
    body = urlencode([tuple(pair) for pair in vector["fields"]]).encode()
    return CallbackRequest(CONNECTION, PLACEMENT, "POST", vector["url"], headers, body), reader


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_signatures_that_the_official_sdk_made(vector: Mapping[str, Any]) -> None:
    callback, reader = as_callback(vector)
    try:
        read(callback, reader)
    except BadInput:
        assert vector["name"] == "no_fields", "verified, though there is nothing to read in it"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_same_with_one_thing_changed_are_forged(vector: Mapping[str, Any]) -> None:
    callback, reader = as_callback(vector)
    signature = vector["signature"]
    turned = ("B" if signature[0] == "A" else "A") + signature[1:]
    changed = [
        replace(callback, body=callback.body + b"&CallStatus=completed"),
        replace(callback, url=callback.url.replace("acme-us", "acme-uk")),
        replace(callback, headers={**callback.headers, "X-Twilio-Signature": turned}),
        replace(callback, headers={**callback.headers, "X-Twilio-Signature": ""}),
        replace(callback, headers={}),
    ]
    for forged in changed:
        with pytest.raises(ForgedCallback):
            read(forged, reader)


def test_another_accounts_token_is_refused() -> None:
    with pytest.raises(ForgedCallback):
        read(request(RINGING, signature=sign(CALLBACK_URL, RINGING.items(), OTHER_TOKEN)))


def test_while_the_token_changes_both_are_good() -> None:
    changing = account(credentials={"auth_token": "env:TOKEN", "other_auth_token": "env:OTHER"})
    for token in (TOKEN, OTHER_TOKEN):
        assert read(request(RINGING, signature=sign(CALLBACK_URL, RINGING.items(), token)), changing).provider_status


def test_well_signed_for_another_account_is_refused() -> None:
    with pytest.raises(ForgedCallback):
        read(request({**RINGING, "AccountSid": "AC" + "9" * 32}))


def test_a_signature_over_the_address_with_its_fragment_is_good_too() -> None:
    with_fragment = f"{CALLBACK_URL}#rc=3&rp=5xx,ct,rt"
    assert read(request(RINGING, signature=sign(with_fragment, RINGING.items()))).provider_status


@pytest.mark.parametrize("algorithm", ["HMAC_SHA256", "HMAC_MD5", "none"])
def test_without_a_shared_key_only_sha1_is_accepted(algorithm: str) -> None:
    settings = f"key=k,algorithm={algorithm}"
    for digest in ("sha1", "sha256"):
        signature = sign(CALLBACK_URL, RINGING.items(), TOKEN, digest)
        with pytest.raises(ForgedCallback):
            read(request(RINGING, signature=signature, X_Twilio_Webhooks_Signature_Settings=settings))


def test_header_names_may_come_in_any_case() -> None:
    callback = request(RINGING)
    assert read(
        replace(callback, headers={name.upper(): value for name, value in callback.headers.items()})
    ).provider_status


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=%ff", b"&".join(b"a=1" for _ in range(300)), "ö=1".encode()])
def test_a_body_that_is_no_form_is_forged(body: bytes) -> None:
    with pytest.raises(ForgedCallback):
        read(replace(request(RINGING), body=body))


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=9)), max_size=6))
def test_any_signed_form_is_verified_and_any_other_is_not(fields: list[tuple[str, str]]) -> None:
    fields = [*fields, ("CallStatus", "ringing"), ("AccountSid", ACCOUNT_SID)]
    assert read(request(fields[::-1])).provider_status
    with pytest.raises(ForgedCallback):
        read(request(fields, signature=sign(CALLBACK_URL, [*fields, ("x", "y")])))


# --- Reading --------------------------------------------------------------------------------------------------------


def test_a_progress_callback() -> None:
    assert read(request(RINGING)) == CallNews(
        progress=Progress.RINGING,
        carrier_call_id=CALL_SID,
        at=1795213810.0,
        provider_status="ringing",
        to="+12025550143",
        from_number="+12025550101",
        event_id=f"{CALL_SID}:1",
    )


def test_a_final_callback() -> None:
    news = read(request(COMPLETED))
    assert (news.progress, news.outcome, news.answered_by) == (
        Progress.FINAL,
        Outcome.ANSWERED_UNKNOWN,
        AnsweredBy.HUMAN,
    )
    assert (news.was_answered, news.provider_code, news.duration_s, news.known_code) == (True, "200", 39.0, True)


def test_a_machine_detection_callback() -> None:
    form = SEQUENCES["machine"][3]
    expected = CallNews(
        progress=Progress.MACHINE_RESULT,
        carrier_call_id=CALL_SID,
        answered_by=AnsweredBy.MACHINE,
        was_answered=True,
        event_id=f"{CALL_SID}:machine",
    )
    assert read(request(form, url=f"{CALLBACK_URL}?about=machine")) == expected
    assert read(request({**form, "CallStatus": "in-progress"}, url=f"{CALLBACK_URL}?about=machine")) == expected
    assert read(request(form)) == expected, "known by its fields, should the query get lost"


def test_the_idempotency_token_names_the_event() -> None:
    assert read(request(RINGING, I_Twilio_Idempotency_Token="token-1")).event_id == "token-1"
    anonymous = {name: value for name, value in RINGING.items() if name != "SequenceNumber"}
    assert read(request(anonymous)).event_id is None


@pytest.mark.parametrize(
    ("status", "sip", "outcome", "known"),
    [
        ("failed", None, Outcome.CARRIER_FAILED, True),
        ("failed", "404", Outcome.INVALID_NUMBER, True),
        ("failed", "480", Outcome.UNREACHABLE, True),
        ("failed", "608", Outcome.SPAM_BLOCKED, True),
        ("failed", "299", Outcome.UNKNOWN, False),
        ("failed", "rubbish", Outcome.UNKNOWN, False),
        ("busy", None, Outcome.BUSY, True),
        ("busy", "486", Outcome.BUSY, True),
        ("busy", "603", Outcome.REJECTED, True),
        ("busy", "607", Outcome.SPAM_BLOCKED, True),
        ("busy", "404", Outcome.BUSY, True),
        ("busy", "299", Outcome.BUSY, False),
        ("no-answer", "487", Outcome.NO_ANSWER, True),
        ("no-answer", "480", Outcome.NO_ANSWER, True),
        ("canceled", "487", Outcome.CANCELED, True),
        ("completed", "200", Outcome.ANSWERED_UNKNOWN, True),
    ],
)
def test_sip_codes_refine_what_the_status_leaves_open(
    status: str, sip: str | None, outcome: Outcome, known: bool
) -> None:
    form = {**RINGING, "CallStatus": status} | ({} if sip is None else {"SipResponseCode": sip})
    news = read(request(form))
    assert (news.outcome, news.known_code, news.provider_code) == (outcome, known, sip)
    assert news.progress is Progress.FINAL


def test_a_status_of_tomorrow_is_kept_counted_and_no_end() -> None:
    news = read(request({**RINGING, "CallStatus": "levitating", "SipResponseCode": "200"}))
    assert (news.progress, news.outcome, news.known_code) == (Progress.QUEUED, None, False)
    assert (news.provider_status, news.provider_code) == ("levitating", "200")


def test_a_machine_result_of_tomorrow_is_a_result() -> None:
    form = {**SEQUENCES["machine"][3], "AnsweredBy": "parrot"}
    for fields in (form, {**COMPLETED, "AnsweredBy": "parrot"}):
        news = read(request(fields))
        assert (news.answered_by, news.provider_code, news.known_code) == (AnsweredBy.UNKNOWN, "parrot", False)


@pytest.mark.parametrize("timestamp", ["", "yesterday", "Fri, 99 Nov 2026 22:30:10 +0000"])
def test_a_time_that_cannot_be_read_is_left_out(timestamp: str) -> None:
    assert read(request({**RINGING, "Timestamp": timestamp})).at is None


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"AccountSid": ACCOUNT_SID}, CALLBACK_URL),
        ({"CallStatus": ""}, CALLBACK_URL),
        ({"a": "b"}, f"{CALLBACK_URL}?about=machine"),
    ],
)
def test_verified_but_empty_is_bad_input(fields: Mapping[str, str], url: str) -> None:
    with pytest.raises(BadInput):
        read(request(fields, url=url))


# --- Whole calls ----------------------------------------------------------------------------------------------------


def fold(all_news: Iterable[CallNews]) -> tuple[Progress, Outcome | None, bool]:
    """The highest progress, the final's outcome, and any machine result, whatever came first."""
    known = list(all_news)
    last = max(known, key=lambda news: news.progress)
    answered_by = next((news.answered_by for news in known if news.answered_by is not None), None)
    outcome = None if last.outcome is None else final_outcome(last.outcome, answered_by)
    return last.progress, outcome, any(news.was_answered for news in known)


ENDS = {
    "human": (Outcome.ANSWERED_HUMAN, True),
    "machine": (Outcome.ANSWERED_MACHINE, True),
    "busy": (Outcome.BUSY, False),
    "no_answer": (Outcome.NO_ANSWER, False),
    "rejected": (Outcome.REJECTED, False),
    "invalid_number": (Outcome.INVALID_NUMBER, False),
    "carrier_failed": (Outcome.CARRIER_FAILED, False),
    "canceled": (Outcome.CANCELED, False),
}


def test_there_is_an_end_for_every_example() -> None:
    assert set(ENDS) == set(SEQUENCES)


@pytest.mark.parametrize("name", ENDS)
def test_every_order_of_a_calls_callbacks_ends_the_same(name: str) -> None:
    sequence = [read(request(form)) for form in SEQUENCES[name]]
    outcome, answered = ENDS[name]
    for order in permutations(sequence):
        assert fold(order) == (Progress.FINAL, outcome, answered)
        assert fold((*order, *order)) == (Progress.FINAL, outcome, answered)


@pytest.mark.parametrize("name", ["human", "machine"])
def test_machine_detection_that_comes_only_after_the_end_still_counts(name: str) -> None:
    plain = [{key: value for key, value in form.items() if key != "AnsweredBy"} for form in SEQUENCES[name]]
    late = [form for form in plain if "CallStatus" in form] + [SEQUENCES[name][3]]
    assert fold(read(request(form)) for form in late)[1] == ENDS[name][0]


def test_event_ids_tell_the_callbacks_of_a_call_apart_and_repetitions_not() -> None:
    for sequence in SEQUENCES.values():
        ids = [read(request(form)).event_id for form in sequence]
        assert None not in ids
        assert len(set(ids)) == len(ids)
        assert ids == [read(request(form)).event_id for form in sequence]
