"""A Vonage application: where its calls live, the key that signs our requests, the secrets that sign its webhooks."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import time
from urllib.parse import quote
from uuid import uuid4

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from outdial.errors import BadInput
from outdial.providers.contract import ConnectionSettings, Secrets, api_root

DEFAULT_BASE_URL = "https://api.nexmo.com"
"""A call lives in one region: an application in another one needs that region's address as `base_url`."""
TOKEN_LIFE_S = 120
"""Long enough for a connect timeout and a clock that is off by a minute, short for a token that leaks."""
CREDENTIALS = frozenset({"private_key", "signature_secret", "other_signature_secret"})
"""`private_key` (PEM) signs requests, `signature_secret` is what webhooks are signed with. While the secret is being
changed, `other_signature_secret` is accepted besides."""

_APPLICATION_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Account:
    """One application. `now`: Unix seconds, for tokens and for the age of webhooks."""

    application_id: str
    calls_url: str
    private_key: RSAPrivateKey = field(repr=False)
    signature_secrets: tuple[str, ...] = field(repr=False)
    now: Callable[[], float] = time

    def call_url(self, carrier_call_id: str) -> str:
        """The address of one call."""
        return f"{self.calls_url}/{quote(carrier_call_id, safe='')}"

    def headers(self) -> Mapping[str, str]:
        """Authenticates one request: a token of its own (RS256), never used twice."""
        now = int(self.now())
        claims = {"application_id": self.application_id, "iat": now, "exp": now + TOKEN_LIFE_S, "jti": str(uuid4())}
        signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
        signature = self.private_key.sign(signed.encode(), PKCS1v15(), SHA256())
        return {"Authorization": f"Bearer {signed}.{_base64(signature)}"}


def check_settings(settings: ConnectionSettings) -> None:
    """All that can be said without the secrets. Raises `BadInput`."""
    settings.refuse_unknown(CREDENTIALS, frozenset())
    api_root(settings, DEFAULT_BASE_URL)
    if settings.account is None:
        raise BadInput(settings.where("account"), "is missing", "the application id, a UUID")
    if not _APPLICATION_ID.fullmatch(settings.account):
        problem = f"{settings.account!r} is no application id"
        raise BadInput(settings.where("account"), problem, "a UUID, as the application's page shows it")
    for name, use in (
        ("private_key", "requests are signed with it"),
        ("signature_secret", "webhooks are verified by it"),
    ):
        if name not in settings.credentials:
            cure = f'{use}; for example {name} = "secret:vonage-{name.replace("_", "-")}"'
            raise BadInput(settings.where(f"credentials.{name}"), "is missing", cure)


def open_account(settings: ConnectionSettings, secrets: Secrets) -> Account:
    """The application with its secrets. Raises `BadInput`, and what `secrets` raises."""
    check_settings(settings)
    names = ("signature_secret", "other_signature_secret")
    return Account(
        application_id=settings.account or "",
        calls_url=f"{api_root(settings, DEFAULT_BASE_URL)}/v1/calls",
        private_key=_private_key(settings, secrets),
        signature_secrets=tuple(text for name in names if (text := settings.secret(name, secrets)) is not None),
    )


def _private_key(settings: ConnectionSettings, secrets: Secrets) -> RSAPrivateKey:
    key = _loaded(settings.secret("private_key", secrets) or "")
    if key is None:
        problem = f"{settings.credentials['private_key']} is no RSA private key without a passphrase"
        raise BadInput(settings.where("credentials.private_key"), problem, "the PEM file that Vonage let you download")
    return key


@lru_cache(maxsize=256)
def _loaded(pem: str) -> RSAPrivateKey | None:
    """Checking a key takes 40 ms, and every change of the catalogue opens all connections anew."""
    try:
        # An environment variable often holds its line ends as the two characters \ and n.
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPrivateKey) else None


def _part(content: Mapping[str, object]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
