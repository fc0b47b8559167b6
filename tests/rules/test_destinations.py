"""Where an attempt may go (SPEC 8, destinations)."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from outdial.catalogue.model import TenantTable
from outdial.rules.destination import BarredKind, DestinationRefusal, barred_kind, refuse_destination
from outdial.rules.ids import E164
from outdial.rules.phone import geography

KIND, COUNTRY = DestinationRefusal.KIND, DestinationRefusal.COUNTRY


@pytest.mark.parametrize(
    ("number", "kind", "what"),
    [
        ("+19005550143", "premium", "NANP premium"),
        ("+12125559999", None, "an ordinary number"),
        ("+12129765555", "premium", "the NANP premium exchange"),
        ("+449098790143", "premium", "UK drama premium range"),
        ("+447012345678", "premium", "UK personal numbers are charged like premium ones"),
        ("+979123456789", "premium", "international premium"),
        ("+80812345678", "shared_cost", "international shared cost"),
        ("+80012345678", None, "international freephone"),
        ("+18005550199", None, "NANP freephone"),
        ("+448081570143", None, "UK freephone"),
        ("+443069990143", None, "UK-wide 03 costs what 01 and 02 cost"),
        ("+870773111632", "satellite", "Inmarsat"),
        ("+871123456789", "satellite", "an old Inmarsat code that the library does not know"),
        ("+881612345678", "satellite", "Iridium, to the library an ordinary mobile"),
        ("+882160123456", "satellite", "networks without a country"),
        ("+883510012345", "satellite", "networks without a country"),
        ("+88812345678", "satellite", "no country"),
        ("+8801812345678", None, "Bangladesh"),
        ("+886912345678", None, "Taiwan"),
        ("+447640123456", "pager", "UK pager"),
        ("+33639981234", None, "French fiction mobile, invalid by the plan"),
        ("+447700900143", None, "UK drama mobile, invalid by the plan"),
        ("+19001550143", "premium", "invalid, but in a premium area code"),
        ("+34804123456", "premium", "invalid, but among Spain's premium numbers"),
        ("+449200000143", "premium", "invalid, but all of 09 is premium in the UK"),
        ("+353209101234", None, "invalid, among ordinary numbers"),
    ],
)
def test_what_a_number_is(number: str, kind: str | None, what: str) -> None:
    assert barred_kind(E164(number)) == kind, what


@pytest.mark.parametrize(
    ("number", "countries", "kinds", "refusal", "why"),
    [
        ("+12025550143", "", "", None, "no list: every ordinary destination"),
        ("+12025550143", "US", "", None, "on the list"),
        ("+14165550143", "US", "", COUNTRY, "Canada is not the US, though both are +1"),
        ("+447797712345", "GB", "", None, "Jersey belongs to the GB family"),
        ("+442079460143", "JE", "", None, "so does Britain, whichever of them the list names"),
        ("+12385550143", "", "", None, "nobody knows the country, and no list asks"),
        ("+12385550143", "US CA", "", COUNTRY, "a list asks, and nobody knows"),
        ("+80012345678", "US", "", COUNTRY, "belongs to no country"),
        ("+19005550143", "", "", KIND, "premium is refused without any list"),
        ("+19005550143", "US", "", KIND, "being on the list does not help"),
        ("+19005550143", "", "premium", None, "allowed by name"),
        ("+19005550143", "", "satellite pager", KIND, "another kind is allowed"),
        ("+449098790143", "US", "premium", COUNTRY, "allowed by name, but in another country"),
        ("+881612345678", "", "", KIND, "satellite"),
        ("+881612345678", "US", "satellite", None, "allowed by name; it has no country that could be on the list"),
        ("+447640123456", "", "", KIND, "pager"),
    ],
)  # fmt: skip
def test_where_a_tenant_may_call(
    number: str, countries: str, kinds: str, refusal: DestinationRefusal | None, why: str
) -> None:
    place = geography(E164(number))
    found = refuse_destination(E164(number), place, frozenset(countries.split()), frozenset(kinds.split()))
    assert found is refusal, why


BARRED = {
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.PERSONAL_NUMBER: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.VOICEMAIL: "voicemail",
}


@pytest.mark.parametrize("kind", BARRED)
def test_barred_kinds_are_refused_in_every_country(kind: int) -> None:
    examples = [phonenumbers.example_number_for_type(region, kind) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    numbers = [n for n in examples if n is not None and phonenumbers.number_type(n) == kind]
    assert numbers
    for number in numbers:
        e164 = E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
        assert barred_kind(e164) == BARRED[kind], e164
        assert refuse_destination(e164, geography(e164), frozenset(), frozenset()) is KIND


@pytest.mark.parametrize("kind", [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE])
def test_ordinary_numbers_of_every_country_may_be_called(kind: int) -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is not None:
            e164 = E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
            assert refuse_destination(e164, geography(e164), frozenset(), frozenset()) is None, e164


@pytest.mark.parametrize("code", sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS))
def test_codes_of_no_country_are_barred_but_for_freephone(code: int) -> None:
    number = phonenumbers.example_number_for_non_geo_entity(code)
    assert number is not None
    e164 = E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    assert (barred_kind(e164) is None) is (code == 800)


def test_a_tenant_names_kinds_by_the_words_of_the_rule() -> None:
    field = TenantTable.model_json_schema()["properties"]["allowed_kinds"]
    assert set(field["items"]["enum"]) == {kind.value for kind in BarredKind}
