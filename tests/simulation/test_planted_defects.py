"""The net has no holes where it was looked at: with each planted defect a promise is broken within a few runs."""

from __future__ import annotations

import pytest

from tests.simulation.defects import DEFECTS, planted
from tests.simulation.world import simulate

ENOUGH_RUNS = 300
"""The slowest to be found needs a fifth of that from the first seed; most need less than ten."""


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_simulation_notices(defect: str) -> None:
    with planted(defect):
        found = next((seed for seed in range(1, ENOUGH_RUNS) if simulate(seed).violations), None)
    assert found is not None, f"no run of {ENOUGH_RUNS} noticed that the code {defect}"
