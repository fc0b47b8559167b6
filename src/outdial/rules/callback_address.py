"""The address a carrier calls back at: opaque ids only, since it is stored at the carrier. The placement is the secret in it."""

from __future__ import annotations

from outdial.rules.ids import ConnectionId, Placement

PATH = "/callbacks/{provider}/{connection}/{placement}"


def callback_url(public_url: str, provider: str, connection: ConnectionId, placement: Placement) -> str:
    """The full public address for one placement."""
    return public_url.rstrip("/") + PATH.format(provider=provider, connection=connection, placement=placement)
