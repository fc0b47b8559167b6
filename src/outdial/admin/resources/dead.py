"""Dead letters: listed, shown with their payload, published again, given up."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from outdial.admin.routes import Asked, Input, Route
from outdial.admin.tokens import Role
from outdial.operator import dead
from outdial.operator.dead import Discarded, Letter, Letters, RawLetter, Republished

LetterId = Annotated[int, Field(ge=1, lt=10**18)]


class LettersQuery(Input):
    """Which of them."""

    limit: int = Field(50, ge=1, le=dead.MOST, description="Of one page.")
    after: LetterId | None = Field(None, description="Go on behind this one.")
    replayed: bool = Field(False, description="Those that were published again, too.")


class LettersBody(Input):
    """Which of them, and why."""

    letters: tuple[LetterId, ...] = Field(min_length=1, max_length=1000)
    why: str = Field(min_length=1, max_length=500, description="Why, for the audit log.")


async def _list(asked: Asked) -> Letters:
    query: LettersQuery = asked.query
    return await dead.list_letters(asked.pool, limit=query.limit, after=query.after, replayed_too=query.replayed)


async def _show(asked: Asked) -> Letter:
    return await dead.read_letter(asked.pool, int(asked.path["letter"]), full=asked.caller.sees_contacts)


async def _replay(asked: Asked) -> Republished:
    letters = await dead.fetch_letters(asked.pool, asked.body.letters)
    publisher = asked.setting.attempts()

    async def publish(one: RawLetter) -> None:
        await publisher.publish_attempt(
            one.routing_key, one.body, message_id=one.message_id, type_=one.message_type, headers=dict(one.headers)
        )

    return await dead.replay_letters(asked.pool, letters, publish, who=asked.caller.name, why=asked.body.why)


async def _discard(asked: Asked) -> Discarded:
    return await dead.discard_letters(asked.pool, asked.body.letters, who=asked.caller.name, why=asked.body.why)


ROUTES: Final = (
    Route("GET", "/dead-letters", "What could not be understood, oldest first", _list, Letters, query=LettersQuery),
    Route("GET", "/dead-letters/{letter}", "One with its payload", _show, Letter),
    Route("POST", "/dead-letters/replay", "Publish again", _replay, Republished, Role.OPERATOR, body=LettersBody),
    Route("POST", "/dead-letters/discard", "Give up for good", _discard, Discarded, Role.OPERATOR, body=LettersBody),
)
