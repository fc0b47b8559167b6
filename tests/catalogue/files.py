"""Catalogue files for tests, and what becomes of them without a database."""

from __future__ import annotations

from dataclasses import replace

from outdial.catalogue.diff import Plan, diff
from outdial.catalogue.merge import merge
from outdial.catalogue.problems import BadCatalogue, Problem
from outdial.catalogue.read import read_catalogue
from outdial.rules.catalogue_rows import EMPTY_CATALOGUE, CatalogueRows

BASE = """
[tenants.acme]
max_calls = 40

[connections.acme-us]
provider = "twilio"
account = "AC00000000000000000000000000000001"
max_calls = 20
calls_per_second = 2
credentials = { auth_token = "env:ACME_TOKEN" }

[numbers.us-1]
e164 = "+12025550101"
tenant = "acme"
connection = "acme-us"

[numbers.us-2]
e164 = "+13125550102"
tenant = "acme"
connection = "acme-us"

[campaigns.spring]
tenant = "acme"
primary = "us-1"
pool = ["us-1", { number = "us-2", base_weight = 2 }]
ring_timeout_s = 25
answer.twilio = { url = "https://example.com/answer" }
sticky = { ttl_s = 3600, max_wait_s = 60 }
"""
OTHER_TENANT = """
[tenants.globex]

[numbers.gx-1]
e164 = "+442079460103"
tenant = "globex"
connection = "acme-us"
"""


def after(text: str, current: CatalogueRows = EMPTY_CATALOGUE, *, prune: bool = False) -> CatalogueRows:
    """The catalogue after the file; raises `BadCatalogue`."""
    wanted, problems = merge(current, read_catalogue(text, "test.toml"), prune=prune)
    if problems:
        raise BadCatalogue("test.toml", problems)
    joined = {key: row if row.added_at else replace(row, added_at=1_000.0) for key, row in wanted.members.items()}
    return replace(wanted, members=joined)


def plan_of(text: str, current: CatalogueRows = EMPTY_CATALOGUE, *, prune: bool = False) -> Plan:
    """What applying it would do."""
    wanted, problems = merge(current, read_catalogue(text, "test.toml"), prune=prune)
    assert not problems, [str(problem) for problem in problems]
    return diff(current, wanted)


def problems_of(text: str, current: CatalogueRows = EMPTY_CATALOGUE, *, prune: bool = False) -> list[Problem]:
    """Everything that is wrong with the file."""
    try:
        return list(merge(current, read_catalogue(text, "test.toml"), prune=prune)[1])
    except BadCatalogue as error:
        return list(error.problems)
