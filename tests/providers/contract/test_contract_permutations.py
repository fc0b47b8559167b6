"""A call's news is a join-semilattice: any order, any repetition, any batching leaves the same facts, for every provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outdial.rules import call_fate as fate
from outdial.rules.call_progress import CallNews
from tests.providers.contract.description import BEGUN, ProviderUnderTest
from tests.providers.contract.test_contract_callbacks import callback, opened

HEARD_AT = BEGUN + 300.0


def facts_of(batches: Sequence[Sequence[CallNews]]) -> fate.CallFacts:
    """What is known of the call in the end. Nothing ends it on the way here: detection is waited for without bound."""
    facts = fate.CallFacts(next_check_at=HEARD_AT + 1e6)
    for batch in batches:
        reports = [fate.HasNews(news, HEARD_AT) for news in batch]
        decided = fate.decide(facts, reports, now=HEARD_AT, detects_machine=True, picks=1, overdue_after_s=1e6)
        assert isinstance(decided, fate.StaysOpen | fate.Ends)
        facts = decided.facts
    return replace(facts, next_check_at=0.0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_order_repetition_and_batches_the_facts_are_the_same(
    provider: ProviderUnderTest, data: st.DataObject
) -> None:
    reader = opened(provider).reader
    name = data.draw(st.sampled_from(sorted(provider.callbacks.sequences)))
    told = [news for event in provider.callbacks.sequences[name] for news in reader.read(callback(provider, event))]
    again = data.draw(st.lists(st.sampled_from(told), max_size=4))
    order = data.draw(st.permutations([*told, *again]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1), max_size=3))) if len(order) > 1 else []
    batches = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    assert facts_of(batches) == facts_of([told])
