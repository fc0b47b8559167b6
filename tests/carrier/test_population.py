"""The people behind the numbers: seeded fates, volume, labels, destinations."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from outdial.carrier import Scenario
from outdial.carrier.behaviour import ORDINARY, Behaviour, Spread
from outdial.carrier.calls import Answerer, Ending, Fate, draw_fate
from outdial.carrier.population import DAY_S, NumberState, Population
from outdial.carrier.reading import Table

Json = dict[str, object]
GOOD, BAD, GB = "+12025550101", "+12025550102", "+442079460101"


def population(*, seed: int = 1, destinations: list[Json] | None = None, **numbers: Json) -> Population:
    """Two numbers; `good` and `bad` say what each is like."""
    owned = {GOOD: numbers.get("good", {}), BAD: numbers.get("bad", {})}
    values: Json = {"seed": seed, "destinations": destinations or [], "accounts": {"us": {"numbers": owned}}}
    return Population(Scenario.from_mapping(values))


def answered(people: Population, number: str, *, calls: int = 3000, at: float = 0.0, to: str = "+1303") -> float:
    """The share of answered calls."""
    fates = [people.fate(number, f"{to}{index:07}", at) for index in range(calls)]
    return sum(fate.ending is Ending.COMPLETED for fate in fates) / calls


def test_the_fate_of_a_pair_does_not_depend_on_what_happens_between() -> None:
    pairs = [(number, f"+1303555{contact:04}") for number in (GOOD, BAD) for contact in range(50) for _ in range(2)]
    other = list(pairs)
    Random(3).shuffle(other)

    def fates(order: list[tuple[str, str]]) -> dict[tuple[str, str], list[Fate]]:
        people, seen = population(), dict[tuple[str, str], list[Fate]]()
        for pair in order:
            seen.setdefault(pair, []).append(people.fate(*pair, 0.0))
        return seen

    assert fates(pairs) == fates(other)


def test_another_seed_or_another_call_of_the_pair_has_another_fate() -> None:
    people = population()
    first, second = (people.fate(GOOD, "+13035550143", 0.0) for _ in range(2))
    assert first != second
    assert population(seed=2).fate(GOOD, "+13035550143", 0.0) != first
    assert population().fate(GOOD, "+13035550143", 0.0) == first


def test_numbers_differ_as_they_are_told_to() -> None:
    people = population(good={"answer_rate": 0.6}, bad={"answer_rate": 0.1})
    assert 0.57 < answered(people, GOOD) < 0.63
    assert 0.08 < answered(people, BAD) < 0.12


def test_endings_come_in_their_shares() -> None:
    behaviour = replace(ORDINARY, answer_rate=0.5, machine_share=0.4, fax_share=0.1, busy_share=0.3, rejected_share=0.2)
    random = Random(1)
    fates = [draw_fate(random, behaviour, answer_factor=1.0, labelled=False) for _ in range(20_000)]
    endings = Counter(fate.ending for fate in fates)
    answerers = Counter(fate.answerer for fate in fates if fate.ending is Ending.COMPLETED)
    assert 0.48 < endings[Ending.COMPLETED] / 20_000 < 0.52
    assert 0.13 < endings[Ending.BUSY] / 20_000 < 0.17
    assert 0.08 < endings[Ending.REJECTED] / 20_000 < 0.12
    assert 0.37 < answerers[Answerer.MACHINE] / endings[Ending.COMPLETED] < 0.43
    assert 0.08 < answerers[Answerer.FAX] / endings[Ending.COMPLETED] < 0.12


def test_a_labelled_number_is_answered_less_and_sometimes_blocked() -> None:
    figures: Json = {"answer_rate": 0.5, "labelled": True, "labelled_factor": 0.4, "labelled_blocked_share": 0.25}
    people = population(bad=figures)
    assert 0.13 < answered(people, BAD) < 0.17
    assert people.labelled(BAD, 0.0)
    assert not people.labelled(GOOD, 0.0)


def test_volume_brings_a_label_and_time_takes_it_away() -> None:
    people = population(bad={"answer_rate": 0.5, "label_after": 100, "label_chance": 0.05, "label_lasts_s": 3 * DAY_S})
    for index in range(100):
        people.fate(BAD, f"+1304555{index:04}", 0.0)
    assert not people.labelled(BAD, 0.0)
    answered(people, BAD, calls=200)
    assert people.labelled(BAD, 1.0)
    assert people.labelled(BAD, 3 * DAY_S - 1)
    assert not people.labelled(BAD, 3 * DAY_S + 1)


def test_volume_tires_and_a_day_later_it_is_forgotten() -> None:
    people = population(bad={"answer_rate": 0.8, "fatigue_after": 100, "fatigue_half": 100})
    assert answered(people, BAD, calls=100) > 0.7
    assert answered(people, BAD, calls=1000, to="+1304") < 0.2
    assert answered(people, BAD, calls=100, at=2 * DAY_S, to="+1305") > 0.7


def test_destinations_apply_in_their_order_and_multiply() -> None:
    people = population(
        good={"answer_rate": 0.8},
        destinations=[
            {"prefix": "+44", "answer_factor": 0.5, "ring_s": 7},
            {"prefix": "+4420", "answer_factor": 0.5},
            {"prefix": "+44", "from_prefix": "+1", "talk_s": 9},
            {"prefix": "+1900", "refuse": "blocked"},
        ],
    )
    british, london = people.behaviour(GOOD, "+441632960001"), people.behaviour(GOOD, "+442079460999")
    assert (british.answer_factor, london.answer_factor) == (0.5, 0.25)
    assert (london.ring_s, london.talk_s, london.answer_rate) == (Spread(7, 7), Spread(9, 9), 0.8)
    assert people.behaviour(GB, "+442079460999").talk_s == ORDINARY.talk_s
    assert people.behaviour(GOOD, "+19005550101").refuse == "blocked"
    assert 0.18 < answered(people, GOOD, to="+4420") < 0.22


def test_a_number_may_change_in_mid_course() -> None:
    people = population(good={"answer_rate": 0.8})
    people.change(GOOD, Table({"answer_rate": 0.1, "labelled": True}))
    assert people.labelled(GOOD, 0.0)
    people.change(GOOD, Table({"labelled": False}))
    assert not people.labelled(GOOD, 0.0)
    assert 0.08 < answered(people, GOOD) < 0.12


@given(st.lists(st.floats(0, 5 * DAY_S), min_size=1, max_size=60).map(sorted))
def test_the_volume_is_that_of_the_last_24_hours_by_the_hour(times: list[float]) -> None:
    state = NumberState()
    volumes = [state.dial(at) for at in times]
    for index, at in enumerate(times):
        oldest_hour = at // 3600 - 24
        assert volumes[index] == sum(earlier // 3600 > oldest_hour for earlier in times[: index + 1])


@given(st.floats(0, 100), st.floats(0, 100), st.integers())
def test_a_spread_stays_within_its_bounds(low: float, width: float, seed: int) -> None:
    assert low <= Spread(low, low + width).draw(Random(seed)) <= low + width
    assert Spread(mean=width + 1).draw(Random(seed)) >= 0


def test_a_behaviour_without_figures_is_the_ordinary_one() -> None:
    assert Behaviour() == ORDINARY
