"""Whose token it is, so that whoever shows pages knows what to offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from outdial.admin.routes import Asked, Route
from outdial.admin.tokens import Role


@dataclass(frozen=True, slots=True)
class Me:
    """`name`: as the audit log knows them. `may_change`: has the role operator; `sees_contacts`: their full numbers."""

    name: str
    role: str
    may_change: bool
    sees_contacts: bool


async def _me(asked: Asked) -> Me:
    caller = asked.caller
    return Me(caller.name, caller.role.name.lower(), caller.role >= Role.OPERATOR, caller.sees_contacts)


ROUTES: Final = (Route("GET", "/me", "Whose token it is, and what it may do", _me, Me),)
