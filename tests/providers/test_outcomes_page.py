"""docs/reference/outcomes.md says what the tables say."""

from __future__ import annotations

from tests.providers.outcomes_page import PAGE, render


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == render(), "write it anew: python -m tests.providers.outcomes_page"
