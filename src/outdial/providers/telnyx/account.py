"""A Telnyx account and one Call Control application in it: where it is, who we are, whose callbacks are believed."""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from outdial.errors import BadInput
from outdial.providers.contract import ConnectionSettings, Secrets, api_root
from outdial.rules.ids import Placement

DEFAULT_BASE_URL = "https://api.telnyx.com"
API_VERSION = "v2"
CREDENTIALS = frozenset({"api_key", "other_api_key", "public_key", "other_public_key"})
"""`api_key` authenticates our requests, `public_key` (of the account, from the portal) verifies callbacks. While one of
them is being changed, the other is the one that is on its way out."""
OPTIONS = frozenset({"connection_id"})

_APPLICATION = re.compile(r"[0-9]{1,32}")


@dataclass(frozen=True, slots=True)
class Account:
    """`headers` authenticate our requests, `public_keys` verify callbacks, `seals` prove where a callback goes on to."""

    connection_id: str
    """Of the Call Control application, as Telnyx calls it."""
    root: str
    headers: Mapping[str, str] = field(repr=False)
    public_keys: tuple[Ed25519PublicKey, ...] = field(repr=False)
    seals: tuple[bytes, ...] = field(repr=False)

    @property
    def calls_url(self) -> str:
        """Where calls are made."""
        return f"{self.root}/calls"

    def call_url(self, carrier_call_id: str) -> str:
        """The address of one call."""
        return f"{self.calls_url}/{quote(carrier_call_id, safe=':')}"

    def seal(self, placement: Placement, address: str, key: bytes | None = None) -> str:
        """What proves that *we* wrote this address into this call's callback address."""
        digest = hmac.digest(key or self.seals[0], f"{placement}|{address}".encode(), "sha256")
        return urlsafe_b64encode(digest[:18]).decode()

    def is_sealed(self, placement: Placement, address: str, seal: str) -> bool:
        """Whether one of our keys made the seal."""
        given = seal.encode("utf-8", "surrogateescape")
        return any(hmac.compare_digest(self.seal(placement, address, key).encode(), given) for key in self.seals)


def check_settings(settings: ConnectionSettings) -> None:
    """All that can be said without the secrets. Raises `BadInput`."""
    settings.refuse_unknown(CREDENTIALS, OPTIONS)
    api_root(settings, DEFAULT_BASE_URL)
    if settings.account is not None:
        cure = "the API key says whose account it is; leave it out"
        raise BadInput(settings.where("account"), "means nothing at Telnyx", cure)
    where, cure = settings.where("options.connection_id"), 'the id of the Call Control application, in "quotes"'
    application = settings.options.get("connection_id")
    if application is None:
        raise BadInput(where, "is missing", cure)
    if not isinstance(application, str) or not _APPLICATION.fullmatch(application):
        raise BadInput(where, f"{application!r} is no id of an application", cure)
    for name, why in (("api_key", "requests are authenticated"), ("public_key", "callbacks are verified")):
        if name not in settings.credentials:
            cure = f'{why} with it; for example {name} = "env:TELNYX_{name.upper()}"'
            raise BadInput(settings.where(f"credentials.{name}"), "is missing", cure)


def open_account(settings: ConnectionSettings, secrets: Secrets) -> Account:
    """The account with its secrets. Raises `BadInput`, and what `secrets` raises."""
    check_settings(settings)
    api_keys = _given(settings, secrets, "api_key", "other_api_key")
    return Account(
        connection_id=str(settings.options["connection_id"]),
        root=f"{api_root(settings, DEFAULT_BASE_URL)}/{API_VERSION}",
        headers={"Authorization": f"Bearer {api_keys['api_key']}"},
        public_keys=tuple(
            _public_key(settings, name, text)
            for name, text in _given(settings, secrets, "public_key", "other_public_key").items()
        ),
        seals=tuple(hmac.digest(key.encode(), b"outdial: hand callbacks on", "sha256") for key in api_keys.values()),
    )


def _given(settings: ConnectionSettings, secrets: Secrets, *names: str) -> dict[str, str]:
    return {name: value for name in names if (value := settings.secret(name, secrets)) is not None}


def _public_key(settings: ConnectionSettings, name: str, text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        cure = "32 bytes in base64, as the portal shows them"
        raise BadInput(settings.where(f"credentials.{name}"), "is no Ed25519 public key", cure) from None
