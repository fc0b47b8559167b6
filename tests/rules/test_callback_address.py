"""One address per intent, the same for the create request and for checking what comes back."""

from __future__ import annotations

from uuid import UUID

import pytest

from outdial.errors import BadInput
from outdial.rules.callback_address import callback_url, check_public_url
from outdial.rules.ids import ConnectionId, Placement

PLACEMENT = Placement(UUID("6f1d3a52-6f3c-4b1e-9a53-0d7e3b9b8c11"))


@pytest.mark.parametrize(
    ("public_url", "start"),
    [
        ("https://calls.example.com", "https://calls.example.com/callbacks/"),
        ("https://calls.example.com/", "https://calls.example.com/callbacks/"),
        ("https://example.com:8443/dial/", "https://example.com:8443/dial/callbacks/"),
    ],
)
def test_the_address(public_url: str, start: str) -> None:
    expected = f"{start}twilio/acme-us/6f1d3a52-6f3c-4b1e-9a53-0d7e3b9b8c11"
    assert callback_url(public_url, "twilio", ConnectionId("acme-us"), PLACEMENT) == expected


@pytest.mark.parametrize("url", ["https://calls.example.com", "http://127.0.0.1:8080", "https://[2001:db8::1]/x"])
def test_good_public_addresses(url: str) -> None:
    check_public_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "calls.example.com",
        "ftp://calls.example.com",
        "https://",
        "https://my_calls.example.com",
        "https://user:pass@calls.example.com",
        "https://calls.example.com?x=1",
        "https://calls.example.com#x",
        "https://calls.example.com:port",
        "https://[broken",
        "",
    ],
)
def test_bad_public_addresses(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_public_url(url)
    assert caught.value.field == "callbacks.public_url"
