"""Phone numbers and secrets are masked wherever and however they are written; other digits are left alone."""

from __future__ import annotations

import re
import uuid

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.redaction import mask, mask_text

PHONES = [
    "+12025550143",
    "12025550143",
    "2025550143",
    "5550143",
    "555-0143",
    "tel:+12025550143",
    "tel12025550143",
    "%2B12025550143",
    "+1 202 555 0143",
    "+1 (202) 555-0143",
    "+1.202.555.0143",
    "+1/202/5550143",
    "+1\u00a0202\u00a0555\u00a00143",
    "+1‑202‑555‑0143",
    "＋１２０２５５５０１４３",
    "(202) 555-0143",
    "202-555-0143",
    "202.555.0143",
    "1-202-555-0143",
    "+44 20 7946 0143",
    "0044 20 7946 0143",
    "00442079460143",
    "020 7946 0143",
    "02079460143",
    "44 20 7946 0143",
    "+49 (0)30 1234567",
    "030/1234567",
    "030.1234567",
    "49-30-1234567",
    "+33 1 99 00 12 34",
    "01 99 00 12 34",
    "+881612345678",
    "x+12025550143y",
    "(+12025550143)",
    "e_12025550143",
    "12025550143_x",
]
SURROUNDINGS = ["{}", "to {} failed", "to={},from={}", "Key (contact)=({}) already exists.", "https://c.example/?To={}&x=1",
                "{{'To': '{}'}}", "line one\nline {}\n", "<{}>", "“{}”", "sip:{}@c.example", "\t{}|"]  # fmt: skip

NO_PHONES = [
    "550e8400-e29b-41d4-a716-446655440000",
    "00000000-0000-0000-0000-123456789012",
    "d41d8cd98f00b204e9800998ecf8427e",
    "CA0123456789abcdef0123456789abcdef",
    "2026-11-21T01:46:50.123Z",
    "2026-11-21 01:46:50+00:00",
    "2026-11-21 to 2026-11-22",
    "20261121",
    "20261121T014650Z",
    "1763689610",
    "1763689610.123",
    "1763689610123",
    "127.0.0.1:5672",
    "192.168.100.200",
    "amqp://broker:15672/",
    "took 3600000 ms",
    "12345678 bytes",
    "0.12345678",
    "1234567.89",
    "epoch 123456",
    "RabbitMQ 3.10.8",
    "batch 100 of 200, 300 left",
    "[10, 20, 300]",
    "1.00 2.00 3.00",
    "100-200",
    "GET /metrics 200 15234",
]


@pytest.mark.parametrize("phone", PHONES)
def test_a_phone_number_is_masked_in_every_surrounding(phone: str) -> None:
    for surrounding in SURROUNDINGS:
        shown = mask_text(surrounding.format(phone, phone))
        assert len(re.sub(r"\D", "", shown.replace("x=1", ""))) <= 4, shown


@pytest.mark.parametrize("text", NO_PHONES)
def test_what_is_no_phone_number_is_left_alone(text: str) -> None:
    assert mask_text(text) == text


def test_a_number_keeps_its_last_two_digits() -> None:
    assert mask_text("to +1 (202) 555-0143 now") == "to …43 now"


FORMATS = (
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
)


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_countrys_numbers_are_masked_in_every_international_format(country: str) -> None:
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(country, kind)
        if example is None:
            continue
        for form in FORMATS:
            shown = mask_text(f"calling {phonenumbers.format_number(example, form)} failed")
            assert len(re.sub(r"\D", "", shown)) <= 2, shown


@pytest.mark.parametrize(
    "country", ["US", "CA", "GB", "DE", "FR", "IN", "AU", "BR", "NG", "JP", "MX", "IT", "ZA", "ES"]
)
def test_the_usual_national_formats_are_masked_too(country: str) -> None:
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(country, kind)
        assert example is not None
        shown = mask_text(
            f"calling {phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)} failed"
        )
        assert len(re.sub(r"\D", "", shown)) <= 2, shown


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), st.text(max_size=20), st.text(max_size=20))
def test_e164_is_masked_whatever_stands_around_it(phone: str, before: str, after: str) -> None:
    assert phone not in mask_text(f"{before}{phone}{after}")


@given(st.uuids())
def test_uuids_are_kept(value: uuid.UUID) -> None:
    assert mask_text(f"attempt {value} ended") == f"attempt {value} ended"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqp://user:pa:ss@broker:5672/", "amqp://user:***@broker:5672/"),
        ("amqp://user:p@ss@broker/", "amqp://user:***@broker/"),
        ("postgresql://u:p@db/x?sslmode=require", "postgresql://u:***@db/x?sslmode=require"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("{'Authorization': 'Bearer abcdefghijk'}", "{'Authorization': 'Bearer ***'}"),
        ("authorization=abc123", "authorization=***"),
        ("auth_token=xyz&To=1", "auth_token=***&To=1"),
        ("authToken: 'xyz'", "authToken: '***'"),
        ("password: hunter2", "password: ***"),
        ("the token expired", "the token expired"),
    ],
)
def test_secrets_are_masked_in_texts(text: str, shown: str) -> None:
    assert mask_text(text) == shown


def test_values_are_masked_by_their_key_however_they_are_written() -> None:
    seen = mask(
        {
            "to": 12025550143,
            "contact": "12 02 55 50 14 3",
            "from": "waiting",
            "password": "hunter2",
            "auth_token": "x",
            "number": "us-1",
            "nested": [{"e164": "+442079460143"}, ("+12025550143", 12025550143)],
            "+12025550143": 1,
            "elapsed_ms": 3_600_000,
            "at": 1_763_689_610.5,
            "raw": b"To=%2B12025550143",
            "error": ValueError("+12025550143"),
        }
    )
    assert seen == {
        "to": "…43",
        "contact": "…43",
        "from": "waiting",
        "password": "***",
        "auth_token": "***",
        "number": "us-1",
        "nested": [{"e164": "…43"}, ["…43", "…43"]],
        "…43": 1,
        "elapsed_ms": 3_600_000,
        "at": 1_763_689_610.5,
        "raw": "To=…43",
        "error": "…43",
    }


@pytest.mark.parametrize(
    "unit", ["1 ", "a1", "0 0", "://a", "token", "token=", "authorization ", "a:", "+1(", "00-", "1."]
)
def test_no_text_makes_masking_slow(unit: str) -> None:
    import time

    began = time.process_time()
    mask_text(unit * (40_000 // len(unit)) + "1111111")
    assert time.process_time() - began < 2.0
