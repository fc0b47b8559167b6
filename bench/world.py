"""Who calls in a measurement: tenants with a campaign each, their pools, the connections, and the jobs they publish."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

TOKEN = "secret-token"
TOKEN_VARIABLE = "OUTDIAL_TEST_TOKEN"
"""The credential of every connection, named as the test support names it."""


@dataclass(frozen=True, slots=True)
class World:
    """`pool`: numbers per campaign, spread over all lines. `limit`: of each line; 0 = none."""

    tenants: int = 10
    lines: int = 4
    limit: int = 500
    pool: int = 20
    carrier_url: str = "http://127.0.0.1:1"

    def catalogue(self) -> str:
        """The catalogue file."""
        return "\n".join([*map(self._line, range(self.lines)), *map(self._tenant, range(self.tenants))])

    def _line(self, line: int) -> str:
        limit = f"max_calls = {self.limit}\n" if self.limit else ""
        return (
            f'[connections.line{line}]\nprovider = "twilio"\nbase_url = "{self.carrier_url}"\n'
            f'account = "AC{line:032d}"\n{limit}credentials = {{ auth_token = "env:{TOKEN_VARIABLE}" }}\n'
        )

    def _tenant(self, tenant: int) -> str:
        names = [f"n{tenant}-{k}" for k in range(self.pool)]
        numbers = "".join(
            f'[numbers.{name}]\ne164 = "+1202{2_000_000 + tenant * 1000 + k}"\ntenant = "t{tenant}"\n'
            f'connection = "line{k % self.lines}"\n'
            for k, name in enumerate(names)
        )
        pool = ", ".join(f'"{name}"' for name in names)
        return (
            f"[tenants.t{tenant}]\n{numbers}"
            f'[campaigns.c{tenant}]\ntenant = "t{tenant}"\nprimary = "{names[0]}"\npool = [{pool}]\n'
            'calling_hours = "always"\nselection = { prefer_country_match = false }\n'
            "rotation = { volume_budget_24h = 1000000 }\n"
        )

    def job(self, n: int) -> tuple[str, str, bytes]:
        """The n-th job: (tenant, attempt id, body), tenants in turn, each to a contact of its own."""
        tenant, attempt_id = n % self.tenants, str(uuid.uuid4())
        body = {
            "attempt_id": attempt_id,
            "tenant_id": f"t{tenant}",
            "campaign_id": f"c{tenant}",
            "to": self.contact(n),
            "answer": {"twilio": {"url": "http://answers.example/x"}},
        }
        return f"t{tenant}", attempt_id, json.dumps(body).encode()

    @staticmethod
    def contact(n: int) -> str:
        """The n-th contact."""
        return f"+1312{2_000_000 + n}"


def is_answered(to: str) -> bool:
    """Every fourth contact answers; the others do not, so an attempt has 1.25 events: its end, or a sticky number too."""
    return int(to[-2:]) % 4 == 0


def tenant_of(caller: str) -> int:
    """Whose number that is."""
    return (int(caller.removeprefix("+1202")) - 2_000_000) // 1000
