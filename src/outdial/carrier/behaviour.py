"""How the called people behave towards a number: how often they answer, how long it rings, how long they talk.

A behaviour is the base table of the scenario, overlaid by the number's own table, then by the destinations that match,
in the order of the file. All times are model seconds; the scenario's speed turns them into real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from random import Random

from outdial.carrier.reading import ScenarioError, Table

REFUSALS = ("", "not_permitted", "blocked", "unreachable", "invalid", "caller_id")
"""Why a call may be refused at once, in neutral words (caller_id: because of the number it comes from)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of seconds: a constant, uniform between two bounds, or exponential around a mean."""

    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0

    def draw(self, random: Random) -> float:
        """One value, in seconds, never negative."""
        if self.mean:
            return random.expovariate(1.0 / self.mean)
        return self.low + (self.high - self.low) * random.random()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One number's (or everybody's) figures. Shares are probabilities from 0 to 1."""

    answer_rate: float = 0.35
    """Calls that are picked up, by a person or a machine."""
    answer_factor: float = 1.0
    """Multiplies the answer rate; those of several matching tables are multiplied."""
    machine_share: float = 0.2
    """Machines among the answered calls."""
    fax_share: float = 0.0
    """Fax machines among the answered calls."""
    busy_share: float = 0.08
    """Among the calls not answered: busy (486)."""
    rejected_share: float = 0.05
    """Among the calls not answered: declined by hand (603)."""
    unreachable_share: float = 0.05
    """Among the calls not answered: switched off (480)."""
    invalid_share: float = 0.01
    """Among the calls not answered: no such number (404)."""
    failed_share: float = 0.01
    """Among the calls not answered: the network could not connect (503)."""
    setup_s: Spread = Spread(0.5, 2.0)
    """From dialling to ringing."""
    ring_s: Spread = Spread(4.0, 18.0)
    """From ringing to the answer, to busy or to a decline."""
    talk_s: Spread = Spread(mean=45.0)
    """From a person's answer to the end."""
    machine_talk_s: Spread = Spread(8.0, 30.0)
    """From a machine's answer to the end."""
    detection_s: Spread = Spread(2.0, 5.0)
    """From the answer to the result of machine detection, where asked for."""
    detection_unknown_share: float = 0.05
    """Machine detections that end without an opinion."""
    labelled: bool = False
    """The number is labelled as spam from the beginning."""
    label_after: int = 0
    """Calls in 24 h (model time) above which each further call may get the number labelled; 0 = never."""
    label_chance: float = 0.02
    """Probability of the label with each call above `label_after`."""
    label_lasts_s: float = 604800.0
    """How long a label stays, model seconds."""
    labelled_factor: float = 0.3
    """Multiplies the answer rate while labelled."""
    labelled_blocked_share: float = 0.1
    """Calls blocked by analytics (608) while labelled."""
    fatigue_after: int = 0
    """Calls in 24 h (model time) above which the answer rate sinks; 0 = never."""
    fatigue_half: float = 100.0
    """The answer rate halves with every so many calls above `fatigue_after`."""
    refuse: str = ""
    """Refuse the call at once: one of `REFUSALS`; empty = no."""


ORDINARY = Behaviour()
"""The figures that hold where the scenario says nothing."""

NAMES = tuple(field.name for field in fields(Behaviour))
_SHARES = frozenset(name for name in NAMES if name.endswith("_share")) | {"answer_rate", "label_chance"}
_SPREADS = frozenset(field.name for field in fields(Behaviour) if isinstance(field.default, Spread))


def overlay(base: Behaviour, table: Table) -> Behaviour:
    """`base` with the figures of the table; the keys that the table lacks stay, `answer_factor` multiplies."""
    changes: dict[str, object] = {}
    for name in NAMES:
        if name in table.values:
            changes[name] = _figure(table, name)
    if "answer_factor" in changes:
        changes["answer_factor"] = base.answer_factor * table.number("answer_factor", 1.0)
    return replace(base, **changes)  # type: ignore[arg-type]  # each value was checked by its own field's reader


def read_behaviour(base: Behaviour, table: Table) -> Behaviour:
    """The same for a table just read: unknown keys and shares that add up to more than 1 are refused."""
    table.only(NAMES)
    result = overlay(base, table)
    _check_sum(table, result)
    return result


def _figure(table: Table, name: str) -> object:
    if name in _SPREADS:
        return _spread(table, name)
    if name in _SHARES:
        return table.share(name, 0.0)
    if name == "labelled":
        return table.flag(name)
    if name == "refuse":
        return table.one_of(name, REFUSALS, "")
    if name in ("label_after", "fatigue_after"):
        return table.whole(name, 0)
    return table.number(name, 0.0, low=0.001 if name == "fatigue_half" else 0.0)


def _spread(table: Table, name: str) -> Spread:
    value = table.values[name]
    if isinstance(value, Mapping):
        return Spread(mean=Table(value, table.at(name)).only(["mean"]).number("mean", 0.0, low=0.001))
    if isinstance(value, list) and len(value) == 2:
        ends = Table({"low": value[0], "high": value[1]}, table.at(name))
        low = ends.number("low", 0.0)
        return Spread(low, ends.number("high", 0.0, low=low))
    if isinstance(value, list):
        raise ScenarioError(table.at(name), f"{value!r} has not two numbers", "write [low, high], 5 or {mean = 45}")
    constant = table.number(name, 0.0)
    return Spread(constant, constant)


def _check_sum(table: Table, of: Behaviour) -> None:
    total = of.busy_share + of.rejected_share + of.unreachable_share + of.invalid_share + of.failed_share
    if total > 1.0 + 1e-9:
        raise ScenarioError(table.path, f"the shares of the calls not answered add up to {total:g}", "at most 1")
    if of.machine_share + of.fax_share > 1.0 + 1e-9:
        raise ScenarioError(table.path, "machine_share and fax_share add up to more than 1", "at most 1")
