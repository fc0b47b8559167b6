"""Part 3, second half: webhooks in outdial's words. They come in any order, repeated, late, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback
from outdial.providers.answers import as_object
from outdial.providers.vonage.account import Account
from outdial.providers.vonage.ask import news_of
from outdial.providers.vonage.signature import is_signed
from outdial.rules.call_progress import CallNews


class VonageCallbacks:
    """A `ports.CallbackReader` for one application."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def read(self, request: CallbackRequest) -> Sequence[CallNews]:
        """Raises `ForgedCallback`; `BadInput` when it is Vonage's but cannot be read."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        account = self._account
        token = headers.get("authorization", "")
        if not is_signed(token, request.body, account.signature_secrets, account.application_id, account.now()):
            raise ForgedCallback("the signature is wrong, missing or too old")
        event = as_object(request.body)
        if "status" not in event and "reason" not in event:
            raise BadInput("status", "is missing from a webhook")
        news = news_of(event)
        # The same for every repetition of one event.
        return (replace(news, event_id=f"{news.carrier_call_id}:{news.provider_status}"),)
