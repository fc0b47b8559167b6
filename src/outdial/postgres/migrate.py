"""Brings a database to the schema this code was written for: numbered SQL files, each applied once, in order.

Any number of replicas may do so at the same moment: a transaction-level advisory lock (it survives pgbouncer and
dies with its connection) lets one after the other look at what is still to do. They ask for it again and again instead
of waiting inside a statement: a waiting statement holds a snapshot, and an index that is built concurrently waits for
every older snapshot, so that both would wait for ever. A file's text is remembered by its checksum: a file that was
edited after it was applied is an error, not a surprise.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import asyncpg

from outdial.errors import DatabaseUnavailable, Permanent
from outdial.postgres.pool import translate_errors

_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_NO_TRANSACTION = re.compile(r"^-- outdial: no transaction *$", re.MULTILINE)
_STATEMENT_END = re.compile(r";[ \t]*$", re.MULTILINE)
_LOCK = 7_305_402_331
"""Any number that nothing else in the database uses: the advisory lock of migrations."""

_SETTINGS = {"application_name": "outdial migrate", "statement_timeout": "0", "jit": "off"}
_PATIENCE_S, _ASK_EVERY_S = 600.0, 0.1
"""Another replica may be in the middle of building an index."""
_WAIT_FOR_TABLES = "set local lock_timeout = '10s'"
"""A schema change that waits for a long transaction makes everybody else queue behind it: better to give up."""


class SchemaMismatch(Permanent):
    """The database's schema and this code do not belong together; the message says which way and what to do."""

    code = "schema_mismatch"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `version` from its number, `name` as the file is called without `.sql`.

    `statements` has more than one entry only where the file says `-- outdial: no transaction`: each runs by itself, so
    such a file must be safe to run again after a crash between two of them (`if exists`, `if not exists`), and a line
    that ends with `;` ends a statement.
    """

    version: int
    name: str
    checksum: str
    statements: tuple[str, ...]
    in_transaction: bool


@dataclass(frozen=True, slots=True)
class SchemaState:
    """`pending`: files not applied yet. `unknown`: applied ones that this code does not have (a newer release ran)."""

    pending: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def up_to_date(self) -> bool:
        """Whether the database is exactly where this code wants it."""
        return not self.pending and not self.unknown

    @property
    def behind(self) -> bool:
        """Whether `outdial migrate` has something to do."""
        return bool(self.pending)

    @property
    def ahead(self) -> bool:
        """Whether a newer release has changed the database."""
        return bool(self.unknown)


def shipped_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The migrations of this release in order. Raises `ValueError` when the numbering has a gap or a number twice."""
    folder = folder or resources.files("outdial.postgres").joinpath("sql", "migrations")
    found = sorted(
        (_read(file) for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda one: one.version
    )
    for wanted, migration in enumerate(found, start=1):
        if migration.version != wanted:
            raise ValueError(f"migration {migration.name}.sql: the next number must be {wanted:04d}")
    return tuple(found)


def _read(file: Traversable) -> Migration:
    match = _FILE.match(file.name)
    if not match:
        raise ValueError(f"migration {file.name}: the name must look like 0002_what_it_does.sql")
    text = file.read_text(encoding="utf-8").replace("\r\n", "\n")
    in_transaction = not _NO_TRANSACTION.search(text)
    statements = (text,) if in_transaction else tuple(part for part in _STATEMENT_END.split(text) if _has_sql(part))
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(int(match[1]), file.name.removesuffix(".sql"), checksum, statements, in_transaction)


def _has_sql(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("--") for line in text.splitlines())


async def migrate(database_url: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing; the names of the files that this call applied, in order.

    Raises `SchemaMismatch` when an applied file was edited or the database is newer than this code, and
    `DatabaseUnavailable` when it cannot be reached or a table stays locked for 10 s (nothing is half done: run again).
    """
    migrations = shipped_migrations() if migrations is None else migrations
    done: list[str] = []
    with translate_errors():
        async with _connection(database_url) as connection:
            while (name := await _when_free(connection, database_url, migrations)) is not None:
                done.append(name)
    return done


async def grant(database_url: str, text: str) -> None:
    """Run a file of grants in one transaction. Raises `Permanent` naming PostgreSQL's reason, and `DatabaseUnavailable`."""
    try:
        async with _connection(database_url) as connection, connection.transaction():
            await connection.execute(text)
    except (asyncpg.SyntaxOrAccessError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        # Names of tables and roles only: a file of grants holds no data.
        raise Permanent(f"nothing was granted: {error}") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        with translate_errors():
            raise


async def check(database_url: str, migrations: Sequence[Migration] | None = None) -> SchemaState:
    """How the database stands to this code; changes nothing. Raises `SchemaMismatch` if an applied file was edited."""
    with translate_errors():
        async with _connection(database_url) as connection:
            return await check_on(connection, migrations)


async def check_on(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, migrations: Sequence[Migration] | None = None
) -> SchemaState:
    """The same on a connection that is there already (readiness asks it from the pool)."""
    migrations = shipped_migrations() if migrations is None else migrations
    with translate_errors():
        return _compare(await _applied(connection), migrations)


async def _when_free(connection: asyncpg.Connection, database_url: str, migrations: Sequence[Migration]) -> str | None:
    """Apply the next file once no other replica is at it; None = nothing is left to do."""
    patience = asyncio.timeout(_PATIENCE_S)
    try:
        async with patience:
            while True:
                async with connection.transaction():
                    if await connection.fetchval("select pg_try_advisory_xact_lock($1)", _LOCK):
                        patience.reschedule(None)  # the lock is ours: a long migration may take its time
                        return await _apply_next(connection, database_url, migrations)
                await asyncio.sleep(_ASK_EVERY_S)
    except TimeoutError:
        if not patience.expired():
            raise
        raise DatabaseUnavailable("another outdial has been migrating for 10 minutes: look what it waits for") from None


async def _apply_next(connection: asyncpg.Connection, database_url: str, migrations: Sequence[Migration]) -> str | None:
    """One file under the lock; what is to do is read once the lock is ours, since another replica may have done it."""
    await connection.execute(_WAIT_FOR_TABLES)
    await connection.execute(_LEDGER)
    state = _compare(await _applied(connection), migrations)
    if state.ahead:
        raise SchemaMismatch(
            f"the database has migrations that this release does not know ({', '.join(state.unknown)}): "
            "a newer outdial has run here; use that release"
        )
    if not state.pending:
        return None
    migration = next(one for one in migrations if one.name == state.pending[0])
    await _run(connection, database_url, migration)
    await connection.execute(
        "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
        migration.version,
        migration.name,
        migration.checksum,
    )
    return migration.name


async def _run(connection: asyncpg.Connection, database_url: str, migration: Migration) -> None:
    if migration.in_transaction:
        await connection.execute(migration.statements[0])
        return
    # The transaction on `connection` goes on holding the lock while a second connection runs the statements one by one.
    # A plain statement first: it ends the portal of the one before, whose snapshot a concurrent index would wait for.
    await connection.execute("select")
    async with _connection(database_url) as plain:
        for statement in migration.statements:
            await plain.execute(statement)


_LEDGER = """
create table if not exists schema_migrations (
    version    integer primary key,
    name       text not null,
    checksum   text not null,
    applied_at timestamptz not null default now()
)
"""


async def _applied(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> dict[int, tuple[str, str]]:
    if await connection.fetchval("select to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("select version, name, checksum from schema_migrations order by version")
    return {row["version"]: (row["name"], row["checksum"]) for row in rows}


def _compare(applied: dict[int, tuple[str, str]], migrations: Sequence[Migration]) -> SchemaState:
    known = {migration.version: migration for migration in migrations}
    for version, (name, checksum) in applied.items():
        migration = known.get(version)
        if migration and migration.checksum != checksum:
            raise SchemaMismatch(
                f"migration {migration.name}.sql was changed after it had been applied here as {name}: "
                "restore the file as it was released, and put the change into a new migration"
            )
    return SchemaState(
        pending=tuple(migration.name for migration in migrations if migration.version not in applied),
        unknown=tuple(name for version, (name, _) in applied.items() if version not in known),
    )


@asynccontextmanager
async def _connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=5, server_settings=_SETTINGS, statement_cache_size=0)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)
