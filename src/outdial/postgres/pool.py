"""Connections to PostgreSQL: explicit time limits, two codecs, and the driver's errors translated into ours.

Times cross this edge as Unix seconds (float), JSON as Python values; nothing further in sees a datetime or a driver's type.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from pydantic_core import from_json, to_json

from outdial.errors import DatabaseRefused, DatabaseUnavailable

_EPOCH_2000 = 946_684_800
"""PostgreSQL counts microseconds from 2000-01-01 UTC."""

_RETRYABLE_CLASSES = ("08", "40", "53", "57", "55")
"""Connection, rollback (40001, 40P01), resources, operator intervention and lock timeouts: nothing is wrong with the data."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Time limits in seconds; every one is explicit because a frozen server ends no wait by itself (measured)."""

    min_size: int = 1
    max_size: int = 8
    connect_timeout_s: float = 5.0
    command_timeout_s: float = 10.0
    pgbouncer: bool = False
    """Behind pgbouncer's transaction pooling named prepared statements break: no statement cache then."""
    application_name: str = "outdial"


async def connect(database_url: str, options: PoolOptions | None = None) -> asyncpg.Pool:
    """Open a pool. Raises `DatabaseUnavailable`."""
    options = options or PoolOptions()
    with translate_errors():
        return await asyncpg.create_pool(
            database_url,
            min_size=options.min_size,
            max_size=options.max_size,
            timeout=options.connect_timeout_s,
            command_timeout=options.command_timeout_s,
            statement_cache_size=0 if options.pgbouncer else 500,
            max_cached_statement_lifetime=0,
            init=set_codecs,
            reset=_keep,
            server_settings=None if options.pgbouncer else _server_settings(options),
        )


def _server_settings(options: PoolOptions) -> dict[str, str]:
    """Plans are kept: left alone, PostgreSQL takes a turn's arrays for longer than they are, and plans such statements
    anew each time, which costs more than running them. The tests look at the kept plans."""
    return {
        "application_name": options.application_name,
        "idle_in_transaction_session_timeout": "10000",
        "lock_timeout": "5000",
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
        "enable_seqscan": "off",
    }


async def _keep(connection: Any) -> None:
    """Between two users of a connection nothing is reset, which saves a round trip each: nobody changes the session."""


async def set_codecs(connection: Any) -> None:
    """Unix seconds for timestamptz and Python values for jsonb, on one connection (pools call it for each)."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode_time, decoder=_decode_time, format="tuple"
    )
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode_json, decoder=from_json)


def _encode_time(seconds: float) -> tuple[int]:
    return (round((seconds - _EPOCH_2000) * 1_000_000),)


def _decode_time(value: tuple[int]) -> float:
    return value[0] / 1_000_000 + _EPOCH_2000


def _encode_json(value: object) -> str:
    """pydantic's encoder takes a seventh of the time of `json.dumps`. PostgreSQL refuses what is no JSON (NaN)."""
    return to_json(value).decode()


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn the driver's exceptions into ours where they occur; the original stays as the cause.

    Only the SQLSTATE and the condition's name go into the message: the server's DETAIL prints key values, phone numbers among them.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        state = error.sqlstate or "?????"
        if state.startswith(_RETRYABLE_CLASSES):
            raise DatabaseUnavailable(f"PostgreSQL gave up: {type(error).__name__} ({state})") from error
        raise DatabaseRefused(state, type(error).__name__) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as error:
        # The driver's internal error: the server said farewell in the middle of a statement and its line is still up.
        raise DatabaseUnavailable(f"PostgreSQL cannot be reached: {type(error).__name__}") from error
