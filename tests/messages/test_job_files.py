"""Files of call attempts: every line becomes a message that intake takes, or a problem with line and field."""

from __future__ import annotations

import io
import json

import pytest

from outdial.cli.job_file import REQUESTED, Defaults, Job, Problem, read_jobs
from outdial.errors import BadInput
from outdial.rabbitmq.messages import decode
from outdial.rules.attempt import AttemptRequest
from tests.messages.deliveries import ATTEMPT_ID, delivery, message

SPRING = Defaults("acme", "spring")


def read(text: str, kind: str = "csv", defaults: Defaults = SPRING) -> list[Job | Problem]:
    """All lines."""
    return list(read_jobs(io.StringIO(text, newline=""), kind, defaults))


def jobs(text: str, kind: str = "csv", defaults: Defaults = SPRING) -> list[AttemptRequest]:
    """All lines, which must be good, as intake reads them."""
    made = []
    for job in read(text, kind, defaults):
        assert isinstance(job, Job), job
        request, unknown = decode(delivery(job.body, kind=REQUESTED, key=job.tenant, message_id=job.attempt_id))
        assert isinstance(request, AttemptRequest)
        assert not unknown
        made.append(request)
    return made


def problems(text: str, kind: str = "csv", defaults: Defaults = SPRING) -> list[tuple[int, str, str]]:
    """What is wrong, with all else left out."""
    return [(p.line, p.field, p.problem) for p in read(text, kind, defaults) if isinstance(p, Problem)]


def test_a_csv_with_every_kind_of_column() -> None:
    (request,) = jobs(
        "attempt_id,tenant_id,campaign_id,to,contact_id,attempt_no,not_before,priority,record,"
        "metadata.crm,metadata.wave,answer.twilio.url\n"
        f'{ATTEMPT_ID},bolt,autumn,+12025550143,"c, 1",2,2026-11-21T10:00:00Z,7,yes,4711,"two\nlines",https://e.example/a\n',
    )
    assert request.key == ("bolt", request.key.attempt_id)
    assert dict(request.raw) == {
        "attempt_id": ATTEMPT_ID, "tenant_id": "bolt", "campaign_id": "autumn", "to": "+12025550143",
        "contact_id": "c, 1", "attempt_no": 2, "not_before": "2026-11-21T10:00:00Z", "priority": 7, "record": True,
        "metadata": {"crm": "4711", "wave": "two\nlines"}, "answer": {"twilio": {"url": "https://e.example/a"}},
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["to,priority\n+12025550143,7\n", "to;priority\r\n+12025550143;7\r\n", "to\tpriority\n+12025550143\t7", "\ufeffto,priority\n+12025550143,7\n\n,\n"],
    ids=["commas", "semicolons", "tabs", "byte order mark and empty lines"],
)  # fmt: skip
def test_dialects_of_csv(text: str) -> None:
    (request,) = jobs(text)
    assert (request.key.tenant, request.campaign, request.to, request.priority) == ("acme", "spring", "+12025550143", 7)


def test_json_lines() -> None:
    text = (
        json.dumps(message(tenant_id=..., priority=3))
        + "\n\n"
        + json.dumps(message(attempt_id=..., metadata={"a": "b"}))
    )
    first, second = jobs(text, "jsonl")
    assert (first.key.tenant, first.priority) == ("acme", 3)
    assert second.raw["metadata"] == {"a": "b"}
    assert first.key != second.key


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        ("12,,,,", "to", "is no possible phone number (write it with + and country code)"),
        ("2025550143,,,,", "to", "is no possible phone number (write it with + and country code)"),
        (",x,,,", "to", "Field required"),
        ("+12025550143,,ten,,", "priority", "is not a whole number"),
        ("+12025550143,,10,,", "priority", "Input should be less than or equal to 9"),
        ("+12025550143,,,maybe,", "record", "is neither true nor false"),
        ("+12025550143,,,,ftp://x", "answer", "twilio.url: must begin with https:// or http://"),
        ("+12025550143,,,,,,", "", "has 7 cells for 5 columns"),
        ('+12025550143,"a"b,,,', "", "is not CSV: ',' expected after '\"'"),
    ],
)
def test_bad_rows_are_reported_and_the_others_are_read(row: str, field: str, problem: str) -> None:
    text = f"to,contact_id,priority,record,answer.twilio.url\n+12025550101,,,,\n{row}\n+12025550102,,,,\n"
    read_all = read(text)
    assert problems(text) == [(3, field, problem)]
    assert [one.line for one in read_all if isinstance(one, Job)] == [2, 4]


@pytest.mark.parametrize(
    ("line", "field", "problem"),
    [
        ("hello", "", "is not JSON"),
        ("[1]", "", "is no JSON object"),
        ('{"to": "+12025550143", "prority": 3}', "prority", "unknown field (did you mean 'priority'?)"),
        ('{"to": "+12025550143", "contact_id": "\\u0000"}', "contact_id", "holds \\u0000 or half a character (leave it out)"),
        ('{"to": "+12025550143", "contact_id": "\\ud800"}', "contact_id", "holds \\u0000 or half a character (leave it out)"),
        ('{"to": "+12025550143", "attempt_id": 7}', "attempt_id", "must be a UUID like 6f0c7d0e-6b1d-4c55-9d3e-0d7c1d6f2a11"),
    ],
)  # fmt: skip
def test_bad_json_lines(line: str, field: str, problem: str) -> None:
    assert problems(f"{line}\n", "jsonl") == [(1, field, problem)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no header"),
        ("to,phone\n", "unknown column 'phone'"),
        ("to,metadata\n", "unknown column 'metadata'"),
        ("to,answer.twilio\n", "unknown column 'answer.twilio'"),
        ("to,to\n", "a column stands there twice"),
    ],
)
def test_a_header_that_is_wrong_stops_everything(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        read(text)


def test_an_id_is_enqueued_once() -> None:
    text = f"to,attempt_id\n+12025550143,{ATTEMPT_ID}\n+12025550144,{ATTEMPT_ID.upper()}\n"
    assert problems(text) == [(3, "attempt_id", "stands in line 2, too; an id is called once")]


def test_stable_ids_come_from_what_the_call_is() -> None:
    stable = Defaults("acme", "spring", stable_ids=True)
    text = "to,attempt_no,contact_id\n+12025550143,,a\n+12025550143,2,a\n+12025550144,,a\n"
    first, again = jobs(text, defaults=stable), jobs(text.replace(",a\n", ",b\n"), defaults=stable)
    assert [r.key for r in first] == [r.key for r in again]
    assert len({r.key.attempt_id for r in first}) == 3
    other = jobs(text, defaults=Defaults("acme", "autumn", stable_ids=True))
    assert not {r.key for r in other} & {r.key for r in first}
    assert str(first[0].key.attempt_id) == "2d6caa3a-3e37-5301-b2ff-26f568a4e674"
    assert problems("to,contact_id\n+12025550143,a\n+12025550143,b\n", defaults=stable)[0][0] == 3


def test_random_ids_differ_each_time() -> None:
    text = "to\n+12025550143\n"
    assert jobs(text)[0].key != jobs(text)[0].key


def test_no_problem_shows_a_phone_number() -> None:
    text = "to,priority,contact_id\n+12025550143,x,\n02025550143,,\n+12025550143,99,\n"
    assert "2025550143" not in str(problems(text))
