"""`make chaos`: a seed says what happens, every fault gets its turn, and the verdict is what a script can go by."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from bench.chaos.faults import HOW
from bench.chaos.plan import CARRIER_TROUBLES, FAULTS, RARE, plan

from outdial.telemetry.crashpoints import CRASH_POINTS


def test_a_seed_says_what_happens_and_every_fault_gets_its_turn() -> None:
    plans = [plan(seed) for seed in range(1, 301)]
    assert plans == [plan(seed) for seed in range(1, 301)]
    assert {happening.name for one in plans for happening in one.happenings} == {*FAULTS, *RARE} == set(HOW)
    assert {one.crash_at.partition(":")[0] for one in plans} == {"", *CRASH_POINTS}
    assert {name for one in plans for name, _ in one.troubles} == {name for name, _ in CARRIER_TROUBLES}
    assert all(one.crash_at or "worker_killed" in {h.name for h in one.happenings} for one in plans), "nobody dies"


@pytest.mark.timeout(240)
async def test_one_run_says_what_it_did_and_that_all_was_kept(tmp_path: Path) -> None:
    said = tmp_path / "said.json"
    arguments = ("--runs", "1", "--seed", "10", "--simulated", "3", "--json", str(said))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.chaos", *arguments, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert (process.returncode, b"violations: 0" in told) == (0, True), told.decode()
    result = json.loads(said.read_text())
    assert (result["runs"], result["seed"], result["violations"]) == (1, 10, [])
    assert result["reached"].keys() >= {name for name, _ in plan(10).troubles}
    assert result["simulated"]["runs"] == 3
