"""Part 3, first half: is a webhook really Vonage's?

`Authorization: Bearer` holds a JWT (HS256, the account's signature secret) whose `payload_hash` is the SHA-256 of the raw
body. The official SDK checks the signature alone; without the hash any body would pass with any token once seen.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from hashlib import sha256

MAX_AGE_S = 300.0
"""Vonage repeats a webhook within seconds; this also forgives clocks that differ."""


def is_signed(authorization: str, body: bytes, secrets: Iterable[str], application_id: str, now: float) -> bool:
    """Whether one of the secrets signed exactly this body, for this application, at about `now` (Unix seconds)."""
    scheme, _, token = authorization.strip().partition(" ")
    signed, _, signature = token.strip().rpartition(".")
    head, _, claims = signed.partition(".")
    try:
        header, said, given = _object(head), _object(claims), _bytes(signature)
    except (ValueError, RecursionError):
        return False
    if scheme.lower() != "bearer" or header.get("alg") != "HS256":
        return False
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(hmac.digest(secret.encode(), signed.encode(), "sha256"), given)
    if not found or said.get("application_id", application_id) != application_id:
        return False
    issued, given_hash = said.get("iat"), said.get("payload_hash")
    if not isinstance(issued, int | float) or not isinstance(given_hash, str) or not abs(now - issued) <= MAX_AGE_S:
        return False
    return hmac.compare_digest(sha256(body).hexdigest().encode(), given_hash.lower().encode())


def _object(part: str) -> Mapping[str, object]:
    content = json.loads(_bytes(part))
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def _bytes(part: str) -> bytes:
    return urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
