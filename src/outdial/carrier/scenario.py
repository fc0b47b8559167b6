"""The scenario: who has an account, what its numbers are like, how the called people behave, and what goes wrong.

Read from TOML, JSON or a mapping; `example_scenario.toml` beside this file shows every table with its meaning.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from outdial.carrier.behaviour import NAMES, ORDINARY, Behaviour, read_behaviour
from outdial.carrier.faults import Fault, read_fault
from outdial.carrier.reading import ScenarioError, Table

E164_PATTERN = re.compile(r"\+[1-9]\d{6,14}")
PROVIDERS = ("twilio", "telnyx")
LAST_PATH_SEGMENT = r"/([^/?#]+)/?(?:[?#]|$)"
"""The default `token_pattern`: the last segment of the callback URL's path."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the carrier, with the promise that its holder must keep: `limit` and `calls_per_second`."""

    name: str
    account_id: str
    """Twilio's account SID; at Telnyx the id of the Call Control application (`connection_id`)."""
    auth_token: str = field(repr=False)
    """Twilio's auth token; at Telnyx the API key."""
    provider: str = "twilio"
    """Whose API the account speaks: one of `PROVIDERS`."""
    limit: int = 0
    """Calls under way at once, from their acceptance to their end; 0 = no promise."""
    calls_per_second: float = 0.0
    """Starts in any one second of real time; 0 = no promise. Above it the carrier queues."""
    above_limit: str = "accept"
    """accept: take the call and record the violation; refuse: answer that the limit is reached (and record it too)."""
    any_number: bool = False
    """Accept any caller ID, owned or not."""
    one_call_per_contact: bool = True
    """Two calls to the same number at once are a violation."""
    suspended: bool = False
    queue_limit_s: float = 86400.0
    """The longest queue above the start rate, in real seconds; beyond, creates are refused. Telnyx has none."""
    numbers: Mapping[str, Behaviour] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Destination:
    """How calls to numbers with this prefix (from numbers with that one) differ. The keys of a behaviour."""

    prefix: str
    from_prefix: str
    table: Table


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that the simulated carrier is told. `speed`: model seconds that pass in one real second."""

    accounts: Mapping[str, Account] = field(default_factory=dict)
    seed: int = 1
    speed: float = 1.0
    rate_allowance_s: float = 0.05
    """Network jitter forgiven when starts are counted against `calls_per_second`, real seconds."""
    list_lag_s: float = 0.0
    """How long a call is missing from lists after its creation, real seconds."""
    keep_calls: int = 200_000
    """Ended calls kept for look-ups; the oldest are forgotten first."""
    token_pattern: str = LAST_PATH_SEGMENT
    """Regular expression whose first group, searched in the status callback's URL, is the caller's token of a call."""
    attempt_parameter: str = "attempt"
    """Query parameter of the answer URL or status callback under which a caller may name the attempt."""
    behaviour: Behaviour = ORDINARY
    destinations: tuple[Destination, ...] = ()
    faults: tuple[Fault, ...] = ()

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Scenario:
        """A scenario out of a mapping, as in the file. Raises `ScenarioError`."""
        return _read(Table(values))

    @classmethod
    def from_file(cls, path: Path) -> Scenario:
        """A scenario out of a .toml or .json file. Raises `ScenarioError`, also when it cannot be read."""
        try:
            text = path.read_text(encoding="utf-8")
            values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except OSError as error:
            raise ScenarioError(str(path), f"cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ScenarioError(str(path), f"is not valid {path.suffix[1:] or 'TOML'}: {error}") from error
        if not isinstance(values, dict):
            raise ScenarioError(str(path), "is not a table")
        return cls.from_mapping(values)

    def accounts_at(self, provider: str) -> list[tuple[str, Account]]:
        """The accounts that speak this provider's API, with their names."""
        return [(name, account) for name, account in self.accounts.items() if account.provider == provider]

    def with_changes(self, *, seed: int | None = None, speed: float | None = None) -> Scenario:
        """The same with another seed or speed."""
        return replace(self, seed=self.seed if seed is None else seed, speed=self.speed if speed is None else speed)


_SCENARIO_KEYS = (
    *("accounts", "behaviour", "destinations", "faults", "seed", "speed", "rate_allowance_s", "list_lag_s"),
    *("keep_calls", "token_pattern", "attempt_parameter"),
)
_ACCOUNT_KEYS = (
    *(
        "provider",
        "account_id",
        "auth_token",
        "limit",
        "calls_per_second",
        "above_limit",
        "any_number",
        "one_call_per_contact",
    ),
    *("suspended", "queue_limit_s", "numbers"),
)


def account_id_of(name: str, provider: str = "twilio") -> str:
    """The account SID (or application id) that an account without one of its own gets: always the same for a name."""
    digest = hashlib.blake2b(name.encode(), digest_size=16)
    return "AC" + digest.hexdigest() if provider == "twilio" else str(10**18 + int.from_bytes(digest.digest()) % 10**18)


def auth_token_of(name: str) -> str:
    """The auth token that an account without one of its own gets. Simulated: it protects nothing."""
    return hashlib.blake2b(name.encode(), digest_size=16, person=b"auth-token").hexdigest()


def _read(table: Table) -> Scenario:
    table.only(_SCENARIO_KEYS)
    behaviour = read_behaviour(ORDINARY, table.table("behaviour"))
    accounts = table.table("accounts")
    scenario = Scenario(
        accounts={name: _account(name, accounts.table(name), behaviour) for name in accounts.values},
        seed=table.whole("seed", 1),
        speed=table.number("speed", 1.0, low=0.001, high=1e6),
        rate_allowance_s=table.number("rate_allowance_s", 0.05, high=0.5),
        list_lag_s=table.number("list_lag_s", 0.0),
        keep_calls=table.whole("keep_calls", 200_000),
        token_pattern=_pattern(table),
        attempt_parameter=table.text("attempt_parameter", "attempt"),
        behaviour=behaviour,
        destinations=tuple(_destination(each, behaviour) for each in table.tables("destinations")),
        faults=tuple(read_fault(each) for each in table.tables("faults")),
    )
    _check_accounts(scenario)
    return scenario


def _account(name: str, table: Table, base: Behaviour) -> Account:
    table.only(_ACCOUNT_KEYS)
    provider = table.one_of("provider", PROVIDERS, "twilio")
    return Account(
        name=name,
        account_id=table.text("account_id", account_id_of(name, provider)),
        auth_token=table.text("auth_token", auth_token_of(name)),
        provider=provider,
        limit=table.whole("limit", 0),
        calls_per_second=table.number("calls_per_second", 0.0, high=1e5),
        above_limit=table.one_of("above_limit", ("accept", "refuse"), "accept"),
        any_number=table.flag("any_number"),
        one_call_per_contact=table.flag("one_call_per_contact", default=True),
        suspended=table.flag("suspended"),
        queue_limit_s=table.number("queue_limit_s", 86400.0 if provider == "twilio" else 0.0),
        numbers=_numbers(table, base),
    )


def _numbers(table: Table, base: Behaviour) -> dict[str, Behaviour]:
    """The owned numbers: a list of numbers that behave as the base says, or a table with what each differs in."""
    value = table.values.get("numbers", {})
    if isinstance(value, list):
        table = Table({"numbers": {each: {} for each in value if isinstance(each, str)}}, table.path)
    owned = table.table("numbers")
    for number in owned.values:
        if not E164_PATTERN.fullmatch(number):
            raise ScenarioError(owned.at(number), "is not an E.164 number", "write +12025550101")
    return {number: read_behaviour(base, owned.table(number)) for number in owned.values}


def _destination(table: Table, base: Behaviour) -> Destination:
    table.only((*NAMES, "prefix", "from_prefix"))
    prefix, from_prefix = table.text("prefix"), table.text("from_prefix")
    for key, value in (("prefix", prefix), ("from_prefix", from_prefix)):
        if value and not re.fullmatch(r"\+\d*", value):
            raise ScenarioError(table.at(key), f"{value!r} is not the beginning of an E.164 number", "write +44")
    if not prefix and not from_prefix:
        raise ScenarioError(table.at("prefix"), "is missing", "write +44")
    figures = Table({key: value for key, value in table.values.items() if key in NAMES}, table.path)
    read_behaviour(base, figures)
    return Destination(prefix, from_prefix, figures)


def _pattern(table: Table) -> str:
    value = table.text("token_pattern", LAST_PATH_SEGMENT)
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ScenarioError(table.at("token_pattern"), f"is no regular expression: {error}") from error
    if groups < 1:
        raise ScenarioError(table.at("token_pattern"), "has no group", "put the token's part in parentheses")
    return value


def _check_accounts(scenario: Scenario) -> None:
    owner: dict[str, str] = {}
    for account in scenario.accounts.values():
        # At Telnyx the API key alone says whose request it is.
        keys = (account.auth_token,) if account.provider == "telnyx" else ()
        for thing in (account.account_id, *account.numbers, *keys):
            if thing in owner:
                what = "its API key" if thing in keys else thing
                raise ScenarioError(f"accounts.{account.name}", f"{what} belongs to {owner[thing]} already")
            owner[thing] = account.name
    for index, fault in enumerate(scenario.faults):
        if fault.account and fault.account not in scenario.accounts:
            raise ScenarioError(f"faults[{index}].account", f"there is no account {fault.account!r}")
