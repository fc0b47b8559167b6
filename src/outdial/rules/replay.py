"""Repeats a pick from its decision record, with the very code that made it, on the picture of the pool as it was."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from outdial.rules.decision import read_assignment, read_attempt, read_busy
from outdial.rules.ids import NumberId
from outdial.rules.policy import CampaignPolicy
from outdial.rules.pool import Picture
from outdial.rules.pool_index import PoolIndex
from outdial.rules.selection import Choice, choose


class Recorded(Random):
    """The random number of a record."""

    def __init__(self, u: float) -> None:
        super().__init__(0)
        self._u = u

    def random(self) -> float:
        return self._u


def replay(record: Mapping[str, Any], picture: Picture, policy: CampaignPolicy) -> NumberId | None:
    """The number that the record's pick comes to; None = none (then the record and the picture do not belong together).

    `picture`, `policy`: from `read_picture` of the body stored under the record's `picture` hash. Raises `ValueError`
    when the picture is another one.
    """
    if picture.hash != record["picture"]:
        raise ValueError(f"the record was made from picture {record['picture']}, not from {picture.hash}")
    pool = PoolIndex(picture, policy)
    picked = choose(
        pool,
        read_attempt(record, pool),
        read_assignment(record),
        read_busy(record, pool),
        float(record["at"]),
        Recorded(float(record.get("u", 0.0))),
    )
    return picked.member.number if isinstance(picked, Choice) else None
