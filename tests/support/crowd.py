"""Twenty tenants on ten connections: the world in which limits, start rates and equal shares are measured at the carrier.

Every campaign has a number of its own on every connection, so that the carrier, who knows nothing of tenants, can be
asked who called: `tenant_of` and `campaign_of` tell it from the caller ID. Every job has a contact of its own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TENANTS = 20
LIMITS = (1, 2, 3, 5, 8, 13, 20, 25, 35, 50)
RATES: Mapping[int, float] = {4: 5.0, 6: 12.0}
"""Connections with a start rate that binds before their limit does, with calls of one second."""
TENANT_LIMITS: Mapping[int, int] = {18: 2, 19: 3}
"""Tenants that may have fewer calls than their equal share."""
CAMPAIGN_LIMITS: Mapping[str, int] = {"c0-1": 1}
SPACING = 1.05
"""Starts are spaced by this much over the rate (SPEC 6)."""


@dataclass(slots=True)
class Crowd:
    """The promises as they stand: `limits` by connection, changed live. `call_s`: how long each call lasts.

    `jitter_s`: by how much later than another one a request may have travelled to the carrier (SPEC 6).
    """

    call_s: float = 1.0
    jitter_s: float = 0.05
    limits: list[int] = field(default_factory=lambda: list(LIMITS))

    def campaigns(self, tenant: int) -> list[str]:
        """Tenant 0 has two campaigns, the others one each."""
        return [f"c{tenant}-{k}" for k in range(2 if tenant == 0 else 1)]

    def catalogue(self, carrier_url: str) -> str:
        """The whole catalogue file."""
        parts = [self._connection(n, carrier_url) for n in range(len(LIMITS))]
        for tenant in range(TENANTS):
            limit = f"max_calls = {TENANT_LIMITS[tenant]}\n" if tenant in TENANT_LIMITS else ""
            parts.append(f"[tenants.t{tenant}]\n{limit}")
            parts += [self._campaign(tenant, name) for name in self.campaigns(tenant)]
        return "\n".join(parts)

    def limits_file(self) -> str:
        """The part of the catalogue that changes live."""
        return "\n".join(f"[connections.line{n}]\nmax_calls = {limit}\n" for n, limit in enumerate(self.limits))

    def scenario(self) -> dict[str, Any]:
        """What the simulated carrier is told: everybody answers at once and talks for `call_s`."""
        return {
            "rate_allowance_s": self.jitter_s,
            "behaviour": {"answer_rate": 1.0, "machine_share": 0.0, "setup_s": 0, "ring_s": 0, "talk_s": self.call_s},
            "accounts": {
                f"line{n}": {
                    "account_id": _account(n),
                    "auth_token": "secret-token",
                    "limit": self.limits[n],
                    "calls_per_second": RATES.get(n, 0.0),
                    "any_number": True,
                }
                for n in range(len(LIMITS))
            },
        }

    def ceiling(self, line: int) -> float:
        """Calls under way at most through that connection, by its limit and its start rate."""
        return min(float(self.limits[line]), RATES.get(line, float("inf")) / SPACING * self.call_s)

    def _connection(self, n: int, carrier_url: str) -> str:
        rate = f"calls_per_second = {RATES[n]}\n" if n in RATES else ""
        return (
            f'[connections.line{n}]\nprovider = "twilio"\nbase_url = "{carrier_url}"\naccount = "{_account(n)}"\n'
            f'max_calls = {self.limits[n]}\n{rate}credentials = {{ auth_token = "env:OUTDIAL_TEST_TOKEN" }}\n'
        )

    def _campaign(self, tenant: int, name: str) -> str:
        numbers = [f"{name}-{n}" for n in range(len(LIMITS))]
        pool = ", ".join(f'"{number}"' for number in numbers)
        limit = f"max_calls = {CAMPAIGN_LIMITS[name]}\n" if name in CAMPAIGN_LIMITS else ""
        return "".join(
            f'[numbers.{number}]\ne164 = "{_caller(tenant, name, n)}"\ntenant = "t{tenant}"\nconnection = "line{n}"\n'
            for n, number in enumerate(numbers)
        ) + (
            f'[campaigns.{name}]\ntenant = "t{tenant}"\nprimary = "{numbers[0]}"\npool = [{pool}]\n{limit}'
            'calling_hours = "always"\nselection = { prefer_country_match = false }\n'
            "rotation = { volume_budget_24h = 1000000 }\n"
        )


def job(tenant: int, campaign: str, number: int) -> tuple[str, bytes]:
    """(attempt id, message) of one attempt to the contact of that number."""
    attempt_id = str(uuid.uuid4())
    body = {
        "attempt_id": attempt_id,
        "tenant_id": f"t{tenant}",
        "campaign_id": campaign,
        "to": f"+1312{2_000_000 + number}",
        "answer": {"twilio": {"url": f"http://answers.example/x?attempt={attempt_id}"}},
    }
    return attempt_id, json.dumps(body).encode()


def tenant_of(caller: str) -> str:
    """Whose number that is."""
    return f"t{int(caller[-5:-2])}"


def campaign_of(caller: str) -> str:
    """Which campaign it calls for."""
    return f"c{int(caller[-5:-2])}-{int(caller[-2])}"


def _caller(tenant: int, campaign: str, line: int) -> str:
    return f"+120220{tenant:03d}{campaign[-1]}{line}"


def _account(n: int) -> str:
    return f"AC{n + 1:032d}"
