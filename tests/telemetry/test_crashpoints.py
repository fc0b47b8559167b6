"""Crash points: no-ops until armed, then the process is gone, and the mark says where."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from outdial.errors import BadConfiguration
from outdial.telemetry.crashpoints import CRASH_POINTS, Crashpoints


def test_nothing_happens_while_none_is_armed() -> None:
    deaths = list[str]()
    points = Crashpoints({}, lambda: deaths.append("died"))
    for name in CRASH_POINTS:
        points.pass_by(name)
    assert deaths == []


def test_the_armed_one_kills_at_the_passing_it_was_armed_for(tmp_path: Path) -> None:
    deaths, mark = list[str](), tmp_path / "mark"
    environment = {"OUTDIAL_CRASH_AT": "after_intent:3", "OUTDIAL_CRASH_MARK": str(mark)}
    points = Crashpoints(environment, lambda: deaths.append("died"))
    points.pass_by("after_intent")
    points.pass_by("after_response")
    points.pass_by("after_intent")
    assert (deaths, mark.exists()) == ([], False)
    points.pass_by("after_intent")
    assert (deaths, mark.read_text()) == (["died"], "after_intent\n")
    points.pass_by("after_intent")
    assert deaths == ["died"]


def test_a_real_process_dies_by_sigkill_and_leaves_its_mark(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = (
        "from outdial.telemetry.crashpoints import crashpoint\n"
        "crashpoint('after_receive'); crashpoint('after_settle_commit'); print('alive')"
    )
    died = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": "src", "OUTDIAL_CRASH_AT": "after_settle_commit", "OUTDIAL_CRASH_MARK": str(mark)},
        capture_output=True,
        check=False,
    )
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, b"")
    assert mark.read_text() == "after_settle_commit\n"


@pytest.mark.parametrize("wrong", ["after_lunch", "after_intent:0", "after_intent:x", "after_intent:"])
def test_a_misspelt_crash_point_is_refused(wrong: str) -> None:
    with pytest.raises(BadConfiguration, match="OUTDIAL_CRASH_AT"):
        Crashpoints({"OUTDIAL_CRASH_AT": wrong})


def test_every_crash_point_in_the_source_is_in_the_list() -> None:
    source = Path(__file__).parents[2] / "src" / "outdial"
    used = {name for path in source.rglob("*.py") for name in re.findall(r'\bcrashpoint\("(\w+)"\)', path.read_text())}
    assert used
    assert used == set(CRASH_POINTS)


def test_a_process_may_stop_there_instead_and_go_on_when_continued(tmp_path: Path) -> None:
    program = "from outdial.telemetry.crashpoints import crashpoint\ncrashpoint('after_intent'); print('back')"
    environment = {"PYTHONPATH": "src", "OUTDIAL_CRASH_AT": "after_intent", "OUTDIAL_CRASH_BY": "stop"}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=30)[0] == b"back\n"


def test_a_way_to_crash_that_is_none_is_refused() -> None:
    with pytest.raises(BadConfiguration, match="OUTDIAL_CRASH_BY"):
        Crashpoints({"OUTDIAL_CRASH_AT": "after_intent", "OUTDIAL_CRASH_BY": "melt"})
