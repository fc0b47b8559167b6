"""Who may ask: bearer tokens with a role, read from one secret so that they can be rotated without a restart.

One token per line: NAME ROLE TOKEN, where ROLE is `viewer` or `operator`; `viewer+contacts` and `operator+contacts` may
also see contacts' full numbers. Empty lines and lines that begin with # are left out.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from pydantic import SecretStr

from outdial.errors import BadInput

SHORTEST: Final = 24
"""Characters of a token: below that it could be guessed (24 of base64 are 144 bits)."""
RELOAD_S: Final = 5.0
"""A token that was taken out of the secret is refused after this at the latest."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_CURE: Final = "write NAME ROLE TOKEN, ROLE being viewer or operator, with +contacts to show contacts' numbers"


class Role(IntEnum):
    """What a token may do; a higher role includes the lower ones."""

    VIEWER = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token it is. `name`: as the audit log knows them; `sees_contacts`: contacts' full numbers."""

    name: str
    role: Role
    sees_contacts: bool


def read_tokens(text: str, field: str = "admin.tokens") -> dict[bytes, Caller]:
    """SHA-256 of each token -> whose it is. Raises `BadInput` naming the line, never the token."""
    found: dict[bytes, Caller] = {}
    for number, words in _lines(text):
        where = f"{field}, line {number}"
        if len(words) != 3:
            raise BadInput(where, f"has {len(words)} words instead of three", _CURE)
        name, role, token = words
        if not _NAME.fullmatch(name):
            raise BadInput(where, "the name has signs that names do not have", _CURE)
        kind, plus, more = role.partition("+")
        if kind not in {"viewer", "operator"} or (plus and more != "contacts"):
            raise BadInput(where, f"{role[:40]!r} is no role", _CURE)
        if len(token) < SHORTEST:
            raise BadInput(
                where, f"the token of {name} is shorter than {SHORTEST} characters", "openssl rand -base64 33"
            )
        key = sha256(token.encode()).digest()
        if key in found:
            raise BadInput(where, f"{name} has the same token as {found[key].name}", "give everybody their own")
        found[key] = Caller(name, Role[kind.upper()], bool(plus))
    return found


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.split()


class Tokens:
    """The tokens of one secret. `resolve`: reads the secret (see `outdial.credentials`); `clock`: seconds, monotonic."""

    def __init__(self, resolve: Callable[[], SecretStr], clock: Callable[[], float]) -> None:
        self._resolve, self._clock = resolve, clock
        self._tokens: dict[bytes, Caller] = {}
        self._read_at = float("-inf")

    def check(self) -> None:
        """Read them now. Raises `BadInput`: a start with bad tokens is refused."""
        self._tokens = read_tokens(self._resolve().get_secret_value())
        self._read_at = self._clock()

    def caller(self, token: str) -> Caller | None:
        """Whose token it is; None = nobody's. A secret that cannot be read any more opens to nobody."""
        if self._clock() - self._read_at >= RELOAD_S:
            try:
                self.check()
            except BadInput:
                self._tokens = {}
        asked = sha256(token.encode("utf-8", "replace")).digest()
        found = [caller for key, caller in self._tokens.items() if hmac.compare_digest(key, asked)]
        return found[0] if found else None
