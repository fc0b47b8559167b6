"""Secrets and phone numbers are planted in everything a daemon is given, and looked for in everything it says.

The daemon runs as a process at log level debug with a real broker and database. Each canary is a word or number of its own,
so a finding says where it leaked from.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aio_pika
import aiohttp
import asyncpg
import pytest
from yarl import URL

from outdial.carrier import SimulatedCarrier
from outdial.embedded.rabbitmq import free_port
from tests.support.daemon import OUTDIAL, Daemon, lay_out, pause, scenario

ADMIN_TOKEN = "canaryAdminToken0123456789abcdef"
SUPPRESSED, CALLED, UNROUTABLE = "+13125550177", "+13125550178", "+99912345678901"
SECRET_WORDS = ("canary", "Canary", "secret-token")
"""Every planted word has one of these in it; the last is the carrier's auth token."""
NUMBERS = (
    SUPPRESSED,
    CALLED,
    UNROUTABLE,
    "+1202555010",
    "+14155550199",
    "+442079460188",
    "+12125550166",
    "+33142685300",
)
"""Contacts, our own numbers, and numbers in places where none belongs."""


def texts(place: str) -> str:
    """A secret and a number in one free text."""
    return f"canary-{place} +1 (415) 555-0199 and +442079460188 password=canary-word-{place}"


def jobs(attempt_id: str) -> list[tuple[dict[str, Any], str, bytes]]:
    """Headers, routing key and body of good and bad messages."""
    job = {
        "attempt_id": attempt_id, "tenant_id": "acme", "campaign_id": "spring", "to": CALLED,
        "contact_id": texts("contact-id"), "metadata": {"note": texts("metadata"), "canary-key": "+12125550166"},
        "answer": {"twilio": {"url": f"http://canary-user:canary-pass@answers.example/x?attempt={attempt_id}&p=%2B12125550166"}},
        texts("unknown-field"): texts("unknown-value"),
    }  # fmt: skip

    def other(**changes: Any) -> bytes:
        return json.dumps({**job, "attempt_id": str(uuid.uuid4()), **changes}).encode()

    headers = {"traceparent": texts("traceparent"), "x-canary": texts("header")}
    good = json.dumps(job).encode()
    return [
        (headers, "acme", good),
        (headers, "acme", good),
        (headers, "acme", json.dumps({**job, "to": SUPPRESSED}).encode()),  # another body under a known id
        (headers, "acme", other(to=SUPPRESSED)),
        (headers, "acme", other(to=UNROUTABLE)),
        (headers, "acme", other(to=texts("to"))),
        (headers, "acme", other(campaign_id=texts("campaign"))),
        (headers, "acme", other(campaign_id="canary-campaign")),
        (headers, "acme", other(attempt_id=texts("attempt-id"))),
        (headers, "acme", other(tenant_id="canary-tenant")),
        (headers, "acme", other(priority=texts("priority"), not_after=texts("not-after"))),
        (headers, "acme", other(answer={texts("provider"): {"url": texts("url")}})),
        (headers, "acme", b'{"to": "+12125550166", "broken": "canary-json'),
        (headers, "acme", b"\xff canary-bytes +12125550166"),
        (headers, "canary-key-12125550166", good),
    ]


def id_of(body: bytes) -> str:
    """The attempt id where there is one; producers must put it there."""
    try:
        return str(json.loads(body)["attempt_id"])
    except (ValueError, KeyError):
        return texts("message-id")


async def publish(amqp_url: str, prefix: str, attempt_id: str) -> int:
    """All of them, and one of an unknown type. Returns how many."""
    async with await aio_pika.connect(amqp_url) as connection:
        exchange = await (await connection.channel()).get_exchange(f"{prefix}.attempts", ensure=False)
        kinds = [(*one, "call_attempt.requested.v1") for one in jobs(attempt_id)]
        kinds.append(({}, "acme", b"{}", "canary-type +12125550166"))
        for headers, key, body, type_ in kinds:
            message = aio_pika.Message(body, type=type_, headers=headers, message_id=id_of(body), app_id="canary-app")
            await exchange.publish(message, routing_key=key)
        return len(kinds)


async def ask_in_vain(session: aiohttp.ClientSession, daemon: Daemon, port: int, admin_port: int) -> list[str]:
    """Forged callbacks and bad requests on all three ports; what was answered, headers included."""
    placement = uuid.uuid4()
    callbacks, internal, admin = (f"http://127.0.0.1:{number}" for number in (port, daemon.internal_port, admin_port))
    bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    wrong = {"Authorization": "Bearer canary-wrong-token-0123456789", "X-Twilio-Signature": "canary-signature"}
    form = {"From": "+14155550199", "To": CALLED, "CallSid": "CAcanary", "CallStatus": "completed"}
    asked = [
        ("POST", f"{callbacks}/callbacks/twilio/line/{placement}?to=%2B12125550166", wrong, form),
        ("POST", f"{callbacks}/callbacks/twilio/canary-line/{placement}", wrong, form),
        ("GET", f"{callbacks}/canary-path/+12125550166", wrong, None),
        ("GET", f"{internal}/healthz/ready?canary=+12125550166", wrong, None),
        ("GET", f"{admin}/api/v1/attempts", wrong, None),
        ("GET", f"{admin}/api/v1/canary/+12125550166", wrong, None),
        ("GET", f"{admin}/api/v1/attempts?contact=%2B13125550178", bearer, None),
        ("POST", f"{admin}/api/v1/suppressions", bearer, {"canary": "+12125550166"}),
        ("GET", f"{internal}/metrics", {}, None),
        ("GET", f"{internal}/healthz/ready", {}, None),
    ]  # fmt: skip
    said = []
    for method, address, headers, data in asked:
        async with session.request(method, URL(address, encoded=True), headers=headers, data=data) as answer:
            said.append(f"{method} {answer.status} {dict(answer.headers)}\n{await answer.text()}")
    return said


async def until(pool: asyncpg.Pool, question: str, wanted: int) -> None:
    """Wait until the database counts as many."""
    async with asyncio.timeout(20):
        while await pool.fetchval(question) < wanted:
            await pause()


def leaks_in(text: str) -> list[str]:
    """Lines with a planted word, or with the digits of a planted number, however they are written."""
    found = []
    for line in text.splitlines():
        digits = re.sub(r"(?<=\d)[ .()\-]+(?=\d)", "", unquote(line))
        if any(word in line for word in SECRET_WORDS) or any(number.strip("+") in digits for number in NUMBERS):
            found.append(line)
    return found


@pytest.mark.timeout(120)
async def test_nothing_that_was_planted_is_said(
    database_url: str, amqp_url: str, amqp_prefix: str, tmp_path: Path
) -> None:
    (tmp_path / "admin_tokens").write_text(f"anna operator {ADMIN_TOKEN}\n")
    log, port, admin_port, attempt_id = tmp_path / "log", free_port(), free_port(), str(uuid.uuid4())
    settings = {
        "OUTDIAL_LOGGING__LEVEL": "debug", "OUTDIAL_SECRETS_DIR": str(tmp_path),
        "OUTDIAL_ADMIN__ENABLED": "true", "OUTDIAL_ADMIN__PORT": str(admin_port),
        "PYTHONWARNINGS": "default",
    }  # fmt: skip
    async with (
        SimulatedCarrier(scenario(ring_s=[1.0, 2.0])) as carrier,
        asyncpg.create_pool(database_url, min_size=0, max_size=2) as pool,
        aiohttp.ClientSession() as session,
    ):
        looker = await lay_out(database_url, carrier.url)
        await looker.execute(
            "insert into suppressions (tenant, contact, why) values ('acme', $1, $2)", SUPPRESSED, texts("why")
        )
        await looker.close()
        daemon = Daemon(
            database_url, amqp_url, amqp_prefix, port, environment=settings,
            command=("sh", "-c", f"exec {OUTDIAL} run >{log} 2>&1"),
        )  # fmt: skip
        async with daemon:
            await publish(amqp_url, amqp_prefix, attempt_id)
            await until(pool, "select count(*) from dead_letters", 5)
            await until(pool, "select count(*) from outcomes", 3)
            said = await ask_in_vain(session, daemon, port, admin_port)
    logged = log.read_text()
    assert leaks_in("\n".join(said)) == []
    assert leaks_in(logged) == []
    assert '"message.dead_lettered"' in logged  # it was listened to


@pytest.mark.parametrize(
    "line", ['{"to": "+13125550178"}', "tel 1 (312) 555-0178", "+1%20312-555-0178", "token=canary-x", "+12025550101"]
)
def test_a_leak_would_be_found(line: str) -> None:
    assert leaks_in(f"fine\n{line}\nfine") == [line]
