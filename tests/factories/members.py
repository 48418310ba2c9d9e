"""Members and what they bought, valid by every constraint: real Luhn numbers, E.164 phones, whole amounts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory
from factory.django import DjangoModelFactory

from members.choices import Channel, ConsentPurpose, FieldNeed, NoteKind, ProfileField
from members.models import (
    Consent,
    Member,
    MemberNote,
    ProfileFieldRule,
    Purchase,
    PurchaseLine,
    PurchaseReturn,
    PurchaseReturnLine,
    PurchaseTender,
    StaffCard,
)
from tests.factories.backoffice import StoreFactory, UserFactory

JOINED = datetime(2024, 5, 1, 4, 0, tzinfo=UTC)
BOUGHT = datetime(2024, 6, 1, 4, 0, tzinfo=UTC)


def card_no(number: int) -> str:
    """A 16-digit card number whose last digit is the Luhn check digit of `number` (below 10^14)."""
    body = f"9{number:014d}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{body}{-total % 10}"


class MemberFactory(DjangoModelFactory[Member]):
    """An active member of the whole group. `brand=` makes it a brand's own."""

    class Meta:
        model = Member

    card_no = factory.Sequence(card_no)
    phone = factory.Sequence(lambda n: f"+8869{n:08d}")
    name = factory.Sequence(lambda n: f"王小明{n}")
    source = Channel.STORE
    joined_at = JOINED

    class Params:
        frozen = factory.Trait(status="frozen")
        # I50: the ledger stays, the person is gone.
        erased = factory.Trait(status="erased", phone="", name="", erased_at=JOINED)
        verified = factory.Trait(phone_verified_at=JOINED)
        merged = factory.Trait(
            status="merged", merged_into=factory.SubFactory("tests.factories.members.MemberFactory")
        )


class StaffCardFactory(DjangoModelFactory[StaffCard]):
    class Meta:
        model = StaffCard

    user = factory.SubFactory(UserFactory)
    member = factory.SubFactory(MemberFactory)


class ConsentFactory(DjangoModelFactory[Consent]):
    class Meta:
        model = Consent

    member = factory.SubFactory(MemberFactory)
    purpose = ConsentPurpose.TERMS
    given = True
    version = "2024-01"
    source = Channel.STORE
    at = JOINED


class MemberNoteFactory(DjangoModelFactory[MemberNote]):
    class Meta:
        model = MemberNote

    member = factory.SubFactory(MemberFactory)
    author = factory.SubFactory(UserFactory)
    kind = NoteKind.GENERAL
    text = "請先打電話"
    at = JOINED


class ProfileFieldRuleFactory(DjangoModelFactory[ProfileFieldRule]):
    """The group's rule unless `brand=` is given."""

    class Meta:
        model = ProfileFieldRule

    brand = None
    field = ProfileField.ADDRESS
    need = FieldNeed.REQUIRED


class PurchaseFactory(DjangoModelFactory[Purchase]):
    """A receipt over NT$ `paid` (1,000 unless told); `with_line=True` adds one line over all of it."""

    class Meta:
        model = Purchase
        skip_postgeneration_save = True

    source = "pos"
    receipt_no = factory.Sequence(lambda n: f"R{n:010d}")
    member = factory.SubFactory(MemberFactory)
    store = factory.SubFactory(StoreFactory)
    purchased_at = BOUGHT
    recorded_at = factory.SelfAttribute("purchased_at")
    paid = Decimal("1000.00")
    discount = Decimal("0.00")
    gross = factory.LazyAttribute(lambda o: o.paid + o.discount)

    @factory.post_generation
    def with_line(obj: Any, create: bool, extracted: bool | None, **kwargs: Any) -> None:
        if create and extracted:
            PurchaseLineFactory(purchase=obj, amount=obj.paid, **kwargs)


class PurchaseLineFactory(DjangoModelFactory[PurchaseLine]):
    class Meta:
        model = PurchaseLine

    purchase = factory.SubFactory(PurchaseFactory)
    line_no = factory.LazyAttribute(lambda o: o.purchase.lines.count() + 1)
    sku = factory.Sequence(lambda n: f"SKU{n:05d}")
    category = "GROCERY"
    quantity = Decimal("1.000")
    amount = Decimal("1000.00")


class PurchaseTenderFactory(DjangoModelFactory[PurchaseTender]):
    class Meta:
        model = PurchaseTender

    purchase = factory.SubFactory(PurchaseFactory)
    tender_no = factory.LazyAttribute(lambda o: o.purchase.tenders.count() + 1)
    method = "cash"
    amount = Decimal("1000.00")


class PurchaseReturnFactory(DjangoModelFactory[PurchaseReturn]):
    class Meta:
        model = PurchaseReturn

    purchase = factory.SubFactory(PurchaseFactory)
    source = "pos"
    return_no = factory.Sequence(lambda n: f"T{n:010d}")
    amount = Decimal("100.00")
    returned_at = BOUGHT
    recorded_at = BOUGHT


class PurchaseReturnLineFactory(DjangoModelFactory[PurchaseReturnLine]):
    class Meta:
        model = PurchaseReturnLine

    purchase_return = factory.SubFactory(PurchaseReturnFactory)
    line = factory.SubFactory(PurchaseLineFactory)
    quantity = Decimal("1.000")
    amount = Decimal("100.00")
