"""Finding a member by whatever the customer says or the scanner reads: classify the text, then ask its index.

Nothing here reads the table from end to end, and a list of hits stops at fifty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.contrib.postgres.fields import ArrayField
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Collate, Reverse

from backoffice.models import User
from members.choices import MemberStatus
from members.errors import CardReplaced, InvalidPhone, NoSuchCard
from members.functions import Bigrams
from members.models import Member, RetiredCard
from members.phones import normalise_phone
from members.selectors.lineage import survivor, survivors

MOST = 50
CARD = re.compile(r"[0-9]{16}")
DIGITS = re.compile(r"[0-9]{3,15}")
FEW_DIGITS = re.compile(r"[0-9]{1,2}")
# What people and scanners put between digits.
GAPS = re.compile(r"[\s().\-+]+")
LONGEST = 100


class Kind(StrEnum):
    """What a search text was taken for."""

    NOTHING = "nothing"
    TOO_SHORT = "too_short"
    PHONE = "phone"
    LAST_DIGITS = "last_digits"
    CARD = "card"
    REPLACED_CARD = "replaced_card"
    EMAIL = "email"
    EXTERNAL_ID = "external_id"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """`normalised` is the text as it was looked for (a phone in E.164), `members` at most fifty of its hits.

    `more` says that there were others. A merged member is answered as the one he has become.
    """

    kind: Kind
    normalised: str
    members: list[Member]
    more: bool = False


def find_members(*, text: str, user: User) -> SearchResult:
    """The members whom `user` may see and `text` means: phone, last digits, card, e-mail, number or name."""
    typed = " ".join(unicodedata.normalize("NFKC", text).split())[:LONGEST].replace("\x00", "")
    if not typed:
        return SearchResult(Kind.NOTHING, "", [])
    seen = Member.objects.visible_to(user).exclude(status=MemberStatus.ERASED).order_by()
    if phone := _as_phone(typed):
        return _result(Kind.PHONE, phone, [seen.filter(phone=phone)], user)
    digits = GAPS.sub("", typed)
    if CARD.fullmatch(digits):
        return _by_card(digits, seen, user)
    if DIGITS.fullmatch(digits):
        return _by_last_digits(digits, seen, user)
    if FEW_DIGITS.fullmatch(digits):
        return SearchResult(Kind.TOO_SHORT, digits, [])
    if "@" in typed:
        # The second condition is the index's own: without it PostgreSQL does not dare to use it.
        email = typed.lower()
        return _result(Kind.EMAIL, email, [seen.filter(email=email).exclude(email="")], user)
    return _by_number_or_name(typed, seen, user)


def member_of_card(*, card_no: str, user: User) -> Member:
    """The living member to whom a scanned card leads, also over a merge.

    Raises CardReplaced for a number that was replaced, NoSuchCard for one that is unknown, erased or out of
    the user's reach.
    """
    digits = GAPS.sub("", unicodedata.normalize("NFKC", card_no))
    found = Member.objects.filter(card_no=digits).first()
    if found is None:
        if RetiredCard.objects.filter(card_no=digits, member__in=Member.objects.visible_to(user)).exists():
            raise CardReplaced()
        raise NoSuchCard()
    member = survivor(found)
    if not member.is_living or not Member.objects.visible_to(user).filter(pk=member.pk).exists():
        raise NoSuchCard()
    return member


def owner_of_phone(phone: str) -> int | None:
    """The id of the living member who has this phone (E.164), whoever may see him. For previews of verbs;
    the unique constraint decides."""
    return Member.objects.living().filter(phone=phone).order_by().values_list("pk", flat=True).first()


def _as_phone(typed: str) -> str:
    try:
        return normalise_phone(typed)
    except InvalidPhone as refusal:
        # Who types 912345678 means 0912345678; nothing is stored here, so the guess is free.
        return normalise_phone(refusal.suggestion) if refusal.suggestion else ""


def _by_card(digits: str, seen: QuerySet[Member], user: User) -> SearchResult:
    result = _result(Kind.CARD, digits, [seen.filter(card_no=digits), _of_external_id(seen, digits)], user)
    if not result.members and RetiredCard.objects.filter(card_no=digits, member__in=seen).exists():
        return SearchResult(Kind.REPLACED_CARD, digits, [])
    return result


def _by_last_digits(digits: str, seen: QuerySet[Member], user: User) -> SearchResult:
    """The end of a phone or of a card, or a whole external number: three indexes, three short questions."""
    backwards = digits[::-1]
    probes = [
        seen.alias(backwards=Reverse("phone")).filter(backwards__startswith=backwards),
        seen.alias(backwards=Reverse("card_no")).filter(backwards__startswith=backwards),
        _of_external_id(seen, digits),
    ]
    return _result(Kind.LAST_DIGITS, digits, probes, user)


def _by_number_or_name(typed: str, seen: QuerySet[Member], user: User) -> SearchResult:
    """A number of the old system, else a name. Numbers are ASCII: 怡君 is asked as a name first."""
    ways = [(Kind.EXTERNAL_ID, [_of_external_id(seen, typed)]), (Kind.NAME, _named(seen, typed))]
    for kind, probes in ways if typed.isascii() else reversed(ways):
        result = _result(kind, typed, probes, user)
        if result.members:
            return result
    return SearchResult(Kind.NAME, typed, [])


def _of_external_id(seen: QuerySet[Member], text: str) -> QuerySet[Member]:
    return seen.filter(external_id=text).exclude(external_id="")


def _named(seen: QuerySet[Member], name: str) -> list[QuerySet[Member]]:
    """Names that hold the text in either case. One character has no bigram: it is taken as the beginning.

    Two characters are a given name first: thousands share one, and the index of bigrams counts them all
    before it shows the first.
    """
    if len(name) == 1:
        return [seen.filter(Q(name__startswith=name.upper()) | Q(name__startswith=name.lower()))]
    wanted = Bigrams(Value(name), output_field=ArrayField(TextField()))
    holding = seen.alias(bigrams=Bigrams("name")).filter(bigrams__contains=wanted)
    # Two characters are one bigram, and the index knows it exactly. Asked once more, the planner would expect
    # so few rows that it reads all of them side by side before it shows fifty.
    if len(name) > 2:
        return [holding.filter(name__icontains=name)]
    # In the order of its index: else the planner hopes for fifty early ones and reads the table until then.
    backwards = seen.alias(backwards=Collate(Reverse("name"), "C"))
    return [backwards.filter(backwards__startswith=name[::-1]).order_by("backwards"), holding]


def _result(kind: Kind, normalised: str, probes: Iterable[QuerySet[Member]], user: User) -> SearchResult:
    """Ask each probe for one more than is shown, until there are so many.

    Unordered but by its own index, because an order would make it read every hit.
    """
    found: dict[int, Member] = {}
    for probe in probes:
        rows = probe.select_related("joined_store")[: MOST + 1]
        found |= {row.pk: row for row in rows}
        if len(found) > MOST:
            break
    members = _survivors(found.values(), user)
    return SearchResult(kind, normalised, members[:MOST], more=len(found) > MOST)


def _survivors(found: Iterable[Member], user: User) -> list[Member]:
    rows = {member.pk: member for member in found}
    if any(member.status == MemberStatus.MERGED for member in rows.values()):
        became = {member.pk: member for member in survivors(rows.values()).values()}
        new = [pk for pk in became if pk not in rows]
        seen = set(Member.objects.visible_to(user).filter(pk__in=new).values_list("pk", flat=True))
        rows = {pk: m for pk, m in became.items() if pk in rows or pk in seen}
    living = [member for member in rows.values() if member.is_living]
    return sorted(living, key=lambda member: -member.pk)
