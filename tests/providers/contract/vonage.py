"""Vonage for the contract suite, from its documentation; tokens by the libraries that its own SDK stands on."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from vonage_jwt import VonageVerifyJwtError, verify_signature

from outdial.ports.carriers import CallOrder, Refused
from outdial.rules.call_progress import Progress
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import (
    Callbacks,
    Create,
    HangUp,
    Headers,
    LookUp,
    ProviderUnderTest,
    Refusal,
    as_json,
)
from tests.providers.scripted_server import answers
from tests.providers.twilio_account import data

APPLICATION_ID = "4d5a3c2e-0f0e-4a51-8a6b-1c2d3e4f5a6b"
SIGNATURE_SECRET = "fedcba9876543210fedcba9876543210"
CALL_ID = "63f61863-4a51-4f6b-86e1-46edebcf9356"
CALL = f"/v1/calls/{CALL_ID}"
_PATHS = data("openapi/vonage_calls.json")["paths"]
_POST = _PATHS["/v1/calls"]["post"]["responses"]
CREATED: dict[str, Any] = _POST["201"]["content"]["application/json"]["examples"]["started"]["value"]
CALLS: dict[str, dict[str, Any]] = {
    name: example["value"]
    for name, example in _PATHS["/v1/calls/{uuid}"]["get"]["responses"]["200"]["content"]["application/json"][
        "examples"
    ].items()
}
"""The description's example of a call in each status."""


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def pem() -> str:
    return private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def problem(status: str, example: str) -> dict[str, Any]:
    """A documented error answer."""
    found: dict[str, Any] = _POST[status]["content"]["application/problem+json"]["examples"][example]["value"]
    return found


def body(order: CallOrder) -> dict[str, object]:
    content: dict[str, object] = {
        "to": [{"type": "phone", "number": order.to.strip("+")}],
        "from": {"type": "phone", "number": order.from_number.strip("+")},
        "answer_url": ["https://example.com/answer"],
        "event_url": [order.callback_url],
        "event_method": "POST",
        "ringing_timer": order.ring_timeout_s,
        "length_timer": order.max_duration_s,
    }
    return content | {"machine_detection": "continue"} if order.detect_machine else content


_seen: set[str] = set()


def authorized(headers: Headers) -> None:
    """A token that Vonage would take, short-lived, and never one that was used before."""
    token = headers["authorization"].removeprefix("Bearer ")
    public = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(token, public, algorithms=["RS256"], options={"require": ["exp", "iat", "jti"]})
    assert claims["application_id"] == APPLICATION_ID
    assert 0 < claims["exp"] - claims["iat"] <= 900
    assert claims["jti"] not in _seen
    _seen.add(claims["jti"])


def sign(_: str, raw: bytes, at: float) -> Headers:
    claims = {
        "iat": int(at),
        "jti": str(uuid4()),
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(raw).hexdigest(),
        "api_key": "a1b2c3d4",
        "application_id": APPLICATION_ID,
    }
    return {"Authorization": f"Bearer {jwt.encode(claims, SIGNATURE_SECRET, algorithm='HS256')}"}


def official(_: str, raw: bytes, headers: Headers) -> bool:
    """The SDK judges the signature; comparing the hash it leaves to its user."""
    token = headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        if not verify_signature(token, SIGNATURE_SECRET):
            return False
    except (VonageVerifyJwtError, UnicodeError):
        return False
    claims = jwt.decode(token, options={"verify_signature": False})
    return bool(claims["payload_hash"] == hashlib.sha256(raw).hexdigest())


def refused(name: str, status: int, content: object, outcome: Outcome, code: str) -> Refusal:
    return Refusal(name, status, content, Refused(outcome, f"http_{status}", code))


NAMES_TO = problem("400", "bad") | {"invalid_parameters": [{"name": "to[0].number", "reason": "is no number"}]}
NAMES_FROM = problem("400", "bad") | {"detail": "The value of `from` was not valid."}
GONE = answers(404, {"type": "https://developer.vonage.com/api-errors#not-found", "title": "Not Found"})


def looked_up(example: str, progress: Progress, outcome: Outcome | None = None) -> LookUp:
    return LookUp(example, [answers(200, CALLS[example])], progress, outcome)


VONAGE = ProviderUnderTest(
    name="vonage",
    settings={
        "account": APPLICATION_ID,
        "credentials": {"private_key": "secret:key", "signature_secret": "secret:signature"},
    },
    secrets={"secret:key": pem(), "secret:signature": SIGNATURE_SECRET},
    instruction={"answer_url": "https://example.com/answer"},
    official_api="vonage_calls.json",
    number=lambda e164: e164.strip("+"),
    create=Create(
        path="/v1/calls",
        accepted=(201, CREATED),
        call_id=CALL_ID,
        provider_status="started",
        body=body,
        check_authorization=authorized,
        refusals=[
            refused("bad request", 400, problem("400", "bad"), Outcome.APP_ERROR, "http_400"),
            refused("names to", 400, NAMES_TO, Outcome.INVALID_NUMBER, "bad_to"),
            refused("names from", 400, NAMES_FROM, Outcome.CALLER_ID_REJECTED, "bad_from"),
            refused("unauthorized", 401, problem("401", "unauthorized"), Outcome.ACCOUNT_BLOCKED, "http_401"),
            refused("low balance", 403, problem("403", "balance"), Outcome.ACCOUNT_BLOCKED, "low-balance"),
            refused("forbidden", 403, problem("403", "forbidden"), Outcome.ACCOUNT_BLOCKED, "forbidden"),
        ],
        without_id={"status": "started"},
    ),
    look_ups=[
        looked_up("started", Progress.INITIATED),
        looked_up("ringing", Progress.RINGING),
        looked_up("answered", Progress.ANSWERED),
        looked_up("machine", Progress.MACHINE_RESULT),
        looked_up("completed", Progress.FINAL, Outcome.ANSWERED_UNKNOWN),
        looked_up("busy", Progress.FINAL, Outcome.BUSY),
        looked_up("cancelled", Progress.FINAL, Outcome.CANCELED),
        looked_up("failed", Progress.FINAL, Outcome.CARRIER_FAILED),
        looked_up("rejected", Progress.FINAL, Outcome.REJECTED),
        looked_up("timeout", Progress.FINAL, Outcome.NO_ANSWER),
        looked_up("unanswered", Progress.FINAL, Outcome.NO_ANSWER),
        LookUp("levitating", [answers(200, CALLS["started"] | {"status": "levitating"})], Progress.QUEUED),
        LookUp("gone", [GONE], None),
    ],
    searches=[],
    hang_ups=[
        HangUp("live", [answers(204, b"")], [("PUT", CALL, {"action": "hangup"})]),
        HangUp("gone", [GONE], [("PUT", CALL, {"action": "hangup"})]),
        HangUp(
            "over",
            [answers(400, problem("400", "bad")), answers(200, CALLS["completed"])],
            [("PUT", CALL, {"action": "hangup"}), ("GET", CALL, None)],
        ),
    ],
    callbacks=Callbacks(
        encode=as_json,
        content_type="application/json",
        sign=sign,
        official=official,
        signature_header="Authorization",
        sequences=data("vonage_callbacks.json")["sequences"],
        ends={
            "human": Outcome.ANSWERED_HUMAN,
            "machine": Outcome.ANSWERED_MACHINE,
            "busy": Outcome.BUSY,
            "no_answer": Outcome.NO_ANSWER,
            "unreachable": Outcome.UNREACHABLE,
            "rejected": Outcome.REJECTED,
            "invalid_number": Outcome.INVALID_NUMBER,
            "blocked_destination": Outcome.BLOCKED_DESTINATION,
            "carrier_failed": Outcome.CARRIER_FAILED,
            "canceled": Outcome.CANCELED,
        },
        signs_address=False,
        names_our_call=False,
        oldest_s=300.0,
    ),
)
