"""Part 2, look up · search · hang up: all of them may be repeated, and none of them can make a call.

A call's own address tells neither cause nor, ten minutes after its end, anything at all. The list of events has the raw
events, so the cause is read there, in the same way as from a callback. A lost create answer is searched by our token in
`client_state`, among live calls and among the events between the two numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus

from outdial.errors import BadInput, Retryable
from outdial.ports.carriers import SearchQuery
from outdial.providers.answers import as_object
from outdial.providers.http import Answer, HttpClient, Pairs, is_success
from outdial.providers.telnyx.account import Account
from outdial.providers.telnyx.callbacks import moment, news_of, payload_of, token_in
from outdial.providers.telnyx.place import delay_of, errors_of
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.outcome import Outcome

PAGE_SIZE = 250
MAX_PAGES = 20
ALREADY_ENDED = "90018"


async def look_up(carrier_call_id: str, account: Account, http: HttpClient) -> CallNews | None:
    """The call's state; None = Telnyx does not know it (any more). Raises `Retryable`."""
    answer = await http.get(account.call_url(carrier_call_id), (), account.headers)
    if _is_gone(answer):
        return None
    call = _content(answer).get("data")
    if not isinstance(call, dict) or not isinstance(call.get("is_alive"), bool):
        raise Retryable("the carrier's answer about the call is unreadable")
    if call["is_alive"] or not call.get("end_time"):
        # Not alive and not ended is a call that is still being dialled; alive does not say that it was answered.
        return CallNews(Progress.INITIATED if call["is_alive"] else Progress.QUEUED, carrier_call_id)
    leg = call.get("call_leg_id")
    events = await _events((("filter[leg_id]", leg),), account, http) if isinstance(leg, str) else []
    told = _told(news for event in events if (news := _read(event)) and news.carrier_call_id == carrier_call_id)
    if told is not None and told.progress is Progress.FINAL:
        return told
    # It is over; why, only a late callback could still tell.
    return CallNews(
        Progress.FINAL,
        carrier_call_id,
        at=moment(str(call["end_time"])),
        outcome=Outcome.UNKNOWN,
        provider_status="ended",
    )


async def search(query: SearchQuery, account: Account, http: HttpClient) -> Sequence[CallNews]:
    """All calls that bear our token. Raises `Retryable`."""
    found: dict[str, list[CallNews]] = {}
    for call in await _live_calls(account, http):
        call_id = call.get("call_control_id")
        if token_in(call) == query.placement and isinstance(call_id, str):
            found[call_id] = [CallNews(Progress.INITIATED, call_id)]
    between = (("filter[from]", query.from_number), ("filter[to]", query.to))
    events = await _events(between, account, http)
    for event in events:
        call_id = payload_of(event).get("call_control_id")
        if token_in(payload_of(event)) == query.placement and isinstance(call_id, str):
            found.setdefault(call_id, [])
    for event in events:
        # The customer's application may have put another token into later events; the call's id stays.
        news = _read(event)
        if news is not None and news.carrier_call_id in found:
            found[news.carrier_call_id].append(news)
    return [_told(news) or CallNews(Progress.QUEUED, call_id) for call_id, news in found.items()]


async def hang_up(carrier_call_id: str, account: Account, http: HttpClient) -> None:
    """End the call whatever its state. Raises `Retryable`."""
    answer = await http.command("POST", f"{account.call_url(carrier_call_id)}/actions/hangup", {}, account.headers)
    if is_success(answer.status) or _is_gone(answer):
        return
    if ALREADY_ENDED not in _codes(answer):
        raise _cannot(answer)


def _told(all_news: Iterable[CallNews]) -> CallNews | None:
    """What several events say together: the furthest of them, with the result of machine detection."""
    known = list(all_news)
    if not known:
        return None
    answered_by = next((news.answered_by for news in known if news.answered_by is not None), None)
    furthest = max(known, key=lambda news: news.progress)
    was_answered = any(news.was_answered for news in known)
    answered_all_the_same = was_answered and furthest.outcome is Outcome.NO_ANSWER
    outcome = Outcome.ANSWERED_UNKNOWN if answered_all_the_same else furthest.outcome
    return replace(furthest, outcome=outcome, answered_by=answered_by, was_answered=was_answered)


def _read(event: Mapping[str, object]) -> CallNews | None:
    try:
        return news_of(event)
    except BadInput:
        return None


async def _live_calls(account: Account, http: HttpClient) -> list[Mapping[str, object]]:
    url = f"{account.root}/connections/{account.connection_id}/active_calls"
    calls: list[Mapping[str, object]] = []
    after: tuple[tuple[str, str], ...] = ()
    for _ in range(MAX_PAGES):
        content = _content(await http.get(url, (("page[limit]", str(PAGE_SIZE)), *after), account.headers))
        page = _list(content)
        calls += page
        cursor = _table(_table(content, "meta"), "cursors").get("after")
        if not isinstance(cursor, str) or not cursor or len(page) < PAGE_SIZE:
            return calls
        after = (("page[after]", cursor),)
    raise Retryable("the carrier's list of live calls has no end")


async def _events(narrowing: Pairs, account: Account, http: HttpClient) -> list[Mapping[str, object]]:
    """Events that Telnyx called back with, as it sent them."""
    events: list[Mapping[str, object]] = []
    for number in range(1, MAX_PAGES + 1):
        paging = (("page[size]", str(PAGE_SIZE)), ("page[number]", str(number)))
        content = _content(await http.get(f"{account.root}/call_events", (*narrowing, *paging), account.headers))
        page = _list(content)
        raw = (_table(entry, "metadata") for entry in page if entry.get("type") == "webhook")
        events += (_table(event, "data") or event for event in raw)
        pages = _table(content, "meta").get("total_pages")
        if not isinstance(pages, int) or number >= pages:
            return events
    raise Retryable("the carrier's list of events has no end")


def _table(fields: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _list(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    rows = content.get("data")
    if not isinstance(rows, list):
        raise Retryable("the carrier's list is unreadable")
    return [row for row in rows if isinstance(row, dict)]


def _content(answer: Answer) -> Mapping[str, object]:
    if not is_success(answer.status):
        raise _cannot(answer)
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Retryable("the carrier's answer is unreadable")
    return content


def _codes(answer: Answer) -> list[str]:
    return [str(error["code"]) for error in errors_of(as_object(answer.body)) if "code" in error]


def _is_gone(answer: Answer) -> bool:
    """Telnyx's own word that it has no such call. A 404 of some proxy, or of a mistyped address, is none."""
    return answer.status == HTTPStatus.NOT_FOUND and bool(_codes(answer))


def _cannot(answer: Answer) -> Retryable:
    detail = " ".join([f"http_{answer.status}", *_codes(answer)[:1]])
    return Retryable(f"the carrier could not be asked: {detail}", delay_s=delay_of(answer))
