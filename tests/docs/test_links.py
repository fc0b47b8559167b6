"""Every link within the repository leads to a file, and every anchor to a heading."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.documents import PAGES, ROOT, anchors, links, name


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    broken = []
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        missing = not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target))
        broken += [f"{path}#{anchor}"] if missing else []
    assert broken == []


def test_every_page_is_reached_from_the_map() -> None:
    """Following links from docs/README.md; what nobody links to nobody reads."""
    seen, ahead = set[Path](), [ROOT / "docs" / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in seen:
            seen.add(page)
            targets = ((page.parent / path).resolve() for path, _ in links(page) if path)
            ahead += [target for target in targets if target.suffix == ".md" and target.exists()]
    assert {name(page) for page in PAGES if page.is_relative_to(ROOT / "docs")} <= {name(page) for page in seen}
