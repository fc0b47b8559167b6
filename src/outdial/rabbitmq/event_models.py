"""Events out, as their consumers may rely on them: the models that the published schemas are made from.

`rules/events.py` builds the events; a test holds what it builds to these models. Consumers ignore fields they do not
know: within a major version fields are only added.
"""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from outdial.rules.call_progress import AnsweredBy
from outdial.rules.outcome import Outcome
from outdial.rules.pool import Tier


class Part(BaseModel):
    """Open for fields to come."""

    model_config = ConfigDict(extra="allow", frozen=True)


class AttemptData(Part):
    """What every event about an attempt tells: whose it is, with what its producer gave along."""

    attempt_id: UUID
    tenant_id: str
    campaign_id: str
    to: str = Field(description="The contact, E.164.")
    contact_id: str | None = None
    attempt_no: int | None = None
    metadata: dict[str, str] | None = Field(None, description="As the producer gave it.")


class CallPart(Part):
    """What is known of the call. Times are there once they are known."""

    number: str | None = Field(None, description="The number it was called from, by its name in the catalogue.")
    from_: str | None = Field(None, alias="from", description="The same number's E.164; null once it is gone.")
    connection: str | None = None
    tier: Tier | None = Field(None, description="How the number was found.")
    carrier_call_id: str | None = None
    answered_by: AnsweredBy | None = Field(None, description="What machine detection said.")
    provider_status: str | None = Field(None, description="The carrier's own word, as it came.")
    provider_code: str | None = None
    intent_at: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None
    ringing_at: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None


class CallData(AttemptData, CallPart):
    """An attempt with its call."""


class EndedData(CallData):
    """An attempt that ended, with a call or (canceled while it waited) without one."""

    outcome: Outcome
    reached: bool = Field(description="Whether the contact counts as reached in this campaign.")
    reason: str | None = None


class RejectedData(AttemptData):
    """An attempt that was never dialled because of what it asks."""

    outcome: Literal["rejected"]
    reason: str = Field(description="unknown_tenant, unknown_campaign, impossible_number, suppressed, ...")
    reached: Literal[False]


class ExpiredData(AttemptData):
    """An attempt whose `not_after` passed while it waited."""

    outcome: Literal["expired"]
    reason: str
    reached: Literal[False]


class CorrectedData(CallData):
    """Later evidence about an attempt that had ended."""

    outcome: Outcome
    was: str = Field(description="The outcome before.")
    reached: bool


class NumberData(Part):
    """A number that left the draws, or came back."""

    tenant_id: str
    campaign_id: str | None = Field(description="Where it was noticed; null when not by a call.")
    number: str = Field(description="Its name in the catalogue.")
    from_: str | None = Field(None, alias="from", description="Its E.164.")
    score: float | None = Field(None, description="Its spam score now, from 0 (clean) to 1.")
    source: str | None = Field(None, description="Who reported the score, or which operator changed it.")
    why: str | None = None


class StickyData(Part):
    """A contact's assignment that changed."""

    tenant_id: str
    campaign_id: str
    attempt_id: UUID | None = None
    to: str | None = Field(description="The contact, E.164; null = all contacts of the campaign (cleared).")
    number: str | None = Field(None, description="The number it is assigned to now, by its name in the catalogue.")
    from_: str | None = Field(None, alias="from", description="The same number's E.164.")
    by: str | None = Field(None, description="The operator who ordered it; absent when a call caused it.")
    why: str | None = None
    count: int | None = Field(None, description="How many assignments went, when all of a campaign's were cleared.")
    previous: str | None = Field(None, description="The number that it was assigned to before.")


class Envelope(Part):
    """CloudEvents 1.0, structured JSON."""

    specversion: Literal["1.0"]
    id: UUID = Field(description="The same when the event is published again.")
    source: str = Field(description="/outdial/ and the tenant.")
    subject: str = Field(description="The attempt's id, or the number's name.")
    time: AwareDatetime
    datacontenttype: Literal["application/json"]
    traceparent: str | None = Field(None, description="The trace context that came with the attempt.")


class AttemptEnvelope(Envelope):
    """An event about one attempt."""

    sequence: int = Field(description="Orders the events of one attempt; they may arrive in any order.")


class AttemptAccepted(AttemptEnvelope):
    """Stored and waiting. Published if the campaign asks for it."""

    type: Literal["call_attempt.accepted.v1"]
    data: AttemptData


class AttemptPlaced(AttemptEnvelope):
    """The carrier has the call. Published if the campaign asks for it."""

    type: Literal["call_attempt.placed.v1"]
    data: CallData


class AttemptAnswered(AttemptEnvelope):
    """Somebody or something answered. Published if the campaign asks for it."""

    type: Literal["call_attempt.answered.v1"]
    data: CallData


class AttemptEnded(AttemptEnvelope):
    """The attempt is over."""

    type: Literal["call_attempt.ended.v1"]
    data: EndedData


class AttemptRejected(AttemptEnvelope):
    """The attempt is over: what it asks cannot or must not be done."""

    type: Literal["call_attempt.rejected.v1"]
    data: RejectedData


class AttemptExpired(AttemptEnvelope):
    """The attempt is over: its time ran out."""

    type: Literal["call_attempt.expired.v1"]
    data: ExpiredData


class AttemptCorrected(AttemptEnvelope):
    """What an earlier `ended` said was wrong; this stands."""

    type: Literal["call_attempt.corrected.v1"]
    data: CorrectedData


class NumberChanged(Envelope):
    """A number left the draws, or came back."""

    type: Literal[
        "number.flagged.v1",
        "number.unflagged.v1",
        "number.carrier_rejected.v1",
        "number.failing.v1",
        "number.recovered.v1",
        "number.cleared.v1",
        "number.deactivated.v1",
        "number.released.v1",
        "number.activated.v1",
    ]
    data: NumberData


class StickyChanged(Envelope):
    """A contact's number was bound, moved or cleared."""

    type: Literal["sticky.bound.v1", "sticky.moved.v1", "sticky.cleared.v1"]
    data: StickyData


class CampaignData(Part):
    """Which campaign, and what keeps attempts of it from being dialled."""

    tenant_id: str
    campaign_id: str
    blocker: Literal["no_eligible_number", "numbers_at_daily_cap"]


class CampaignStalls(Envelope):
    """No number of the pool may call some contact. At most once a minute for each campaign, while it lasts."""

    type: Literal["campaign.no_eligible_number.v1", "campaign.numbers_at_daily_cap.v1"]
    data: CampaignData


EVENTS: Final[tuple[type[Envelope], ...]] = (
    AttemptAccepted,
    AttemptPlaced,
    AttemptAnswered,
    AttemptEnded,
    AttemptRejected,
    AttemptExpired,
    AttemptCorrected,
    NumberChanged,
    StickyChanged,
    CampaignStalls,
)
