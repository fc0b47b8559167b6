"""Every mistake in a catalogue file is told with its place, its value and its cure, all of them at once."""

from __future__ import annotations

import pytest

from outdial.catalogue.problems import BadCatalogue
from outdial.catalogue.read import read_catalogue
from tests.catalogue.files import BASE, OTHER_TENANT, after, problems_of

MISTAKES = [
    # what is written | the place | part of the message
    ("[tenant.acme]", "[tenant]", 'did you mean "tenants"?'),
    ("tenants = 3", "tenants", "must hold tables"),
    ("[tenants]\nacme = 3", "tenants.acme", "must be a table"),
    ('[tenants."Acme Inc"]', "[tenants.Acme Inc]", "is not a name (small letters, digits"),
    ('[tenants."a.b"]', "[tenants.a.b]", "is not a name"),
    ("[tenants.acme]\nmax_call = 5", "tenants.acme.max_call", 'is not known (did you mean "max_calls"?)'),
    ("[tenants.acme]\nmax_calls = -1", "tenants.acme.max_calls", "= -1: must be greater than or equal to 0"),
    ('[tenants.acme]\nmax_calls = "5"', "tenants.acme.max_calls", '= "5": must be a valid integer'),
    ("[tenants.acme]\nmax_calls = 5.5", "tenants.acme.max_calls", "= 5.5: must be a valid integer"),
    ("[tenants.acme]\npaused = 1", "tenants.acme.paused", "must be a valid boolean"),
    ('[tenants.acme]\nqueue = "Q 1"', "tenants.acme.queue", "for example queue = 3"),
    ('[tenants.acme]\nallowed_destinations = ["UK"]', "tenants.acme.allowed_destinations[0]", '"UK": is not a country'),
    ('[tenants.acme]\nallowed_kinds = ["sms"]', "tenants.acme.allowed_kinds[0]", "'premium'"),
    ("[connections.c]\nmax_calls = 1", "connections.c.provider", "is missing, and the connection is new (for example"),
    ('[connections.c]\nprovider = "twilio"', "connections.c.max_calls", "is missing, and the connection is new"),
    ("[connections.c]\ncalls_per_second = 0", "connections.c.calls_per_second", "= 0: must be greater than 0"),
    ("[connections.c]\ncalls_per_second = inf", "connections.c.calls_per_second", "must be a finite number"),
    ('[connections.c]\nbase_url = "ftp://x"', "connections.c.base_url", "is not an http(s) address"),
    ('[connections.c]\nbase_url = "https://u:p@x"', "connections.c.base_url", "without user"),
    ('[connections.c]\nauth_token = "x"', "connections.c.auth_token", 'credentials.auth_token = "env:NAME"'),
    ('[connections.c]\naccount = "a\\u0000b"', "connections.c.account", "holds a NUL character"),
    ("[connections.c]\noptions = {a = 2026-01-01}", "connections.c.options.a", "is a date or time"),
    ('[numbers.n]\ne164 = "2025550101"', "numbers.n.e164", "is not an international phone number"),
    ('[numbers.n]\ne164 = "+1202555"', "numbers.n.e164", "too long or too short"),
    ('[numbers.n]\ntime_zone = "Europe/Lundon"', "numbers.n.time_zone", '= "Europe/Lundon": is not a time zone'),
    ('[numbers.n]\nstate = "retired"', "numbers.n.state", "'active', 'inactive' or 'released'"),
    ('[campaigns.c]\npreset = "carier"', "campaigns.c.preset", "'campaign' or 'carrier'"),
    ("[campaigns.c]\nring_timeout_s = 3", "campaigns.c.ring_timeout_s", "must be greater than or equal to 5"),
    ("[campaigns.c]\nsticky = 5", "campaigns.c.sticky", "must be a table"),
    ("[campaigns.c]\nsticky.ttl = 5", "campaigns.c.sticky.ttl", 'did you mean "ttl_s"?'),
    ("[campaigns.c]\nsticky.ttl_s = nan", "campaigns.c.sticky.ttl_s", "must be a finite number"),
    ("[campaigns.c]\nskip_unhealthy = true", "campaigns.c.skip_unhealthy", 'did you mean "selection.skip_unhealthy"?'),
    (
        '[campaigns.c]\nselection.tier_spill_after_s = "nver"',
        "campaigns.c.selection.tier_spill_after_s",
        "valid number",
    ),
    ("[campaigns.c]\nrotation.floor = 2", "campaigns.c.rotation.floor", "for example floor = 0.05"),
    ("[campaigns.c]\ncalling_hours = []", "campaigns.c.calling_hours", "pause the campaign instead"),
    ("[campaigns.c]\ncalling_hours = 9", "campaigns.c.calling_hours", 'must be "always", a window'),
    ('[campaigns.c]\nfallback_time_zone = "Mars"', "campaigns.c.fallback_time_zone", "is not a time zone"),
    ("[campaigns.c]\nanswer.twilio = {}", "campaigns.c.answer", "has nothing to do for twilio"),
    ("[campaigns.c]\npool = 3", "campaigns.c.pool", "must be a list of numbers"),
    ("[campaigns.c]\npool = [3]", "campaigns.c.pool[0]", "must be a table"),
    ("[campaigns.c]\npool = [{base_weight = 1}]", "campaigns.c.pool[0].number", "is missing"),
    ('[campaigns.c]\npool = [{number = "a", wait = 1}]', "campaigns.c.pool[0].wait", "is not known"),
    ('[campaigns.c]\ntenant = "acme"', "campaigns.c.primary", "is missing, and the campaign is new"),
    ("[tenants.acme", "TOML", "mend the line"),
]


@pytest.mark.parametrize(("text", "where", "message"), MISTAKES, ids=[f"{m[1]}: {m[2][:30]}" for m in MISTAKES])
def test_a_mistake_names_place_value_and_cure(text: str, where: str, message: str) -> None:
    found = [problem for problem in problems_of(text) if problem.where == where]
    assert len(found) == 1, [str(problem) for problem in problems_of(text)]
    assert message in str(found[0])


REFERENCES = [
    ('[numbers.us-1]\ntenant = "globex"', "numbers.us-1.tenant", 'is "acme" and cannot change'),
    ('[numbers.us-1]\ne164 = "+12025550199"', "numbers.us-1.e164", '"…99": is "…01" and cannot change (give the new'),
    ('[connections.acme-us]\nprovider = "telnyx"', "connections.acme-us.provider", "make a new connection"),
    ('[connections.acme-us]\nmax_calls = "default"', "connections.acme-us.max_calls", "has no default"),
    ('[campaigns.spring]\ntenant = "globex"', "campaigns.spring.tenant", "make a campaign of another name"),
    ('[numbers.us-1]\nconnection = "acme-uk"', "numbers.us-1.connection", "there is no connection of this name"),
    ('[campaigns.spring]\nprimary = "us-9"', "campaigns.spring.primary", "there is no number of this name"),
    ('[campaigns.spring]\nprimary = "gx-1"', "campaigns.spring.primary", 'is a number of tenant "globex"'),
    ('[campaigns.spring]\npool = ["us-1", "gx-1"]', "campaigns.spring.pool", 'use a number of "acme"'),
    ('[campaigns.spring]\npool = ["us-1", "us-9"]', "campaigns.spring.pool", '"us-9": there is no number'),
    ('[campaigns.spring]\npool = ["us-2"]', "campaigns.spring.pool", 'the primary "us-1" is not in it'),
    ("[campaigns.spring]\npool = []", "campaigns.spring.pool", "a pool needs at least one number"),
    ('[campaigns.spring]\npool = ["us-1", "us-1"]', "campaigns.spring.pool[1]", "stands in the pool twice"),
    (
        '[numbers.us-3]\ne164 = "+1 (202) 555-0101"\ntenant = "acme"\nconnection = "acme-us"',
        "numbers.us-3.e164",
        "is the phone number of numbers.us-1 already (a phone number has one name)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "message"), REFERENCES, ids=[f"{r[1]}: {r[2][:30]}" for r in REFERENCES])
def test_a_file_that_does_not_fit_what_stands_is_refused(text: str, where: str, message: str) -> None:
    found = problems_of(text, after(BASE + OTHER_TENANT))
    assert [problem.where for problem in found] == [where], [str(problem) for problem in found]
    assert message in str(found[0])


def test_all_mistakes_are_told_at_once() -> None:
    text = '[tenants.a]\nmax_call = 1\n[numbers.n]\ne164 = "x"\n[campaigns.c]\nring_timeout_s = 1\nsticky.ttl = 1'
    assert len(problems_of(text)) == 4


def test_one_mistake_gives_one_message_although_others_refer_to_the_broken_thing() -> None:
    broken = BASE.replace('provider = "twilio"', "")
    assert [problem.where for problem in problems_of(broken)] == ["connections.acme-us.provider"]


def test_neither_secrets_nor_phone_numbers_are_printed() -> None:
    text = '[connections.c.credentials]\nauth_token = "super-secret"\n[numbers.n]\ne164 = "+120255509871234567"'
    told = "\n".join(map(str, problems_of(text)))
    assert "super-secret" not in told
    assert "555098" not in told
    assert 'write "env:NAME", "file:/path" or "secret:name"' in told


def test_the_message_begins_with_the_file() -> None:
    with pytest.raises(BadCatalogue, match=r"^spring\.toml: tenants\.a\.max_call: is not known"):
        read_catalogue("[tenants.a]\nmax_call = 1", "spring.toml")


@pytest.mark.parametrize(
    "text",
    [
        '[tenants."acme\\n"]\n',
        '[tenants.acme]\n[campaigns.spring]\ntenant = "acme"\nprimary = "n1\\n"\npool = ["n1"]\n',
    ],
)
def test_a_line_break_at_the_end_makes_no_name(text: str) -> None:
    with pytest.raises(BadCatalogue):
        read_catalogue(text, "test")
