"""The people and the numbers behind the calls: which behaviour applies to a pair, and how tired or labelled a number is.

Volume and labels are counted in model time, so that a day of dialling can be rehearsed in a minute.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from outdial.carrier.behaviour import Behaviour, overlay
from outdial.carrier.calls import Fate, draw_fate, source_of
from outdial.carrier.reading import Table
from outdial.carrier.scenario import Scenario

DAY_S = 86400.0
_BUCKET_S = 3600.0


@dataclass(slots=True)
class NumberState:
    """What the network remembers of one caller ID: its calls of the last 24 hours and its label."""

    labelled_until: float = 0.0
    _buckets: deque[tuple[int, int]] = field(default_factory=deque)
    _volume: int = 0

    def dial(self, now: float) -> int:
        """Count a call at model time `now`; the calls of the last 24 hours with this one (by the hour)."""
        hour = int(now // _BUCKET_S)
        while self._buckets and self._buckets[0][0] <= hour - DAY_S / _BUCKET_S:
            self._volume -= self._buckets.popleft()[1]
        count = self._buckets.pop()[1] if self._buckets and self._buckets[-1][0] == hour else 0
        self._buckets.append((hour, count + 1))
        self._volume += 1
        return self._volume


class Population:
    """Draws the fate of each call. `now` is model time in seconds."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._base: dict[str, Behaviour] = {}
        for account in scenario.accounts.values():
            self._base.update(account.numbers)
        self._states: dict[str, NumberState] = {}
        self._overlaid: dict[tuple[str, tuple[int, ...]], Behaviour] = {}
        self._pairs: dict[tuple[str, str], int] = {}

    def behaviour(self, from_number: str, to: str) -> Behaviour:
        """The figures for a call from one number to another."""
        matching = tuple(
            index
            for index, each in enumerate(self._scenario.destinations)
            if to.startswith(each.prefix) and from_number.startswith(each.from_prefix)
        )
        known = self._overlaid.get((from_number, matching))
        if known is None:
            known = self._base.get(from_number, self._scenario.behaviour)
            for index in matching:
                known = overlay(known, self._scenario.destinations[index].table)
            self._overlaid[from_number, matching] = known
        return known

    def fate(self, from_number: str, to: str, now: float) -> Fate:
        """What becomes of the next call of this pair. Counts it."""
        behaviour = self.behaviour(from_number, to)
        ordinal = self._pairs.get((from_number, to), 0) + 1
        self._pairs[from_number, to] = ordinal
        state = self._states.get(from_number)
        if state is None:
            state = self._states[from_number] = NumberState(math.inf if behaviour.labelled else 0.0)
        random = source_of(self._scenario.seed, from_number, to, ordinal)
        volume = state.dial(now)
        labelled = now < state.labelled_until
        if not labelled and behaviour.label_after and volume > behaviour.label_after:
            chance = source_of(self._scenario.seed, "label", from_number, to, ordinal).random()
            if chance < behaviour.label_chance:
                labelled, state.labelled_until = True, now + behaviour.label_lasts_s
        tired = max(0, volume - behaviour.fatigue_after) if behaviour.fatigue_after else 0
        factor = 0.5 ** min(tired / behaviour.fatigue_half, 50.0)
        return draw_fate(random, behaviour, answer_factor=factor, labelled=labelled)

    def labelled(self, number: str, now: float) -> bool:
        """Whether the number is labelled as spam at model time `now`."""
        state = self._states.get(number)
        if state is None:
            return self._base.get(number, self._scenario.behaviour).labelled
        return now < state.labelled_until

    def change(self, number: str, table: Table) -> None:
        """Overlay a number's figures from now on; `labelled` puts the label on or takes it off."""
        changed = overlay(self._base.get(number, self._scenario.behaviour), table)
        self._base[number] = changed
        self._overlaid.clear()
        if "labelled" in table.values:
            until = math.inf if changed.labelled else 0.0
            self._states.setdefault(number, NumberState()).labelled_until = until
