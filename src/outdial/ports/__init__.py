"""What the story in `dispatch/` needs of the outside world. Protocols and the values they speak; adapters satisfy them structurally."""

from outdial.ports.carriers import (
    Accepted,
    Ambiguous,
    CallbackReader,
    CallbackRequest,
    CallOrder,
    Carrier,
    Carriers,
    ForgedCallback,
    NotSent,
    PlaceResult,
    Refused,
    RefusedForNow,
    SearchQuery,
    StartTooLate,
)
from outdial.ports.messages import BadMessage, Decoder, Delivery, EventPublisher, Inbox, OutgoingEvent

__all__ = [
    "Accepted",
    "Ambiguous",
    "BadMessage",
    "CallOrder",
    "CallbackReader",
    "CallbackRequest",
    "Carrier",
    "Carriers",
    "Decoder",
    "Delivery",
    "EventPublisher",
    "ForgedCallback",
    "Inbox",
    "NotSent",
    "OutgoingEvent",
    "PlaceResult",
    "Refused",
    "RefusedForNow",
    "SearchQuery",
    "StartTooLate",
]
