"""The model of the database server: commits that take effect in one moment, connections that break, replies that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import attrgetter
from random import Random

from outdial.errors import DatabaseUnavailable
from outdial.rules.ids import AttemptKey
from tests.simulation.row_locks import RowLocks, Transaction
from tests.simulation.tables import Tables
from tests.simulation.virtual_loop import PROCESS, Process, pass_time
from tests.simulation.weather import Weather


class Database:
    """The server: its tables, its locks, the transactions that are open, and how well the network behaves."""

    def __init__(self, tables: Tables, weather: Weather, rng: Random) -> None:
        self.tables, self.weather, self.rng, self.book = tables, weather, rng, tables.book
        self.locks = RowLocks(tables.book)
        self.open: set[Transaction] = set()
        self.on_intents: list[Callable[[Process, AttemptKey], None]] = []
        """Called when a turn of that process has committed intents, with the attempt of one."""
        self._transactions = 0
        self.is_over = False
        """The run has ended: nothing has any effect any more."""

    async def travel(self) -> None:
        """One way over the network."""
        if self.is_over:
            raise asyncio.CancelledError
        if self.rng.random() < self.weather.at_once:
            return
        await pass_time(self.rng.random() * self.weather.longest_delay)
        if self.is_over:
            raise asyncio.CancelledError

    async def ask(self) -> None:
        """The way of a statement to the server; sometimes the connection breaks before it is run."""
        await self.travel()
        if self.rng.random() < self.weather.database_error:
            raise DatabaseUnavailable("the simulated connection broke")

    async def single(self, effect: Callable[[], None]) -> None:
        """A statement that is its own transaction and waits for no lock."""
        await self.ask()
        effect()
        await self.reply()

    async def reply(self) -> None:
        """The way back after something took effect."""
        if self.rng.random() < self.weather.commit_lost:
            self.book.reach("commit_took_effect_reply_lost")
            raise DatabaseUnavailable("the reply was lost, the commit took effect")
        await self.travel()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Committed when the block ends well, undone otherwise."""
        self._transactions += 1
        transaction = Transaction(PROCESS.get(), self._transactions)
        self.open.add(transaction)
        try:
            yield transaction
            await self.ask()
            self._commit(transaction)
            await self.reply()
        finally:
            self.abort(transaction)

    def _commit(self, transaction: Transaction) -> None:
        if transaction.aborted:
            raise DatabaseUnavailable("the server had ended the transaction")
        if self.rng.random() < self.weather.commit_lost:
            raise DatabaseUnavailable("the commit never arrived")
        for effect in transaction.effects:
            effect()

    def abort(self, transaction: Transaction) -> None:
        """Whatever is not committed is undone; a second time does nothing."""
        transaction.aborted = True
        if transaction in self.open:
            self.open.discard(transaction)
            self.locks.release(transaction)

    def break_connections(self, of: Process) -> None:
        """The process died, or was silent in a transaction for too long."""
        for transaction in sorted((t for t in self.open if t.owner is of), key=attrgetter("number")):
            self.abort(transaction)

    async def statement(self, transaction: Transaction) -> None:
        """The way of a statement within a transaction."""
        await self.ask()
        if transaction.aborted:
            raise DatabaseUnavailable("the server had ended the transaction")
