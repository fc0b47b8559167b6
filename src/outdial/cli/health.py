"""`outdial health`: how a campaign's numbers fare, or one number across its campaigns."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from outdial.cli.output import print_table, say, show
from outdial.cli.times import moment
from outdial.errors import BadInput

if TYPE_CHECKING:
    from outdial.operator.health import CampaignHealth, NumberHealthPage
    from outdial.operator.member_lines import MemberLine
    from outdial.rules.health_hints import Rate

_TITLES = (
    "number", "from", "status", "answered", "rate (95 %)", "24 h (95 %)", "index", "weight", "share",
    "calls 24 h / budget", "contacts", "last used",
)  # fmt: skip
_RIGHT = ("answered", "index", "weight", "share", "calls 24 h / budget", "contacts")


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Shows the health of a campaign's number pool: each number's status, answer rate, weight and volume, the pool's "
        "baseline, and hints. With --number: that number across all its campaigns, with what was reported of it."
    )
    parser.add_argument("campaign", nargs="?", metavar="CAMPAIGN")
    parser.add_argument("--number", metavar="NUMBER", help="one number instead: its name or E.164")


async def run(args: argparse.Namespace) -> int:
    """Ask and print."""
    from outdial.cli.context import settings_of
    from outdial.cli.database import database
    from outdial.operator.health import campaign_health, number_health
    from outdial.operator.plain import as_data

    if (args.campaign is None) == (args.number is None):
        raise BadInput("CAMPAIGN", "name a campaign or a --number, not both", "outdial show campaigns lists them")
    threshold = settings_of(args).platform.spam_threshold
    async with database(args) as pool:
        if args.number is not None:
            page = await number_health(pool, args.number, spam_threshold=threshold)
            show(args.json, as_data(page), lambda: _print_number(page))
            return 0
        health = await campaign_health(pool, args.campaign, spam_threshold=threshold)
    show(args.json, as_data(health), lambda: _print_campaign(health))
    return 0


def _print_campaign(health: CampaignHealth) -> None:
    able = sum(one.out is None for one in health.numbers)
    print(f"{health.campaign} ({health.tenant}): {able} of {len(health.numbers)} numbers may call")
    print(f"answered in 24 h: {_rate(health.last_day)}; before: {_rate(health.before)}")
    print()
    _print_lines(health.numbers, "number")
    if health.baselines:
        print("\nThe pool's baseline: what an average number gets answered just now")
        rows = [
            (one.country or "unknown", one.kind, f"{one.rate:.1%}", f"{one.weight:,.1f}") for one in health.baselines
        ]
        print_table(("country", "attempts", "answered", "calls behind it"), rows, right=("answered", "calls behind it"))
    if health.hints:
        print("\nHints")
        for hint in health.hints:
            print(f"- {hint.text}")


def _print_lines(lines: Sequence[MemberLine], first: str) -> None:
    if not lines:
        say("no numbers" if first == "number" else "in no pool")
        return
    print_table((first, *_TITLES[1:]), [_row(one, first) for one in lines], right=_RIGHT)
    for one in lines:
        if one.because is not None:
            name = one.number if first == "number" else one.campaign
            print(f"{name}: out, {one.because}")


def _row(line: MemberLine, first: str) -> tuple[str, ...]:
    name = line.number if first == "number" else line.campaign
    budget = f"{line.budget_24h:,}" if line.budget_24h else "-"
    cap = f" (at most {line.max_calls_24h:,})" if line.max_calls_24h else ""
    return (
        name + (" (primary)" if line.is_primary else ""),
        line.from_number,
        line.status.replace("_", " "),
        f"{line.lifetime.answered:,}/{line.lifetime.attempts:,}",
        _rate(line.lifetime),
        _rate(line.last_day),
        f"{line.index:.2f}",
        f"{line.weight:.2f}" if line.weight is not None else "",
        f"{line.share:.1%}" if line.share is not None else "",
        f"{line.calls_24h:,} / {budget}{cap}",
        f"{line.sticky_contacts:,}",
        moment(line.last_used_at),
    )


def _rate(rate: Rate) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "no calls yet"
    return f"{rate.rate:.1%} ({rate.low:.1%} - {rate.high:.1%})"


def _print_number(page: NumberHealthPage) -> None:
    stands = page.standing
    print(f"{page.number} {page.from_number} ({page.tenant}), through {page.connection} ({page.provider})")
    print(f"status       {stands.status.replace('_', ' ')}" + (f": {stands.because}" if stands.because else ""))
    print(f"spam score   {stands.spam_score:.2f}; {stands.own_score:.2f} by contacts that blocked its calls")
    cap = f", at most {page.max_calls_24h:,}" if page.max_calls_24h else ""
    print(f"calls 24 h   {page.calls_24h:,}{cap}, over all campaigns")
    print(f"may call     {', '.join(page.allowed_countries) or 'every country'}")
    print(f"last worked  {moment(stands.last_worked_at) or 'not known'}")
    if stands.reports:
        print()
        rows = [(one.source, f"{one.score:.2f}", moment(one.reported_at), one.why) for one in stands.reports]
        print_table(("reported by", "score", "when", "why"), rows, right=("score",))
    print()
    _print_lines(page.campaigns, "campaign")
