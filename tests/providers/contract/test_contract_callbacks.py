"""Callbacks: forged ones change nothing, real ones end in the right outcome in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from time import time
from uuid import UUID

import pytest

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback
from outdial.providers.contract import OpenConnection
from outdial.providers.http import HttpClient
from outdial.rules import call_fate as fate
from outdial.rules.call_progress import CallNews
from outdial.rules.ids import Placement
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import BEGUN, CONNECTION, PLACEMENT, Event, ProviderUnderTest

OTHER = Placement(UUID(int=7, version=4))


def opened(provider: ProviderUnderTest) -> OpenConnection:
    return provider.open("http://127.0.0.1:1", HttpClient())


def callback(provider: ProviderUnderTest, event: Event, at: float | None = None) -> CallbackRequest:
    told = provider.callbacks
    url, body = provider.callback_url + told.query_of(event), told.encode(event)
    headers = {"Content-Type": told.content_type, **told.sign(url, body, time() if at is None else at)}
    return CallbackRequest(CONNECTION, PLACEMENT, told.method, url, headers, body)


def events(provider: ProviderUnderTest) -> list[Event]:
    return [event for sequence in provider.callbacks.sequences.values() for event in sequence]


def official(provider: ProviderUnderTest, request: CallbackRequest) -> bool:
    return provider.callbacks.official(request.url, request.body, request.headers)


# --- Signatures: the official SDK is the judge ------------------------------------------------------------------------


def test_what_the_official_sdk_accepts_is_accepted(provider: ProviderUnderTest) -> None:
    reader = opened(provider).reader
    for event in events(provider):
        request = callback(provider, event)
        assert official(provider, request)
        assert reader.read(request)


def test_with_anything_changed_it_is_forged(provider: ProviderUnderTest) -> None:
    reader = opened(provider).reader
    for event in events(provider):
        for name, forged in tampered(provider, callback(provider, event)):
            assert not official(provider, forged), name
            with pytest.raises(ForgedCallback):
                reader.read(forged)


def tampered(provider: ProviderUnderTest, request: CallbackRequest) -> Iterable[tuple[str, CallbackRequest]]:
    told = provider.callbacks
    headers = dict(request.headers)
    signature = headers[told.signature_header]
    yield "body", replace(request, body=request.body.replace(b"1", b"2", 1))
    if told.signs_address:
        yield "address", replace(request, url=request.url.replace(CONNECTION, "acme-uk"))
    middle = len(signature) // 2
    turned = signature[:middle] + ("B" if signature[middle] == "A" else "A") + signature[middle + 1 :]
    for name, value in (("turned", turned), ("empty", ""), ("cut", signature[:-9]), ("not even text", "\udcff")):
        yield name, replace(request, headers={**headers, told.signature_header: value})
    del headers[told.signature_header]
    yield "no signature", replace(request, headers=headers)


def test_a_body_that_nobody_signed_is_forged(provider: ProviderUnderTest) -> None:
    reader = opened(provider).reader
    request = callback(provider, events(provider)[0])
    for body in (b"", b"\xff\xfe", b"{", b"[]", b"null", request.body + b" ", b"[" * 50_000):
        with pytest.raises(ForgedCallback):
            reader.read(replace(request, body=body))


def test_header_names_come_in_any_case(provider: ProviderUnderTest) -> None:
    request = callback(provider, events(provider)[0])
    upper = {name.upper(): value for name, value in request.headers.items()}
    assert opened(provider).reader.read(replace(request, headers=upper))


@pytest.mark.parametrize("sign", [-1, 1], ids=["old", "from the future"])
def test_an_old_signature_is_refused(provider: ProviderUnderTest, sign: int) -> None:
    """For providers whose signatures have a time; of the others, repetitions are harmless because news is idempotent."""
    oldest = provider.callbacks.oldest_s
    reader = opened(provider).reader
    for event in events(provider)[:2]:
        request = callback(provider, event, time() + sign * ((oldest or 1e8) + 30))
        if oldest is None:
            assert reader.read(request) == reader.read(request)
            continue
        with pytest.raises(ForgedCallback):
            reader.read(request)
        assert reader.read(callback(provider, event, time() + sign * (oldest - 30)))


def test_signed_for_another_call_is_forged(provider: ProviderUnderTest) -> None:
    """Where the address is signed, another call's callback fails on it; where it is not, on what the body says."""
    request = callback(provider, events(provider)[0])
    url = provider.callback_url.replace(str(PLACEMENT), str(OTHER))
    if not provider.callbacks.names_our_call:
        assert opened(provider).reader.read(replace(request, url=url, placement=OTHER)), (
            "only the token's secrecy helps"
        )
        return
    with pytest.raises(ForgedCallback):
        opened(provider).reader.read(replace(request, url=url, placement=OTHER))


# --- Whole calls ------------------------------------------------------------------------------------------------------


def ended(news: Iterable[CallNews], *, detects_machine: bool) -> Outcome:
    """What the daemon makes of a call's news, one by one, and of the time after the last."""
    facts = fate.CallFacts()
    now = BEGUN
    for one in news:
        decided = fate.decide(
            facts, [fate.HasNews(one, now)], now=now, detects_machine=detects_machine, picks=1, overdue_after_s=60
        )
        assert isinstance(decided, fate.StaysOpen | fate.Ends)
        facts, now = decided.facts, now + 1
    over = fate.decide(facts, [], now=now + 60, detects_machine=detects_machine, picks=1, overdue_after_s=60)
    assert isinstance(over, fate.Ends)
    return over.outcome


def test_every_sequence_has_its_end(provider: ProviderUnderTest) -> None:
    assert set(provider.callbacks.ends) == set(provider.callbacks.sequences)


def test_every_order_of_a_calls_callbacks_ends_the_same(provider: ProviderUnderTest, sequence: str) -> None:
    reader = opened(provider).reader
    read = [reader.read(callback(provider, event)) for event in provider.callbacks.sequences[sequence]]
    assert all(news.known_code for group in read for news in group)
    expected = provider.callbacks.ends[sequence]
    for order in permutations(read):
        flat = [news for group in order for news in group]
        assert ended(flat, detects_machine=True) == expected
        assert ended([*flat, *flat], detects_machine=True) == expected


def test_event_ids_tell_the_callbacks_of_a_call_apart_and_repetitions_not(
    provider: ProviderUnderTest, sequence: str
) -> None:
    reader = opened(provider).reader
    requests = [callback(provider, event) for event in provider.callbacks.sequences[sequence]]
    ids = [news.event_id for request in requests for news in reader.read(request)]
    assert None not in ids
    assert len(set(ids)) == len(ids)
    assert ids == [news.event_id for request in requests for news in reader.read(request)]


def test_verified_nonsense_is_unreadable_and_no_crash(provider: ProviderUnderTest) -> None:
    reader = opened(provider).reader
    for event in ({}, {"x": "y"}, {"data": "y"}):
        try:
            news = reader.read(callback(provider, event))
        except BadInput:
            continue
        assert all(one.outcome is None for one in news), "nothing ends by it"
