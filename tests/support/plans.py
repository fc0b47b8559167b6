"""Plans of PostgreSQL as text, and what they would read of tables that grow."""

from __future__ import annotations

import re

_SCAN = re.compile(r"(?<!Bitmap )(Seq|Index|Index Only|Bitmap Heap) Scan( Backward)?( using \w+)? on (\w+)")
_LARGE = re.compile(
    r"attempts|waiting|outcomes\w*|sticky|number_volume|outbox|cancellations|suppressions|pool_pictures|limits"
)


def whole_reads(plan: str) -> list[str]:
    """The nodes that read a table that grows from end to end. Right below a limit they read only its first row."""
    found, lines = [], plan.split("\n")
    for at, line in enumerate(lines):
        scan = _SCAN.search(line)
        if scan is None or not _LARGE.fullmatch(scan[4]) or "Limit" in lines[at - 1]:
            continue
        details = lines[at + 1 :]
        own = details[: next((n for n, detail in enumerate(details) if "->" in detail), len(details))]
        if not any("Index Cond:" in detail or "Recheck Cond:" in detail for detail in own):
            found.append(line.strip())
    return found
