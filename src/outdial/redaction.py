"""Masking of phone numbers and secrets in anything that is about to be written down.

One regular expression walks over a text once. Things made of digits that are no phone numbers (UUIDs, hashes, times,
addresses, decimals, amounts with a unit) are matched first and kept; then everything that people and carriers write
phone numbers like. A number is shown as its last two digits. When in doubt a text is masked: a lost detail in a log
costs a minute, a leaked number cannot be taken back. Left out on purpose: numbers of 7 or 8 digits that are written
in small groups without any prefix (`22 34 56 78`), which cannot be told from a few amounts in a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NUMBER_KEYS = frozenset(
    {
        "to", "from", "from_", "from_number", "contact", "e164", "phone", "phone_number", "msisdn", "number_e164",
        "called", "caller", "callee", "caller_id", "recipient",
    }
)  # fmt: skip
"""Keys whose values are phone numbers, however they are written. `number` is not one: it is the surrogate name."""
_SECRET_KEY = re.compile(r"(?i)(passwor|passwd|secret|token$|authorization|api_?key|credential|private_key|signature)")

_SEP = r"[ .\-/()\u00a0\u2009\u202f\u2010-\u2015\u2212]"
_NOT_AFTER = r"(?<![0-9A-Za-z.])"
_UNIT = r"(?!\s?(?:ms|us|µs|ns|s|sec|seconds?|bytes|[KMG]i?B|B|rows|messages|attempts)\b)"
_KEPT = "|".join(
    (
        r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        r"(?<![0-9A-Za-z])(?=\d*[A-Za-z])[0-9A-Za-z]{20,}",  # hashes, carriers' ids, tokens
        r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])",
        r"(?<!\d)20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:T?(?:[01]\d|2[0-3])[0-5]\d[0-5]\dZ?)?(?!\d)",
        r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])(?::\d{1,5}\b)?",  # IPv4, with its port
        r"(?<![\d.])(?:0|[1-9]\d{0,9})\.\d+(?:[eE][+-]?\d+)?(?![\d.])",  # decimals: durations, Unix seconds
        r"(?<!\d)1[5-9]\d{8}(?!\d)|(?<!\d)1[5-9]\d{11}(?!\d)",  # Unix seconds and milliseconds, 2017 to 2033
    )
)
_PHONE = "|".join(
    (
        rf"(?:\+|%2[Bb]|\uff0b){_SEP}{{0,2}}[1-9](?:{_SEP}{{0,2}}\d){{6,14}}",  # +1 (202) 555-0143
        rf"{_NOT_AFTER}00[1-9](?:{_SEP}{{0,2}}\d){{6,14}}",  # 0044 20 7946 0143
        rf"(?<![\d.])(?:1{_SEP})?\(?[2-9]\d\d\)?{_SEP}{{1,2}}\d{{3}}{_SEP}\d{{4}}(?!\d)",  # (202) 555-0143
        rf"{_NOT_AFTER}\(?0\d{{1,5}}\)?(?:{_SEP}{{1,2}}\d{{2,8}}){{1,4}}(?!\d)",  # 020 7946 0143, 030/1234567
        rf"\(\d{{2,5}}\)(?:{_SEP}{{1,2}}\d{{2,8}}){{1,4}}(?!\d)",  # (11) 96123-4567
        rf"{_NOT_AFTER}[1-9]\d{{0,2}}(?:[ .\-]\d{{2,8}}){{2,5}}(?!\d)(?!\.\d)",  # 44 20 7946 0143, when long enough
        r"(?<![\d.-])[2-9]\d\d-\d{4}(?![\d-])",  # 555-0143
        rf"(?<![0-9A-Za-z.])\d{{7,15}}(?![0-9A-Za-z])(?!\.\d){_UNIT}",  # 12025550143
        rf"(?<=[A-Za-z_])\d{{10,15}}(?!\d){_UNIT}|(?<![\d.])\d{{10,15}}(?=[A-Za-z_]){_UNIT}",  # tel12025550143
    )
)
_NUMBERS = re.compile(f"(?P<kept>{_KEPT})|(?P<phone>{_PHONE})")
_MAYBE_A_NUMBER = re.compile(r"\d(?:\D{0,3}\d){6}")
_FEWEST_DIGITS_IN_GROUPS = 9

_MAYBE_A_SECRET = re.compile(r"(?i)://|basic|bearer|authorization|passw|secret|token|api_?key|credential|AccessKey")
_SECRETS = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@?#]*):[^\s/?#]+(?=@)"), r"\1:***"),
    (re.compile(r"(?i)(authorization[\"']?\s{0,3}[:=,]\s{0,3}[\"']?)(?!basic|bearer|[*\s\"'])[^\s\"',}]+"), r"\1***"),
    (re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (
        re.compile(
            r"(?i)((?<![a-z_])[a-z_]{0,30}?(?:passw(?:or)?d|secret|token|api_?key|credentials?)[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?![*\s])[^\s&\"',;}]+"
        ),
        r"\1***",
    ),
)


def mask_number(text: str) -> str:
    """A phone number that may be shown anywhere: its last two digits (`…43`)."""
    digits = [sign for sign in text if sign.isdecimal()]
    return f"…{''.join(digits[-2:])}" if len(digits) > 6 else "…"


def mask_text(text: str, *, numbers: bool = True) -> str:
    """The text with secrets hidden, and with everything hidden that looks like a phone number (unless `numbers` is false)."""
    if _MAYBE_A_SECRET.search(text):
        for pattern, shown in _SECRETS:
            text = pattern.sub(shown, text)
    if numbers and _MAYBE_A_NUMBER.search(text):
        text = _NUMBERS.sub(_masked, text)
    return text


def mask(value: Any, key: str = "", *, numbers: bool = True) -> Any:
    """The value with all strings in it masked, however deep; what is neither text nor number becomes its masked text."""
    if value is None or isinstance(value, bool):
        return value
    if key and _SECRET_KEY.search(key):
        return "***" if value else value
    if isinstance(value, str):
        return _mask_string(value, key, numbers)
    if isinstance(value, int):
        return _mask_integer(value, key, numbers)
    if isinstance(value, float):
        return value
    if isinstance(value, Mapping):
        return {mask_text(str(k), numbers=numbers): mask(v, str(k), numbers=numbers) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(one, key, numbers=numbers) for one in value]
    if isinstance(value, bytes | bytearray):
        return mask_text(value.decode("utf-8", "replace"), numbers=numbers)
    return _mask_string(str(value), key, numbers)


def _mask_string(text: str, key: str, numbers: bool) -> str:
    if numbers and key.lower() in NUMBER_KEYS and sum(sign.isdecimal() for sign in text) >= 5:
        return mask_number(text)
    return mask_text(text, numbers=numbers)


def _mask_integer(value: int, key: str, numbers: bool) -> int | str:
    if not numbers or abs(value) < 1_000_000:
        return value
    if key.lower() in NUMBER_KEYS:
        return mask_number(str(value))
    if abs(value) < 1_000_000_000 or mask_text(str(value)) == str(value):
        return value  # too short for a number written as an integer, or a time: durations, sizes and counts stay
    return mask_number(str(value))


def _masked(match: re.Match[str]) -> str:
    if match["kept"] is not None:
        return match["kept"]
    found = match["phone"]
    digits = sum(sign.isdecimal() for sign in found)
    if digits < 7 or digits > 17:
        return found
    if digits < _FEWEST_DIGITS_IN_GROUPS and found[0] in "123456789" and not found.isdecimal() and len(found) > 8:
        return found  # a few small amounts in a row, not a number
    return mask_number(found)
