"""The picture of the gates, as `outdial explain` and `outdial pick` print it: who fell out where and why, and the draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from outdial.cli.output import table
from outdial.cli.times import moment, span

if TYPE_CHECKING:
    from outdial.rules.gates import Gates, MemberLook, StickyLook, TierLook

STICKY = {
    "nothing": "the contact has no number of its own yet",
    "void": "{number} was the contact's number, but that does not hold any more: {why}",
    "used": "{number} is the contact's own number since {bound}: it calls",
    "unusable": "{number} is the contact's own number, but it must not call: {why}; another one is taken",
    "waits": "{number} is the contact's own number and fine, but has no room: waited for until {until}",
    "busy": "{number} is the contact's own number, but has had no room for too long: another one, this time only",
}
_TIERS = {
    "no_match": "no number that may call",
    "nothing_new": "{numbers} match, all on connections that had no room before",
    "busy": "{numbers} match, none has room",
    "used": "{numbers} match",
    "not_asked": "not asked",
}
_FATES = {
    "picked": "PICKED",
    "in_draw": "in the draw",
    "busy": "no room on its connection",
    "resting": "left out: rests",
    "other_tier": "suits the contact less",
    "zero_weight": "weight 0",
    "excluded": "not for this attempt",
    "not_asked": "not asked",
}
_TITLES = ("number", "from", "connection", "fate", "index", "base x type", "share", "weight", "draws")
_SHOWN = 30
"""Members in the table; of larger pools those matter most that could call."""


def lines(gates: Gates) -> Iterator[str]:
    """The picture, from the first gate to the last."""
    place = gates.place
    where = ", ".join(filter(None, (place.country, place.area_code and f"area {place.area_code}", *place.zones)))
    yield f"contact   {where or 'nobody knows where'}"
    yield f"sticky    {_sticky(gates.sticky)}"
    for at, tier in enumerate(gates.tiers):
        yield f"{'tiers' if at == 0 else '':<10}{_tier(tier)}"
    if gates.busy:
        yield f"no room   {', '.join(gates.busy)}"
    yield f"result    {_result(gates)}"
    yield ""
    yield from _members(gates)


def _sticky(sticky: StickyLook) -> str:
    bound = moment(sticky.bound_at)
    until = moment(sticky.wait_until) or "it has room"
    return STICKY[sticky.saw].format(number=sticky.number, why=words(sticky.why), bound=bound, until=until)


def _tier(tier: TierLook) -> str:
    numbers = "1 number" if tier.numbers == 1 else f"{tier.numbers} numbers"
    mark = "  <- used" if tier.verdict == "used" else ""
    return f"{words(tier.tier):<10}  {_TIERS[tier.verdict].format(numbers=numbers)}{mark}"


def _result(gates: Gates) -> str:
    if gates.picked is None:
        until = f", until {moment(gates.next_eligible_at)}" if gates.next_eligible_at is not None else ""
        return f"no number now: {gates.blocker}{until}"
    text = f"{gates.picked} by tier {gates.tier}"
    own = next((one for one in gates.members if one.number == gates.picked), None)
    if gates.random_number is None or own is None or own.draws_from is None or own.draws_to is None:
        return text
    return f"{text}; the random number {gates.random_number:.6f} fell into {own.draws_from:.6f} to {own.draws_to:.6f}"


def _members(gates: Gates) -> Iterator[str]:
    shown = sorted(gates.members, key=_order)[:_SHOWN]
    if not shown:
        yield "The pool has no numbers."
        return
    yield from table(_TITLES, [_row(one) for one in shown], right=("index", "base x type", "share", "weight")).split(
        "\n"
    )
    if len(gates.members) > len(shown):
        yield f"... and {len(gates.members) - len(shown)} more (--json shows all)"


def _order(member: MemberLook) -> tuple[bool, float, bool, str]:
    return (member.fate != "picked", -(member.share or 0.0), member.skip is not None, member.number)


def _row(member: MemberLook) -> tuple[str, ...]:
    fate = f"skipped: {words(member.skip)}" if member.skip is not None else _FATES[member.fate]
    draws = f"{member.draws_from:.4f} - {member.draws_to:.4f}" if member.draws_from is not None else ""
    return (
        member.number,
        member.from_number,
        member.connection,
        fate,
        f"{member.index:.2f}",
        f"{member.factor:g}",
        f"{member.share:.1%}" if member.share is not None else "",
        f"{member.weight:.2f}" if member.weight is not None else "",
        draws,
    )


def words(code: str) -> str:
    """A code as words: `country_not_allowed` becomes `country not allowed`."""
    return code.replace("_", " ")


def ago(at: float | None, now: float) -> str:
    """A time, and how long ago that was or how soon it comes."""
    if at is None:
        return ""
    return f"{moment(at)} ({span(now - at)} ago)" if at <= now else f"{moment(at)} (in {span(at - now)})"
