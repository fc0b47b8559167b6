"""Twilio's callbacks: which are sent, what they carry, how they are signed, and how often they are tried."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote_plus

from outdial.carrier.calls import Call, Ending, Phase
from outdial.carrier.courier import USUAL_RETRY, Callback, Courier, Retry
from outdial.carrier.twilio_resource import FINAL_STATUSES, VERSION, answered_by, duration_of, rfc2822

EVENTS = ("initiated", "ringing", "answered", "completed")
_EVENT_OF = {
    Phase.INITIATED: "initiated",
    Phase.RINGING: "ringing",
    Phase.ANSWERED: "answered",
    Phase.ENDED: "completed",
}
_STATUS_OF = {Phase.INITIATED: "initiated", Phase.RINGING: "ringing", Phase.ANSWERED: "in-progress"}
_FORM = "application/x-www-form-urlencoded; charset=UTF-8"
_FAILURES = {"ct": "connect", "rt": "read", "4xx": "4xx", "5xx": "5xx"}


SIGNATURE_HEADER = "X-Twilio-Signature"


def signature(auth_token: str, url: str, params: Mapping[str, str]) -> str:
    """The value of X-Twilio-Signature: HMAC-SHA1 over the address and the sorted names and values, in base64."""
    text = url + "".join([name + params[name] for name in sorted(params)])
    return base64.b64encode(hmac.digest(auth_token.encode(), text.encode(), hashlib.sha1)).decode()


@lru_cache(maxsize=256)
def retry_of(fragment: str) -> Retry:
    """The retry rules in a callback URL's fragment (connection overrides); unreadable ones count as absent."""
    if not fragment:
        return USUAL_RETRY
    given = dict(parse_qsl(fragment))
    wanted = given.get("rp", "ct").split(",")
    failures = _FAILURES.values() if "all" in wanted else [_FAILURES[each] for each in wanted if each in _FAILURES]
    return Retry(
        count=int(_within(given, "rc", 1, 0, 5)),
        on=frozenset(failures),
        connect_s=_within(given, "ct", 5000, 100, 10000) / 1000,
        read_s=_within(given, "rt", 15000, 100, 15000) / 1000,
        total_s=_within(given, "tt", 15000, 100, 15000) / 1000,
    )


def _within(given: Mapping[str, str], name: str, default: int, low: int, high: int) -> float:
    value = given.get(name, "")
    return min(max(int(value), low), high) if re.fullmatch(r"\d{1,6}", value) else default


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a kind of callback goes, without the fragment. An empty `url`: nowhere."""

    url: str = ""
    method: str = "POST"
    retry: Retry = USUAL_RETRY

    @classmethod
    def of(cls, url: str, method: str) -> Hook:
        """A hook out of what the create request said; the fragment holds the retry rules and is not sent."""
        bare, _, fragment = url.partition("#")
        return cls(bare, method, retry_of(fragment))


_quoted = lru_cache(maxsize=4096)(quote_plus)


@dataclass(frozen=True, slots=True)
class _Params:
    """Parameters, plain (to be signed) and form-encoded (to be sent)."""

    values: Mapping[str, str]
    encoded: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> _Params:
        return cls(values, "&".join([f"{name}={_quoted(value)}" for name, value in values.items()]))

    def and_these(self, values: Mapping[str, str]) -> _Params:
        more = _Params.of(values)
        return _Params({**self.values, **values}, f"{self.encoded}&{more.encoded}")


@dataclass(slots=True)
class TwilioFollower:
    """Calls back for one call, as its create request asked."""

    courier: Courier
    now: Callable[[], float]
    account_id: str
    auth_token: str
    status: Hook
    events: frozenset[str]
    detection: Hook
    sequence: int = 0
    _parties: _Params | None = None
    """What all status callbacks of the call say, encoded once."""

    def moved(self, call: Call) -> None:
        """Send the status callback of the new phase, if it was asked for."""
        event = _EVENT_OF[call.phase]
        if not self.status.url or event not in self.events:
            return
        params: dict[str, str] = {}
        params["CallStatus"] = _STATUS_OF[call.phase] if call.ending is None else FINAL_STATUSES[call.ending]
        params["CallbackSource"] = "call-progress-events"
        params["SequenceNumber"] = str(self.sequence)
        params["Timestamp"] = rfc2822(self.now()) or ""
        if call.ending is not None:
            params.update(_final(call))
        self.sequence += 1
        if self._parties is None:
            self._parties = _Params.of(self._common(call))
        self._send(call, "ended" if call.ending is not None else event, self.status, self._parties.and_these(params))

    def detected(self, call: Call) -> None:
        """Send the result of machine detection, if a background result was asked for."""
        if not self.detection.url or call.answered_at is None:
            return
        params = {
            "CallSid": call.call_id,
            "AccountSid": self.account_id,
            "AnsweredBy": answered_by(call) or "unknown",
            "MachineDetectionDuration": str(round(call.fate.detection_s * 1000)),
        }
        self._send(call, "detected", self.detection, _Params.of(params))

    def _common(self, call: Call) -> dict[str, str]:
        order = call.order
        return {
            "CallSid": call.call_id,
            "AccountSid": self.account_id,
            "ApiVersion": VERSION,
            "Direction": "outbound-api",
            "From": order.from_number,
            "Caller": order.from_number,
            "To": order.to,
            "Called": order.to,
            **_NO_PLACES,
        }

    def _send(self, call: Call, event: str, hook: Hook, params: _Params) -> None:
        url, body, signed = hook.url, params.encoded, params.values
        if hook.method == "GET":
            url, body, signed = url + ("&" if "?" in url else "?") + body, "", {}
        self.courier.send(
            Callback(
                account=call.order.account,
                call_id=call.call_id,
                event=event,
                url=url,
                method=hook.method,
                headers=self._headers(signature(self.auth_token, url, signed)),
                body=body.encode(),
                signature_header=SIGNATURE_HEADER,
                retry=hook.retry,
            )
        )

    def _headers(self, signed: str) -> tuple[tuple[str, str], ...]:
        return (
            ("Content-Type", _FORM),
            ("User-Agent", "TwilioProxy/1.1"),
            ("Accept", "*/*"),
            ("I-Twilio-Idempotency-Token", secrets.token_hex(16)),
            (SIGNATURE_HEADER, signed),
        )


_NO_PLACES = {f"{side}{what}": "" for side in ("From", "To") for what in ("Country", "State", "City", "Zip")}
"""The network of the simulation has no geography; the keys are there as documented."""


def _final(call: Call) -> dict[str, str]:
    params = {
        "CallDuration": duration_of(call) or "0",
        "Duration": str(math.ceil(call.talked_s / 60)) if call.ending is Ending.COMPLETED else "0",
    }
    if call.ending is not Ending.CANCELED:
        params["SipResponseCode"] = str(call.sip_code)
    who = answered_by(call)
    if who is not None:
        params["AnsweredBy"] = who
    return params
