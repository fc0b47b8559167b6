"""The caller's own names of a call, found in the addresses it gives: counted by the tally, and not understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Naming:
    """Where the caller puts its own names of a call: a pattern over the callback URL, and a query parameter."""

    token: re.Pattern[str]
    attempt_parameter: str

    def token_of(self, url: str) -> str:
        """The caller's token of the call; empty = none."""
        found = self.token.search(url)
        return found.group(1) if found else ""

    def attempt_of(self, *urls: str) -> str:
        """The caller's attempt id out of the first URL that names one; empty = none."""
        marker = f"{self.attempt_parameter}="
        for url in urls:
            if marker in url:
                return parse_qs(urlsplit(url).query).get(self.attempt_parameter, [""])[0]
        return ""
