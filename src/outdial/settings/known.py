"""The names of all settings, as paths, as environment variables and as values that may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from outdial.settings.model import Settings

PREFIX = "OUTDIAL_"
ENVIRONMENT_ONLY = {
    "OUTDIAL_CONFIG": "path of the configuration file",
    "OUTDIAL_CRASH_AT": "rehearsals: where to crash",
    "OUTDIAL_CRASH_BY": "rehearsals: kill or stop",
    "OUTDIAL_CRASH_MARK": "rehearsals: the file to write before crashing",
}
"""Names with our prefix that are no settings. What begins with OUTDIAL_TEST_ belongs to the tests."""
TEST_PREFIX = "OUTDIAL_TEST_"


@dataclass(frozen=True, slots=True)
class Known:
    """One setting. `path`: `database.url`; `group`: "" at the top."""

    path: str
    group: str
    key: str
    info: FieldInfo

    @property
    def environment_name(self) -> str:
        """`OUTDIAL_DATABASE__URL`."""
        return PREFIX + self.path.replace(".", "__").upper()

    @property
    def secret_file(self) -> str:
        """The file in the secrets directory that sets it: `database__url`."""
        return self.path.replace(".", "__")

    @property
    def is_secret(self) -> bool:
        """Whether its value is never shown."""
        return self.info.annotation is SecretStr

    @property
    def unit(self) -> str:
        """The unit of its value; empty when it has none."""
        return str(self._extra("unit"))

    @property
    def why(self) -> str:
        """The reason of its default."""
        return str(self._extra("why"))

    def _extra(self, name: str) -> Any:
        extra = self.info.json_schema_extra
        return extra.get(name, "") if isinstance(extra, dict) else ""


def _settings() -> Iterator[Known]:
    for key, info in Settings.model_fields.items():
        group = info.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            for inner, inner_info in group.model_fields.items():
                yield Known(f"{key}.{inner}", key, inner, inner_info)
        else:
            yield Known(key, "", key, info)


SETTINGS = {known.path: known for known in _settings()}
GROUPS = tuple(dict.fromkeys(known.group for known in SETTINGS.values() if known.group))


def nearest(word: str, words: Any) -> str:
    """`did you mean "url"?` for the nearest of `words`, all of them when they are few, else nothing."""
    words = list(words)
    if near := get_close_matches(word, words, n=1, cutoff=0.6):
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(words)}" if 0 < len(words) <= 14 else ""
