"""Somebody who looks at the console in a real browser, and notes whatever the browser complains of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.admin.asking import OPERATOR

SCREENSHOTS = Path(__file__).resolve().parents[2] / ".outdial" / "screenshots"
DESK, PHONE = (1280, 900), (390, 844)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Scheme = Literal["light", "dark"]
BY_DAY: Final[tuple[tuple[int, int], Scheme]] = (DESK, "light")
BY_NIGHT: Final[tuple[tuple[int, int], Scheme]] = (PHONE, "dark")
expect.set_options(timeout=15_000)


@dataclass(slots=True)
class Looker:
    """One tab. `complaints`: errors of the browser's console and of scripts."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def sign_in(self, token: str = OPERATOR) -> None:
        """As a person does: open the page, paste, press Enter."""
        await self.page.goto(f"{self.url}/")
        await self.page.get_by_label("Token").fill(token)
        await self.page.keyboard.press("Enter")
        await expect(self.page.get_by_role("navigation", name="Pages")).to_be_visible()

    async def go(self, path: str) -> None:
        """Open another page of the console, as a link does."""
        await self.page.evaluate("(to) => { location.hash = to }", f"#/{path}")

    async def seen_as(self, size: tuple[int, int], scheme: Scheme) -> None:
        """On another screen."""
        await self.page.set_viewport_size({"width": size[0], "height": size[1]})
        await self.page.emulate_media(color_scheme=scheme)

    async def keep(self, name: str) -> None:
        """A picture of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")

    async def too_wide(self) -> int:
        """By how many pixels the page is wider than the screen."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


@asynccontextmanager
async def looking(
    browser: Browser,
    url: str,
    size: tuple[int, int] = DESK,
    scheme: Scheme = "light",
    expected: Sequence[str] = (),
) -> AsyncIterator[Looker]:
    """A tab of its own. At its end nothing may have been complained of but what is `expected`."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    try:
        looker = Looker(await context.new_page(), url)
        looker.page.on("console", lambda message: looker.note(message))
        looker.page.on("pageerror", lambda error: looker.complaints.append(str(error)))
        yield looker
        assert [one for one in looker.complaints if not any(part in one for part in expected)] == []
    finally:
        await context.close()
