"""The descriptions of all providers; a provider's contract is on once its line is here."""

from __future__ import annotations

from tests.providers.contract.description import ProviderUnderTest
from tests.providers.contract.plivo import PLIVO
from tests.providers.contract.signalwire import SIGNALWIRE
from tests.providers.contract.telnyx import TELNYX
from tests.providers.contract.twilio import TWILIO
from tests.providers.contract.vonage import VONAGE

ALL: tuple[ProviderUnderTest, ...] = (
    TWILIO,
    SIGNALWIRE,
    TELNYX,
    VONAGE,
    PLIVO,
)  # fmt: skip
