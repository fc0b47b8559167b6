"""`outdial sticky` as a person uses it, with good and with bad input."""

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


def test_set_show_clear(outdial: Outdial) -> None:
    assert outdial("sticky", "show", CONTACT).err == "no number sticks to this contact\n"
    done = outdial("sticky", "set", CONTACT, "a", "--campaign", "spring", "--why", "asked")
    assert (done.code, done.out) == (0, f"spring: {CONTACT} → a\n")
    assert outdial("sticky", "set", CONTACT, "b", "--campaign", "spring").out == f"spring: {CONTACT} → b, was a\n"
    head, row = outdial("sticky", "show", CONTACT).out.splitlines()
    assert head.split()[:3] == ["campaign", "number", "from"]
    assert row.split()[:3] == ["spring", "b", "+12025550102"]
    assert row.endswith("yes")
    (line,) = outdial("sticky", "show", CONTACT, "--json").data
    assert (line["contact"], line["number"], line["usable"], line["because"]) == (CONTACT, "b", True, None)
    assert outdial("pause", "number", "b").code == 0
    shown = outdial("sticky", "show", CONTACT, "--campaign", "spring").out.splitlines()
    assert shown[-1] == "spring: not from b, paused by an operator"
    again = outdial("sticky", "set", CONTACT, "b", "--campaign", "spring")
    assert again.err.endswith("for now another number calls: paused by an operator\n")
    assert outdial("sticky", "clear", CONTACT, "--campaign", "spring").out == f"spring: {CONTACT} cleared, was b\n"
    nothing = outdial("sticky", "clear", CONTACT, "--campaign", "spring")
    assert (nothing.code, nothing.out) == (0, f"spring: {CONTACT} there was nothing to clear\n")


def test_clearing_a_campaign_asks_and_says_how_many(outdial: Outdial) -> None:
    for n in range(3):
        outdial("sticky", "set", f"+1312555020{n}", "a", "--campaign", "spring")
    asked = outdial("sticky", "clear", "--all", "--campaign", "spring")
    assert (asked.code, asked.out) == (1, "")
    assert "Clear the numbers of 3 contacts in spring? Nobody can be asked here; add --yes" in asked.err
    assert len(outdial("sticky", "show", "+13125550200", "--json").data) == 1
    done = outdial("sticky", "clear", "--all", "--campaign", "spring", "--yes", "--json")
    assert done.data == {"campaign": "spring", "count": 3}
    assert outdial("sticky", "show", "+13125550200", "--json").data == []


MISTAKES: list[tuple[tuple[str, ...], int, str]] = [
    (
        ("show", "12025550143"),
        1,
        "contact: …43 (11 digits) is not a phone number (write + and the country code first)",
    ),
    (("show", CONTACT, "--campaign", "sprng"), 1, "there is no campaign named 'sprng'"),
    (("set", CONTACT, "zz", "--campaign", "spring"), 1, "there is no number 'zz' (outdial show numbers)"),
    (("set", CONTACT, "a"), 2, "--campaign"),
    (("clear", "--campaign", "spring"), 1, "CONTACT: name a contact, or give --all, not both"),
    (("clear", CONTACT, "--all", "--campaign", "spring"), 1, "CONTACT: name a contact, or give --all, not both"),
    (("shw", CONTACT), 2, "did you mean 'show'?"),
]


def test_mistakes_are_told(outdial: Outdial) -> None:
    for words, code, said in MISTAKES:
        answer = outdial("sticky", *words)
        assert (answer.code, said in answer.err, "0143" in answer.err) == (code, True, False), answer.err
