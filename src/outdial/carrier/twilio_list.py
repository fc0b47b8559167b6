"""Twilio's list of calls: filters by query parameters, newest first, page by page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, islice
from urllib.parse import urlencode

from outdial.carrier.calls import Call
from outdial.carrier.twilio_resource import VERSION, ApiError, resource, status_of

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE = 1000

Query = Mapping[str, str]
Filter = Callable[[Call], bool]


def read_page(query: Query) -> tuple[int, int]:
    """The number (from 0) and the size of the page that is asked for. Raises `ApiError`."""
    size = _whole(query, "PageSize", DEFAULT_PAGE_SIZE)
    if not 1 <= size <= LARGEST_PAGE:
        raise ApiError(400, 20007, f"Page size must be from 1 to {LARGEST_PAGE}.")
    return _whole(query, "Page", 0), size


def read_filters(query: Query) -> list[Filter]:
    """What a call must satisfy to be listed. Raises `ApiError`."""
    filters: list[Filter] = []
    if to := query.get("To"):
        filters.append(lambda call: call.order.to == to)
    if from_number := query.get("From"):
        filters.append(lambda call: call.order.from_number == from_number)
    if status := query.get("Status"):
        filters.append(lambda call: status_of(call) == status)
    if query.get("ParentCallSid"):
        filters.append(lambda call: False)
    filters += _times(query, "StartTime", lambda call: call.initiated_at)
    filters += _times(query, "EndTime", lambda call: call.ended_at)
    return filters


def page(account_id: str, query: Query, calls: Iterable[Call]) -> dict[str, object]:
    """One page of the list as Twilio sends it; `calls` are those that pass, the newest first. Raises `ApiError`."""
    number, size = read_page(query)
    token = query.get("PageToken", "")
    if token:
        rest = islice(dropwhile(lambda call: "PA" + call.call_id != token, calls), 1, None)
    else:
        rest = islice(calls, number * size, None)
    rows = list(islice(rest, size + 1))
    shown = rows[:size]
    path = f"/{VERSION}/Accounts/{account_id}/Calls.json"
    start = number * size

    def uri(of_page: int, after: str = "") -> str:
        given = {key: value for key, value in query.items() if key not in ("Page", "PageToken", "PageSize")}
        return f"{path}?{urlencode({**given, 'PageSize': size, 'Page': of_page, **({'PageToken': after} if after else {})})}"

    return {
        "calls": [resource(call, account_id) for call in shown],
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1, "PA" + shown[-1].call_id) if len(rows) > size else None,
        "previous_page_uri": uri(number - 1) if number else None,
        "uri": uri(number, token),
        "page": number,
        "page_size": size,
        "start": start,
        "end": max(start, start + len(shown) - 1),
    }


def _whole(query: Query, name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not re.fullmatch(r"\d{1,6}", value):
        raise ApiError(400, 20007, f"'{name}' is not a whole number.")
    return int(value)


def _times(query: Query, name: str, of: Callable[[Call], float | None]) -> list[Filter]:
    """Filters for `Name`, `Name>=` and `Name<=`; the sign stands at the end of the key. Whole seconds, as shown."""

    def shown(call: Call) -> float:
        at = of(call)
        return math.nan if at is None else math.floor(at)

    filters: list[Filter] = []
    if earliest := query.get(f"{name}>"):
        low = _moment(name, earliest)[0]
        filters.append(lambda call: shown(call) >= low)
    if latest := query.get(f"{name}<"):
        high = _moment(name, latest)[0]
        filters.append(lambda call: shown(call) <= high)
    if exact := query.get(name):
        begin, end = _moment(name, exact)
        filters.append(lambda call: begin <= shown(call) < end)
    return filters


def _moment(name: str, text: str) -> tuple[float, float]:
    """A day (YYYY-MM-DD, UTC) or a moment (ISO 8601) as the half-open range of Unix seconds that it names."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, 20001, f"'{name}' is not a date (YYYY-MM-DD or ISO 8601).") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    length = timedelta(days=1) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else timedelta(seconds=1)
    return at.timestamp(), (at + length).timestamp()
