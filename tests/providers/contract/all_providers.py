"""The descriptions of all providers; a provider's contract is on once its line is here."""

from __future__ import annotations

from tests.providers.contract.description import ProviderUnderTest
from tests.providers.contract.twilio import TWILIO

ALL: tuple[ProviderUnderTest, ...] = (
    TWILIO,
)  # fmt: skip
