"""What operators change on the console, what viewers cannot, and how a session ends."""

from __future__ import annotations

import asyncpg
import pytest
from playwright.async_api import Browser, expect

from outdial.admin import tokens
from tests.admin.asking import OPERATOR, TOKENS, VIEWER
from tests.console.looking import Looker, looking
from tests.console.stage import Stage


async def agree(look: Looker, verb: str, why: str = "test") -> None:
    """Give the reason and press the button of the question."""
    dialog = look.page.get_by_role("dialog")
    await dialog.get_by_label("Why").fill(why)
    await dialog.get_by_role("button", name=verb, exact=True).click()
    await expect(dialog).to_have_count(0)


async def row_of(pool: asyncpg.Pool, table: str, key: str, name: str) -> asyncpg.Record:
    row = await pool.fetchrow(f"select * from {table} where {key} = $1", name)
    assert row is not None
    return row


async def test_a_campaign_is_paused_and_resumed_with_a_reason(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go("campaigns/night")
        await look.page.get_by_role("button", name="Pause", exact=True).click()
        await expect(look.page.get_by_role("button", name="Pause", exact=True).last).to_be_disabled()
        await agree(look, "Pause", "lunch")
        await look.page.get_by_role("button", name="Resume").click()
        await agree(look, "Resume", "after lunch")
        await expect(look.page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    said = await stage.one.pool.fetch("select who, why from audit_log where subject = 'campaign/night' order by at")
    assert [tuple(row) for row in said][-2:] == [("olga", "lunch"), ("olga", "after lunch")]


async def test_a_replacement_is_added_narrowed_and_taken_out(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go("campaigns/spring")
        await look.page.get_by_role("button", name="Add number").click()
        await expect(look.page.get_by_role("dialog").get_by_role("combobox", name="Number", exact=True)).to_have_value(
            "spare"
        )
        await agree(look, "Add number")
        row = look.page.get_by_role("row").filter(has_text="+12025550109")
        await expect(row).to_contain_text("warming up")
        await row.locator("summary").click()
        await row.get_by_role("button", name="Narrow").click()
        await look.page.get_by_label("Base weight").fill("0.2")
        await agree(look, "Narrow")
        kept = await row_of(stage.one.pool, "members", "number", "spare")
        assert kept["base_weight"] == pytest.approx(0.2)
        await row.get_by_role("button", name="Take out").click()
        await agree(look, "Take out")
        await expect(row).to_have_count(0)


async def test_settings_change_only_where_somebody_changed_them(stage: Stage, browser: Browser) -> None:
    before = (await row_of(stage.one.pool, "campaigns", "campaign", "spring"))["settings"]
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go("campaigns/spring")
        await look.page.get_by_role("button", name="Change settings").click()
        await look.page.get_by_label("Skip unhealthy numbers").check()
        await look.keep("dialog-settings")
        await agree(look, "Save")
        after = (await row_of(stage.one.pool, "campaigns", "campaign", "spring"))["settings"]
        assert after == {**before, "selection": {**before.get("selection", {}), "skip_unhealthy": True}}


async def test_who_changes_what_somebody_else_has_changed_is_told(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url, expected=("412",)) as look:
        await look.sign_in()
        await look.go("campaigns/night")
        await look.page.get_by_role("button", name="Change settings").click()
        await look.page.get_by_role("dialog").get_by_label("Geomatch").check()
        await stage.one.apply("[campaigns.night]\nmax_calls = 3\n")
        await look.page.get_by_role("dialog").get_by_label("Why").fill("test")
        await look.page.get_by_role("button", name="Save").click()
        await expect(look.page.get_by_role("dialog").get_by_role("alert")).to_contain_text("changed meanwhile")
        await look.page.keyboard.press("Escape")
        await expect(look.page.get_by_role("dialog")).to_have_count(0)


async def test_a_release_names_its_consequences_and_leaving_it_changes_nothing(stage: Stage, browser: Browser) -> None:
    holds = await stage.one.pool.fetchval("select number from sticky where contact = $1", stage.made.own_contact)
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go(f"numbers/{holds}")
        await look.page.get_by_role("button", name="Release number").click()
        dialog = look.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("lose their number for good")
        await expect(dialog).to_contain_text("cannot be taken back")
        await look.keep("dialog-release")
        await dialog.get_by_role("button", name="Leave it").click()
        await expect(dialog).to_have_count(0)
        await look.page.get_by_role("button", name="Deactivate").click()
        await expect(dialog).to_contain_text("their assignments wait for it")
        await agree(look, "Deactivate")
        await expect(look.page.get_by_role("button", name="Activate", exact=True)).to_be_visible()
        await look.page.get_by_role("button", name="Activate", exact=True).click()
        await agree(look, "Activate")
    assert (await row_of(stage.one.pool, "numbers", "number", holds))["state"] == "active"


async def test_a_dead_letter_is_replayed_and_another_discarded(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go("dead-letters")
        await look.page.get_by_role("button", name="Show dead letter").first.click()
        await look.page.get_by_role("button", name="Replay", exact=True).click()
        await agree(look, "Replay")

        async def back_again() -> object:
            return await stage.one.pool.fetchval("select true from dead_letters having count(*) >= 3")

        await stage.one.until_found(back_again)
        await look.page.get_by_role("button", name="Show dead letter").last.click()
        await look.page.get_by_role("button", name="Discard").click()
        await expect(look.page.get_by_role("dialog")).to_contain_text("given up for good")
        await agree(look, "Discard")
        await expect(look.page.locator("#letter")).to_have_count(0)
    discards = await stage.one.pool.fetchval("select count(*) from audit_log where action = 'dead.discard'")
    assert discards == 1


async def test_a_dry_run_shows_its_gates_and_a_pick_can_be_replayed(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url, expected=("422",)) as look:
        await look.sign_in()
        await look.go("explain?campaign=spring")
        await look.page.get_by_label("Contact", exact=True).fill("12")
        await look.page.get_by_role("button", name="Try it").click()
        await expect(look.page.get_by_role("alert")).to_contain_text("to")
        await look.page.get_by_label("Contact", exact=True).fill("+1 202 555 0143")
        await look.page.get_by_role("button", name="Try it").click()
        await expect(look.page.locator("main")).to_contain_text("The draw fell on")
        await expect(look.page.locator("main")).to_contain_text("spam-flagged")
        await look.keep("explain-dry-run")
        await look.go(f"explain/{stage.made.first[0]}")
        await look.page.get_by_role("button", name="Replay the pick").click()
        await expect(look.page.get_by_role("status").filter(has_text="the same")).to_be_visible()


async def test_a_viewer_is_offered_no_change(stage: Stage, browser: Browser) -> None:
    harmless = {
        "Explain it",
        "Try it",
        "Sign out",
        "auto",
        "Newer",
        "Older",
        "Show all",
        "Replay the pick",
        "Show",
        "Earlier",
        "Later",
        "Look up",
    }
    places = (
        "",
        "campaigns/spring",
        "results/spring",
        "numbers/n1",
        f"explain/{stage.made.waits}",
        "dead-letters",
        "limits",
        "suppressions/acme",
        "explain",
    )
    async with looking(browser, stage.port.url) as look:
        await look.sign_in(VIEWER)
        for where in places:
            await look.go(where)
            await expect(look.page.locator(".loading")).to_have_count(0)
            await expect(look.page.locator("main h1, main article").first).to_be_visible()
            buttons = await look.page.get_by_role("button").all_inner_texts()
            assert set(buttons) <= harmless, where


async def test_a_token_that_is_not_known_opens_nothing(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url, expected=("401",)) as look:
        await look.page.goto(stage.port.url)
        await look.page.get_by_label("Token").fill("no-such-token-anywhere-00")
        await look.page.keyboard.press("Enter")
        await expect(look.page.get_by_role("alert")).to_contain_text("This token is not known")
        await look.keep("login")


async def test_a_token_that_is_taken_away_ends_the_session(
    stage: Stage, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "RELOAD_S", 0.0)
    async with looking(browser, stage.port.url, expected=("401",)) as look:
        await look.sign_in(OPERATOR)
        await expect(look.page.get_by_role("heading", level=1)).to_be_visible()
        stage.port.tokens[0] = f"vera viewer {VIEWER}"
        await expect(look.page.get_by_role("alert")).to_contain_text("not any more")
        assert await look.page.evaluate("sessionStorage.length") == 0
        stage.port.tokens[0] = TOKENS
        await look.page.get_by_label("Token").fill(OPERATOR)
        await look.page.get_by_role("button", name="Sign in").click()
        await expect(look.page.get_by_role("heading", level=1)).to_be_visible()


async def test_all_can_be_reached_by_keyboard(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go("results/spring")
        reached = set()
        await look.page.reload()
        await expect(look.page.get_by_label("Explain attempt").first).to_be_visible()
        for _ in range(24):
            await look.page.keyboard.press("Tab")
            reached.add(
                await look.page.evaluate(
                    "(document.activeElement.ariaLabel || document.activeElement.innerText || '').trim()"
                )
            )
        assert {"To the page", "Results", "Dead letters", "Sign out"} <= reached
        assert any(one.startswith("Explain attempt") for one in reached)
