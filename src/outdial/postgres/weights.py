"""What picks weigh numbers by, read in one go: statistics, baselines, volumes of 24 h, health, reported spam scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from outdial.postgres import statements
from outdial.postgres.pool import translate_errors
from outdial.postgres.rows import Row
from outdial.postgres.settle import health_of, stats_of
from outdial.rules.ids import CampaignId, NumberId
from outdial.rules.pool_weights import PoolWeights
from outdial.rules.rotation import BaselineSums

SQL = statements.load("weights")
DAY_S = 86_400.0


async def load_weights(connection: Any, now: float) -> PoolWeights:
    """Everything at once; a few thousand small rows."""
    with translate_errors():
        return _weights(
            stats=await connection.fetch(SQL["member_stats"]),
            baselines=await connection.fetch(SQL["baselines"]),
            volumes=await connection.fetch(SQL["volumes"], now - DAY_S),
            health=await connection.fetch(SQL["health"]),
            scores=await connection.fetch(SQL["spam_scores"]),
        )


async def load_weights_of(
    connection: Any, now: float, campaigns: Collection[str], numbers: Collection[str]
) -> PoolWeights:
    """What stands at these numbers, and the answer rates of these campaigns' pools."""
    of_campaigns, of_numbers = sorted(campaigns), sorted(numbers)
    with translate_errors():
        return _weights(
            stats=await connection.fetch(SQL["member_stats_of"], of_numbers),
            baselines=await connection.fetch(SQL["baselines_of"], of_campaigns),
            volumes=await connection.fetch(SQL["volumes_of"], now - DAY_S, of_numbers),
            health=await connection.fetch(SQL["health_of"], of_numbers),
            scores=await connection.fetch(SQL["spam_scores_of"], of_numbers),
        )


async def load_volumes_and_health(connection: Any, now: float, numbers: Collection[str]) -> PoolWeights:
    """What keeps these numbers out, and what they have dialled: enough where nothing is drawn."""
    of_numbers = sorted(numbers)
    with translate_errors():
        return _weights(
            volumes=await connection.fetch(SQL["volumes_of"], now - DAY_S, of_numbers),
            health=await connection.fetch(SQL["health_of"], of_numbers),
            scores=await connection.fetch(SQL["spam_scores_of"], of_numbers),
        )


async def load_conditions(connection: Any, now: float, capped: Collection[str]) -> PoolWeights:
    """Only what can keep a number out: what was found against numbers, and the dials of those that have a daily cap."""
    with translate_errors():
        return _weights(
            volumes=await connection.fetch(SQL["volumes_of"], now - DAY_S, sorted(capped)),
            health=await connection.fetch(SQL["health_against"]),
            scores=await connection.fetch(SQL["spam_scores"]),
        )


def _weights(
    *,
    stats: Iterable[Row] = (),
    baselines: Iterable[Row] = (),
    volumes: Iterable[Row],
    health: Iterable[Row],
    scores: Iterable[Row],
) -> PoolWeights:
    sums: dict[CampaignId, dict[tuple[str, str], BaselineSums]] = {}
    for row in baselines:
        of = sums.setdefault(CampaignId(row["campaign"]), {})
        of[row["country"], row["class"]] = BaselineSums(row["y"], row["x"], row["at"])
    return PoolWeights(
        stats={(CampaignId(row["campaign"]), NumberId(row["number"])): stats_of(row) for row in stats},
        baselines=sums,
        dials_24h={NumberId(row["number"]): row["dials"] for row in volumes},
        health={NumberId(row["number"]): health_of(row) for row in health},
        spam_scores={NumberId(row["number"]): row["score"] for row in scores},
    )
