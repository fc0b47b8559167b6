"""Telnyx's webhooks: one event per step of a call but ringing, signed with Ed25519, kept for the list of events."""

from __future__ import annotations

import hashlib
import json
import uuid
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from outdial.carrier.calls import Call, Ending, Phase
from outdial.carrier.courier import Callback, Courier, Retry
from outdial.carrier.scenario import Account
from outdial.carrier.telnyx_resource import CAUSES, RESULTS, moment, names_of

SIGNATURE_HEADER = "Telnyx-Signature-Ed25519"
RETRY = Retry(count=2, on=frozenset({"connect", "read", "5xx"}), connect_s=2.0, read_s=2.0, total_s=8.0)
"""Telnyx waits two seconds for a 2xx. The pauses between its tries are not simulated."""

_STATES = {Phase.INITIATED: "bridging", Phase.ANSWERED: "answered", Phase.ENDED: "hangup"}
_EVENTS = {Phase.INITIATED: "call.initiated", Phase.ANSWERED: "call.answered", Phase.ENDED: "call.hangup"}
_NEUTRAL = {Phase.INITIATED: "initiated", Phase.ANSWERED: "answered", Phase.ENDED: "ended"}

Event = dict[str, object]


def signing_key_of(account: Account) -> Ed25519PrivateKey:
    """The key an account's webhooks are signed with: always the same for the same name. Simulated: it protects nothing."""
    seed = hashlib.blake2b(account.name.encode(), digest_size=32, person=b"signing-key").digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key_of(account: Account) -> str:
    """What Telnyx's portal shows: the public key in base64."""
    return b64encode(signing_key_of(account).public_key().public_bytes_raw()).decode()


@dataclass(slots=True)
class TelnyxFollower:
    """Calls back for one call, as its create request asked."""

    courier: Courier
    now: Callable[[], float]
    key: Ed25519PrivateKey
    connection_id: str
    leg_id: str
    client_state: str
    webhook_url: str
    detection_event: str = "call.machine.detection.ended"
    hung_up_by_us: bool = False
    """Whether the caller's own request ended it."""
    events: list[Event] = field(default_factory=list)
    """All events so far, as they were sent."""

    def moved(self, call: Call) -> None:
        """Send the event of the new phase; there is none for ringing."""
        if call.phase not in _EVENTS:
            return
        more: Event = {"state": _STATES[call.phase]}
        if call.phase is Phase.INITIATED:
            more["direction"] = "outgoing"
        if call.initiated_at is not None:
            more["start_time"] = moment(call.initiated_at)
        if call.ending is not None:
            more |= self._cause(call, call.ending)
        self._send(call, _NEUTRAL[call.phase], _EVENTS[call.phase], more)

    def detected(self, call: Call) -> None:
        """Send the result of machine detection."""
        if call.detected is not None:
            self._send(call, "detected", self.detection_event, {"result": RESULTS[call.detected]})

    def _cause(self, call: Call, ending: Ending) -> Event:
        cause, source = CAUSES[ending]
        if ending is Ending.COMPLETED and call.talked_s >= call.order.max_duration_s:
            cause, source = "time_limit", "unknown"
        if self.hung_up_by_us:
            source = "caller"
        return {
            "hangup_cause": cause,
            "hangup_source": source,
            "sip_hangup_cause": str(call.sip_code),
            "end_time": moment(call.ended_at or self.now()),
        }

    def _send(self, call: Call, neutral: str, event_type: str, more: Event) -> None:
        at = self.now()
        payload = {
            **names_of(call, self.leg_id, self.client_state),
            "connection_id": self.connection_id,
            "from": call.order.from_number,
            "to": call.order.to,
            **more,
        }
        data = {"record_type": "event", "event_type": event_type, "id": str(uuid.uuid4()),
                "occurred_at": moment(at), "payload": payload}  # fmt: skip
        event: Event = {"data": data, "meta": {"attempt": 1, "delivered_to": self.webhook_url}}
        self.events.append(event)
        if self.webhook_url:
            body = json.dumps(event).encode()
            self.courier.send(
                Callback(
                    account=call.order.account,
                    call_id=call.call_id,
                    event=neutral,
                    url=self.webhook_url,
                    method="POST",
                    headers=self._headers(body, str(int(at))),
                    body=body,
                    signature_header=SIGNATURE_HEADER,
                    retry=RETRY,
                )
            )

    def _headers(self, body: bytes, timestamp: str) -> tuple[tuple[str, str], ...]:
        signature = b64encode(self.key.sign(timestamp.encode() + b"|" + body)).decode()
        return (
            ("Content-Type", "application/json"),
            ("User-Agent", "telnyx-webhooks"),
            ("Telnyx-Timestamp", timestamp),
            (SIGNATURE_HEADER, signature),
        )
