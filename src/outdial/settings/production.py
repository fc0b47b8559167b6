"""What a production profile refuses to start with, and what nobody should start with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from outdial.credentials import Credentials
from outdial.errors import BadInput
from outdial.settings.known import SETTINGS
from outdial.settings.model import Settings
from outdial.settings.problems import Problem, shown


def problems_of_any_profile(settings: Settings, sources: Mapping[str, str]) -> list[Problem]:
    """Combinations of values that cannot work anywhere."""
    return list(_impossible(settings, sources))


def problems_of_production(settings: Settings, sources: Mapping[str, str], in_file: Mapping[str, Any]) -> list[Problem]:
    """What is unsafe outside a developer's machine. `in_file`: path -> value as the configuration file has it."""
    return [
        *_missing(sources),
        *_database(settings, sources),
        *_broker(settings, sources),
        *_callbacks(settings, sources),
        *_admin(settings, sources),
        *_logging(settings, sources),
        *_secrets_in_file(in_file, sources),
        *_leftovers(),
    ]


def _impossible(settings: Settings, sources: Mapping[str, str]) -> Iterator[Problem]:
    public, internal, admin, database = settings.callbacks, settings.internal, settings.admin, settings.database
    if public.port == internal.port != 0:
        yield _problem(sources, "internal.port", internal.port, "is the public port, too", "two ports: one is public")
    if admin.enabled and admin.port != 0 and admin.port in {public.port, internal.port}:
        yield _problem(sources, "admin.port", admin.port, "is another port of outdial, too", "give it one of its own")
    if database.pool_min_size > database.pool_max_size:
        yield _problem(
            sources, "database.pool_min_size", database.pool_min_size, "is more than pool_max_size", "lower it"
        )
    for path, url, schemes in (
        ("database.url", database.url.get_secret_value(), ("postgresql", "postgres")),
        ("rabbitmq.url", settings.rabbitmq.url.get_secret_value(), ("amqp", "amqps")),
    ):
        if _split(url) is None or urlsplit(url).scheme not in schemes:
            yield _problem(sources, path, url, "is no such address", f"write {schemes[0]}://user@host/…")


def _missing(sources: Mapping[str, str]) -> Iterator[Problem]:
    for path in ("database.url", "rabbitmq.url", "callbacks.public_url"):
        if path not in sources:
            cure = f"set {SETTINGS[path].environment_name} or the file {SETTINGS[path].secret_file} in secrets_dir"
            yield Problem("production", path, "", "is not set", cure)


def _database(settings: Settings, sources: Mapping[str, str]) -> Iterator[Problem]:
    url = settings.database.url.get_secret_value()
    parts = _split(url)
    if parts is None or "database.url" not in sources:
        return
    query = parse_qs(parts.query, keep_blank_values=True)
    mode = query.get("sslmode", ["prefer"])[-1]
    if mode != "verify-full":
        what = f"sslmode={mode} does not verify whom it talks to"
        yield _problem(sources, "database.url", url, what, "add sslmode=verify-full")
    if not parts.password and not query.keys() & {"password", "passfile", "sslcert"}:
        what, cure = "has no password and no client certificate", "add one: postgresql://user:password@host/…"
        yield _problem(sources, "database.url", url, what, cure)


def _broker(settings: Settings, sources: Mapping[str, str]) -> Iterator[Problem]:
    url = settings.rabbitmq.url.get_secret_value()
    parts = _split(url)
    if parts is None or "rabbitmq.url" not in sources:
        return
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.scheme != "amqps":
        yield _problem(sources, "rabbitmq.url", url, "is not encrypted", "use amqps://")
    # The driver verifies only when there is nothing or a 0: `no_verify_ssl=false` switches verifying off, too.
    if any(value != "0" for value in query.get("no_verify_ssl", [])):
        yield _problem(sources, "rabbitmq.url", url, "no_verify_ssl does not verify whom it talks to", "take it out")
    if (parts.username or "guest") == "guest":
        yield _problem(sources, "rabbitmq.url", url, "everybody knows the user guest", "use a user of its own")
    elif (parts.password or "guest") == "guest":
        yield _problem(sources, "rabbitmq.url", url, "everybody knows the password guest", "use a password of its own")


def _callbacks(settings: Settings, sources: Mapping[str, str]) -> Iterator[Problem]:
    address = urlsplit(settings.callbacks.public_url)
    if "callbacks.public_url" in sources and (address.scheme != "https" or _is_local(address.hostname or "")):
        what = "carriers cannot reach it safely"
        yield _problem(
            sources, "callbacks.public_url", settings.callbacks.public_url, what, "https:// and a public name"
        )


def _admin(settings: Settings, sources: Mapping[str, str]) -> Iterator[Problem]:
    """That the tokens can be read; whether they are tokens is looked at by the port itself when it opens."""
    if not settings.admin.enabled:
        return
    try:
        Credentials(settings.secrets_dir).resolve(settings.admin.tokens)
    except BadInput as error:
        cure = "put the tokens there, or leave out admin.enabled"
        yield Problem(sources.get("admin.tokens", "default"), "admin.tokens", "", error.problem, cure)


def _logging(settings: Settings, sources: Mapping[str, str]) -> Iterator[Problem]:
    if settings.logging.show_numbers:
        yield _problem(sources, "logging.show_numbers", True, "writes contacts' numbers into logs", "leave it out")


def _secrets_in_file(in_file: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[Problem]:
    for path, value in in_file.items():
        if path in SETTINGS and SETTINGS[path].is_secret and (parts := _split(str(value))) and parts.password:
            file = next(iter({place for place in sources.values() if place.endswith(".toml")}), "config.toml")
            cure = f"{SETTINGS[path].environment_name} or the file {SETTINGS[path].secret_file} in secrets_dir"
            yield Problem(file, path, shown(value, secret=True), "holds a password", f"move it to {cure}")


def _leftovers() -> Iterator[Problem]:
    if os.environ.get("OUTDIAL_CRASH_AT"):
        yield Problem("environment OUTDIAL_CRASH_AT", "", "", "makes this process kill itself", "take it out")


def _problem(sources: Mapping[str, str], path: str, value: object, what: str, cure: str) -> Problem:
    return Problem(sources.get(path, "default"), path, shown(value, secret=SETTINGS[path].is_secret), what, cure)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_local(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host in {"", "localhost"} or host.endswith((".localhost", ".local"))
