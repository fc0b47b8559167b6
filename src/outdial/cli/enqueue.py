"""`outdial enqueue FILE|-`: put call attempts on the queue, from CSV or JSON lines.

Good lines are published with confirms while bad ones are reported; with `--strict` nothing is published unless all
are good. A line that could not be confirmed may have arrived: it is published again under the same id, which is harmless.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from outdial.cli.output import Progress, print_table, say, show
from outdial.errors import BadInput, BrokerUnavailable, Permanent

if TYPE_CHECKING:
    from outdial.cli.job_file import Job, Problem
    from outdial.rabbitmq.transport import RabbitOptions

UNDER_WAY = 200
"""Publishes at once: above the publisher's own bound, so that it never runs dry."""
TRIES = 3
SHOWN = 50
"""Problems printed for people; --json prints all."""


@dataclass(slots=True)
class Report:
    """What became of the file."""

    good: int = 0
    enqueued: int = 0
    problems: list[Problem] = field(default_factory=list)
    stopped_at: int | None = None
    """The first line that was not even tried, because the broker confirmed nothing more."""


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Puts call attempts on the queue. CSV: the header names fields of the message, metadata.NAME and "
        "answer.PROVIDER.KEY. JSON lines: one message per line. Exit code 1 when any line was bad."
    )
    parser.add_argument("file", metavar="FILE", help="a .csv or .jsonl file, or - for standard input")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="default: by the file's name; - needs it")
    parser.add_argument("--tenant", help="for lines without tenant_id")
    parser.add_argument("--campaign", help="for lines without campaign_id")
    parser.add_argument(
        "--stable-ids", action="store_true",
        help="make missing ids from tenant, campaign, contact and attempt_no, so that the same file enqueued twice "
        "calls nobody twice (default: random ids)",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="enqueue nothing unless every line is good")
    parser.add_argument("--dry-run", action="store_true", help="only check the file; needs no broker")


async def run(args: argparse.Namespace) -> int:
    """Read, check, publish, report."""
    from outdial.cli.context import settings_of
    from outdial.cli.run import rabbit_options

    options = None if args.dry_run else rabbit_options(settings_of(args))
    with _opened(args.file) as source, Progress("checked" if args.dry_run else "enqueued", _count(args.file)) as bar:
        report = await enqueue(source, args, options, bar)
    _print(report, args)
    return 1 if report.problems or report.stopped_at is not None else 0


async def enqueue(source: TextIO, args: argparse.Namespace, options: RabbitOptions | None, bar: Progress) -> Report:
    """`options` None = only check. Raises `BadInput` for a file that is wrong as a whole, `BrokerUnavailable`."""
    from outdial.cli.job_file import Defaults, Problem, read_jobs

    report = Report()
    kind = args.format or _format(args.file)
    found = read_jobs(source, kind, Defaults(args.tenant, args.campaign, args.stable_ids))

    def good() -> Iterator[Job]:
        for one in found:
            if isinstance(one, Problem):
                report.problems.append(one)
            else:
                report.good += 1
                yield one

    jobs = iter(list(good())) if args.strict or options is None else good()
    if options is not None and not (args.strict and report.problems):
        await _publish(jobs, options, report, bar)
    return report


async def _publish(jobs: Iterator[Job], options: RabbitOptions, report: Report, bar: Progress) -> None:
    from outdial.rabbitmq.transport import attempt_publisher

    publisher = attempt_publisher(options)
    publisher.connection.start()
    try:
        await publisher.connection.wait_until_ready(options.publish_timeout_s)

        async def publish(job: Job) -> None:
            await publisher.publish_attempt(job.tenant, job.body, message_id=job.attempt_id, type_=_type())

        await publish_all(jobs, publish, report, bar)
    finally:
        await publisher.connection.close()


async def publish_all(
    jobs: Iterator[Job], publish: Callable[[Job], Awaitable[None]], report: Report, bar: Progress
) -> None:
    """Many at once. Stops reading when a line stays unconfirmed; raises what else goes wrong, like `Unroutable`."""
    from outdial.cli.job_file import Problem

    async def one(job: Job) -> None:
        for _ in range(TRIES):
            try:
                await publish(job)
            except BrokerUnavailable:
                continue
            report.enqueued += 1
            bar.advance(note=f"{len(report.problems)} bad" if report.problems else "")
            return
        failed.append(Problem(job.line, "", "was not confirmed; it may have arrived"))

    failed: list[Problem] = []
    gate = asyncio.Semaphore(UNDER_WAY)
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                await gate.acquire()
                if failed:
                    report.stopped_at = job.line
                    break
                group.create_task(one(job)).add_done_callback(lambda _: gate.release())
    except* Permanent as errors:
        raise errors.exceptions[0] from None
    report.problems += sorted(failed, key=lambda problem: problem.line)


def _type() -> str:
    from outdial.cli.job_file import REQUESTED

    return REQUESTED


def _format(name: str) -> str:
    suffix = Path(name).suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix in {".jsonl", ".ndjson", ".json"}:
        return "jsonl"
    raise BadInput("FILE", f"{name!r} does not say what it holds", "add --format csv or --format jsonl")


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise BadInput("FILE", f"{name!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput("FILE", f"{name!r} is not text in UTF-8", "save it as UTF-8") from None


def _count(name: str) -> int | None:
    """Lines of the file, for the progress bar; None = nobody knows."""
    if name == "-" or not sys.stderr.isatty() or not Path(name).is_file():
        return None
    with Path(name).open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def _print(report: Report, args: argparse.Namespace) -> None:
    data = {
        "good": report.good,
        "enqueued": report.enqueued,
        "bad": len(report.problems),
        "stopped_at": report.stopped_at,
        "problems": [{"line": p.line, "field": p.field, "problem": p.problem} for p in report.problems],
    }

    def text() -> None:
        if report.problems:
            print_table(
                ("line", "field", "problem"), [(p.line, p.field or "-", p.problem) for p in report.problems[:SHOWN]]
            )
        if len(report.problems) > SHOWN:
            say(f"... and {len(report.problems) - SHOWN:,} more (--json prints all)")
        if report.stopped_at is not None:
            say(f"The broker confirms nothing more: nothing from line {report.stopped_at:,} on was tried.")
        say(f"{report.enqueued:,} enqueued, {report.good:,} good, {len(report.problems):,} bad")

    show(args.json, data, text)
