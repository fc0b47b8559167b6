"""Part 2, look up · search · hang up: all of them may be repeated, and none of them can make a call.

A call lives in three places one after the other: queued, live, finished. They are always asked in that order, so that a
call that moves on meanwhile is not missed. A single outbound call's id is its request's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from outdial.errors import Retryable
from outdial.ports.carriers import SearchQuery
from outdial.providers.answers import as_object, bare, cannot, content_of, e164, iso_moment, seconds_of, text_of
from outdial.providers.http import Answer, HttpClient, Pairs, is_success
from outdial.providers.plivo.account import Account
from outdial.providers.plivo.place import is_plivos
from outdial.providers.plivo.tables import CALL_STATUS, CAUSES, NO_STATUS
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.outcome import Outcome

CLOCK_MARGIN_S = 60.0
"""Plivo's clock and ours may differ, and its times have whole seconds."""
ZONE_MARGIN_S = 86_400.0
"""Times in filters have no zone, and accounts have one."""
PAGE_SIZE = 20
"""The most Plivo lists at once."""
MAX_PAGES = 10
_UNDER_WAY: tuple[Pairs, ...] = ((("status", "queued"),), (("status", "live"),))


async def look_up(carrier_call_id: str, account: Account, http: HttpClient) -> CallNews | None:
    """The call's state; None = Plivo knows it neither queued nor live nor finished. Raises `Retryable`."""
    for where in (*_UNDER_WAY, ()):
        answer = await http.get(account.call_url(carrier_call_id), where, account.headers)
        if not _is_gone(answer):
            content = content_of(answer)
            return news_of_live(content) if where else news_of_finished(content)
    return None


async def search(query: SearchQuery, account: Account, http: HttpClient) -> Sequence[CallNews]:
    """All calls between the two numbers that were begun in the time asked for. Raises `Retryable`."""
    pair = (("from_number", bare(query.from_number)), ("to_number", bare(query.to)))
    found: dict[str, CallNews] = {}
    for status in _UNDER_WAY:
        for call_id in await _all_pages((*status, *pair), "calls", account, http):
            news = await look_up(str(call_id), account, http)
            if news is not None and (news.to, news.from_number) == (query.to, query.from_number):
                found[str(call_id)] = news
    since = datetime.fromtimestamp(query.begun_at - ZONE_MARGIN_S, UTC).strftime("%Y-%m-%d %H:%M:%S")
    for call in await _all_pages((*pair, ("end_time__gte", since)), "objects", account, http):
        news = news_of_finished(call) if isinstance(call, dict) and _begun_within(call, query) else None
        if news is not None and news.carrier_call_id is not None:
            found[news.carrier_call_id] = news
    return list(found.values())


async def hang_up(carrier_call_id: str, account: Account, http: HttpClient) -> None:
    """End the call whatever its state, queued first, since it may begin meanwhile. Raises `Retryable`."""
    for url in (account.request_url(carrier_call_id), account.call_url(carrier_call_id)):
        answer = await http.command("DELETE", url, None, account.headers)
        if not is_success(answer.status) and not _is_gone(answer):
            raise cannot(answer)


def news_of_live(call: Mapping[str, object]) -> CallNews:
    """A queued or live call in outdial's words."""
    status = text_of(call, "call_status")
    row = CALL_STATUS.get(status or "", NO_STATUS)
    # Live is live: a final word here, which Plivo does not document, ends nothing.
    progress = row.progress if row.progress is not Progress.FINAL else Progress.QUEUED
    return CallNews(
        progress=progress,
        carrier_call_id=text_of(call, "call_uuid") or text_of(call, "request_uuid"),
        was_answered=row.was_answered and progress is Progress.ANSWERED,
        provider_status=status,
        known_code=row is not NO_STATUS,
        to=e164(text_of(call, "to")),
        from_number=e164(text_of(call, "from")),
    )


def news_of_finished(call: Mapping[str, object]) -> CallNews:
    """A call detail record in outdial's words. Whether it was answered says its answer time, why it ended its code."""
    code = text_of(call, "hangup_cause_code")
    answered = text_of(call, "answer_time") is not None
    cause = CAUSES.get(code or "", Outcome.UNKNOWN)
    machine = cause is Outcome.ANSWERED_MACHINE
    return CallNews(
        progress=Progress.FINAL,
        carrier_call_id=text_of(call, "call_uuid"),
        at=iso_moment(text_of(call, "end_time")),
        outcome=Outcome.ANSWERED_UNKNOWN if answered else cause,
        answered_by=AnsweredBy.MACHINE if machine else None,
        was_answered=answered or cause.startswith("answered_"),
        provider_status=text_of(call, "call_state"),
        provider_code=code,
        known_code=code in CAUSES or (code is None and answered),
        duration_s=seconds_of(text_of(call, "call_duration")),
        to=e164(text_of(call, "to_number")),
        from_number=e164(text_of(call, "from_number")),
    )


async def _all_pages(query: Pairs, key: str, account: Account, http: HttpClient) -> list[object]:
    rows: list[object] = []
    for page in range(MAX_PAGES):
        window = (("limit", str(PAGE_SIZE)), ("offset", str(page * PAGE_SIZE)))
        content = content_of(await http.get(account.calls_url, (*query, *window), account.headers))
        more = content.get(key)
        if not isinstance(more, list):
            raise Retryable("the carrier's list of calls is unreadable")
        rows += more
        if len(more) < PAGE_SIZE:
            return rows
    raise Retryable("the carrier's list of calls has no end")


def _begun_within(call: Mapping[str, object], query: SearchQuery) -> bool:
    begun = iso_moment(text_of(call, "initiation_time"))
    # Better one call too many than a call denied.
    return begun is None or query.begun_at - CLOCK_MARGIN_S <= begun <= query.until + CLOCK_MARGIN_S


def _is_gone(answer: Answer) -> bool:
    """Plivo's own word that it has no such call there. A 404 of some proxy is none."""
    return answer.status == HTTPStatus.NOT_FOUND and is_plivos(as_object(answer.body))
