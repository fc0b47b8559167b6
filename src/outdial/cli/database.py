"""The database as commands use it: one short-lived pool of the settings, closed at the end."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    import asyncpg


@asynccontextmanager
async def database(args: argparse.Namespace) -> AsyncIterator[asyncpg.Pool]:
    """A pool on the database of the settings. Raises `DatabaseUnavailable`."""
    from outdial.cli.context import settings_of
    from outdial.postgres.pool import PoolOptions, connect

    settings = settings_of(args).database
    options = PoolOptions(
        min_size=0, max_size=2, connect_timeout_s=settings.connect_timeout_s, pgbouncer=settings.pgbouncer,
        command_timeout_s=60.0, application_name="outdial cli",
    )  # fmt: skip
    pool = await connect(settings.url.get_secret_value(), options)
    try:
        yield pool
    finally:
        await pool.close()


def who_am_i() -> str:
    """Who does it, for the audit log: the user name on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
