"""The scenario file: what it means, what it may leave out, and how it complains."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from importlib import resources
from pathlib import Path

import pytest

from outdial.carrier import Scenario, ScenarioError
from outdial.carrier.behaviour import NAMES, ORDINARY, Spread
from outdial.carrier.faults import KINDS
from outdial.carrier.scenario import Account, account_id_of

Json = dict[str, object]
EXAMPLE = resources.files("outdial.carrier").joinpath("example_scenario.toml").read_text(encoding="utf-8")


def example(tmp_path: Path) -> Scenario:
    """The scenario that ships."""
    path = tmp_path / "example.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return Scenario.from_file(path)


def test_the_example_is_valid_and_states_the_defaults(tmp_path: Path) -> None:
    told = example(tmp_path)
    assert told.behaviour == ORDINARY
    assert (told.accounts["example-us"].limit, told.accounts["example-gb"].calls_per_second) == (10, 2.0)
    assert told.accounts["example-us"].numbers["+12025550103"].labelled
    assert told.accounts["example-gb"].account_id == account_id_of("example-gb")


@pytest.mark.parametrize("name", [*(field.name for field in fields(Scenario)), *NAMES, *KINDS])
def test_the_example_mentions_everything(name: str) -> None:
    assert re.search(rf"\b{name}\b", EXAMPLE), name


@pytest.mark.parametrize("name", ["limit", "calls_per_second", "above_limit", "one_call_per_contact", "auth_token"])
def test_the_example_mentions_what_an_account_promises(name: str) -> None:
    assert name in {field.name for field in fields(Account)}
    assert name in EXAMPLE


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    values: Json = {"seed": 3, "accounts": {"us": {"numbers": ["+12025550101"]}}}
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    assert Scenario.from_file(path) == Scenario.from_mapping(values)


def test_an_account_gets_its_identity_from_its_name() -> None:
    one, again = (Scenario.from_mapping({"accounts": {"us": {}}}).accounts["us"] for _ in range(2))
    assert one == again
    assert re.fullmatch(r"AC[0-9a-f]{32}", one.account_id)
    assert one.auth_token not in repr(one)


def test_a_number_differs_from_the_base_only_in_what_it_says() -> None:
    told = Scenario.from_mapping(
        {
            "behaviour": {"answer_rate": 0.5, "talk_s": 20},
            "accounts": {"us": {"numbers": {"+12025550101": {"talk_s": [1, 2]}, "+12025550102": {}}}},
        }
    )
    numbers = told.accounts["us"].numbers
    assert (numbers["+12025550101"].answer_rate, numbers["+12025550101"].talk_s) == (0.5, Spread(1, 2))
    assert numbers["+12025550102"] == told.behaviour


def test_seed_and_speed_may_be_overridden() -> None:
    told = Scenario.from_mapping({"seed": 3, "speed": 10})
    assert (told.with_changes(seed=0).seed, told.with_changes(speed=5.0).speed, told.with_changes().seed) == (0, 5.0, 3)


WRONG: list[tuple[Json, str]] = [
    ({"sede": 1}, r"^sede: unknown key \(did you mean 'seed'\?\)"),
    ({"seed": "x"}, r"^seed: 'x' is not a number"),
    ({"seed": 1.5}, r"^seed: 1.5 is not a whole number"),
    ({"speed": 0}, r"^speed: 0 is out of range"),
    ({"behaviour": {"answer_rate": 1.2}}, r"^behaviour.answer_rate: 1.2 is out of range \(from 0 to 1\)"),
    ({"behaviour": {"answr_rate": 1}}, r"^behaviour.answr_rate: unknown key \(did you mean 'answer_rate'\?\)"),
    ({"behaviour": {"ring_s": [1, 2, 3]}}, r"^behaviour.ring_s: \[1, 2, 3\] has not two numbers"),
    ({"behaviour": {"ring_s": [5, 2]}}, r"^behaviour.ring_s.high: 2 is out of range \(from 5"),
    ({"behaviour": {"talk_s": {"median": 3}}}, r"^behaviour.talk_s.median: unknown key"),
    ({"behaviour": {"busy_share": 0.9, "rejected_share": 0.9}}, r"^behaviour: the shares .* add up to 1.87"),
    ({"behaviour": {"machine_share": 0.9, "fax_share": 0.2}}, r"^behaviour: machine_share and fax_share"),
    ({"behaviour": {"refuse": "block"}}, r"^behaviour.refuse: 'block' is not known \(did you mean 'blocked'\?\)"),
    ({"accounts": []}, r"^accounts: is not a table"),
    ({"accounts": {"us": {"limit": -1}}}, r"^accounts.us.limit: -1 is out of range"),
    ({"accounts": {"us": {"numbers": ["555"]}}}, r"^accounts.us.numbers.555: is not an E.164 number"),
    ({"accounts": {"us": {"above_limit": "queue"}}}, r"^accounts.us.above_limit: 'queue' is not known"),
    (
        {"accounts": {"us": {"numbers": ["+12025550101"]}, "ca": {"numbers": ["+12025550101"]}}},
        r"^accounts.ca: \+12025550101 belongs to us already",
    ),
    ({"accounts": {"us": {"account_id": "A"}, "ca": {"account_id": "A"}}}, r"^accounts.ca: A belongs to us already"),
    ({"destinations": [{"answer_rate": 1}]}, r"^destinations\[0\].prefix: is missing"),
    ({"destinations": [{"prefix": "44"}]}, r"^destinations\[0\].prefix: '44' is not the beginning"),
    ({"destinations": [{"prefix": "+44", "ring": 1}]}, r"^destinations\[0\].ring: unknown key"),
    ({"destinations": {}}, r"^destinations: is not an array of tables"),
    ({"faults": [{"kind": "reset"}, {"kind": "oops"}]}, r"^faults\[1\].kind: 'oops' is not known"),
    ({"token_pattern": "("}, r"^token_pattern: is no regular expression"),
    ({"token_pattern": "abc"}, r"^token_pattern: has no group"),
]


@pytest.mark.parametrize(("values", "complaint"), WRONG, ids=[row[1][:40] for row in WRONG])
def test_a_wrong_scenario_is_refused_by_field_and_cure(values: Json, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint):
        Scenario.from_mapping(values)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.toml", "seed = ", "is not valid toml"),
        ("a.json", "{", "is not valid json"),
        ("a.json", "[]", "is not a table"),
    ],
)
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=complaint):
        Scenario.from_file(path)
    with pytest.raises(ScenarioError, match="cannot be read"):
        Scenario.from_file(tmp_path / "absent.toml")
