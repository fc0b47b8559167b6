"""What is wrong with a catalogue file: every problem at once, each with its place, the value and the cure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from outdial.errors import Permanent


@dataclass(frozen=True, slots=True)
class Problem:
    """`where`: the key's full path (`campaigns.spring.sticky.ttl_s`); `value` is empty when there is none to show."""

    where: str
    value: str
    what: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.where} = {self.value}" if self.value else self.where
        return f"{place}: {self.what} ({self.cure})" if self.cure else f"{place}: {self.what}"


class BadCatalogue(Permanent):
    """The file cannot be applied; nothing was changed."""

    code = "bad_catalogue"

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file, self.problems = file, tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "max_calls"?`, or all that is known when nothing is near and there is not much of it."""
    known = list(known)
    if near := get_close_matches(word.lower(), known, n=1, cutoff=0.6):
        return f'did you mean "{near[0]}"?'
    return f"known: {', '.join(known)}" if 0 < len(known) <= 12 else ""


def masked(e164: str) -> str:
    """A phone number that may be shown anywhere: its last two digits."""
    return f"…{e164[-2:]}" if len(e164) > 6 else "…"
