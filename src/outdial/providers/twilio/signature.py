"""Part 3, first half: is a callback really Twilio's?

base64(HMAC(secret, address + every form field's name and value, sorted by name)). The secret is the account's auth token
(SHA-1), or a shared key (SHA-256) when the header `X-Twilio-Webhooks-Signature-Settings` says so. Twilio signs
sometimes with and sometimes without the port, and it is not written down whether a fragment with connection overrides
belongs to the signed address: all forms of *our own* address are tried, which weakens nothing, since each needs the
secret.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from outdial.providers.twilio.dialect import TWILIO_DIALECT, Dialect

SETTINGS = "x-twilio-webhooks-signature-settings"
_STANDARD_PORTS = {"https": 443, "http": 80}


def is_signed(
    url: str,
    fields: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    auth_tokens: Iterable[str],
    shared_key: str | None,
    dialect: Dialect = TWILIO_DIALECT,
) -> bool:
    """Whether one of the secrets signed this address and these fields. `headers`: names in lower case."""
    signature = next((headers[name] for name in dialect.signature_headers if name in headers), "")
    given = signature.encode("utf-8", "surrogateescape")
    algorithm = _algorithm(headers.get(SETTINGS, ""))
    if algorithm == "HMAC_SHA1":
        secrets, digest = tuple(auth_tokens), "sha1"
    elif algorithm == "HMAC_SHA256" and shared_key is not None:
        secrets, digest = (shared_key,), "sha256"
    else:
        return False
    tail = _concatenated(fields, dialect.signs_repeated_values_once)
    return any(
        hmac.compare_digest(_signature(secret, address + tail, digest), given)
        for address in _forms_of(url, dialect.fragment)
        for secret in secrets
    )


def _signature(secret: str, text: str, digest: str) -> bytes:
    return b64encode(hmac.digest(secret.encode(), text.encode(), digest))


def _concatenated(fields: Sequence[tuple[str, str]], once: bool) -> str:
    """Names sorted; the values of a repeated name sorted and each of them once, or (SignalWire) all as they came."""
    ordered = sorted(set(fields)) if once else sorted(fields, key=lambda field: field[0])
    return "".join(name + value for name, value in ordered)


def _forms_of(url: str, fragment: str) -> Iterator[str]:
    """As it was given first: nearly every callback is signed so."""
    parts = urlsplit(url)
    if parts.port is None:
        other = f"{parts.netloc}:{_STANDARD_PORTS.get(parts.scheme, 443)}"
    else:
        other = parts.netloc.removesuffix(f":{parts.port}")
    for netloc in (parts.netloc, other):
        address = url.replace(parts.netloc, netloc, 1)
        yield address
        if fragment:
            yield f"{address}#{fragment}"


def _algorithm(settings: str) -> str:
    """`key=…,algorithm=…`; nothing said means the auth token and SHA-1."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"
