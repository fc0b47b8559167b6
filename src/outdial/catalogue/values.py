"""The values that a catalogue file may hold: each type refuses with what is wrong and how to write it."""

from __future__ import annotations

import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from outdial.catalogue import hours

NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}\Z")
NAME_CURE = "small letters, digits, - and _, at most 63, beginning with a letter or digit"
_REFERENCE = re.compile(r"^(env|file|secret):\S+\Z")


def _refuse(what: str, cure: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{what}", {"what": what, "cure": cure})


def _name(value: str) -> str:
    if not NAME.match(value):
        raise _refuse("is not a name", NAME_CURE)
    return value


def _e164(value: str) -> str:
    """Digits with a plus; blanks, dashes, dots and brackets are taken out. Its numbering plan says if it can exist."""
    plain = re.sub(r"[\s().\-\u2010-\u2015]", "", value)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", plain):
        raise _refuse(
            "is not an international phone number", 'write it in full with its country code, like "+12025550143"'
        )
    if not phonenumbers.is_possible_number(phonenumbers.parse(plain)):
        raise _refuse("is too long or too short for its country", "check the digits")
    return plain


def _country(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise _refuse("is not a country", 'use two capital letters as in ISO 3166, like "US" or "GB"')
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise _refuse("is not a time zone", 'use a name like "America/New_York"') from None
    return value


def _reference(value: str) -> str:
    if not _REFERENCE.match(value):
        raise _refuse(
            "is a secret written out; the catalogue takes references only",
            "put it into the environment, a file or the secrets directory, and write "
            '"env:NAME", "file:/path" or "secret:name"',
        )
    return value


def _url(value: str) -> str:
    if not re.match(r"^https?://[^\s/@?#]+(/[^\s?#]*)?$", value):
        raise _refuse(
            "is not an http(s) address without user, query and fragment", 'for example "https://api.example.com"'
        )
    return value.rstrip("/")


def _hours(value: object) -> object:
    try:
        return hours.normalise(value)
    except hours.BadHours as error:
        raise _refuse(
            str(error), 'for example calling_hours = {days = "mon-fri", start = "09:00", end = "20:00"}'
        ) from None


def _pool(value: object) -> object:
    """A number's name stands for `{number = name}`."""
    if not isinstance(value, list):
        raise _refuse("must be a list of numbers", 'for example pool = ["us-1", {number = "us-2", base_weight = 2.0}]')
    return [{"number": entry} if isinstance(entry, str) else entry for entry in value]


def _instructions(value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for provider, instruction in value.items():
        if not instruction:
            raise _refuse(
                f"has nothing to do for {provider}", f'for example {provider} = {{url = "https://example.com/answer"}}'
            )
    return value


Name = Annotated[str, AfterValidator(_name)]
Country = Annotated[str, AfterValidator(_country)]
Zone = Annotated[str, AfterValidator(_zone)]
Reference = Annotated[str, AfterValidator(_reference)]
MaxCalls = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[float, Field(ge=0, le=315_360_000)]
Weight = Annotated[float, Field(ge=0, le=1_000_000)]
Url = Annotated[str, AfterValidator(_url)]
E164Number = Annotated[str, AfterValidator(_e164)]
CallingHours = Annotated[str | list[dict[str, str]], BeforeValidator(_hours)]
Instructions = Annotated[dict[Name, dict[str, Any]], AfterValidator(_instructions)]
NumberNames = BeforeValidator(_pool)
