"""What differs between Twilio and the carriers that speak its API: addresses, names of fields, codes, one rule of signing.

Everything else of this folder is the same for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from outdial.providers.twilio.tables import ANSWERED_BY, CREATE_ERRORS, SIGNALWIRE_ANSWERED_BY, SIGNALWIRE_CREATE_ERRORS
from outdial.rules.call_progress import AnsweredBy
from outdial.rules.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Dialect:
    """One carrier's way of speaking Twilio's API."""

    name: str
    base_url: str | None
    """None = every customer has an address of their own."""
    path: str
    """Between the address and `/Accounts`."""
    suffix: str
    account: re.Pattern[str]
    account_is: str
    """For people, e.g. in error texts."""
    authenticator: str
    """The credential that authenticates requests as the account."""
    signers: tuple[str, ...]
    """Credentials that verify callbacks; the first is required."""
    other_credentials: frozenset[str]
    inline: str
    """The form field for instructions given in place of an address; in lower case also the instruction's key."""
    has_time_limit: bool
    fragment: str
    """Connection overrides behind our callback addresses; empty = none."""
    signature_headers: tuple[str, ...]
    signs_repeated_values_once: bool
    sip_field: str
    """Of a callback: the SIP code of the call's end."""
    create_errors: Mapping[str, Outcome]
    answered_by: Mapping[str, AnsweredBy]
    wrong_state: frozenset[str]
    """Hanging up: the call is in no state for it."""
    gone: frozenset[str]
    """Codes that say there is no such call, with a 404. Empty = any code."""


TWILIO_DIALECT = Dialect(
    name="twilio",
    base_url="https://api.twilio.com",
    path="/2010-04-01",
    suffix=".json",
    account=re.compile(r"AC[0-9a-fA-F]{32}"),
    account_is="account SID, AC and 32 hexadecimal digits",
    authenticator="auth_token",
    signers=("auth_token", "other_auth_token"),
    other_credentials=frozenset({"api_key", "api_secret", "shared_key"}),
    inline="Twiml",
    has_time_limit=True,
    fragment="rc=3&rp=5xx,ct,rt",  # three repetitions, also after a 5xx of ours; by default only after a failed connect
    signature_headers=("x-twilio-signature",),
    signs_repeated_values_once=True,
    sip_field="SipResponseCode",
    create_errors=CREATE_ERRORS,
    answered_by=ANSWERED_BY,
    wrong_state=frozenset({"21220"}),
    gone=frozenset({"20404"}),
)

SIGNALWIRE_DIALECT = Dialect(
    name="signalwire",
    base_url=None,
    path="/api/laml/2010-04-01",
    suffix="",
    account=re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    account_is="project id, a UUID",
    authenticator="api_token",
    signers=("signing_key", "other_signing_key"),
    other_credentials=frozenset(),
    inline="Laml",
    has_time_limit=False,  # refused as an unknown property: the call limit is kept by our hang-up at the hard deadline
    fragment="",  # three tries by default
    signature_headers=("x-signalwire-signature", "x-twilio-signature"),
    signs_repeated_values_once=False,
    sip_field="SipResultCode",
    create_errors=SIGNALWIRE_CREATE_ERRORS,
    answered_by=SIGNALWIRE_ANSWERED_BY,
    wrong_state=frozenset({"10000", "20009"}),
    gone=frozenset(),
)
