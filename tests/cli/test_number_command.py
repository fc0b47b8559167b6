"""`outdial number` as a person uses it, with good and with bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Outdial, runner
from tests.support.turns import CONTACT, TWO_LINES


@pytest.fixture
def outdial(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Outdial:
    """Commands on a database with a small catalogue."""
    run = runner(database_url, monkeypatch, capfd)
    (tmp_path / "catalogue.toml").write_text(TWO_LINES)
    assert run("apply", str(tmp_path / "catalogue.toml")).code == 0
    return run


def test_flag_and_unflag(outdial: Outdial) -> None:
    low = outdial("number", "flag", "a", "--score", "0.4", "--source", "lab")
    assert low.out == "a (+12025550101): score 0.00 → 0.40, not flagged (threshold 0.75)\n"
    high = outdial("number", "flag", "+12025550101", "--why", "complaints", "--json").data
    assert (high["number"], high["before"], high["after"], high["flagged"]) == ("a", 0.4, 1.0, True)
    assert "complaints" in outdial("health", "--number", "a").out
    part = outdial("number", "unflag", "a", "--source", "lab")
    assert part.out == "a (+12025550101): score 1.00 → 1.00, flagged, in no draw (threshold 0.75)\n"
    assert "not flagged" in outdial("number", "unflag", "a").out
    cleared = outdial("number", "clear", "a")
    assert cleared.out == "a (+12025550101): its carrier neither refused nor fails it\n"


def test_release_says_what_it_voids_and_asks(outdial: Outdial) -> None:
    outdial("sticky", "set", CONTACT, "a", "--campaign", "spring")
    asked = outdial("number", "release", "a")
    assert (asked.code, asked.out) == (1, "")
    assert asked.err.splitlines() == [
        "1 contacts lose it as their number: spring 1",
        "it is the primary of spring",
        "outdial number: Release a (+12025550101)? Nobody can be asked here; add --yes",
    ]
    assert len(outdial("sticky", "show", CONTACT, "--json").data) == 1
    paused = outdial("number", "deactivate", "a", "--yes")
    assert "1 contacts are called from other numbers until it is back: spring 1" in paused.err
    assert paused.out == "a (+12025550101): active → inactive\n"
    assert outdial("number", "deactivate", "a").out == "a (+12025550101): inactive already\n"
    done = outdial("number", "release", "a", "--yes", "--json")
    assert (done.data["voided"], done.data["contacts"]) == (True, {"spring": 1})
    assert outdial("sticky", "show", CONTACT, "--json").data == []
    for name in ("b", "c"):
        last = outdial("number", "deactivate", name, "--yes")
    assert "nothing can be dialled then in spring: there is no other active number" in last.err
    assert outdial("number", "activate", "b").out == "b (+12025550102): inactive → active\n"


MISTAKES: list[tuple[tuple[str, ...], int, str]] = [
    (("flag", "zz"), 1, "there is no number 'zz' (outdial show numbers)"),
    (("flag", "a", "--score", "7"), 1, "score: 7 is not between 0 and 1 (0 = clean, 1 = flagged as spam)"),
    (("flag", "a", "--score", "high"), 2, "argument --score: invalid float value: 'high'"),
    (
        ("unflag", "a", "--source", "lab"),
        1,
        "source: 'lab' has reported nothing (outdial health --number a lists them)",
    ),
    (("relase", "a"), 2, "did you mean 'release'?"),
    (("release", "+12025550999", "--yes"), 1, "there is no number …99 (outdial show numbers)"),
]


def test_mistakes_are_told(outdial: Outdial) -> None:
    for words, code, said in MISTAKES:
        answer = outdial("number", *words)
        assert (answer.code, said in answer.err) == (code, True), answer.err
