"""Carriers' credentials, by reference: the catalogue and the database hold names of secrets, never secrets.

A reference is `env:NAME` (an environment variable), `file:/path` (a file) or `secret:name` (a file in the secrets
directory). It is resolved each time it is needed, so that a rotated secret is in use with the next connection.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from outdial.errors import BadInput

CURE = "write env:NAME, file:/path or secret:name"
_MOST_BYTES = 64 * 1024


def check_reference(reference: str, field: str = "credential") -> None:
    """Raises `BadInput` unless it reads like a reference. The value is not repeated: it may be the secret itself."""
    kind, colon, name = reference.partition(":")
    if not colon or kind not in {"env", "file", "secret"}:
        raise BadInput(field, "is no reference to a secret; a secret itself does not belong here", CURE)
    if kind == "env" and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise BadInput(field, f"{reference!r} names no environment variable", CURE)
    if kind == "file" and not Path(name).is_absolute():
        raise BadInput(field, f"{reference!r} is no absolute path", CURE)
    if kind == "secret" and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise BadInput(field, f"{reference!r} names no file in the secrets directory", CURE)


class Credentials:
    """Resolves references."""

    def __init__(self, secrets_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        self._secrets_dir = secrets_dir
        self._environment = os.environ if environment is None else environment

    def __call__(self, reference: str) -> SecretStr:
        """See `resolve`."""
        return self.resolve(reference)

    def resolve(self, reference: str, field: str = "credential") -> SecretStr:
        """The secret, without the line end that files have. Raises `BadInput` naming the reference."""
        check_reference(reference, field)
        kind, _, name = reference.partition(":")
        text = self._environment.get(name, "") if kind == "env" else self._read(kind, name, reference, field)
        if not text.strip():
            raise BadInput(field, f"{reference} is empty or not there", "put the secret there")
        return SecretStr(text.rstrip("\r\n"))

    def _read(self, kind: str, name: str, reference: str, field: str) -> str:
        path = Path(name) if kind == "file" else self._secrets_dir / name
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(_MOST_BYTES + 1)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no text"
            raise BadInput(field, f"{reference} cannot be read: {reason}", "put the secret there") from None
        if len(text) > _MOST_BYTES:
            raise BadInput(field, f"{reference} is too large for a secret", "one file per secret")
        return text
