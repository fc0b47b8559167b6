"""Limits, suppressions and sticky numbers on the console: looked up, changed with a reason, refused in words."""

from __future__ import annotations

import json

from playwright.async_api import Browser, Route, expect

from tests.admin.asking import SEEING, VIEWER
from tests.console.looking import PHONE, Looker, looking
from tests.console.stage import UNWANTED, Stage
from tests.console.test_console_steering import agree


async def test_a_connections_limits_are_changed_and_it_is_paused(stage: Stage, browser: Browser) -> None:
    limits = "select max_calls, calls_per_second from limits where kind = 'connection' and id = 'line'"
    before = await stage.one.pool.fetchrow(limits)
    async with looking(browser, stage.port.url, expected=("422",)) as look:
        await look.sign_in()
        await look.go("limits")
        row = look.page.get_by_role("table", name="Connections").get_by_role("row").filter(has_text="line")
        await expect(row).to_contain_text("open")
        await row.get_by_role("button", name="Change the limits of line").click()
        await look.page.get_by_label("Start rate").fill("-2")
        dialog = look.page.get_by_role("dialog")
        await dialog.evaluate("(it) => { it.querySelector('form').noValidate = true }")
        await dialog.get_by_label("Why").fill("test")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("calls_per_second")
        await look.page.get_by_label("Start rate").fill("7.5")
        await look.keep("dialog-limits")
        await agree(look, "Save")
        await expect(row).to_contain_text("7.5 /s")
        await row.get_by_role("button", name="Pause line").click()
        await agree(look, "Pause", "maintenance")
        await expect(row).to_contain_text("paused")
        await row.get_by_role("button", name="Resume line").click()
        await agree(look, "Resume")
        await expect(row).to_contain_text("open")
    after = await stage.one.pool.fetchrow(limits)
    assert before is not None
    assert after is not None
    assert tuple(after) == (before["max_calls"], 7.5)
    await stage.one.apply('[connections.line]\ncalls_per_second = "default"\n')


async def test_a_tenant_gets_a_cap_and_loses_it(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url) as look:
        await look.sign_in()
        await look.go("limits")
        row = look.page.get_by_role("table", name="Tenants").get_by_role("row").filter(has_text="other")
        for value, shown in (("3", "3"), ("", "no limit")):
            await row.get_by_role("button", name="Change the limits of other").click()
            await look.page.get_by_label("Tenant cap").fill(value)
            await agree(look, "Save")
            await expect(row.locator("td[data-label='Tenant cap']")).to_have_text(shown)


async def look_up(look: Looker, field: str, contact: str) -> None:
    await look.page.get_by_label(field, exact=True).fill(contact)
    await look.page.get_by_label(field, exact=True).press("Enter")


async def test_a_contact_is_suppressed_found_and_taken_off(stage: Stage, browser: Browser) -> None:
    async with looking(browser, stage.port.url, expected=("422",)) as look:
        await look.sign_in()
        await look.go("suppressions/acme")
        await look_up(look, "Contact", "12")
        await expect(look.page.get_by_role("alert")).to_contain_text("contact")
        await look_up(look, "Contact", UNWANTED)
        await expect(look.page.get_by_text("acme does not call")).to_be_visible()
        await look_up(look, "Contact", "+13125559998")
        await expect(look.page.get_by_text("is not on the list")).to_be_visible()
        await look.keep("suppressions-found")
        await look.page.get_by_role("button", name="Add contacts").click()
        dialog = look.page.get_by_role("dialog")
        await dialog.get_by_label("Contacts").fill("+1 312 555 9998\n+13125559997, " + UNWANTED + "\n12")
        await dialog.get_by_label("Why").fill("asked on the phone")
        await dialog.get_by_role("button", name="Suppress").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("contact 4")
        await dialog.get_by_label("Contacts").fill("+1 312 555 9998\n+13125559997, " + UNWANTED + "\n")
        await agree(look, "Suppress", "asked on the phone")
        await expect(look.page.get_by_role("status").filter(has_text="2 contacts suppressed")).to_contain_text(
            "1 contact"
        )
        rows = look.page.get_by_role("table", name="Suppressions").get_by_role("row")
        await expect(rows).to_have_count(4)
        await look_up(look, "Contact", "+13125559998")
        await look.page.get_by_role("button", name="Take off the list").click()
        await agree(look, "Take off", "by mistake")
        await expect(look.page.get_by_text("is not on the list")).to_be_visible()
        await expect(rows).to_have_count(3)
    said = await stage.one.pool.fetch("select why from suppressions where tenant = 'acme' order by contact")
    assert [row["why"] for row in said] == ["asked on the phone", "asked for it"]
    await stage.one.pool.execute("delete from suppressions where contact = '+13125559997'")


async def test_nobody_is_on_the_list_and_lists_that_do_not_answer(stage: Stage, browser: Browser) -> None:
    async def refuse(route: Route) -> None:
        body = json.dumps({"status": 503, "code": "database_unavailable", "detail": "try again"})
        await route.fulfill(status=503, content_type="application/problem+json", body=body)

    async with looking(browser, stage.port.url, PHONE, "dark", expected=("503", "404")) as look:
        await look.sign_in()
        await look.go("suppressions/other")
        await expect(look.page.locator("main")).to_contain_text("other may call everybody")
        assert await look.too_wide() <= 0
        await look.page.route("**/suppressions?*", refuse)
        await look_up(look, "Contact", UNWANTED)
        await expect(look.page.get_by_role("alert").first).to_contain_text("try again")
        await look.page.unroute_all()
        await look.go("suppressions/nobody")
        await expect(look.page.get_by_role("alert").first).to_contain_text("nobody")


async def test_a_sticky_number_is_changed_and_cleared_where_it_is_seen(stage: Stage, browser: Browser) -> None:
    pool, contact = stage.one.pool, stage.made.own_contact
    held = await pool.fetchval("select number from sticky where contact = $1", contact)
    other = "n3" if held == "n1" else "n1"
    async with looking(browser, stage.port.url, expected=("422",)) as look:
        await look.sign_in()
        await look.go("explain")
        await look_up(look, "Whose sticky number", "12")
        await expect(look.page.get_by_role("alert")).to_contain_text("contact")
        await look_up(look, "Whose sticky number", contact)
        row = look.page.get_by_role("table", name="Sticky numbers").get_by_role("row").filter(has_text="spring")
        await expect(row).to_contain_text("calls next")
        await look.keep("sticky-contact")
        await row.get_by_role("button", name="Change the sticky number").click()
        await look.page.get_by_role("dialog").get_by_label("Number").select_option(other)
        await agree(look, "Set", "they know this number")
        await expect(row).to_contain_text("olga")
        assert await pool.fetchval("select number from sticky where contact = $1", contact) == other
        await row.get_by_role("button", name="Clear the sticky number").click()
        await agree(look, "Clear")
        await expect(look.page.get_by_text("the next call is drawn")).to_be_visible()
        assert await pool.fetchval("select count(*) from sticky where contact = $1", contact) == 0
        await look.go(f"explain/{stage.made.own}")
        await look.page.get_by_role("button", name="Set sticky").click()
        dialog = look.page.get_by_role("dialog")
        await dialog.get_by_label("Contact").fill(contact)  # an operator whose token does not show contacts
        await dialog.get_by_label("Number").select_option(held)
        await agree(look, "Set")
        await expect(look.page.get_by_role("button", name="Clear sticky")).to_be_visible()
    audited = await pool.fetch("select action from audit_log where action like 'sticky.%' order by at desc limit 3")
    assert [row["action"] for row in audited] == ["sticky.set", "sticky.clear", "sticky.set"]


async def test_who_may_only_look_sees_all_of_it_and_changes_nothing(stage: Stage, browser: Browser) -> None:
    changes = "Change|Pause|Resume|Suppress|Add contacts|Take off|Set|Clear"
    for token in (VIEWER, SEEING):
        async with looking(browser, stage.port.url) as look:
            await look.sign_in(token)
            await look.go("limits")
            await expect(look.page.get_by_role("table", name="Tenants")).to_contain_text("acme")
            await look.go("suppressions/acme")
            await expect(look.page.get_by_role("table", name="Suppressions")).to_contain_text("asked for it")
            shown = await look.page.get_by_role("table", name="Suppressions").inner_text()
            assert (UNWANTED in shown) is (token == SEEING)
            await look_up(look, "Contact", UNWANTED)
            await expect(look.page.get_by_text("acme does not call")).to_be_visible()
            buttons = await look.page.locator("main").get_by_role("button").all_inner_texts()
            assert not [one for one in buttons if any(one.startswith(change) for change in changes.split("|"))]
            await look.go("explain")
            await look_up(look, "Whose sticky number", stage.made.own_contact)
            await expect(look.page.get_by_role("table", name="Sticky numbers")).to_contain_text("spring")
            await expect(look.page.locator("main").get_by_role("button", name="Change")).to_have_count(0)
