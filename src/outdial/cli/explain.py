"""`outdial explain`: why an attempt was called from that number, or why it is not called."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from outdial.cli.output import say, show
from outdial.cli.times import moment

if TYPE_CHECKING:
    from outdial.operator.attempts import AttemptLine
    from outdial.operator.explain import CallStory, Explanation, PickStory, Replayed, WaitStory

DIFFERENT = 1
"""Exit code of a replay that came to another number."""


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Tells an attempt's whole story from its decision record: which tier, who was skipped and why, shares, the "
        "draw, the sticky number, when and where it was dialled, what came of it; of a waiting one what it waits for."
    )
    parser.add_argument("attempt", metavar="ATTEMPT", help="its id, see outdial attempts")
    parser.add_argument("--tenant", metavar="NAME", help="needed only if two tenants use the same id")
    parser.add_argument("--replay", action="store_true", help="make the pick again from its record, and compare")
    parser.add_argument("--full", action="store_true", help="show the contact in full")


async def run(args: argparse.Namespace) -> int:
    """Explain, or replay."""
    from outdial.cli.context import settings_of
    from outdial.cli.database import database
    from outdial.operator.explain import explain, replay_pick
    from outdial.operator.plain import as_data

    threshold = settings_of(args).platform.spam_threshold
    async with database(args) as pool:
        if args.replay:
            replayed = await replay_pick(pool, args.attempt, tenant=args.tenant)
            show(args.json, as_data(replayed), lambda: _print_replay(replayed))
            return 0 if replayed.same else DIFFERENT
        story = await explain(pool, args.attempt, tenant=args.tenant, spam_threshold=threshold)
    show(args.json, as_data(story, full=args.full), lambda: _print(story, args.full))
    return 0


def _print_replay(replayed: Replayed) -> None:
    if replayed.same:
        print(f"same: the record comes to {replayed.replayed} again")
    else:
        print(f"DIFFERENT: called from {replayed.recorded}, the record comes to {replayed.replayed or 'no number'}")
        say("the record and its picture of the pool do not belong together: please report this")


def _print(story: Explanation, full: bool) -> None:
    print("\n".join(_facts(_head(story, full))))
    if story.wait is not None:
        _print_wait(story.wait)
    if story.pick is not None:
        _print_pick(story.pick, story.attempt)
    if story.call is not None:
        print("\n".join(["", "What came of it", *_facts(_call(story.attempt, story.call))]))


def _facts(facts: Iterator[tuple[str, str]]) -> Iterator[str]:
    return (f"{name:<10}{text}" for name, text in facts if text)


def _head(story: Explanation, full: bool) -> Iterator[tuple[str, str]]:
    line = story.attempt
    yield "attempt", f"{line.attempt_id}  {line.tenant} / {line.campaign}"
    yield (
        "contact",
        (line.contact if full else line.contact_masked) + (f"  {line.contact_id}" if line.contact_id else ""),
    )
    yield "state", _state(line)
    yield "received", moment(line.received_at)
    yield "asked for", _request(story.request)
    own = story.sticky_now
    if own is not None:
        until = f"until {moment(own.expires_at)}" if own.expires_at is not None else "for ever"
        yield "own today", f"{own.number}, bound {moment(own.bound_at)} by {own.bound_by}, {until}"


def _state(line: AttemptLine) -> str:
    ended = f": {line.outcome}" + (f" ({line.reason})" if line.reason else "") if line.outcome else ""
    corrected = {0: "", 1: ", corrected once by later evidence"}.get(
        line.corrections, f", corrected {line.corrections} times by later evidence"
    )
    return line.state + ended + corrected


def _request(request: Mapping[str, Any]) -> str:
    hidden = ("attempt_id", "tenant_id", "campaign_id", "answer", "contact_id")
    return ", ".join(f"{name} {_value(value)}" for name, value in request.items() if name not in hidden)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _print_wait(wait: WaitStory) -> None:
    from outdial.cli.gates import ago
    from outdial.cli.pick import print_trial

    now = wait.trial.at if wait.trial is not None else time.time()
    facts = (
        ("blocker", f"{wait.blocker}" + (f" since {ago(wait.blocked_since, now)}" if wait.blocked_since else "")),
        ("hint", wait.hint),
        ("next", ago(wait.next_eligible_at, now) or "as soon as nothing forbids it"),
        ("gives up", ago(wait.not_after, now)),
        ("refused", ", ".join(wait.excluded) + f" ({wait.picks} picks so far)" if wait.excluded else ""),
    )
    print("\n".join(["", "Why it waits", *_facts(iter(facts))]))
    if wait.trial is not None:
        print("\nThe next pick, if it were made now")
        print_trial(wait.trial)


def _print_pick(pick: PickStory, line: AttemptLine) -> None:
    from outdial.cli.gates import lines

    print(f"\nHow {pick.number} was picked")
    facts = (
        ("at", moment(pick.at)),
        ("from", f"{line.from_number or '(not in the catalogue any more)'}  {pick.number}"),
        ("lock", line.lock_text or ""),
        ("tier", pick.tier),
        ("counts", _counts(pick)),
        ("policy", f"{pick.policy}, picture {pick.picture}"),
    )
    print("\n".join(_facts(iter(facts))))
    if pick.gates is None:
        say("the picture of the pool as it was then is not kept any more: skips and shares cannot be told")
    else:
        print("\n".join(["", *lines(pick.gates)]))


def _counts(pick: PickStory) -> str:
    if not pick.counted:
        return "not for the number's answer rate: a sticky call says nothing about how it is answered by strangers"
    kind = "a first attempt" if pick.baseline_class == "first" else "a retry"
    return f"{kind}; the pool gets {pick.expected:.1%} of those answered, the number's index was {pick.index:.2f}"


def _call(line: AttemptLine, call: CallStory) -> Iterator[tuple[str, str]]:
    yield "through", f"{call.connection}, placement {call.placement}"
    yield "carrier", call.carrier_call_id or "(no call id known)"
    yield "intent", moment(line.intent_at)
    yield "accepted", moment(line.accepted_at)
    yield "ringing", moment(line.ringing_at)
    answered_by = f" by {call.answered_by}" if call.answered_by else ""
    yield "answered", moment(line.answered_at) + answered_by
    yield "ended", moment(line.ended_at)
    yield "deadline", moment(call.deadline_at)
    yield "cancel", "asked for" if call.cancel_requested else ""
    said = filter(None, (call.provider_status, call.provider_code and f"code {call.provider_code}"))
    yield "said", ", ".join(said)
    yield "outcome", line.outcome or ""
