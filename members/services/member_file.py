"""Members out of a file, keyed by the number they had in the merchant's old system.

Chunks of one transaction each: a broken run has loaded whole chunks, and loading the file again changes only
what is not there yet. A bad line is reported and left out. What a brand requires of new members (S10) is not
asked here: these people joined before.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pghistory
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.models import Brand, Store
from members.cards import SECURE, new_card_no
from members.choices import Channel, Gender
from members.csv_files import CsvRow, LoadReport
from members.dates import parse_date
from members.errors import InvalidPhone, InvalidProfile
from members.models import Member
from members.phones import repair_phone
from members.services.profile_values import cleaned

NUMBER, PHONE, NAME, GENDER, BIRTHDAY, STORE, JOINED = (
    "會員編號",
    "手機",
    "姓名",
    "性別",
    "生日",
    "推薦門市",
    "加入日期",
)
REQUIRED = (NUMBER, PHONE)
COLUMNS = (NUMBER, PHONE, NAME, GENDER, BIRTHDAY, STORE, JOINED)
CHUNK = 2000
NUMBER_LENGTH = 64
GENDERS = {
    "女": Gender.FEMALE.value,
    "女性": Gender.FEMALE.value,
    "f": Gender.FEMALE.value,
    "female": Gender.FEMALE.value,
    "男": Gender.MALE.value,
    "男性": Gender.MALE.value,
    "m": Gender.MALE.value,
    "male": Gender.MALE.value,
    "其他": Gender.OTHER.value,
    "other": Gender.OTHER.value,
}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that can be stored: `values` hold what its cells say, empty cells are left out and keep."""

    line: int
    number: str
    values: dict[str, Any]


class _Bad(Exception):
    def __init__(self, column: str, value: str, expected: str) -> None:
        super().__init__(column, value, expected)
        self.column, self.value, self.expected = column, value, expected


class _Reader:
    """Turns rows into lines; remembers what this file has said before."""

    def __init__(self, brand: Brand | None, report: LoadReport, now: datetime) -> None:
        self.report = report
        self.now = now
        self.zone: tzinfo = brand.zone if brand else ZoneInfo(settings.TIME_ZONE)
        self.stores = _stores_by_code(brand)
        self.seen: dict[str, set[str]] = {NUMBER: set(), PHONE: set()}

    def lines(self, rows: Iterable[CsvRow]) -> Iterator[_Line]:
        for row in rows:
            try:
                yield self._line(row)
            except _Bad as bad:
                self.report.refuse(row.line, bad.column, bad.value, bad.expected)

    def _line(self, row: CsvRow) -> _Line:
        if row.problem:
            raise _Bad("", "", row.problem)
        cells = {column: row.values.get(column, "") for column in COLUMNS}
        number = cells[NUMBER]
        if not number or len(number) > NUMBER_LENGTH:
            raise _Bad(NUMBER, number, _("1 to %(most)s characters") % {"most": NUMBER_LENGTH})
        phone, repaired = _phone(cells[PHONE])
        values: dict[str, Any] = self._profile(cells) | {"phone": phone}
        if cells[JOINED]:
            values["joined_at"] = datetime.combine(_date(JOINED, cells[JOINED]), time(), self.zone)
        for column, value in ((NUMBER, number), (PHONE, phone)):
            if value in self.seen[column]:
                raise _Bad(column, cells[column], _("each value once"))
        self.seen[NUMBER].add(number)
        self.seen[PHONE].add(phone)
        self.report.repaired += repaired
        return _Line(row.line, number, values)

    def _profile(self, cells: dict[str, str]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if cells[NAME]:
            given["name"] = cells[NAME]
        if cells[BIRTHDAY]:
            given["birthday"] = _date(BIRTHDAY, cells[BIRTHDAY])
        try:
            given = cleaned(given, self.now)
        except InvalidProfile as refusal:
            field, texts = next(iter(refusal.errors.items()))
            column = {"name": NAME, "birthday": BIRTHDAY}[field]
            raise _Bad(column, cells[column], " ".join(texts)) from None
        if cells[GENDER]:
            if cells[GENDER].lower() not in GENDERS:
                raise _Bad(GENDER, cells[GENDER], " ".join(GENDERS))
            given["gender"] = GENDERS[cells[GENDER].lower()]
        if cells[STORE]:
            store_id = self.stores.get(cells[STORE])
            if not store_id:
                expected = _("the code of one store") if store_id is None else _("a code that one brand uses")
                raise _Bad(STORE, cells[STORE], expected)
            given["referring_store_id"] = store_id
        return given


def load_members(
    *,
    rows: Iterable[CsvRow],
    brand: Brand | None,
    actor: Actor,
    now: datetime,
    rng: random.Random = SECURE,
    phones_verified: bool = False,
) -> LoadReport:
    """Create the file's members, or bring the known ones up to it; answers what became of each line.

    `phones_verified`: the old system had proof of the phones, so new members count as verified from now on.
    Without it they cannot spend points until they prove it here, where a program asks for that.

    With `brand` they are that brand's own and its store codes count; without, they are the group's. An empty
    cell keeps what is there; so do a locked referring store and a phone that its owner has verified.
    """
    report = LoadReport()
    lines = _Reader(brand, report, now).lines(rows)
    with pghistory.context(act="load_members", actor=f"{actor.type}:{actor.id}"):
        while chunk := list(islice(lines, CHUNK)):
            _load_chunk(chunk, brand, report, now, rng, now if phones_verified else None)
    return report


@transaction.atomic
def _load_chunk(
    chunk: list[_Line],
    brand: Brand | None,
    report: LoadReport,
    now: datetime,
    rng: random.Random,
    verified_at: datetime | None,
) -> None:
    numbers = [line.number for line in chunk]
    rows = Member.objects.select_for_update(no_key=True).filter(external_id__in=numbers).order_by("pk")
    known = {row.external_id: row for row in rows}
    phones = [line.values["phone"] for line in chunk]
    owners = dict(Member.objects.living().filter(phone__in=phones).values_list("phone", "pk"))
    new: list[_Line] = []
    for line in chunk:
        member = known.get(line.number)
        owner = owners.get(line.values["phone"])
        if owner is not None and (member is None or owner != member.pk):
            report.refuse(line.line, PHONE, line.values["phone"], _("a phone that no other member has"))
        elif member is None:
            new.append(line)
        else:
            _bring_up(member, line, report, now)
    # In one order for every run, so that two runs wait for each other and never in a circle.
    _create(sorted(new, key=lambda line: line.number), brand, report, now, rng, verified_at)


def _bring_up(member: Member, line: _Line, report: LoadReport, now: datetime) -> None:
    kept = {"referring_store_id"} if member.referring_store_locked else set()
    if member.phone_verified_at is not None:
        kept.add("phone")
    moved = {
        name: value
        for name, value in line.values.items()
        if name not in kept and getattr(member, name) != value
    }
    if not moved or not member.is_living:
        report.same += 1
        return
    try:
        with transaction.atomic():
            Member.objects.filter(pk=member.pk).update(**moved, updated_at=now)
    except IntegrityError:
        # Somebody signed up with this phone since the chunk looked.
        report.refuse(line.line, PHONE, line.values["phone"], _("a phone that no other member has"))
    else:
        report.changed += 1


def _create(
    lines: list[_Line],
    brand: Brand | None,
    report: LoadReport,
    now: datetime,
    rng: random.Random,
    verified_at: datetime | None,
) -> None:
    Member.objects.bulk_create(
        (
            Member(
                card_no=new_card_no(rng),
                external_id=line.number,
                brand=brand,
                source=Channel.IMPORT.value,
                phone_verified_at=verified_at,
                **{"joined_at": now, **line.values},
            )
            for line in lines
        ),
        ignore_conflicts=True,
    )
    stored = set(
        Member.objects.filter(external_id__in=[line.number for line in lines]).values_list(
            "external_id", flat=True
        )
    )
    for line in lines:
        if line.number in stored:
            report.created += 1
        else:
            report.refuse(line.line, PHONE, line.values["phone"], _("a phone that no other member has"))


def _phone(text: str) -> tuple[str, bool]:
    try:
        return repair_phone(text)
    except InvalidPhone as refusal:
        raise _Bad(PHONE, text, refusal.expected) from None


def _date(column: str, text: str) -> date:
    try:
        return parse_date(text)
    except ValueError:
        raise _Bad(column, text, "2026-01-31, 2026/1/31, 115/01/31") from None


def _stores_by_code(brand: Brand | None) -> dict[str, int]:
    """Store ids by code; 0 for a code that two brands use."""
    stores = Store.objects.filter(brand=brand) if brand else Store.objects.all()
    by_code: dict[str, int] = {}
    for code, pk in stores.values_list("code", "pk"):
        by_code[code] = 0 if code in by_code else pk
    return by_code
