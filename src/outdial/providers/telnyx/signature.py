"""Part 3, first half: is a callback really Telnyx's, and is it fresh?

Ed25519 over `timestamp|raw body`, with the account's public key. The time in it bounds how long a copied callback can be
played back; within that time a repetition changes nothing, because news is idempotent.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNATURE = "telnyx-signature-ed25519"
TIMESTAMP = "telnyx-timestamp"
TOLERANCE_S = 300.0
"""As Telnyx's own SDKs have it; covers both clocks and Telnyx's repetitions, which it signs anew."""
_MAX_DIGITS = 12


def is_signed(
    body: bytes, headers: Mapping[str, str], public_keys: Iterable[Ed25519PublicKey], now: float
) -> bool:  # fmt: skip
    """Whether one of the keys signed this body at about this time. `headers`: names in lower case."""
    stamp = headers.get(TIMESTAMP, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS) or abs(now - int(stamp)) > TOLERANCE_S:
        return False
    try:
        signature = b64decode(headers.get(SIGNATURE, ""), validate=True)
    except (ValueError, binascii.Error):
        return False
    return any(_is_good(key, signature, stamp.encode() + b"|" + body) for key in public_keys)


def _is_good(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
