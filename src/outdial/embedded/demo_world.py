"""The demo's world: one tenant, two campaigns, three countries, two connections, six numbers of different quality.

All phone numbers are from ranges that regulators reserve for fiction; no phone rings anywhere.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from random import Random
from typing import Any

SPEED = 90.0
"""Ringing and talking run so many times as fast as in life."""
TENANT = "acme"
CAMPAIGNS = ("spring", "autumn")
FLAGGED = "us-flagged"


@dataclass(frozen=True, slots=True)
class DemoNumber:
    """A caller ID: its name, connection, and the share of called people who pick up when it calls."""

    name: str
    e164: str
    connection: str
    answer_rate: float


@dataclass(frozen=True, slots=True)
class DemoConnection:
    """An account at the simulated carrier, with the promise that outdial must keep."""

    name: str
    account_id: str
    token: str
    limit: int
    calls_per_second: float


CONNECTIONS = (
    DemoConnection("demo-us", "AC" + "0" * 31 + "1", "demo-token-us", 16, 200.0),
    DemoConnection("demo-eu", "AC" + "0" * 31 + "2", "demo-token-eu", 12, 150.0),
)
NUMBERS = (
    DemoNumber("us-good", "+12025550101", "demo-us", 0.50),
    DemoNumber("us-fair", "+13125550102", "demo-us", 0.30),
    DemoNumber(FLAGGED, "+12125550103", "demo-us", 0.40),
    DemoNumber("gb-good", "+442079460101", "demo-eu", 0.45),
    DemoNumber("gb-weak", "+441614960102", "demo-eu", 0.12),
    DemoNumber("fr-fair", "+33199001234", "demo-eu", 0.35),
)
SPARE = {"demo-us": ("+12025550198", "+13125550199")}
"""Numbers that the simulated account owns and no campaign uses yet: for those who try a campaign of their own."""
SPARE_ANSWER_RATE = 0.35
_US_AREAS = (202, 212, 213, 303, 305, 312, 404, 415, 512, 602, 617, 702, 713, 808, 907)


def token_name(connection: str) -> str:
    """The environment variable that the catalogue names for a connection's token."""
    return f"OUTDIAL_TEST_{connection.upper().replace('-', '_')}_TOKEN"


def catalogue(carrier_url: str, limit_factor: int = 1) -> str:
    """The catalogue file. `limit_factor` above 1 plants an over-admission: outdial is told more than the carrier allows."""
    lines = [f"[tenants.{TENANT}]", ""]
    for c in CONNECTIONS:
        lines += [
            f"[connections.{c.name}]",
            'provider = "twilio"',
            f'base_url = "{carrier_url}"',
            f'account = "{c.account_id}"',
            f"max_calls = {c.limit * limit_factor}",
            f"calls_per_second = {c.calls_per_second}",
            f'credentials = {{ auth_token = "env:{token_name(c.name)}" }}',
            "",
        ]
    for n in NUMBERS:
        lines += [
            f"[numbers.{n.name}]",
            f'e164 = "{n.e164}"',
            f'tenant = "{TENANT}"',
            f'connection = "{n.connection}"',
            "",
        ]
    pool = ", ".join(f'"{n.name}"' for n in NUMBERS)
    for campaign in CAMPAIGNS:
        lines += [
            f"[campaigns.{campaign}]",
            f'tenant = "{TENANT}"',
            'primary = "us-good"',
            f"pool = [{pool}]",
            'calling_hours = "always"',
            "rotation = { volume_budget_24h = 1000 }",  # hundreds of calls in seconds would exhaust a real day's budget
            "",
        ]
    return "\n".join(lines)


def scenario(seed: int) -> dict[str, Any]:
    """What the simulated carrier is told: who answers how often, and the limits it watches."""
    return {
        "seed": seed,
        "speed": SPEED,
        "behaviour": {"ring_s": [4.0, 18.0], "talk_s": {"mean": 25.0}, "machine_share": 0.1, "setup_s": [0.5, 2.0]},
        "accounts": {
            c.name: {
                "account_id": c.account_id,
                "auth_token": c.token,
                "limit": c.limit,
                "calls_per_second": c.calls_per_second,
                "numbers": {
                    **{n.e164: {"answer_rate": n.answer_rate} for n in NUMBERS if n.connection == c.name},
                    **{e164: {"answer_rate": SPARE_ANSWER_RATE} for e164 in SPARE.get(c.name, ())},
                },
            }
            for c in CONNECTIONS
        },
    }


@dataclass(frozen=True, slots=True)
class DemoContact:
    """Somebody to call, for one campaign."""

    campaign: str
    to: str


def contacts(count: int, seed: int) -> list[DemoContact]:
    """The first so many, in another order with each seed."""
    made = [contact(n) for n in range(count)]
    Random(seed).shuffle(made)
    return made


def contact(n: int) -> DemoContact:
    """Half of them are American, the rest British and French; nobody twice."""
    k = n // 4
    if n % 4 < 2:
        code = _US_AREAS[(2 * k + n % 4) % len(_US_AREAS)]
        to = f"+1{code}555{(2 * k + n % 4) // len(_US_AREAS) + 100:04d}"
    elif n % 4 == 2:
        to = f"+4477009{k:05d}"
    else:
        to = f"+331990{k:05d}"
    return DemoContact(CAMPAIGNS[n % 2], to)


def job(contact: DemoContact, attempt_no: int, seed: int) -> tuple[str, dict[str, Any]]:
    """(attempt id, message) of one attempt. The answer URL names the attempt, so that the carrier can count by it."""
    attempt_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{seed}/{contact.campaign}/{contact.to}/{attempt_no}"))
    return attempt_id, {
        "attempt_id": attempt_id,
        "tenant_id": TENANT,
        "campaign_id": contact.campaign,
        "to": contact.to,
        "attempt_no": attempt_no,
        "answer": {"twilio": {"url": f"http://answers.example/hello?attempt={attempt_id}"}},
        "metadata": {"demo": "true"},
    }
