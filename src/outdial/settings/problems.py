"""What is wrong with the settings: every problem at once, with its place, key, value and cure; secrets never shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from outdial.errors import BadConfiguration
from outdial.redaction import mask_text


@dataclass(frozen=True, slots=True)
class Problem:
    """`where`: the file or environment name; `key`: the setting; `value`: as given, empty when there is none to show."""

    where: str
    key: str
    value: str
    what: str
    cure: str = ""

    def __str__(self) -> str:
        subject = f"{self.key} = {self.value}" if self.value else self.key
        text = ": ".join(part for part in (self.where, subject, self.what) if part)
        return f"{text} ({self.cure})" if self.cure else text


class BadSettings(BadConfiguration):
    """The settings cannot work; the message has a line per problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        super().__init__("\n".join([f"{count} with the settings:", *(f"  {problem}" for problem in problems)]))


def shown(value: object, *, secret: bool) -> str:
    """A value as it may be shown: secrets as `***`, but for the harmless parts of an address."""
    if isinstance(value, SecretStr):
        return shown(value.get_secret_value(), secret=True)
    text = str(value)
    if secret:
        return mask_text(text) if "://" in text else "***"
    if isinstance(value, bool):
        return text.lower()
    text = mask_text(text)
    return f'"{text}"' if isinstance(value, str) else text
