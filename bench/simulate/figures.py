"""The figures that outdial must reach, beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.simulate.trials import Trial, least_part

TARGETS: dict[str, tuple[float, float]] = {
    "stationary": (91, 60), "labelled": (90, 58), "fatigue": (96, 87), "steep_fatigue": (92, 87),
    "hour_swings": (86, 60), "many_numbers": (66, 60), "random_labels": (81, 69), "country_mix": (88, 59),
    "pilot_of_3": (85, 70), "pilot_of_2": (82, 77),
}  # fmt: skip
"""World -> least answered calls of outdial, and those of uniform random that the world is calibrated to; % of the clairvoyant."""
CALIBRATION = 2.0
"""How far uniform random may lie from that before the world is another one, in points."""
CUT_WITHIN, GINI_AT_MOST, LEAST_PART = 200, 0.22, 4.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `wanted`: the target in words."""

    name: str
    measured: float
    wanted: str
    reached: bool


def figures(trials: Mapping[str, Sequence[Trial]]) -> list[Figure]:
    """All figures of the worlds that were played."""
    found: list[Figure] = []
    for world, of in trials.items():
        found += _scores(world, of)
    found += [one for world in ("labelled",) if world in trials for one in _cut(trials[world])]
    for world, of in trials.items():
        least = least_part(of)
        found.append(
            Figure(f"least dialled number, {world}", least, f"≥ {LEAST_PART:g} % of fair", least >= LEAST_PART)
        )
    return found + _evenness(trials)


def _scores(world: str, of: Sequence[Trial]) -> list[Figure]:
    own, uniform = (fmean(trial.scores[rule] for trial in of) for rule in ("outdial", "uniform"))
    lines = [Figure(f"above uniform, {world}", own - uniform, "> 0 points", own > uniform)]
    if world in TARGETS:
        target, calibrated = TARGETS[world]
        lines.insert(0, Figure(f"answered, {world}", own, f"≥ {target:g} %", own >= target))
        is_near = abs(uniform - calibrated) <= CALIBRATION
        lines.insert(1, Figure(f"uniform, {world}", uniform, f"{calibrated:g} ± {CALIBRATION:g} %", is_near))
        ceiling = max(score for trial in of for score in trial.scores.values())
        lines.append(Figure(f"nobody beats the clairvoyant, {world}", ceiling, "≤ 100 %", ceiling <= 100.0 + 1e-9))
    return lines


def _cut(of: Sequence[Trial]) -> list[Figure]:
    never = float("inf")
    cuts = [never if cut is None else cut for trial in of for cut in trial.cuts]
    wanted = f"≤ {CUT_WITHIN} picks"
    return [
        Figure("labelled number below a third of fair, mean", fmean(cuts), wanted, fmean(cuts) <= CUT_WITHIN),
    ]


def _evenness(trials: Mapping[str, Sequence[Trial]]) -> list[Figure]:
    found = []
    for world, of in trials.items():
        value = fmean(value for trial in of for value in trial.ginis)
        found.append(
            Figure(f"Gini of the first 20 K picks, {world}", value, f"≤ {GINI_AT_MOST}", value <= GINI_AT_MOST)
        )
    return found
