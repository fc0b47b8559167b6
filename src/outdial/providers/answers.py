"""What every adapter does alike: send one create request and have its answer judged, read JSON, check an answer address."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from outdial.errors import BadInput, Retryable
from outdial.ports.carriers import Ambiguous, NotSent, PlaceResult
from outdial.providers.http import Answer, HttpClient, UndecidedError, UnsentError, is_success


async def create_once(
    http: HttpClient,
    url: str,
    body: bytes,
    content_type: str,
    headers: Mapping[str, str],
    check_start: Callable[[], None],
    judge: Callable[[Answer], PlaceResult],
) -> PlaceResult:
    """Exactly one create request, and what its answer proves. Never raises but for cancellation."""
    try:
        answer = await http.send_once(url, body, content_type, headers, check_start)
    except UnsentError as error:
        return NotSent(error.reason)
    except UndecidedError as error:
        return Ambiguous(error.reason)
    return judge(answer)


def as_object(body: bytes) -> Mapping[str, object]:
    """The JSON object in a body; empty when there is none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def content_of(answer: Answer) -> Mapping[str, object]:
    """The JSON object of an answer to a question. Raises `Retryable` when it is no success, or unreadable."""
    if not is_success(answer.status):
        raise cannot(answer)
    content = as_object(answer.body)
    if not content:
        raise Retryable("the carrier's answer is unreadable")
    return content


def cannot(answer: Answer, code: str | None = None) -> Retryable:
    """The error for an answer that tells nothing, with the carrier's own delay. Its text is dropped: it may hold numbers."""
    detail = f"http_{answer.status}" + (f", code {code}" if code is not None else "")
    return Retryable(f"the carrier could not be asked: {detail}", delay_s=answer.retry_after_s())


def text_of(content: Mapping[str, object], key: str) -> str | None:
    """A field as text, whether the provider writes it as a text or as a number; None when absent or empty."""
    value = content.get(key)
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def seconds_of(text: str | None) -> float | None:
    """A duration in seconds; None when it is none."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def iso_moment(text: str | None) -> float | None:
    """An ISO 8601 time in Unix seconds; None when it is none. One without an offset is taken as UTC."""
    try:
        at = datetime.fromisoformat(text or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def bare(number: str) -> str:
    """A number without its "+", as some providers want it."""
    return number.removeprefix("+")


def e164(number: str | None) -> str | None:
    """A number with its "+", whichever way the provider writes it."""
    return f"+{bare(number)}" if number else None


def check_keys(instruction: Mapping[str, object], known: Collection[str], where: str) -> None:
    """Raises `BadInput` for a key of an answer instruction that the provider does not know."""
    for key in sorted(set(instruction) - set(known)):
        raise BadInput(f"{where}.{key}", "is unknown", f"known are: {', '.join(sorted(known))}")


def check_answer_url(instruction: Mapping[str, object], where: str) -> None:
    """Raises `BadInput` unless `answer_url` can be fetched with `answer_method`, GET or POST."""
    url = instruction.get("answer_url")
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(f"{where}.answer_url", "is no address that can be fetched", "http or https, with a host")
    method = instruction.get("answer_method", "POST")
    if method not in {"GET", "POST"}:
        raise BadInput(f"{where}.answer_method", f"{method!r} is neither GET nor POST")
