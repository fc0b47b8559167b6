"""Part 3, first half: is a callback really Plivo's?

Version 3: base64(HMAC-SHA256(auth token, address with sorted query . sorted fields . nonce)), several of them separated by
commas while several tokens are in force. Version 2, which Plivo has deprecated, signs the address alone: whoever saw one
callback could send any other in its name, so it is not accepted.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

SIGNATURES = ("x-plivo-signature-v3", "x-plivo-signature-ma-v3")
"""By the account that called, and by its main account."""
NONCE = "x-plivo-signature-v3-nonce"

Fields = Sequence[tuple[str, str]]


def is_signed(url: str, fields: Fields, headers: Mapping[str, str], auth_tokens: Iterable[str]) -> bool:
    """Whether one of the tokens signed this address and these fields of a POST. `headers`: names in lower case."""
    nonce = headers.get(NONCE, "")
    text = f"{_signed_address(url, fields)}.{nonce}".encode("utf-8", "surrogateescape")
    given = [
        signature.strip().encode("utf-8", "surrogateescape")
        for name in SIGNATURES
        for signature in headers.get(name, "").split(",")
    ]
    found = False
    for token in auth_tokens:
        right = b64encode(hmac.digest(token.encode(), text, "sha256"))
        for signature in given:
            found |= hmac.compare_digest(right, signature)
    return found and nonce != ""


def _signed_address(url: str, fields: Fields) -> str:
    """A question mark follows when there is a query or fields, a dot between the two when there are both."""
    parts = urlsplit(url)
    query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True)))
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if query or fields:
        address += "?" + query
    if query and fields:
        address += "."
    return address + "".join(name + value for name, value in sorted(fields))
