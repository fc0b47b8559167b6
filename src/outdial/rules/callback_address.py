"""The address a carrier calls back at: one per intent, so that a callback finds its call without any look-up table.

The placement in it is a random 122-bit token; it appears nowhere else in public. Carriers sign the whole address, so it
is built here once, the same way for the create request and for checking what comes back.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from outdial.errors import BadInput
from outdial.rules.ids import ConnectionId, Placement

CALLBACK_ROUTE = "/callbacks/{provider}/{connection}/{placement}"
"""The path below the public address, as an aiohttp route; the order of its parts is an interface."""


def callback_path(provider: str, connection: ConnectionId, placement: Placement) -> str:
    """The path of one call's callbacks."""
    return CALLBACK_ROUTE.format(provider=quote(provider), connection=quote(connection), placement=placement)


def callback_url(public_url: str, provider: str, connection: ConnectionId, placement: Placement) -> str:
    """The whole address, to be given to the carrier. `public_url` may have a path of its own."""
    return public_url.rstrip("/") + callback_path(provider, connection, placement)


def check_public_url(public_url: str, field: str = "callbacks.public_url") -> None:
    """Raises `BadInput` unless carriers can call back below this address and sign it the way we check it."""
    cure = "for example https://calls.example.com"
    try:
        parts = urlsplit(public_url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise BadInput(field, f"{public_url!r} is not an address", cure) from None
    if parts.scheme not in {"http", "https"} or not host:
        raise BadInput(field, f"{public_url!r} is not an http or https address", cure)
    if parts.username is not None:
        raise BadInput(field, "holds a user name or password", "carriers sign the address; leave them out")
    if parts.query or parts.fragment:
        raise BadInput(field, f"{public_url!r} has a query or fragment", cure)
    if "_" in host:
        raise BadInput(field, f"the host {host!r} has an underscore, which Twilio refuses", cure)
