"""One pool with numbers at Twilio, Telnyx, Vonage and Plivo: every attempt ends right, and nobody is ever rung twice.

Twilio and Telnyx are the simulated carrier, Vonage and Plivo small servers made from their descriptions. Creates are
spoilt at each of them: taken but answered 500, cut off, refused for now.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
from aiohttp import web
from pydantic import SecretStr

from outdial.app import App, AppOptions
from outdial.carrier import Scenario, SimulatedCarrier
from outdial.carrier.calls import Ending
from outdial.carrier.telnyx_webhooks import public_key_of
from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded.rabbitmq import free_port
from outdial.embedded.transport import InProcessTransport
from outdial.postgres.pool import connect
from outdial.rules.outcome import Outcome
from outdial.telemetry.metrics import Metrics
from tests.providers.contract import plivo, vonage
from tests.support.replica import Replica
from tests.support.small_carriers import PLIVO, VONAGE, SmallCarrier, expected, small_carrier

ATTEMPTS = 500
TWILIO_ID, TWILIO_TOKEN = "AC" + "0" * 31 + "7", "twilio-token"
TELNYX_ID, TELNYX_KEY = "1494404757140276705", "KEY0123456789ABCDEF"
PROVIDERS = ("twilio", "telnyx", "vonage", "plivo")
NUMBERS = {name: [f"+12025550{index}{n}1" for n in range(2)] for index, name in enumerate(PROVIDERS, 1)}
LIMIT = 25

ENDS = {
    Ending.COMPLETED: Outcome.ANSWERED_UNKNOWN,
    Ending.BUSY: Outcome.BUSY,
    Ending.REJECTED: Outcome.REJECTED,
    Ending.NO_ANSWER: Outcome.NO_ANSWER,
    Ending.UNREACHABLE: Outcome.UNREACHABLE,
    Ending.INVALID: Outcome.INVALID_NUMBER,
    Ending.FAILED: Outcome.CARRIER_FAILED,
}


def scenario() -> Scenario:
    """Two accounts whose creates and callbacks go wrong now and then, but never so that only time could tell."""
    known = {
        "twilio": {"account_id": TWILIO_ID, "auth_token": TWILIO_TOKEN},
        "telnyx": {"account_id": TELNYX_ID, "auth_token": TELNYX_KEY},
    }
    accounts = {
        name: {"provider": name, "limit": LIMIT, "numbers": NUMBERS[name], **each} for name, each in known.items()
    }
    faults = [
        {"kind": "status", "on": "create", "status": 500, "done": True, "every": 20},
        {"kind": "reset", "on": "create", "done": True, "every": 30},
        {"kind": "truncated", "on": "create", "every": 35},
        {"kind": "status", "on": "create", "status": 429, "retry_after_s": 1, "every": 25},
        {"kind": "callback_first", "on": "create", "every": 15},
        {"kind": "duplicated", "on": "callback", "every": 7},
        {"kind": "reversed", "on": "callback", "every": 11},
    ]
    behaviour = {"unreachable_share": 0.15, "invalid_share": 0.1, "busy_share": 0.15, "rejected_share": 0.15}
    values = {"seed": 3, "speed": 200.0, "behaviour": behaviour, "accounts": accounts, "faults": faults}
    return Scenario.from_mapping(values)


def catalogue(addresses: dict[str, str], application: str) -> str:
    """Four connections, two numbers at each, one campaign with an answer instruction for every provider."""
    accounts = {"twilio": TWILIO_ID, "vonage": vonage.APPLICATION_ID, "plivo": plivo.AUTH_ID}
    credentials = {
        "twilio": ["auth_token"],
        "telnyx": ["api_key", "public_key"],
        "vonage": ["private_key", "signature_secret"],
        "plivo": ["auth_token"],
    }
    lines = ["[tenants.acme]"]
    for name in PROVIDERS:
        lines += [
            f"[connections.{name}]",
            f'provider = "{name}"',
            f'base_url = "{addresses[name]}"',
            f"max_calls = {LIMIT}",
        ]
        lines += (
            [f'account = "{accounts[name]}"']
            if name in accounts
            else [f'options = {{ connection_id = "{TELNYX_ID}" }}']
        )
        pairs = ", ".join(f'{key} = "env:{name}_{key}"' for key in credentials[name])
        lines.append(f"credentials = {{ {pairs} }}")
        for index, number in enumerate(NUMBERS[name]):
            lines += [f"[numbers.{name}{index}]", f'e164 = "{number}"', 'tenant = "acme"', f'connection = "{name}"']
    pool = [f"{name}{index}" for name in PROVIDERS for index in range(2)]
    lines += ["[campaigns.spring]", 'tenant = "acme"', 'primary = "twilio0"', f"pool = {json.dumps(pool)}"]
    lines += ['calling_hours = "always"', 'machine_detection = "off"']
    lines += [
        "[campaigns.spring.answer]",
        'twilio = { twiml = "<Response/>" }',
        f'telnyx = {{ webhook_url = "{application}" }}',
    ]
    lines += [
        'vonage = { ncco = [{ action = "talk", text = "Hello" }] }',
        'plivo = { answer_url = "http://answers.example/x" }',
    ]
    return "\n".join(lines)


@dataclass
class World:
    """The daemon, the carriers, and the customer's Telnyx application."""

    one: Replica
    small: dict[str, SmallCarrier]
    handed_on: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def world(database_url: str) -> AsyncIterator[World]:
    handed_on: list[bytes] = []

    async def application(request: web.BaseRequest) -> web.Response:
        handed_on.append(await request.read())
        return web.Response()

    customer = web.ServerRunner(web.Server(application, access_log=None))
    await customer.setup()
    await web.TCPSite(customer, "127.0.0.1", 0).start()
    try:
        async with SimulatedCarrier(scenario()) as big, small_carrier(VONAGE) as von, small_carrier(PLIVO) as pli:
            addresses = {"twilio": big.url, "telnyx": big.url, "vonage": von.url, "plivo": pli.url}
            text = catalogue(addresses, f"http://127.0.0.1:{customer.addresses[0][1]}/telnyx")
            async with daemon(database_url, text, big) as one:
                yield World(one, {"vonage": von, "plivo": pli}, handed_on)
    finally:
        await customer.cleanup()


@asynccontextmanager
async def daemon(database_url: str, text: str, carrier: SimulatedCarrier) -> AsyncIterator[Replica]:
    secrets = {
        "env:twilio_auth_token": TWILIO_TOKEN,
        "env:telnyx_api_key": TELNYX_KEY,
        "env:telnyx_public_key": public_key_of(carrier.scenario.accounts["telnyx"]),
        "env:vonage_private_key": vonage.pem(),
        "env:vonage_signature_secret": vonage.SIGNATURE_SECRET,
        "env:plivo_auth_token": plivo.TOKEN,
    }
    port = free_port()
    transport = InProcessTransport()
    options = AppOptions(
        database_url=database_url, public_url=f"http://127.0.0.1:{port}", callbacks_port=port, drain_s=5.0
    )
    looker = await connect(database_url)
    app = App(options, transport, lambda reference: SecretStr(secrets[reference]), Metrics())
    try:
        await apply(looker, read_catalogue(text, "test"), who="test")
        await app.start()
        try:
            yield Replica(app, looker, carrier, transport)
        finally:
            await app.stop()
    finally:
        await looker.close()


async def publish_all(one: Replica) -> dict[UUID, str]:
    contacts = {uuid4(): f"+1303555{index:04}" for index in range(1_000, 1_000 + ATTEMPTS)}
    for attempt_id, contact in contacts.items():
        body = {"attempt_id": str(attempt_id), "tenant_id": "acme", "campaign_id": "spring", "to": contact}
        await one.raw(json.dumps(body).encode())
    return contacts


async def outcomes(pool: asyncpg.Pool) -> dict[UUID, tuple[str, str]]:
    """Attempt to provider and outcome."""
    rows = await pool.fetch("select attempt_id, number, outcome from outcomes")
    return {row["attempt_id"]: (str(row["number"])[:-1], row["outcome"]) for row in rows}


def right(world: World, contact: str, provider: str) -> Outcome:
    """What the carriers know of the call."""
    if provider == "vonage":
        return expected(VONAGE, contact.strip("+"))
    if provider == "plivo":
        return expected(PLIVO, contact.strip("+"))
    (call,) = world.one.carrier.switchboard.calls(provider, contact)
    assert call.ending is not None
    return ENDS[call.ending]


def taken(world: World) -> Counter[str]:
    """Calls made at all carriers, by contact."""
    counted = Counter(call.order.to for call in world.one.carrier.switchboard.calls())
    for carrier in world.small.values():
        counted.update({f"+{contact}": times for contact, times in carrier.taken.items()})
    return counted


async def test_500_attempts_over_one_pool_at_four_providers(database_url: str) -> None:
    async with world(database_url) as all_of_it:
        one = all_of_it.one
        contacts = await publish_all(one)

        async def all_ended() -> bool | None:
            return True if await one.pool.fetchval("select count(*) from outcomes") >= ATTEMPTS else None

        await one.until_found(all_ended, within_s=60)
        ended = await outcomes(one.pool)
        in_use = await one.pool.fetchval("select sum(in_use) from limits")
        wrong = {
            (provider, outcome, right(all_of_it, contacts[attempt_id], provider))
            for attempt_id, (provider, outcome) in ended.items()
            if outcome != right(all_of_it, contacts[attempt_id], provider)
        }
        by_provider = Counter(provider for provider, _ in ended.values())
        tally = one.carrier.tally()
        await one.until(lambda: len(all_of_it.handed_on) >= tally["accounts"]["telnyx"]["accepted"])
    assert wrong == set()
    handed_on = [json.loads(body)["data"]["event_type"] for body in all_of_it.handed_on]
    assert set(handed_on) == {"call.initiated", "call.answered", "call.hangup"}, "raw, every kind of them"
    assert (set(ended), in_use) == (set(contacts), 0)
    assert taken(all_of_it) == Counter(contacts.values()), "one call per attempt, whatever went wrong on the way"
    assert tally["violations"] == []
    assert tally["max_calls_per_token"] == 1
    assert tally["accounts"]["telnyx"]["refused"].get("repeated_command", 0) == 0
    for carrier in all_of_it.small.values():
        assert carrier.problems == []
        assert max(carrier.creates.values()) == 1, "one create per intent, refused ones included"
        assert carrier.lost >= 2, "creates that were taken and answered 500"
        assert carrier.creates.total() > carrier.taken.total(), "creates that were refused for now"
    spoilt = {(fault["kind"], fault["on"]): fault["hits"] for fault in tally["faults"]}
    assert all(spoilt.values()), spoilt
    assert set(by_provider) == set(PROVIDERS)
    assert min(by_provider.values()) >= ATTEMPTS // 20, by_provider
