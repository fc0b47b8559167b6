"""Errors answer one question: again (when?) or never (why?). Foreign exceptions are translated where they occur."""

from __future__ import annotations


class OutdialError(Exception):
    """Everything outdial raises on purpose. `code` is published: logs, metrics and messages use it."""

    code = "error"


class Retryable(OutdialError):
    """May succeed later. `delay_s`: how long to wait at least, None = the caller's own back-off."""

    code = "retryable"

    def __init__(self, message: str, *, delay_s: float | None = None) -> None:
        super().__init__(message)
        self.delay_s = delay_s


class Permanent(OutdialError):
    """Will not succeed unless somebody changes something; the message says what."""

    code = "permanent"


class BadInput(Permanent):
    """Somebody gave us something wrong: names the field, the value and the cure (no phone number in full)."""

    code = "bad_input"

    def __init__(self, field: str, problem: str, cure: str = "") -> None:
        super().__init__(f"{field}: {problem}" + (f" ({cure})" if cure else ""))
        self.field, self.problem, self.cure = field, problem, cure


class BadConfiguration(Permanent):
    """Settings that cannot work; `outdial` exits with 78."""

    code = "bad_configuration"


class NotFound(Permanent):
    """The named thing does not exist."""

    code = "not_found"


class DatabaseUnavailable(Retryable):
    """PostgreSQL cannot be asked just now, or gave up this transaction; nothing is known of a commit under way."""

    code = "database_unavailable"


class BrokerUnavailable(Retryable):
    """RabbitMQ cannot be asked just now."""

    code = "broker_unavailable"


class DatabaseRefused(Permanent):
    """PostgreSQL refused a statement for what it says; `sqlstate` tells why (class 22/23: a guilty row in the batch)."""

    code = "database_refused"

    def __init__(self, sqlstate: str, name: str) -> None:
        super().__init__(f"PostgreSQL refused the statement: {name} ({sqlstate})")
        self.sqlstate = sqlstate

    @property
    def blames_data(self) -> bool:
        """Whether a row of the batch is to blame, so that halving the batch finds it."""
        return self.sqlstate.startswith(("22", "23"))
