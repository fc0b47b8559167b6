"""Part 2, look up · search · hang up: all of them may be repeated, and none of them can make a call.

Twilio's list takes no token of ours, so a lost create answer is searched by To, From and time of creation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from outdial.errors import Retryable
from outdial.ports.carriers import SearchQuery
from outdial.providers.answers import as_object, cannot, content_of, text_of
from outdial.providers.http import Answer, HttpClient, Pairs, is_success
from outdial.providers.tables import cause_of
from outdial.providers.twilio.account import Account
from outdial.providers.twilio.dialect import TWILIO_DIALECT, Dialect
from outdial.providers.twilio.errors import error_code
from outdial.providers.twilio.tables import CALL_STATUS, NO_STATUS, SIP_CAUSES
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress

CLOCK_MARGIN_S = 60.0
"""Twilio's clock and ours may differ, and its times have whole seconds."""
PAGE_SIZE = "50"
MAX_PAGES = 10


async def look_up(carrier_call_id: str, account: Account, http: HttpClient) -> CallNews | None:
    """The call's state; None = Twilio does not know it. Raises `Retryable`."""
    answer = await http.get(account.call_url(carrier_call_id), (), account.headers)
    if _is_gone(answer, account.dialect):
        return None
    return news_of(content_of(answer), account.dialect)


async def search(query: SearchQuery, account: Account, http: HttpClient) -> Sequence[CallNews]:
    """All calls between the two numbers that were created in the time asked for. Raises `Retryable`.

    Two lists are asked: calls by start time, and those still queued, which have no start time yet.
    """
    pair = (("To", query.to), ("From", query.from_number), ("PageSize", PAGE_SIZE))
    since = datetime.fromtimestamp(query.begun_at - CLOCK_MARGIN_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found: dict[str, CallNews] = {}
    for narrowing in (("StartTime>", since), ("Status", "queued")):
        for call in await _all_pages((*pair, narrowing), account, http):
            news = news_of(call, account.dialect)
            if news.carrier_call_id is not None and _created_within(call, query):
                found[news.carrier_call_id] = news
    return list(found.values())


async def hang_up(carrier_call_id: str, account: Account, http: HttpClient) -> None:
    """End the call whatever its state. Raises `Retryable`.

    `completed` ends a live call, `canceled` one that is queued or ringing; it may pass from one to the other between
    the two requests, so the third word is the call's own state.
    """
    for status in ("completed", "canceled"):
        answer = await http.post(account.call_url(carrier_call_id), (("Status", status),), account.headers)
        if is_success(answer.status) or _is_gone(answer, account.dialect):
            return
        if _code(answer) not in account.dialect.wrong_state:
            raise cannot(answer, _code(answer))
    state = await look_up(carrier_call_id, account, http)
    if state is not None and state.progress is not Progress.FINAL:
        raise Retryable("the carrier will not end the call in its present state")


def news_of(call: Mapping[str, object], dialect: Dialect = TWILIO_DIALECT) -> CallNews:
    """A Call object in outdial's words. It has no SIP code, so a failed call stays `carrier_failed`."""
    status = text_of(call, "status")
    row = CALL_STATUS.get(status or "", NO_STATUS)
    outcome, _ = cause_of(row, None, SIP_CAUSES)
    answered_by, known_answers = text_of(call, "answered_by"), dialect.answered_by
    final = row.progress is Progress.FINAL
    duration = text_of(call, "duration")
    return CallNews(
        progress=row.progress,
        carrier_call_id=text_of(call, "sid"),
        at=moment(text_of(call, "end_time")) if final else None,
        outcome=outcome,
        answered_by=None if answered_by is None else known_answers.get(answered_by, AnsweredBy.UNKNOWN),
        was_answered=row.was_answered,
        provider_status=status,
        provider_code=answered_by if answered_by is not None and answered_by not in known_answers else None,
        known_code=row is not NO_STATUS and (answered_by is None or answered_by in known_answers),
        duration_s=float(duration) if final and duration is not None and duration.isdecimal() else None,
        to=text_of(call, "to"),
        from_number=text_of(call, "from"),
    )


def moment(text: str | None) -> float | None:
    """An RFC 2822 date in Unix seconds; None when it is none."""
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


async def _all_pages(query: Pairs, account: Account, http: HttpClient) -> list[Mapping[str, object]]:
    calls: list[Mapping[str, object]] = []
    url = account.calls_url + account.dialect.suffix
    for _ in range(MAX_PAGES):
        content = content_of(await http.get(url, query, account.headers))
        page = content.get("calls")
        if not isinstance(page, list):
            raise Retryable("the carrier's list of calls is unreadable")
        calls += [call for call in page if isinstance(call, dict)]
        following = content.get("next_page_uri")
        if not isinstance(following, str) or not following:
            return calls
        # Only path and query are taken: our credentials go to no other host.
        parts = urlsplit(following)
        url, query = account.origin + parts.path, parse_qsl(parts.query, keep_blank_values=True)
    raise Retryable("the carrier's list of calls has no end")


def _created_within(call: Mapping[str, object], query: SearchQuery) -> bool:
    created = moment(text_of(call, "date_created"))
    # A queued call may have no date yet; better one call too many than a call denied.
    return created is None or query.begun_at - CLOCK_MARGIN_S <= created <= query.until + CLOCK_MARGIN_S


def _is_gone(answer: Answer, dialect: Dialect) -> bool:
    """The carrier's own word that it has no such call. A 404 of some proxy, or of a mistyped address, is none."""
    code = _code(answer) if answer.status == HTTPStatus.NOT_FOUND else None
    return code is not None and (code in dialect.gone or not dialect.gone)


def _code(answer: Answer) -> str | None:
    return error_code(as_object(answer.body))
