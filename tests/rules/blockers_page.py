"""Writes docs/reference/blockers.md from the code: `python -m tests.rules.blockers_page`. A test compares them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from itertools import pairwise

from outdial.operator.hints import HINTS, HOW_LONG
from outdial.rules.blocker import Blocker
from outdial.rules.true_blocker import RUNNABLE
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "blockers.md"

INTRODUCTION = """# Blockers

Why a waiting attempt is not being dialled right now. One word per reason, the same in `outdial attempts`, `explain` and
`capacity`, in metrics and in the database. Every wait ends at the latest at the attempt's `not_after`: it is then
`expired`. This page is written from the code.

Blockers of one attempt are kept with it. What concerns a whole tenant, campaign or connection is worked out from the
limits when somebody asks: a pause shows at once, for a million waiting attempts as for one. The column *kept* tells which.
"""


def render() -> str:
    """The whole page."""
    meanings = meanings_in_code()
    rows = ((f"`{one}`", meanings[one], HOW_LONG[one], HINTS[one], _kept(one)) for one in Blocker)
    return "\n".join([INTRODUCTION, table(("blocker", "meaning", "how long", "what to do", "kept"), rows)])


DERIVED = frozenset(
    {
        Blocker.TENANT_AT_CAPACITY,
        Blocker.CAMPAIGN_AT_CAPACITY,
        Blocker.CONNECTIONS_AT_CAPACITY,
        Blocker.PACING,
        Blocker.CAMPAIGN_PAUSED,
        Blocker.TENANT_PAUSED,
    }
)
"""What `true_blocker` says instead of the stored one."""


def _kept(blocker: Blocker) -> str:
    if blocker in DERIVED:
        return "no, worked out"
    return "yes, unless one that is worked out holds" if blocker in RUNNABLE else "yes"


def meanings_in_code() -> dict[Blocker, str]:
    """The line below each member of the enumeration."""
    (class_,) = ast.parse(inspect.getsource(Blocker)).body
    assert isinstance(class_, ast.ClassDef)
    return dict(_documented(class_.body))


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[Blocker, str]]:
    for member, below in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
            assert isinstance(below, ast.Expr)
            assert isinstance(below.value, ast.Constant)
            yield Blocker[member.targets[0].id], str(below.value.value)


if __name__ == "__main__":
    PAGE.write_text(render())
