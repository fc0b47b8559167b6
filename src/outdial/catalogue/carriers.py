"""Asks the providers whether they could work with what the file says: connections' settings and answer instructions.

Only what the file names is asked about: what stands already must not block a change of something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from outdial.catalogue.problems import Problem
from outdial.catalogue.read import CatalogueFile, Entry
from outdial.errors import BadInput
from outdial.providers.contract import read_settings
from outdial.providers.registry import provider_of
from outdial.rules.catalogue_rows import CatalogueRows, Kind
from outdial.rules.ids import ConnectionId


def check_carriers(wanted: CatalogueRows, file: CatalogueFile) -> Iterator[Problem]:
    """What the providers refuse. Secrets are not read: they lie where the daemon runs."""
    for entry in file.of(Kind.CONNECTION):
        row = wanted.connections.get(ConnectionId(entry.name))
        if row is not None:
            yield from _connection(entry, row.provider, row.settings)
    for entry in file.of(Kind.CAMPAIGN):
        for provider, instruction in entry.values.get("answer", {}).items():
            yield from _instruction(entry, provider, instruction)


def _connection(entry: Entry, provider: str, settings: Mapping[str, object]) -> Iterator[Problem]:
    try:
        provider_of(provider, f"{entry.where}.provider").check_settings(
            read_settings(ConnectionId(entry.name), settings)
        )
    except BadInput as error:
        yield Problem(error.field, "", error.problem, error.cure)


def _instruction(entry: Entry, provider: str, instruction: Mapping[str, Any]) -> Iterator[Problem]:
    where = f"{entry.where}.answer"
    try:
        provider_of(provider, f"{where}.{provider}").check_instruction(instruction)
    except BadInput as error:
        below = error.field.removeprefix(f"answer.{provider}").removeprefix(f"{where}.{provider}")
        yield Problem(f"{where}.{provider}{below}", "", error.problem, error.cure)
