"""Writes docs/reference/outcomes.md from the tables: `python -m tests.providers.outcomes_page`. A test compares them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from outdial.providers.plivo import tables as plivo
from outdial.providers.tables import SIP_OUTCOMES, StatusRow
from outdial.providers.telnyx import tables as telnyx
from outdial.providers.twilio import tables as twilio
from outdial.providers.vonage import tables as vonage
from outdial.rules.call_progress import AnsweredBy, final_outcome
from outdial.rules.ids import CampaignId, NumberId, TenantId
from outdial.rules.outcome import Outcome, answer_for_rate, is_reached
from outdial.rules.policy import CampaignPolicy
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "outcomes.md"

MEANINGS: Mapping[Outcome, str] = {
    Outcome.ANSWERED_HUMAN: "A person picked up, says machine detection",
    Outcome.ANSWERED_UNKNOWN: "Picked up; machine detection was off, or could not tell",
    Outcome.ANSWERED_MACHINE: "Voicemail or another machine",
    Outcome.ANSWERED_FAX: "A fax or modem",
    Outcome.NO_ANSWER: "Rang until the ring limit",
    Outcome.REJECTED: "The contact declined",
    Outcome.SPAM_BLOCKED: "A network or the contact's block list refused the caller for its reputation",
    Outcome.BUSY: "The line was in use",
    Outcome.UNREACHABLE: "Switched off, out of coverage, not registered",
    Outcome.INVALID_NUMBER: "The number does not exist or cannot be called",
    Outcome.BLOCKED_DESTINATION: "The account may not call there",
    Outcome.CALLER_ID_REJECTED: "The carrier refused our number as caller ID; the attempt gets another number",
    Outcome.CARRIER_FAILED: "The carrier could not connect the call",
    Outcome.APP_ERROR: "Our request was wrong",
    Outcome.CANCELED: "Canceled before it was answered",
    Outcome.CAPACITY: "The carrier has no room just now; the attempt waits and is tried again",
    Outcome.ACCOUNT_BLOCKED: "The account is not active or not authenticated; opens the connection's circuit",
    Outcome.PROVIDER_ERROR: "The provider's own failure",
    Outcome.AMBIGUOUS: "It could never be found out whether there was a call; never dialled again by itself",
    Outcome.UNKNOWN: "The provider gave a cause that no table lists; kept as it came, and counted",
}

INTRODUCTION = """# Outcomes

How an attempt that got as far as a carrier ended. Every provider's words are translated into these twenty by tables
(`src/outdial/providers/`); nothing else in outdial knows a provider's words. This page is written from the tables.

*Reached* is what a sticky assignment follows; *answer rate* is what the call says about the number it came from. A
campaign may count `answered_machine` as reached (`voicemail_is_reached`) and as a success.

What no table lists is never guessed. A refusal of a create request that is not listed proves nothing, so the attempt is
`unconfirmed` until a callback or a search tells. An unlisted cause of a failed call becomes `unknown`. An unlisted call
status is kept and counted and ends nothing, because the call may be alive.
"""


@dataclass(frozen=True)
class Section:
    """One provider's tables. `refined_by`: what refines a status; `causes`: heading and table of that, if its own."""

    title: str
    refusals: str
    errors: Mapping[str, Outcome]
    statuses: Mapping[str, StatusRow]
    refined_by: str
    detection: str
    answered_by: Mapping[str, AnsweredBy]
    causes: Mapping[str, Outcome] = field(default_factory=dict)
    remark: str = ""


SECTIONS = (
    Section(
        "Twilio",
        "With HTTP 400, 401, 403, 404, 409 or 422. A 401 whose code is not listed is the account's (`account_blocked`),"
        " and 429\nalways means later. Any other status proves nothing, whatever code comes with it.",
        twilio.CREATE_ERRORS, twilio.CALL_STATUS, "SIP code", "`AnsweredBy`", twilio.ANSWERED_BY,
    ),
    Section(
        "SignalWire",
        "As at Twilio. Of a list of errors the first decides.",
        twilio.SIGNALWIRE_CREATE_ERRORS, twilio.CALL_STATUS, "SIP code", "`AnsweredBy`", twilio.SIGNALWIRE_ANSWERED_BY,
    ),
    Section(
        "Telnyx",
        "With HTTP 400, 401, 402, 403, 404, 409 or 422; the first listed of several errors decides. 429 always means"
        " later. Any\nother status proves nothing. A reason code in the detail of an error says more than its own code."
        " Most refusals come\nas `call.hangup`.",
        {**telnyx.CREATE_ERRORS,
         **{f"{code}, points at `{pointer}`": outcome for (code, pointer), outcome in telnyx.CREATE_ERRORS_AT.items()},
         **{f"reason code {code}": outcome for code, outcome in telnyx.REASON_CODES.items()}},
        {**telnyx.EVENTS, **{f"call.hangup: {cause}": row for cause, row in telnyx.HANGUP_CAUSES.items()}},
        "SIP code and reason codes", "`result`", telnyx.MACHINE_RESULTS,
        telnyx.SIP_CAUSES,
        "There is no event for ringing. A reason code beside the SIP code of a call's end counts as in a refusal, where the"
        "\ncause leaves room for it. `normal_clearing` of a call that was seen answered is answered.",
    ),
    Section(
        "Vonage",
        "By HTTP status, told apart by the last word of the problem's `type`, or by the parameter that a 400 names. Any"
        " other\nstatus proves nothing. Most refusals come as events.",
        {**vonage.CREATE_ERRORS, **{f"400, names `{name}`": outcome for name, outcome in vonage.BAD_PARAMETERS.items()}},
        vonage.CALL_STATUS, "detail", "statuses `human`, `machine`", vonage.ANSWERED_BY, vonage.CAUSES,
        "`completed` without a duration and a start time was never answered: `unknown`. A call cannot be searched by its"
        " number:\none that stays unconfirmed is looked for by time, and ends at its hard deadline.",
    ),
    Section(
        "Plivo",
        "By HTTP status, told apart by the text of a 400, 403 or 422. Any other status proves nothing.",
        {**plivo.CREATE_ERRORS,
         **{f"text: `{name}`": outcome for name, (_, outcome) in plivo.ERROR_TEXTS.items()}},
        plivo.CALL_STATUS, "hangup cause code", "`Machine`", plivo.ANSWERED_BY, plivo.CAUSES,
        "Plivo tells of machines only, so with machine detection a person's answer is `answered_unknown`. That a call was"
        "\nanswered is known from its end, or by asking.",
    ),
)  # fmt: skip


def render() -> str:
    """The whole page."""
    parts = [
        INTRODUCTION,
        table(("outcome", "meaning", "reached", "answer rate"), map(_outcome_row, Outcome)),
        *(part for section in SECTIONS for part in _section(section)),
        "## SIP response codes\n\nOf calls that were not answered, for every provider that passes them on.\n",
        table(("code", "outcome"), ((code, f"`{outcome}`") for code, outcome in SIP_OUTCOMES.items())),
    ]
    return "\n".join(parts)


def _section(section: Section) -> Iterable[str]:
    yield f"## {section.title}\n"
    if section.remark:
        yield f"{section.remark}\n"
    yield f"### Refusals of a create request\n\n{section.refusals}\n"
    yield table(("code", "outcome", "what follows"), _refusals(section.errors))
    yield "### Call status, in callbacks and look-ups\n"
    yield table(("status", "progress", "outcome", f"refined by the {section.refined_by}"), _statuses(section))
    if section.causes:
        yield f"### Causes ({section.refined_by})\n"
        yield table(("code", "outcome"), ((code, f"`{outcome}`") for code, outcome in section.causes.items()))
    yield f"### Machine detection ({section.detection})\n"
    yield table(("result", "outcome of an answered call"), _machine_results(section.answered_by))


def _outcome_row(outcome: Outcome) -> Sequence[str]:
    policy = CampaignPolicy(CampaignId("c"), TenantId("t"), "", NumberId("n"))
    rate = {True: "success", False: "attempt", None: "not counted"}[answer_for_rate(outcome, policy)]
    return f"`{outcome}`", MEANINGS[outcome], "yes" if is_reached(outcome, policy) else "no", rate


def _refusals(errors: Mapping[str, Outcome]) -> Iterable[Sequence[str]]:
    for code, outcome in errors.items():
        follows = {
            Outcome.CAPACITY: "waits, tried again",
            Outcome.AMBIGUOUS: "unconfirmed",
            Outcome.CALLER_ID_REJECTED: "another number",
            Outcome.ACCOUNT_BLOCKED: "waits, the connection's circuit opens",
        }
        yield code, f"`{outcome}`", follows.get(outcome, "ended")


def _statuses(section: Section) -> Iterable[Sequence[str]]:
    everything = frozenset((section.causes or SIP_OUTCOMES).values())
    for status, row in section.statuses.items():
        refined = ", ".join(f"`{outcome}`" for outcome in sorted(row.refined_by))
        if row.refined_by == everything:
            refined = "yes, see below"
        yield f"`{status}`", row.progress.name.lower(), f"`{row.outcome}`" if row.outcome else "", refined


def _machine_results(answered_by: Mapping[str, AnsweredBy]) -> Iterable[Sequence[str]]:
    for word, who in answered_by.items():
        yield f"`{word}`", f"`{final_outcome(Outcome.ANSWERED_UNKNOWN, who)}`"


if __name__ == "__main__":
    PAGE.write_text(render())
