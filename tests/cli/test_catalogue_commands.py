"""`migrate`, `apply`, `show`, `pause` and `resume` as a person uses them: plans, questions, exit codes, what stands after."""

from __future__ import annotations

import asyncio
import io
import tomllib
from pathlib import Path

import asyncpg
import pytest

from tests.catalogue.files import BASE
from tests.cli.running import Outdial, runner

FEWER = BASE[: BASE.index("[numbers.us-2]")] + BASE[BASE.index("[campaigns.spring]") :].replace(
    ', { number = "us-2", base_weight = 2 }', ""
)


@pytest.fixture
def outdial(database_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Outdial:
    """Commands on a fresh, migrated database."""
    return runner(database_url, monkeypatch, capfd)


@pytest.fixture
async def empty_database_url(database_url: str) -> str:
    """One that was never migrated."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("drop schema public cascade; create schema public")
    await connection.close()
    return database_url


@pytest.fixture
def base(tmp_path: Path) -> str:
    """The path of a catalogue file."""
    return written(tmp_path, BASE)


def written(folder: Path, text: str) -> str:
    path = folder / "catalogue.toml"
    path.write_text(text)
    return str(path)


# --- migrate ---------------------------------------------------------------------------------------------------------


def test_migrate_checks_then_applies_then_has_nothing_to_do(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    outdial = runner(empty_database_url, monkeypatch, capfd)
    behind = outdial("migrate", "--check")
    assert (behind.code, behind.out.startswith("not applied yet: 0001_start")) == (1, True)
    assert outdial("migrate", "--check", "--json").data["up_to_date"] is False
    applied = outdial("migrate")
    assert (applied.code, applied.out, applied.err.splitlines()[0]) == (0, "", "applied 0001_start")
    assert outdial("migrate").err == "the schema is up to date\n"
    assert outdial("migrate", "--check").out == "the schema is up to date\n"
    assert outdial("migrate", "--check", "--json").data == {"up_to_date": True, "pending": [], "unknown": []}


# --- apply -----------------------------------------------------------------------------------------------------------


def test_apply_shows_its_plan_and_a_second_time_changes_nothing(outdial: Outdial, base: str) -> None:
    first = outdial("apply", base)
    assert (first.code, first.err) == (0, "applied; the catalogue is at version 2\n")
    assert "+ tenants.acme\n    max_calls = 40\n" in first.out
    assert "    pool: + us-2 { base_weight = 2" in first.out
    assert first.out.splitlines()[-1] == "5 added, 0 changed, 0 removed"
    again = outdial("apply", base)
    assert (again.code, again.out, again.err) == (0, "no changes\n", "")


def test_a_dry_run_changes_nothing_and_json_says_so(outdial: Outdial, base: str) -> None:
    data = outdial("apply", base, "--dry-run", "--json").data
    assert (data["applied"], len(data["changes"])) == (False, 5)
    assert outdial("show", "--json").data == {}
    assert outdial("apply", base, "--json").data["applied"] is True


def test_apply_reads_standard_input(outdial: Outdial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("[tenants.acme]\n"))
    assert "+ tenants.acme" in outdial("apply", "-").out


def test_removing_wants_a_yes(outdial: Outdial, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outdial("apply", base)
    fewer = written(tmp_path, FEWER)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    refused = outdial("apply", fewer, "--prune")
    assert refused.code == 1
    assert "- numbers.us-2" in refused.out
    assert refused.err == "outdial apply: Apply all the same? Nobody can be asked here; add --yes\n"
    assert outdial("show", "us-2").code == 0
    assert outdial("apply", fewer, "--prune", "--yes").code == 0
    assert outdial("show", "us-2").code == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tenants.acme]\nmax_call = 3\n", 'did you mean "max_calls"'),
        ("[tenants.acme", "catalogue.toml"),
        ('[campaigns.spring]\ntenant = "acme"\nprimary = "us-1"\n', "there is no"),
    ],
    ids=["misspelt key", "no TOML", "unknown names"],
)
def test_apply_names_every_mistake_and_changes_nothing(outdial: Outdial, tmp_path: Path, text: str, said: str) -> None:
    answer = outdial("apply", written(tmp_path, text))
    assert answer.code == 1
    assert answer.err.startswith("outdial apply: ")
    assert said in answer.err
    assert outdial("show", "--json").data == {}


def test_apply_wants_a_file_that_is_there_and_text(outdial: Outdial, tmp_path: Path) -> None:
    missing = outdial("apply", str(tmp_path / "none.toml"))
    assert (missing.code, missing.err.endswith("No such file or directory (name a catalogue file)\n")) == (1, True)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text (save it as UTF-8)" in outdial("apply", str(binary)).err


# --- show ------------------------------------------------------------------------------------------------------------


def test_what_show_prints_can_be_applied_and_changes_nothing(outdial: Outdial, base: str, tmp_path: Path) -> None:
    outdial("apply", base)
    shown = outdial("show")
    assert set(tomllib.loads(shown.out)) == {"tenants", "connections", "numbers", "campaigns"}
    assert outdial("apply", written(tmp_path, shown.out)).out == "no changes\n"


@pytest.mark.parametrize(
    ("what", "tables"),
    [
        ("numbers", {"numbers": {"us-1", "us-2"}}),
        ("us-1", {"numbers": {"us-1"}}),
        ("campaigns.spring", {"campaigns": {"spring"}}),
    ],
)
def test_show_a_part(outdial: Outdial, base: str, what: str, tables: dict[str, set[str]]) -> None:
    outdial("apply", base)
    data = outdial("show", what, "--json").data
    assert {kind: set(named) for kind, named in data.items()} == tables


def test_show_of_what_is_not_there(outdial: Outdial) -> None:
    answer = outdial("show", "us-9")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "outdial show: the catalogue has nothing named 'us-9' (outdial show lists everything)\n"


# --- pause and resume ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"), [("tenant", "acme"), ("campaign", "spring"), ("connection", "acme-us"), ("number", "us-1")]
)
def test_pause_and_resume_say_what_changed(outdial: Outdial, base: str, kind: str, name: str) -> None:
    outdial("apply", base)
    paused = outdial("pause", kind, name, "--why", "holiday")
    assert (paused.code, paused.err) == (0, f"{kind} {name}: paused\n")
    assert outdial("show", f"{kind}s.{name}", "--json").data[f"{kind}s"][name]["paused"] is True
    assert outdial("pause", kind, name).err == f"{kind} {name}: nothing to do, it is so already\n"
    assert outdial("resume", kind, name).err == f"{kind} {name}: resumed\n"
    assert "paused" not in outdial("show", f"{kind}s.{name}").out


def test_a_pause_outlives_an_apply_and_is_kept_with_who_and_why(
    outdial: Outdial, base: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "mara")
    outdial("apply", base)
    outdial("pause", "number", "us-1", "--why", "holiday")
    assert outdial("apply", base).out == "no changes\n"
    assert asyncio.run(last_entry(database_url)) == ("mara", "pause", "number/us-1", "holiday")


async def last_entry(database_url: str) -> tuple[str, ...]:
    """Who did what to whom, and why."""
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("select who, action, subject, why from audit_log order by entry desc limit 1")
    await connection.close()
    return tuple(row or ())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("pause", "number", "us-9"), 1, "outdial pause: there is no number named 'us-9' (outdial show numbers)\n"),
        (
            ("resume", "campaign", "sprng"),
            1,
            "outdial resume: there is no campaign named 'sprng' (outdial show campaigns)\n",
        ),
        (("pause", "numbr", "us-1"), 2, "unknown: 'numbr' (did you mean 'number'?)"),
    ],
)
def test_pause_refuses_what_is_not_there(outdial: Outdial, words: tuple[str, ...], code: int, said: str) -> None:
    answer = outdial(*words)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
