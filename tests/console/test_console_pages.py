"""Every page of the console in a real browser: with data, without any, and when the server cannot answer."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress

from playwright.async_api import Browser, Page, Route, expect
from playwright.async_api import TimeoutError as TooLate

from outdial.operator.attempts import LOCK_TEXT
from outdial.postgres.pool import connect
from tests.admin.asking import SEEING, VIEWER
from tests.console.looking import BY_DAY, BY_NIGHT, PHONE, looking
from tests.console.stage import SCRIPT, Stage, admin_port
from tests.support.dialled import FLAGGED

BURST = 110
FLAGGED_E164 = "+12025550104"
ANOTHER_YEAR = re.compile(r"not due yet · next at \d+ \w+ 2\d{3}, ")


def pages(stage: Stage) -> dict[str, tuple[str, str]]:
    """Name of a picture -> (where, what must be seen there)."""
    return {
        "overview": ("", "Replicas"),
        "campaign": ("campaigns/spring", "Per-connection availability"),
        "results": ("results/spring", "answered"),
        "numbers": ("numbers", "+12025550104"),
        "number": (f"numbers/{FLAGGED}", "Campaign Health"),
        "explain": (f"explain/{stage.made.first[0]}", "Weighted draw"),
        "explain-sticky": (f"explain/{stage.made.own_again}", "The contact's own number calls"),
        "explain-waiting": (f"explain/{stage.made.waits_at_night}", "outside calling hours"),
        "explain-refused": (f"explain/{stage.made.refused}", "It was never called"),
        "dead-letters": ("dead-letters", "not json"),
        "limits": ("limits", "Tenant cap"),
        "suppressions": ("suppressions/acme", "asked for it"),
    }


async def test_every_page_shows_what_there_is_on_desk_and_phone_by_day_and_by_night(
    stage: Stage, browser: Browser
) -> None:
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        for name, (where, seen) in pages(stage).items():
            await look.go(where)
            await expect(look.page.locator("main")).to_contain_text(seen)
            await expect(look.page.locator(".loading")).to_have_count(0)
            for size, scheme in (BY_DAY, BY_NIGHT):
                await look.seen_as(size, scheme)
                assert await look.too_wide() <= 0, (name, size)
                await look.keep(f"{name}-{size[0]}-{scheme}")


async def test_every_page_says_so_when_there_is_nothing_and_is_marked_in_sight_on_a_phone(
    browser: Browser, embedded_database_url: str
) -> None:
    empty = {
        "": "No campaign yet",
        "results": "There is no campaign yet",
        "numbers": "No number yet",
        "dead-letters": "every message was understood",
        "explain": "A dry run",
        "limits": "No connection yet",
        "suppressions": "No tenant yet",
    }
    pool = await connect(embedded_database_url)
    async with admin_port(pool) as port, looking(browser, port.url, *BY_NIGHT) as look:
        await look.sign_in()
        for where, said in empty.items():
            await look.go(where)
            await expect(look.page.locator("main")).to_contain_text(said)
            await expect(look.page.locator("nav [aria-current]")).to_be_in_viewport(ratio=0.99)
            await expect(look.page.locator(".pager button")).to_have_count(0)
    await pool.close()


async def _try_again(page: Page, refused: int) -> None:
    """Until nothing is wrong any more: each part of a page that was refused has a button of its own, to be pressed once."""
    pressed = 0
    async with asyncio.timeout(15):
        while wrong := await page.get_by_role("alert").count():
            with suppress(TooLate):  # it may have gone between the look and the click
                await page.get_by_role("button", name="Try again").first.click(timeout=1_000)
                pressed += 1
                assert pressed <= refused, "a part that was asked for again is as it should be"
                await expect(page.get_by_role("alert")).not_to_have_count(wrong)  # it stands until the answer is there


async def test_every_page_says_what_went_wrong_and_can_try_again(stage: Stage, browser: Browser) -> None:
    problem = {"status": 503, "code": "database_unavailable", "detail": "just now it cannot be asked; try again"}

    refused: list[str] = []

    async def refuse(route: Route) -> None:
        refused.append(route.request.url)
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

    async with looking(browser, stage.port.url, expected=("503",)) as look:
        await look.sign_in()
        for where in (
            "campaigns/spring",
            "results/spring",
            "numbers",
            f"numbers/{FLAGGED}",
            "dead-letters",
            "limits",
            "suppressions",
        ):
            await look.page.route("**/api/v1/*/**", refuse)
            await look.page.route("**/api/v1/dead-letters?*", refuse)
            await look.page.route("**/api/v1/attempts?*", refuse)
            await look.page.route("**/api/v1/numbers", refuse)
            await look.page.route("**/api/v1/limits", refuse)
            await look.page.route("**/api/v1/tenants", refuse)
            await look.go(where)
            await expect(look.page.get_by_role("alert").first).to_contain_text("try again")
            await look.page.unroute_all()
            await _try_again(look.page, len(refused))
            refused.clear()


async def test_things_that_are_not_there(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url, expected=("404", "422")) as look:
        await look.sign_in()
        for where in ("campaigns/nobody", "numbers/nobody", "explain/00000000-0000-0000-0000-000000000000", "nowhere"):
            await look.go(where)
            await expect(look.page.get_by_role("alert").first).to_contain_text("Not there.")
        await look.go("explain/nonsense")
        await expect(look.page.get_by_role("alert").first).to_contain_text("is not an attempt id")


async def rows_with_lock(page: Page) -> set[str]:
    links = page.locator("tr:has(.lock) a[aria-label^='Explain attempt']")
    return {str(label).split()[-1] for label in await links.evaluate_all("all => all.map((a) => a.ariaLabel)")}


async def test_the_lock_is_shown_exactly_where_the_number_is_the_contacts_own(stage: Stage, browser: Browser) -> None:
    locked = await stage.one.pool.fetch(
        "select attempt_id from outcomes where campaign = 'spring' and (decision->>'tier') = 'sticky'"
    )
    assert stage.made.own_again in {str(row["attempt_id"]) for row in locked}
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go("results/spring")
        await expect(look.page.locator(".lock").first).to_be_visible()
        assert await rows_with_lock(look.page) == {str(row["attempt_id"]) for row in locked}
        lock = look.page.get_by_role("img", name=LOCK_TEXT).first
        await lock.focus()
        assert await lock.evaluate("(it) => getComputedStyle(it, '::after').content") == f'"{LOCK_TEXT}"'
        await look.keep("results-lock")
        await look.page.locator("tr:has(.lock) .from a").first.click()
        await expect(look.page.get_by_role("heading", name="Campaign Health")).to_be_visible()


async def test_contacts_are_masked_for_who_must_not_see_them(stage: Stage, browser: Browser) -> None:
    for token, seen in ((VIEWER, False), (SEEING, True)):
        async with looking(browser, stage.port.url) as look:
            await look.sign_in(token)
            await look.go(f"explain/{stage.made.own}")
            await expect(look.page.locator("main")).to_contain_text("What became of it")
            text = await look.page.locator("main").inner_text()
            assert (stage.made.own_contact in text) is seen


async def test_what_somebody_wrote_stays_text(stage: Stage, browser: Browser) -> None:
    await stage.one.pool.execute(
        "insert into campaigns select (jsonb_populate_record(c, jsonb_build_object('campaign', $1::text))).* "
        "from campaigns c where campaign = 'night'",
        SCRIPT,
    )
    await stage.one.pool.execute("insert into members (campaign, number) values ($1, 'n1')", SCRIPT)
    await stage.one.pool.execute("update catalogue_version set version = version + 1")
    try:
        async with looking(browser, stage.port.url, expected=("404",)) as look:
            await look.sign_in()
            await expect(look.page.get_by_role("link", name=SCRIPT)).to_be_visible()
            await look.page.get_by_role("link", name=SCRIPT).click()
            await expect(look.page.get_by_role("heading", name=SCRIPT)).to_be_visible()
            await look.go(f"numbers/{FLAGGED}")
            await expect(look.page.get_by_text(SCRIPT)).to_be_visible()
            await look.go("dead-letters")
            await look.page.get_by_role("button", name="Show dead letter").last.click()
            await expect(look.page.locator("pre").first).to_contain_text("onerror")
            assert "broken into" not in await look.page.title()
            assert await look.page.locator("img[src=x]").count() == 0
    finally:
        await stage.one.pool.execute("delete from campaigns where campaign = $1", SCRIPT)
        await stage.one.pool.execute("update catalogue_version set version = version + 1")


async def test_what_happens_is_seen_as_it_happens(stage: Stage, browser: Browser) -> None:
    async with (
        looking(browser, stage.port.url) as desk,
        looking(browser, stage.port.url, PHONE, "dark") as phone,
        looking(browser, stage.port.url) as results,
    ):
        for look in (desk, phone, results):
            await look.sign_in()
        await results.go("results/spring")
        await expect(results.page.get_by_role("row")).not_to_have_count(0)
        attempts = [await stage.one.publish(f"+1415555{n:04d}") for n in range(BURST)]
        for look in (desk, phone):
            await expect(look.page.get_by_role("heading", level=1)).to_have_text("Dialling")
            await expect(look.page.get_by_label("spring", exact=True)).to_contain_text("at capacity")
            await expect(look.page.get_by_label("spring", exact=True)).to_contain_text(ANOTHER_YEAR)
        await desk.keep("readme")
        await phone.keep("overview-dialling-390-dark")
        attempts.append(await stage.one.publish("+14155559999"))
        await expect(results.page.get_by_label(f"Explain attempt {attempts[-1]}")).to_be_visible()
        for attempt in attempts:
            await stage.one.ended(attempt)
        await expect(desk.page.get_by_label("spring", exact=True)).to_contain_text("waiting for its time")


async def test_a_large_pool_is_turned_page_by_page_and_searched(stage: Stage, browser: Browser) -> None:
    async def two_a_page(route: Route) -> None:
        await route.continue_(url=route.request.url.replace("limit=100", "limit=2"))

    async with looking(browser, stage.port.url) as look:
        await look.page.route("**/campaigns/spring/health?*", two_a_page)
        await look.sign_in()
        await look.go("campaigns/spring")
        links = look.page.get_by_role("table", name="Number Pool Health").locator("td:first-child a")
        await expect(links).to_have_text(["+12025550101", "+12025550102"])
        await look.page.get_by_role("button", name="Numbers after").click()
        await expect(links).to_have_text(["+12025550103", FLAGGED_E164])
        await look.page.get_by_role("button", name="Numbers before").click()
        await expect(links.first).to_have_text("+12025550101")
        await look.page.get_by_label("Find in the pool").fill("flagged")
        await look.page.keyboard.press("Enter")
        await expect(links).to_have_text([FLAGGED_E164])
        await look.page.get_by_label("Find in the pool").fill("nothing like that")
        await look.page.keyboard.press("Enter")
        await expect(look.page.get_by_text("No number of the pool is like that")).to_be_visible()


async def test_results_are_narrowed_by_what_one_looks_for(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url, expected=("422",)) as look:
        await look.sign_in()
        await look.go("results/spring")
        await look.page.get_by_role("searchbox", name="Contact").fill(stage.made.own_contact)
        await look.page.keyboard.press("Enter")
        await expect(look.page.get_by_role("row")).to_have_count(3)
        await look.page.get_by_role("combobox", name="State", exact=True).select_option("waiting")
        await expect(look.page.locator("main")).to_contain_text("No attempt is like that")
        await look.page.get_by_role("searchbox", name="Contact").fill("12")
        await look.page.keyboard.press("Enter")
        await expect(look.page.get_by_role("alert")).to_contain_text("contact")
        await look.page.get_by_role("button", name="Show all").click()
        await expect(look.page.get_by_role("alert")).to_have_count(0)
        await expect(look.page.get_by_role("row").nth(20)).to_be_visible()


async def test_what_is_typed_as_soon_as_the_field_is_there_stays(stage: Stage, browser: Browser) -> None:
    typed = """new MutationObserver((_, watching) => {
        const field = document.querySelector('input[placeholder="+12025550143"]');
        if (!field) return;
        watching.disconnect();
        field.value = "+1312";
        field.dispatchEvent(new Event("input", { bubbles: true }));
    }).observe(document, { childList: true, subtree: true });"""
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.page.evaluate(typed)
        await look.go("results/spring")
        await expect(look.page.get_by_role("row").nth(2)).to_be_visible()
        await expect(look.page.get_by_role("searchbox", name="Contact")).to_have_value("+1312")
