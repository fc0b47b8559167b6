"""A call as the carrier sees it, in no provider's words: what was asked, what will become of it, where it stands.

A call's fate is drawn when it is accepted and depends on (seed, from, to, how many-th call of that pair) only, not on
what else happens, apart from the caller ID's own volume and label.
"""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Protocol

from outdial.carrier.behaviour import Behaviour


class Phase(enum.IntEnum):
    """How far a call has come; it only ever rises."""

    QUEUED = 0
    INITIATED = 1
    RINGING = 2
    ANSWERED = 3
    ENDED = 4


class Ending(enum.Enum):
    """How a call ended."""

    COMPLETED = "completed"
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANCELED = "canceled"


SIP_CODES = {
    Ending.COMPLETED: 200,
    Ending.BUSY: 486,
    Ending.REJECTED: 603,
    Ending.NO_ANSWER: 487,
    Ending.UNREACHABLE: 480,
    Ending.INVALID: 404,
    Ending.BLOCKED: 608,
    Ending.FAILED: 503,
    Ending.CANCELED: 487,
}
"""RFC 3261 and RFC 8688; 487 for the ring timeout, as the cancelled INVITE is answered."""


class Answerer(enum.Enum):
    """Who picked up, as machine detection sees it."""

    HUMAN = "human"
    MACHINE = "machine"
    FAX = "fax"
    UNKNOWN = "unknown"


class Detection(enum.Enum):
    """What machine detection is asked to find."""

    OFF = "off"
    START = "start"
    MESSAGE_END = "message_end"


@dataclass(frozen=True, slots=True)
class Fate:
    """What the network and the called party will do, if the caller lets them. Model seconds."""

    ending: Ending
    setup_s: float = 0.0
    ring_s: float = 0.0
    talk_s: float = 0.0
    answerer: Answerer = Answerer.HUMAN
    detected: Answerer = Answerer.HUMAN
    detection_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """What the caller asked for. `token` and `attempt` are the caller's own and opaque here."""

    account: str
    from_number: str
    to: str
    ring_timeout_s: float = 60.0
    max_duration_s: float = 14400.0
    detection: Detection = Detection.OFF
    token: str = ""
    attempt: str = ""


class Follower(Protocol):
    """The side of a call that a provider's API shows: told of each step, it calls back as that provider does."""

    def moved(self, call: Call) -> None:
        """The call entered a new phase."""

    def detected(self, call: Call) -> None:
        """Machine detection came to a result while the call was under way."""


@dataclass(slots=True, eq=False)
class Call:
    """One accepted call. Times are Unix seconds of real time; `talked_s` is in model seconds, as a bill would say."""

    call_id: str
    order: Order
    fate: Fate
    follower: Follower
    accepted_at: float
    arrived_at: float = 0.0
    """When the create request arrived; the carrier may have come to it later. 0 = when it was accepted."""
    queue_s: float = 0.0
    phase: Phase = Phase.QUEUED
    ending: Ending | None = None
    initiated_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    talked_s: float = 0.0
    detected: Answerer | None = None
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    detection_timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.arrived_at = self.arrived_at or self.accepted_at

    @property
    def open(self) -> bool:
        """Under way: accepted and not ended."""
        return self.phase is not Phase.ENDED

    @property
    def sip_code(self) -> int | None:
        """The SIP response that ended it."""
        return None if self.ending is None else SIP_CODES[self.ending]


def draw_fate(random: Random, behaviour: Behaviour, *, answer_factor: float, labelled: bool) -> Fate:
    """What becomes of a call. `answer_factor`: what the number's volume leaves of its answer rate."""
    setup_s = behaviour.setup_s.draw(random)
    blocked, chance, kind = random.random(), random.random(), random.random()
    ring_s = behaviour.ring_s.draw(random)
    if labelled and blocked < behaviour.labelled_blocked_share:
        return Fate(Ending.BLOCKED, setup_s)
    factor = behaviour.answer_factor * answer_factor * (behaviour.labelled_factor if labelled else 1.0)
    if chance < behaviour.answer_rate * factor:
        return _answered(random, behaviour, kind, setup_s, ring_s)
    return Fate(_unanswered(behaviour, kind), setup_s, ring_s)


def _answered(random: Random, behaviour: Behaviour, kind: float, setup_s: float, ring_s: float) -> Fate:
    answerer = Answerer.HUMAN
    if kind < behaviour.machine_share:
        answerer = Answerer.MACHINE
    elif kind < behaviour.machine_share + behaviour.fax_share:
        answerer = Answerer.FAX
    talk = behaviour.talk_s if answerer is Answerer.HUMAN else behaviour.machine_talk_s
    unsure = random.random() < behaviour.detection_unknown_share
    return Fate(
        Ending.COMPLETED,
        setup_s,
        ring_s,
        talk.draw(random),
        answerer,
        Answerer.UNKNOWN if unsure else answerer,
        behaviour.detection_s.draw(random),
    )


def _unanswered(behaviour: Behaviour, kind: float) -> Ending:
    for ending, share in (
        (Ending.BUSY, behaviour.busy_share),
        (Ending.REJECTED, behaviour.rejected_share),
        (Ending.UNREACHABLE, behaviour.unreachable_share),
        (Ending.INVALID, behaviour.invalid_share),
        (Ending.FAILED, behaviour.failed_share),
    ):
        if kind < share:
            return ending
        kind -= share
    return Ending.NO_ANSWER


def source_of(seed: int, *parts: object) -> Random:
    """A random source that depends on the parts only, alike on every machine and in every process."""
    text = "/".join(map(str, (seed, *parts)))
    return Random(int.from_bytes(blake2b(text.encode(), digest_size=16).digest()))
