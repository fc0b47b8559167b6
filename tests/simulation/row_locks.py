"""Row locks as PostgreSQL has them: exclusive, waited for in order, deadlocks found, given up after `lock_timeout`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable

from outdial.errors import DatabaseUnavailable
from tests.simulation.recorder import Recorder
from tests.simulation.virtual_loop import Process

LOCK_TIMEOUT_S = 5.0


class Transaction:
    """One open transaction: its locks, and what its commit will do. `aborted`: the server gave it up."""

    __slots__ = ("aborted", "effects", "held", "number", "owner", "waiting_for")

    def __init__(self, owner: Process | None, number: int = 0) -> None:
        self.number = number
        """Of those that were ever open: an order that is the same in every process."""
        self.owner = owner
        self.held: list[Hashable] = []
        self.waiting_for: Hashable | None = None
        self.effects: list[Callable[[], None]] = []
        self.aborted = False


class RowLocks:
    """Who holds which row."""

    def __init__(self, book: Recorder) -> None:
        self._book = book
        self._holder: dict[Hashable, Transaction] = {}
        self._waiting: dict[Hashable, deque[tuple[Transaction, asyncio.Future[None]]]] = {}

    def holds(self, transaction: Transaction, row: Hashable) -> bool:
        """Whether the row is locked by it."""
        return self._holder.get(row) is transaction

    def try_lock(self, transaction: Transaction, row: Hashable) -> bool:
        """`for update skip locked`: False = somebody else has it. An aborted transaction gets nothing any more."""
        if transaction.aborted:
            raise DatabaseUnavailable("the server had ended the transaction")
        holder = self._holder.setdefault(row, transaction)
        if holder is transaction:
            transaction.held.append(row)
        return holder is transaction

    async def lock(self, transaction: Transaction, row: Hashable) -> None:
        """`for update`. Raises `DatabaseUnavailable` for a deadlock and when it takes too long."""
        if self.try_lock(transaction, row):
            return
        transaction.waiting_for = row
        try:
            if self._is_deadlock(transaction, row):
                self._book.violate(f"deadlock over {row}")
                raise DatabaseUnavailable("PostgreSQL gave up: DeadlockDetectedError (40P01)")
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(row, deque()).append((transaction, turn))
            async with asyncio.timeout(LOCK_TIMEOUT_S):
                await turn
        except TimeoutError:
            raise DatabaseUnavailable("PostgreSQL gave up: LockNotAvailableError (55P03)") from None
        finally:
            transaction.waiting_for = None

    def release(self, transaction: Transaction) -> None:
        """The transaction is over: its rows go to whoever waits longest."""
        for row in transaction.held:
            if self._holder.get(row) is transaction:
                self._hand_on(row)
        transaction.held.clear()
        transaction.waiting_for = None

    def _hand_on(self, row: Hashable) -> None:
        del self._holder[row]
        waiting = self._waiting.get(row)
        while waiting:
            heir, turn = waiting.popleft()
            if not turn.done() and not heir.aborted:
                self._holder[row] = heir
                heir.held.append(row)
                heir.waiting_for = None
                turn.set_result(None)
                return

    def _is_deadlock(self, transaction: Transaction, row: Hashable) -> bool:
        wanted: Hashable | None = row
        while wanted is not None:
            holder = self._holder.get(wanted)
            if holder is None or holder is transaction:
                return holder is transaction
            wanted = holder.waiting_for
        return False
