"""`attempts`, `explain`, `pick` and `health` as a person reads them, and as a program does."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.cli.running import Outdial, runner
from tests.support.dialled import CALLS, Dialled

LOCK = "Sticky – number locked to this contact after answered call"


@pytest.fixture
def outdial(dialled: Dialled, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Outdial:
    """Commands on the dialled database."""
    return runner(dialled.url, monkeypatch, capfd)


# --- attempts --------------------------------------------------------------------------------------------------------


def test_attempts_are_a_table_with_masked_contacts_and_the_lock(outdial: Outdial, dialled: Dialled) -> None:
    answer = outdial("attempts", "spring")
    assert answer.code == 0
    head, *rows = answer.out.splitlines()
    assert head.split() == [
        "attempt", "received", "state", "contact", "from", "number", "lock", "tier", "outcome", "blocker", "next",
    ]  # fmt: skip
    assert len(rows) == CALLS + 3
    assert "+1312555" not in answer.out
    (locked,) = [row for row in rows if re.search(r"\block\b", row)]
    assert locked.startswith(dialled.own_again)
    assert f"lock: {LOCK}" in answer.err
    (waits,) = [row for row in rows if row.startswith(dialled.waits)]
    assert waits.split()[3:] == ["waiting", "…99", "not_due", "2099-01-01", "00:00:00Z"]
    (refused,) = [row for row in rows if row.startswith(dialled.refused)]
    assert refused.endswith("rejected_request (destination_kind_not_allowed)")


def test_attempts_in_full_and_as_json(outdial: Outdial, dialled: Dialled) -> None:
    assert dialled.own_contact in outdial("attempts", "spring", "--full").out
    masked = outdial("attempts", "spring", "--contact", dialled.own_contact, "--json")
    assert dialled.own_contact not in masked.out
    full = outdial("attempts", "spring", "--contact", dialled.own_contact, "--json", "--full").data["attempts"]
    assert {one["contact"] for one in full} == {dialled.own_contact}
    assert [one["lock_text"] for one in full] == [LOCK, None]


def test_attempts_go_on_where_a_page_ended(outdial: Outdial) -> None:
    first = outdial("attempts", "spring", "--limit", "20")
    cursor = re.search(r"more: --after (\S+)", first.err)
    assert cursor is not None
    second = outdial("attempts", "spring", "--limit", "20", "--after", cursor[1])
    assert len(first.out.splitlines()) + len(second.out.splitlines()) == CALLS + 3 + 2
    assert "more:" not in second.err


def test_attempts_of_a_tenant_with_filters(outdial: Outdial, dialled: Dialled) -> None:
    waiting = outdial("attempts", "--tenant", "acme", "--state", "waiting", "--json").data["attempts"]
    assert {one["attempt_id"] for one in waiting} == {dialled.waits, dialled.waits_at_night}
    night = outdial("attempts", "--tenant", "acme", "--blocker", "outside_calling_hours", "--json").data["attempts"]
    assert [one["campaign"] for one in night] == ["night"]
    assert outdial("attempts", "spring", "--until", "1d").err == "no attempts\n"
    assert len(outdial("attempts", "spring", "--since", "1h", "--json").data["attempts"]) == CALLS + 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "campaign: is missing (name a campaign, or a tenant)"),
        (("sprng",), "there is no campaign named 'sprng'"),
        (
            ("spring", "--state", "gone"),
            'state: "gone" does not exist (one of waiting, placing, unconfirmed, placed, ended)',
        ),
        (("spring", "--outcome", "won"), 'outcome: "won" does not exist'),
        (("spring", "--number", "n77"), "there is no number 'n77'"),
        (("spring", "--contact", "555"), "contact: "),
        (("spring", "--since", "soon"), '--since: "soon" is not a time'),
        (("spring", "--after", "page-2"), "after: is not a cursor"),
        (("spring", "--limit", "0"), "limit: 0 is not between 1 and 1000"),
    ],
)
def test_attempts_refuse_what_they_do_not_understand(outdial: Outdial, words: tuple[str, ...], said: str) -> None:
    answer = outdial("attempts", *words)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"outdial attempts: {said}")


# --- explain ---------------------------------------------------------------------------------------------------------


def test_a_call_is_explained_from_the_contact_to_the_outcome(outdial: Outdial, dialled: Dialled) -> None:
    told = outdial("explain", dialled.own).out
    picked = re.search(r"^How (n\d) was picked$", told, re.MULTILINE)
    assert picked is not None
    number = picked[1]
    for pattern in (
        rf"^attempt   {dialled.own}  acme / spring$",
        r"^contact   …\d\d$",
        r"^state     ended: answered_unknown$",
        rf"^own today {number}, bound .* by attempt {dialled.own}, until ",
        rf"^from      \+1202555010{number[1]}  {number}$",
        r"^counts    a first attempt; the pool gets \d+\.\d% of those answered, the number's index was \d\.\d\d$",
        r"^contact   US, area 312, America/Chicago$",
        r"^sticky    the contact has no number of its own yet$",
        r"^tiers     country     2 numbers match  <- used$",
        rf"^result    {number} by tier country; the random number 0\.\d+ fell into 0\.\d+ to [01]\.\d+$",
        rf"^{number}      \+1202555010{number[1]}  +line +PICKED ",
        r"^n2      \+12025550102  +line +skipped: paused ",
        r"^n4      \+12025550104  +line +skipped: spam flagged ",
        r"^uk      \+442079460104  +line +suits the contact less ",
        r"^carrier   CA[0-9a-f]{32}$",
        r"^said      completed",
        r"^outcome   answered_unknown$",
    ):
        assert re.search(pattern, told, re.MULTILINE), (pattern, told)
    assert LOCK not in told
    assert dialled.own_contact not in told
    assert dialled.own_contact in outdial("explain", dialled.own, "--full").out


def test_a_call_from_the_contacts_own_number_bears_the_lock(outdial: Outdial, dialled: Dialled) -> None:
    told = outdial("explain", dialled.own_again).out
    assert f"lock      {LOCK}\n" in told
    assert re.search(r"^sticky    n\d is the contact's own number since .*: it calls$", told, re.MULTILINE)
    assert re.search(r"^contact   …\d\d  lead-7$", told, re.MULTILINE)


def test_a_waiting_attempt_is_explained_by_blocker_hint_and_the_next_pick(outdial: Outdial, dialled: Dialled) -> None:
    told = outdial("explain", dialled.waits).out
    assert "blocker   not_due\nhint      Its producer asked for a later time (not_before).\n" in told
    assert re.search(r"^next      2099-01-01 00:00:00Z \(in [\d,]+ d\)$", told, re.MULTILINE)
    assert "The next pick, if it were made now" in told
    assert "What came of it" not in told


def test_replaying_says_same_and_as_json_too(outdial: Outdial, dialled: Dialled) -> None:
    answer = outdial("explain", dialled.own, "--replay")
    assert (answer.code, re.fullmatch(r"same: the record comes to n\d again\n", answer.out) is not None) == (0, True)
    data = outdial("explain", dialled.own, "--replay", "--json").data
    assert (data["attempt_id"], data["same"], data["recorded"]) == (dialled.own, True, data["replayed"])


def test_the_explanation_as_json_has_the_gates_and_no_contact(outdial: Outdial, dialled: Dialled) -> None:
    answer = outdial("explain", dialled.own, "--json")
    assert dialled.own_contact not in answer.out
    gates = answer.data["pick"]["gates"]
    assert gates["picked"] == answer.data["attempt"]["number"]
    assert {member["number"]: member["skip"] for member in gates["members"] if member["skip"]} == {
        "n2": "paused",
        "n4": "spam_flagged",
    }


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        ("lead-7", "attempt: 'lead-7' is not an attempt id (outdial attempts lists them)"),
        (str(uuid.UUID(int=7)), f"there is no attempt {uuid.UUID(int=7)}"),
    ],
)
def test_explain_refuses_ids_that_are_none_or_unknown(outdial: Outdial, attempt: str, said: str) -> None:
    answer = outdial("explain", attempt)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"outdial explain: {said}")


# --- pick ------------------------------------------------------------------------------------------------------------


def test_a_dry_run_prints_the_same_picture(outdial: Outdial) -> None:
    first = outdial("pick", "--campaign", "spring", "--to", "+13125550777", "--seed", "7")
    assert first.code == 0
    head, would, *_ = first.out.splitlines()
    assert re.fullmatch(r"spring: …77 at \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ, seed 7", head)
    assert re.fullmatch(r"would call from n[13]", would)
    assert "tiers     country     2 numbers match  <- used" in first.out
    assert re.search(r"^line +0 +8  yes$", first.out, re.MULTILINE)
    assert "the job is taken to say it for twilio" in first.err
    data = outdial("pick", "--campaign", "spring", "--to", "+13125550777", "--seed", "7", "--json").data
    assert f"would call from {data['gates']['picked']}" == would


def test_a_dry_run_at_another_time_and_what_forbids_it(outdial: Outdial) -> None:
    answer = outdial("pick", "--campaign", "night", "--to", "+13125550777")
    assert "would wait: outside_calling_hours" in answer.out
    opening = re.search(r"^forbidden outside_calling_hours: .* Next: (\S+) (\S+)\.$", answer.out, re.MULTILINE)
    assert opening is not None
    open_then = outdial("pick", "--campaign", "night", "--to", "+13125550777", "--at", f"{opening[1]}T{opening[2]}")
    assert "would call from n1" in open_then.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--campaign", "sprng", "--to", "+13125550777"), 1, "outdial pick: there is no campaign named 'sprng'"),
        (("--campaign", "spring", "--to", "3125550777"), 1, "outdial pick: to: …77 (10 digits) is not a phone number"),
        (
            ("--campaign", "spring", "--to", "+13125550777", "--at", "noon"),
            1,
            'outdial pick: --at: "noon" is not a time',
        ),
        (("--campaign", "spring"), 2, "usage: outdial pick"),
    ],
)
def test_pick_refuses_what_it_does_not_understand(
    outdial: Outdial, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = outdial("pick", *words)
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith(said)


# --- health ----------------------------------------------------------------------------------------------------------


def test_the_health_of_a_pool_is_a_page(outdial: Outdial) -> None:
    told = outdial("health", "spring").out
    assert told.startswith("spring (acme): 3 of 5 numbers may call\nanswered in 24 h: ")
    for pattern in (
        r"^n1 \(primary\) +\+12025550101 +(warming up|active) +\d+/\d+ +\d+\.\d% \(\d+\.\d% - \d+\.\d%\) ",
        r"^n2 +\+12025550102 +paused +0/0 +no calls yet ",
        r"^n4: out, flagged as spam: 0\.90 by lab \(threshold 0\.75\)$",
        r"^uk +\+442079460104 +warming up +0/0 .* 0 / 80 +0$",
        r"^US +first +\d+\.\d% ",
        r"^- n4 is out: flagged as spam: 0\.90 by lab",
    ):
        assert re.search(pattern, told, re.MULTILINE), (pattern, told)


def test_the_health_of_a_number_is_a_page(outdial: Outdial) -> None:
    told = outdial("health", "--number", "n4").out
    assert told.startswith("n4 +12025550104 (acme), through line (twilio)\nstatus       flagged: flagged as spam")
    assert "spam score   0.90; 0.00 by contacts that blocked its calls" in told
    assert re.search(r"^lab +0\.90 +\S+ \S+ +seen$", told, re.MULTILINE)
    assert re.search(r"^spring +\+12025550104 +flagged ", told, re.MULTILINE)


def test_health_as_json_has_codes_and_words(outdial: Outdial) -> None:
    data = outdial("health", "spring", "--json").data
    flagged = next(one for one in data["numbers"] if one["number"] == "n4")
    assert (flagged["status"], flagged["out"], flagged["share"]) == ("flagged", "spam_flagged", None)
    assert [(hint["code"], hint["number"]) for hint in data["hints"]] == [("number_out", "n4")]
    page = outdial("health", "--number", "+12025550101", "--json").data
    assert [one["campaign"] for one in page["campaigns"]] == ["night", "spring"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "CAMPAIGN: name a campaign or a --number, not both"),
        (("spring", "--number", "n1"), "CAMPAIGN: name a campaign or a --number, not both"),
        (("sprng",), "there is no campaign named 'sprng'"),
        (("--number", "n77"), "there is no number 'n77'"),
    ],
)
def test_health_refuses_what_it_does_not_understand(outdial: Outdial, words: tuple[str, ...], said: str) -> None:
    answer = outdial("health", *words)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"outdial health: {said}")


def test_a_database_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, outdial: Outdial) -> None:
    monkeypatch.setenv("OUTDIAL_DATABASE__URL", "postgresql://nobody@127.0.0.1:1/none")
    answer = outdial("attempts", "spring")
    assert answer.code == 1
    assert answer.err == (
        "outdial attempts: PostgreSQL cannot be reached: ConnectionRefusedError "
        "(is it running? outdial config check shows database.url)\n"
    )
