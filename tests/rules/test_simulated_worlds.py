"""The harness of `make simulate`, played for a day or two: it must measure what it says."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from statistics import fmean

import pytest
from bench.simulate import plot
from bench.simulate.__main__ import as_json
from bench.simulate.engine import Call, play, play_knowing
from bench.simulate.figures import TARGETS, figures
from bench.simulate.trials import CUT_WATCHED, MORE_CUTS, RULES, Trial, gini, mean_and_interval, more_cuts, try_world
from bench.simulate.worlds import WORLDS, Labelled, PilotOf2, Stationary


class Always:
    """A rule that takes one number and keeps count of what it was told."""

    def __init__(self, number: int) -> None:
        self.number, self.heard, self.answered = number, 0, 0

    def pick(self, call: Call) -> int:
        return self.number

    def learn(self, number: int, call: Call, answered: bool, now: float) -> None:
        assert number == self.number
        assert now > call.at
        self.heard += 1
        self.answered += answered


def test_the_score_is_the_chance_of_what_was_dialled() -> None:
    world = Stationary(1, days=1)
    worst, best = (play(world, Always(number), "luck").expected for number in (0, 9))
    calls = len(world.calls())
    assert worst == pytest.approx(0.05 * calls)
    assert best == pytest.approx(0.25 * calls)
    assert play_knowing(world).expected == pytest.approx(best)


def test_rules_hear_of_answers_as_often_as_the_world_answers() -> None:
    rule, world = Always(9), Stationary(2, days=1)
    play(world, rule, "luck")
    assert 0 < len(world.calls()) - rule.heard < 30, "the last calls are still under way"
    assert rule.answered / rule.heard == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_has_sound_chances(name: str) -> None:
    world = WORLDS[name](3, days=1)
    calls = world.calls()
    assert [call.at for call in calls] == sorted(call.at for call in calls)
    chances = [world.chance(number, call, 40) for call in calls[::97] for number in range(min(world.size, 10))]
    assert all(0.0 <= chance <= 0.6 for chance in chances)
    assert WORLDS[name].__doc__


def test_every_named_figure_has_its_world() -> None:
    assert TARGETS.keys() <= WORLDS.keys()
    assert len(WORLDS) >= 13


def test_a_trial_is_repeatable_and_outdial_learns() -> None:
    """240 calls over two numbers can mislead it in one trial; over eight it is ahead by some five standard errors."""
    trials = [try_world((PilotOf2.name, seed, 4)) for seed in range(1, 9)]
    assert trials[4] == try_world((PilotOf2.name, 5, 4))
    assert trials[0].scores.keys() == set(RULES)
    assert fmean(trial.scores["outdial"] - trial.scores["uniform"] for trial in trials) > 3.0
    assert all(trial.scores["uniform"] > 70.0 for trial in trials)
    lines = figures({PilotOf2.name: trials})
    assert {line.name for line in lines} >= {"answered, pilot_of_2", "above uniform, pilot_of_2"}


def test_the_result_is_json_and_draws_pictures() -> None:
    scores, points = dict.fromkeys(RULES, 100.0), [2.0, 0.1] * 5
    trials = {"labelled": [Trial("labelled", scores, [5, 5], [0.1], [160], dict.fromkeys(RULES, points))]}
    result = json.loads(json.dumps(as_json(trials, figures(trials), {"runs": 1})))
    assert result["worlds"]["labelled"]["outdial"].keys() == {"mean", "ci95"}
    assert result["worlds"]["labelled"]["clairvoyant"]["mean"] == 100.0
    for picture in (plot.answered(result["worlds"]), plot.labelled_share(result["labelled_number"])):
        assert ET.fromstring(picture).tag.endswith("svg")


def test_the_cut_is_looked_for_in_more_worlds_than_one() -> None:
    cuts = more_cuts(Labelled(1, days=2))
    assert len(cuts) == MORE_CUTS
    assert len(set(cuts)) > 1, "other worlds, other cuts"
    assert all(cut is None or cut < CUT_WATCHED for cut in cuts)


@pytest.mark.parametrize(("cuts", "measured", "reached"), [([100, 300], 200, True), ([100, None], float("inf"), False)])
def test_a_number_that_is_never_cut_is_a_figure_missed(cuts: list[int | None], measured: float, reached: bool) -> None:
    lines = figures({Labelled.name: [Trial(Labelled.name, dict.fromkeys(RULES, 100.0), [5, 5], [0.1], cuts)]})
    found = next(line for line in lines if line.name.startswith("labelled number below"))
    assert (found.measured, found.reached) == (measured, reached)


def test_the_interval_and_the_gini_by_hand() -> None:
    mean, (low, high) = mean_and_interval([90.0, 92.0])
    assert mean == 91.0
    assert [low, high] == pytest.approx([91 - 12.71, 91 + 12.71])
    assert gini([5, 5, 5, 5]) == 0.0
    assert gini([0, 0, 0, 8]) == 0.75
