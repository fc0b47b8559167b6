"""How a route of the admin API is declared: one table from which the server, its checks and its OpenAPI page are made."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from outdial.admin.tokens import Caller, Role
from outdial.ports.messages import AttemptPublisher

if TYPE_CHECKING:
    import asyncpg

ROOT: Final = "/api/v1"
_PLACEHOLDER: Final = re.compile(r"{(\w+)}")
PATTERNS: Final[Mapping[str, str]] = {"letter": "[0-9]{1,18}"}
"""What stands for a placeholder, where that is not just any text: other routes may lie beside it."""


class Input(BaseModel):
    """A query or a body: frozen, and names that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Because(Input):
    """The body of a change that needs nothing else."""

    why: str = Field(min_length=1, max_length=500, description="Why, for the audit log.")


@dataclass(frozen=True, slots=True)
class Setting:
    """What the resources need of this replica. `pool`, `attempts`: database and broker, once they are open."""

    pool: Callable[[], asyncpg.Pool]
    attempts: Callable[[], AttemptPublisher]
    spam_threshold: float


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, checked. `path`: its placeholders; `query`, `body`: of the models that the route names, else None."""

    setting: Setting
    caller: Caller
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def pool(self) -> asyncpg.Pool:
        """The database."""
        return self.setting.pool()


@dataclass(frozen=True, slots=True)
class Answer:
    """`value`: a frozen dataclass (or None for 204); `headers`: such as ETag."""

    value: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Asked], Awaitable[object]]
"""Returns a frozen dataclass, or an `Answer` where status or headers matter."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `path` below `ROOT`; `answer`: the dataclass that it answers with, None = 204 without content."""

    method: str
    path: str
    summary: str
    handle: Handler
    answer: type | None
    role: Role = Role.VIEWER
    query: type[Input] | None = None
    body: type[BaseModel] | None = None
    statuses: tuple[int, ...] = ()
    """Further statuses than those of every route (200 or 204, 401, 403, 404 and 422 where something is named, 429, 503)."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names in the path's braces."""
        return tuple(_PLACEHOLDER.findall(self.path))

    @property
    def matched(self) -> str:
        """The path as aiohttp matches it."""
        return _PLACEHOLDER.sub(
            lambda one: f"{{{one[1]}:{PATTERNS[one[1]]}}}" if one[1] in PATTERNS else one[0], self.path
        )

    @property
    def name(self) -> str:
        """`get_campaigns_health`: unique over all routes."""
        words = [part for part in self.path.strip("/").split("/") if not part.startswith("{")]
        one = "_one" if self.path.endswith("}") else ""
        return "_".join([self.method.lower(), *words]).replace("-", "_") + one
