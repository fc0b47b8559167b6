"""What goes wrong in one run, and how often: drawn from the seed, each kind on or off, so that runs differ in character."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random


@dataclass(slots=True)
class Weather:
    """Probabilities per occasion; times in seconds. All of it ends when the run heals."""

    database_error: float = 0.0
    """A statement fails, nothing of it happened."""
    commit_lost: float = 0.0
    """The connection breaks at a commit, before or after it took effect."""
    broker_error: float = 0.0
    confirm_lost: float = 0.0
    publish_lost: float = 0.0
    duplicate_message: float = 0.0
    refused_for_now: float = 0.0
    refused: float = 0.0
    not_connected: float = 0.0
    no_answer_with_call: float = 0.0
    """5xx, reset or an unreadable answer, and the call exists."""
    no_answer_without_call: float = 0.0
    slow_answer: float = 0.0
    """The answer comes after the client gave up."""
    cannot_ask: float = 0.0
    callback_lost: float = 0.0
    callback_twice: float = 0.0
    callback_early: float = 0.0
    callback_late: float = 0.0
    stray_callback: float = 0.0
    """Somebody who knows a call's token tells of its end on another connection."""
    slow_hang_up: float = 0.0
    """The call goes on for a moment, and a look-up right after still shows it."""
    carrier_hangs: float = 0.0
    """The carrier does not end the call at its limits."""
    late_truth: bool = False
    """No carrier has a list to search, and what they call back comes after one had to give up."""
    longest_delay: float = 0.002
    at_once: float = 0.0
    """A statement takes no time: what follows it in the code follows it directly."""

    def heal(self) -> None:
        """From now on all is well; callbacks that are lost for the whole run stay lost."""
        lost, at_once = self.callback_lost, self.at_once
        for one in fields(self):
            setattr(self, one.name, one.default)
        self.at_once = at_once
        self.callback_lost = lost if lost == 1.0 else 0.0


_MOST = {
    "database_error": 0.04,
    "commit_lost": 0.08,
    "broker_error": 0.1,
    "confirm_lost": 0.2,
    "publish_lost": 0.2,
    "duplicate_message": 0.3,
    "refused_for_now": 0.2,
    "refused": 0.4,
    "not_connected": 0.2,
    "no_answer_with_call": 0.4,
    "no_answer_without_call": 0.4,
    "slow_answer": 0.3,
    "cannot_ask": 0.4,
    "callback_lost": 0.5,
    "callback_twice": 0.4,
    "callback_early": 0.5,
    "callback_late": 0.4,
    "stray_callback": 0.1,
    "slow_hang_up": 0.9,
    "carrier_hangs": 0.5,
}


def draw_weather(rng: Random) -> Weather:
    """Each kind of fault is on in about a third of the runs; in some runs every callback is lost."""
    weather = Weather(longest_delay=rng.choice([0.0005, 0.002, 0.004]), at_once=rng.choice([0.3, 0.6, 0.8]))
    if rng.random() < 0.1:
        return weather
    for name, most in _MOST.items():
        if rng.random() < 0.35:
            setattr(weather, name, rng.uniform(0.2, 1.0) * most)
    if rng.random() < 0.2:
        weather.callback_lost = 1.0
        if rng.random() < 0.5:  # only searching finds these calls
            weather.no_answer_with_call = 0.4
    elif rng.random() < 0.08:
        weather.late_truth = True
        weather.no_answer_with_call, weather.callback_late, weather.callback_lost = 0.6, 1.0, 0.0
    elif rng.random() < 0.08:
        weather.refused = 0.95
    return weather
