"""Part 1, place: one create request, and what its answer proves.

Vonage refuses little at once: bad numbers, caller IDs it does not like and barred destinations come as events. It has
no recording flag either; a recording is an action of the NCCO.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from outdial.errors import BadInput
from outdial.ports.carriers import Accepted, Ambiguous, CallOrder, PlaceResult, Refused, RefusedForNow
from outdial.providers.answers import as_object, bare, check_answer_url, check_keys, create_once, text_of
from outdial.providers.http import JSON, Answer, HttpClient, is_success
from outdial.providers.tables import refusal
from outdial.providers.vonage.account import Account
from outdial.providers.vonage.tables import BAD_PARAMETERS, CREATE_ERRORS
from outdial.rules.outcome import Outcome

_CALL_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_INSTRUCTION_KEYS = frozenset({"ncco", "answer_url", "answer_method"})
_QUOTED = re.compile(r"[\"'`](to|from)\b")
"""A parameter that a 400's text names in quotes; other mentions of such short words are only words."""


async def place(order: CallOrder, account: Account, http: HttpClient) -> PlaceResult:
    """Exactly one create request. Never raises but for cancellation."""
    try:
        check_instruction(order.instruction)
    except BadInput:
        return Refused(Outcome.APP_ERROR, provider_code="bad_instruction")
    body = json.dumps(body_of(order)).encode()
    return await create_once(http, account.calls_url, body, JSON, account.headers(), order.check_start, judge)


def body_of(order: CallOrder) -> dict[str, object]:
    """The create request. The instruction must have been checked."""
    body: dict[str, object] = {
        "to": [{"type": "phone", "number": bare(order.to)}],
        "from": {"type": "phone", "number": bare(order.from_number)},
        "ringing_timer": order.ring_timeout_s,
        "length_timer": order.max_duration_s,
        "event_url": [order.callback_url],
        "event_method": "POST",
    }
    if "ncco" in order.instruction:
        body["ncco"] = order.instruction["ncco"]
    else:
        body["answer_url"] = [order.instruction["answer_url"]]
        if "answer_method" in order.instruction:
            body["answer_method"] = order.instruction["answer_method"]
    if order.detect_machine:
        body["machine_detection"] = "continue"
    return body


def judge(answer: Answer) -> PlaceResult:
    """What an answer to a create request proves."""
    content = as_object(answer.body)
    if is_success(answer.status):
        call_id = content.get("uuid")
        if isinstance(call_id, str) and _CALL_ID.fullmatch(call_id):
            return Accepted(call_id, text_of(content, "status"))
        return Ambiguous("unreadable_success")
    http_code = f"http_{answer.status}"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RefusedForNow(http_code, answer.retry_after_s())
    problem = is_problem(content)
    # A 401 of a gateway is one all the same; a 400 or 403 of some proxy says nothing of Vonage.
    if http_code not in CREATE_ERRORS or not (problem or answer.status == HTTPStatus.UNAUTHORIZED):
        return Ambiguous(http_code)
    if answer.status == HTTPStatus.BAD_REQUEST and (parameter := _bad_parameter(content)) is not None:
        return refusal(BAD_PARAMETERS[parameter], answer.status, f"bad_{parameter}", None)
    word = (text_of(content, "type") or "").rpartition("#")[2]
    code = word if word in CREATE_ERRORS else http_code
    # The status decides whether there may be a call; the word only tells refusals apart.
    outcome = CREATE_ERRORS[http_code]
    return refusal(outcome if outcome is Outcome.AMBIGUOUS else CREATE_ERRORS[code], answer.status, code, None)


def is_problem(content: Mapping[str, object]) -> bool:
    """Whether an error's body is Vonage's own and not some proxy's."""
    return any(key in content for key in ("type", "title", "error_title"))


def _bad_parameter(content: Mapping[str, object]) -> str | None:
    """The number that a 400 complains about: listed among `invalid_parameters`, or named in quotes in its text."""
    listed = content.get("invalid_parameters")
    names = listed if isinstance(listed, list | dict) else ()
    for each in names:
        name = each.get("name") if isinstance(each, dict) else each
        first = re.split(r"[^a-z]", str(name), maxsplit=1)[0]
        if first in BAD_PARAMETERS:
            return first
    named = _QUOTED.findall(text_of(content, "detail") or "")
    return str(named[0]) if len(set(named)) == 1 else None


def check_instruction(instruction: Mapping[str, object]) -> None:
    """What Vonage does on answer: either `ncco` or `answer_url` (with `answer_method`). Raises `BadInput`."""
    where = "answer.vonage"
    check_keys(instruction, _INSTRUCTION_KEYS, where)
    if ("ncco" in instruction) == ("answer_url" in instruction):
        raise BadInput(where, "needs exactly one of ncco and answer_url")
    if "answer_url" in instruction:
        check_answer_url(instruction, where)
        return
    ncco = instruction["ncco"]
    if not isinstance(ncco, list) or not ncco or not all(isinstance(step, dict) and "action" in step for step in ncco):
        cure = 'for example [{action = "talk", text = "Hello"}]'
        raise BadInput(f"{where}.ncco", "is no list of actions", cure)
    if "answer_method" in instruction:
        raise BadInput(f"{where}.answer_method", "means nothing with ncco", "leave it out")
