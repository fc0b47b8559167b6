"""Do-not-call lists: changed with who and why, checked at the door and again under the lock that would dial."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from outdial.errors import BadInput, NotFound
from outdial.operator.suppress import Changed, import_suppressions, list_suppressions, suppress, unsuppress
from outdial.operator.suppression_file import FileProblem, read_contacts
from tests.support.daemon import scenario
from tests.support.dialled import applied
from tests.support.replica import replica

ONE, TWO = "+12025550143", "+12025550144"


async def test_suppressed_contacts_are_refused_at_the_door_and_removed_ones_called_at_once(database_url: str) -> None:
    async with replica(database_url, scenario(ring_s=1.0, talk_s=1.0)) as one:
        assert await suppress(one.pool, "acme", [ONE], who="ann", why="asked us") == Changed(1, 0)
        refused = await one.ended(await one.publish(ONE))
        assert (refused["outcome"], refused["reason"]) == ("rejected_request", "suppressed")
        assert await unsuppress(one.pool, "acme", ["+1 (202) 555-0143"], who="ann", why="asked again") == Changed(1, 0)
        assert (await one.ended(await one.publish(ONE)))["placement"] is not None


async def test_suppressed_after_intake_it_is_refused_under_the_lock_that_would_dial(any_database_url: str) -> None:
    async with replica(any_database_url, scenario()) as one:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        attempt_id = await one.publish(ONE, not_before=stamp)
        await one.waiting(attempt_id, "not_due")
        await suppress(one.pool, "acme", [ONE], who="ann", why="")
        row = await one.ended(attempt_id)
        assert (row["outcome"], row["reason"]) == ("rejected_request", "suppressed")
        await one.until(lambda: one.event("rejected", attempt_id) is not None)
        assert one.carrier.tally()["accepted"] == 0


async def test_every_change_is_kept_with_who_and_why(database_url: str) -> None:
    async with applied(database_url) as pool:
        await suppress(pool, "acme", [ONE, TWO], who="ann", why="asked us")
        assert await suppress(pool, "acme", [ONE], who="bob", why="again") == Changed(0, 1)
        assert await unsuppress(pool, "acme", [TWO, "+12025550199"], who="bob", why="mistake") == Changed(1, 1)
        rows = await pool.fetch("select who, action, subject, why, detail from audit_log where action like 'suppress%'")
        assert [(row["who"], row["action"], row["why"], row["detail"]["contact"]) for row in rows] == [
            ("ann", "suppress.add", "asked us", ONE),
            ("ann", "suppress.add", "asked us", TWO),
            ("bob", "suppress.remove", "mistake", TWO),
        ]
        page = await list_suppressions(pool, "acme")
        assert [(one.contact, one.who, one.why) for one in page.suppressions] == [(ONE, "ann", "asked us")]


async def test_one_bad_contact_changes_nothing(database_url: str) -> None:
    async with applied(database_url) as pool:
        with pytest.raises(BadInput, match="contact"):
            await suppress(pool, "acme", [ONE, "12"], who="ann", why="")
        with pytest.raises(NotFound, match="no tenant"):
            await suppress(pool, "nobody", [ONE], who="ann", why="")
        assert await pool.fetchval("select count(*) from suppressions") == 0


async def test_a_file_is_taken_line_by_line(database_url: str) -> None:
    async with applied(database_url) as pool:
        await suppress(pool, "acme", [ONE], who="ann", why="asked us")
        lines = [ONE, "", "+12025550150", "nonsense", "+12025550150", *(f"+1312555{n:04d}" for n in range(1_500))]
        heard: list[int] = []
        done = await import_suppressions(pool, "acme", lines, who="ann", why="list of May", progress=heard.append)
        assert (done.added, done.known, done.repeated) == (1_501, 1, 1)
        assert [one.line for one in done.problems] == [4]
        assert heard == sorted(heard)
        assert heard[-1] == 1_504
        assert await pool.fetchval("select count(*) from suppressions") == 1_502
        again = await import_suppressions(pool, "acme", lines, who="ann", why="list of May")
        assert (again.added, again.known) == (0, 1_502)


async def test_the_list_comes_in_pages_the_latest_first(database_url: str) -> None:
    async with applied(database_url) as pool:
        contacts = [f"+1312555{n:04d}" for n in range(5)]
        for contact in contacts:
            await suppress(pool, "acme", [contact], who="ann", why="")
        seen: list[str] = []
        after = None
        while True:
            page = await list_suppressions(pool, "acme", limit=2, after=after)
            seen += [one.contact for one in page.suppressions]
            after = page.next_after
            if after is None:
                break
        assert seen == contacts[::-1]
        assert (await list_suppressions(pool, "acme", contact=contacts[3])).suppressions[0].contact == contacts[3]
        assert (await list_suppressions(pool, "acme", contact=ONE)).suppressions == ()
        with pytest.raises(BadInput, match="limit"):
            await list_suppressions(pool, "acme", limit=0)


@pytest.mark.parametrize(
    ("lines", "region", "contacts", "bad"),
    [
        ([ONE, TWO], None, [ONE, TWO], []),
        (["\ufeff" + ONE], None, [ONE], []),
        (["name;contact", f"Ann;{ONE}", "Bob;"], None, [ONE], [3]),
        (["phone,why", f'"{ONE}","said ""no"""'], None, [ONE], []),
        (["(202) 555-0143"], "US", [ONE], []),
        (["(202) 555-0143"], None, [], [1]),
        (["contact", f'"{ONE}'], None, [], [2]),
        ([], None, [], []),
    ],
    ids=["lines", "byte order mark", "semicolons", "quotes", "national", "no region", "open quote", "empty"],
)
def test_files_are_read_as_people_write_them(
    lines: Iterable[str], region: str | None, contacts: list[str], bad: list[int]
) -> None:
    found = list(read_contacts(lines, region))
    assert [one for one in found if not isinstance(one, FileProblem)] == contacts
    problems = [one for one in found if isinstance(one, FileProblem)]
    assert [one.line for one in problems] == bad
    assert all("5550143" not in one.problem for one in problems)
