"""Puts the admin port together: what it may do, who may ask, where it listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from outdial.admin.pace import Pace
from outdial.admin.routes import Setting
from outdial.admin.server import AdminServer
from outdial.admin.tokens import Tokens
from outdial.ports.messages import AttemptPublisher
from outdial.web.server import HttpServer

if TYPE_CHECKING:
    import asyncpg

BURST: Final = 4
"""Requests at once, in seconds' worth of the average."""


@dataclass(frozen=True, slots=True)
class AdminOptions:
    """Where it listens and what it goes by. `tokens`: a reference to the secret with the tokens."""

    host: str
    port: int
    tokens: str
    requests_per_second: float
    spam_threshold: float


def open_admin(
    options: AdminOptions,
    pool: Callable[[], asyncpg.Pool],
    attempts: Callable[[], AttemptPublisher],
    resolve: Callable[[str], SecretStr],
) -> HttpServer:
    """The admin port, to be started once the database is. Raises `BadInput` when the tokens are not as they should be."""
    tokens = Tokens(lambda: resolve(options.tokens), monotonic)
    tokens.check()
    pace = Pace(options.requests_per_second, max(1, round(BURST * options.requests_per_second)), monotonic)
    server = AdminServer(Setting(pool, attempts, options.spam_threshold), tokens, pace)
    return HttpServer(server.application(), options.host, options.port, setting="admin.port")
