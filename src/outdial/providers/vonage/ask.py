"""Part 2, look up · search · hang up: all of them may be repeated, and none of them can make a call.

Vonage's list takes neither a number nor a token of ours: calls of the time in question are paged through and matched.
What is found is worth adopting, what is not found proves nothing (`SPEECH.searchable`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from outdial.errors import Retryable
from outdial.ports.carriers import SearchQuery
from outdial.providers.answers import as_object, cannot, content_of, e164, iso_moment, seconds_of, text_of
from outdial.providers.http import Answer, HttpClient, is_success
from outdial.providers.tables import cause_of
from outdial.providers.vonage.account import Account
from outdial.providers.vonage.place import is_problem
from outdial.providers.vonage.tables import ANSWERED_BY, CALL_STATUS, CAUSES, NO_STATUS
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.outcome import Outcome

CLOCK_MARGIN_S = 60.0
"""Vonage's clock and ours may differ."""
CREATED_WITHIN_S = 300.0
"""After its intent; later calls need not be paged through, however late the search."""
PAGE_SIZE = 100
MAX_PAGES = 10
"""Five minutes at the usual three calls per second."""


async def look_up(carrier_call_id: str, account: Account, http: HttpClient) -> CallNews | None:
    """The call's state; None = Vonage does not know it in this region. Raises `Retryable`."""
    answer = await http.get(account.call_url(carrier_call_id), (), account.headers())
    return None if _is_gone(answer) else news_of(content_of(answer))


async def search(query: SearchQuery, account: Account, http: HttpClient) -> Sequence[CallNews]:
    """Calls between the two numbers among the first of the time in question. Raises `Retryable`."""
    times = (
        ("date_start", _zulu(query.begun_at - CLOCK_MARGIN_S)),
        ("date_end", _zulu(min(query.until, query.begun_at + CREATED_WITHIN_S) + CLOCK_MARGIN_S)),
        ("order", "asc"),
        ("page_size", str(PAGE_SIZE)),
    )
    found: dict[str, CallNews] = {}
    for page in range(MAX_PAGES):
        index = ("record_index", str(page * PAGE_SIZE))
        calls = _calls(content_of(await http.get(account.calls_url, (*times, index), account.headers())))
        for call in calls:
            news = news_of(call)
            if news.carrier_call_id and (news.to, news.from_number) == (query.to, query.from_number):
                found[news.carrier_call_id] = news
        if len(calls) < PAGE_SIZE:
            break
    return list(found.values())


async def hang_up(carrier_call_id: str, account: Account, http: HttpClient) -> None:
    """End the call whatever its state. Raises `Retryable`."""
    url = account.call_url(carrier_call_id)
    answer = await http.command("PUT", url, {"action": "hangup"}, account.headers())
    if is_success(answer.status) or _is_gone(answer):
        return
    if answer.status != HTTPStatus.BAD_REQUEST:
        raise cannot(answer)
    state = await look_up(carrier_call_id, account, http)
    if state is not None and state.progress is not Progress.FINAL:
        raise Retryable("the carrier will not end the call in its present state")


def news_of(call: Mapping[str, object]) -> CallNews:
    """A Call object, or an event, in outdial's words. Machine detection's events name the call `call_uuid`."""
    status = text_of(call, "status") or ("error" if "reason" in call else None)
    row = CALL_STATUS.get(status or "", NO_STATUS)
    detail = text_of(call, "detail")
    outcome, known_cause = cause_of(row, f"{status}/{detail}" if detail else None, CAUSES)
    final = row.progress is Progress.FINAL
    duration = seconds_of(text_of(call, "duration")) if final else None
    answered = row.was_answered
    if final and answered and not duration and text_of(call, "start_time") is None:
        # It ended without ever having begun: nobody picked up, and Vonage does not say why.
        outcome, answered, known_cause = Outcome.UNKNOWN, False, False
    return CallNews(
        progress=row.progress,
        carrier_call_id=text_of(call, "uuid") or text_of(call, "call_uuid"),
        at=iso_moment(text_of(call, "timestamp") or (text_of(call, "end_time") if final else None)),
        outcome=outcome,
        answered_by=ANSWERED_BY.get(status or ""),
        was_answered=answered,
        provider_status=status,
        provider_code=detail,
        known_code=status in CALL_STATUS and known_cause,
        duration_s=duration,
        to=_number(call, "to"),
        from_number=_number(call, "from"),
    )


def _number(call: Mapping[str, object], key: str) -> str | None:
    """A plain number in events, an endpoint in Call objects (a list of one in some versions)."""
    end = call.get(key)
    if isinstance(end, list) and end:
        end = end[0]
    return e164(text_of(end, "number") if isinstance(end, dict) else text_of(call, key))


def _calls(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    embedded = content.get("_embedded")
    calls = embedded.get("calls") if isinstance(embedded, dict) else None
    if not isinstance(calls, list):
        raise Retryable("the carrier's list of calls is unreadable")
    return [call for call in calls if isinstance(call, dict)]


def _is_gone(answer: Answer) -> bool:
    """Vonage's own word that it has no such call (here). A 404 of some proxy is none."""
    return answer.status == HTTPStatus.NOT_FOUND and is_problem(as_object(answer.body))


def _zulu(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
