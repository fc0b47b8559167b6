"""A broker set up from deploy/rabbitmq: definitions and users imported as they are, but with passwords."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from outdial.embedded.rabbitmq import LocalRabbit

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "rabbitmq"
SALT = b"salt"


@dataclass(frozen=True, slots=True)
class RestrictedBroker:
    """`guest`: the address of a user who may do all."""

    guest: str

    def of(self, user: str, password: str = "secret-word") -> str:
        """The same virtual host as one of the users of users.json."""
        netloc = f"{user}:{password}@{urlsplit(self.guest).netloc.rpartition('@')[2]}"
        return urlunsplit(urlsplit(self.guest)._replace(netloc=netloc, path="/outdial"))


def restricted_broker(node: LocalRabbit, folder: Path) -> RestrictedBroker:
    """Import both files, in one go since each start of rabbitmqctl takes a second."""
    definitions = json.loads((FOLDER / "definitions.json").read_text()) | json.loads(
        (FOLDER / "users.json").read_text()
    )
    for user in definitions["users"]:
        user["password_hash"] = base64.b64encode(SALT + hashlib.sha256(SALT + b"secret-word").digest()).decode()
    file = folder / "definitions.json"
    file.write_text(json.dumps(definitions))
    node.control("import_definitions", str(file))
    return RestrictedBroker(node.url)
