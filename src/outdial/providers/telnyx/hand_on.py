"""Where a call's events go on to: the customer's own Call Control application, which answers through Telnyx's API.

The address travels in the query of our own callback address, so that any replica knows it without asking the database,
also for events that come long after the call is settled. Telnyx signs the body only and tells the address to whoever
receives the event, so the query bears a seal of ours: nobody else can make us send anything anywhere.
"""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, HandOn
from outdial.providers.telnyx.account import Account
from outdial.rules.ids import Placement

MAX_ADDRESS_CHARS = 500
PASSED_ON = ("telnyx-signature-ed25519", "telnyx-timestamp", "content-type")
"""With these and the raw body, the application verifies an event just as if it came from Telnyx directly."""


def with_address(callback_url: str, address: str, placement: Placement, account: Account) -> str:
    """Our callback address, with the one behind it."""
    return f"{callback_url}?then={quote(address, safe='')}&seal={account.seal(placement, address)}"


def hand_on(request: CallbackRequest, account: Account) -> HandOn | None:
    """What goes on to the application, None = nothing or not sealed by us. The callback must have been verified."""
    query = parse_qs(urlsplit(request.url).query)
    address, seal = query.get("then", [""])[0], query.get("seal", [""])[0]
    if not address or not account.is_sealed(request.placement, address, seal):
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    return HandOn(address, {name: headers[name] for name in PASSED_ON if name in headers}, request.body)


def check_address(address: object, field: str) -> None:
    """Raises `BadInput` unless events can be sent there."""
    cure = "for example https://voice.example.com/telnyx"
    try:
        parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        _ = parts.port
    except ValueError:
        usable = False
    if not usable or not isinstance(address, str):
        raise BadInput(field, "is not an http or https address", f"the application's own, {cure}")
    if parts.fragment or not address.isascii() or any(character.isspace() for character in address):
        raise BadInput(field, "has a fragment, a space or a character outside ASCII", cure)
    if len(address) > MAX_ADDRESS_CHARS:
        raise BadInput(field, f"has {len(address)} characters", f"at most {MAX_ADDRESS_CHARS}")
