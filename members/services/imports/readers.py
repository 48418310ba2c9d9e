"""Rows of member files put together in Python: what only a whole row, or the registry, can say."""

from __future__ import annotations

from datetime import date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from django.conf import settings

from backoffice.models import ImportBatch, Store
from backoffice.services.imports.columns import CellFault
from backoffice.services.imports.kinds import Staged
from members.models import TagName
from members.services.imports.fields import CONSENTS, NEW_TAG_FIELD, one_way, tag_fields
from members.tag_names import BETWEEN, bare_head, fit, group_in, slug_of

OLDEST = "1900-01-01"
# In a staged cell: a tag that the registry does not know and that is made when the rows are applied.
UNDEFINED = "+"
# In a staged cell: a tag whose own column says no.
ANSWERED_NO = "-"


class Tags:
    """Names to ids. Unknown ones are refused, or marked to be made, as the policy says; columns that are a
    tag each are folded into the same cell.
    """

    def __init__(self, batch: ImportBatch) -> None:
        self._ids = {slug: str(tag) for slug, tag in TagName.objects.values_list("slug", "tag_id")}
        self._make = batch.policy.get("new_tags") == "create"
        self._group = batch.policy.get("tag_group", "")
        self._staged: dict[str, str] = {}
        layout = batch.layout
        heads = dict(zip(layout["fields"], layout["heads"], strict=False))
        self.fields = {
            field: bare_head(heads[field]) if field.startswith(NEW_TAG_FIELD) else ""
            for field in tag_fields(batch)
        }

    def fold(self, cells: dict[str, str | None]) -> None:
        """The list in the cell and the answers of the columns become what is staged. Raises CellFault."""
        listed = self.staged(cells["tags"]) if cells["tags"] else ""
        if not self.fields:
            cells["tags"] = listed or None
            return
        words = set(listed.split(BETWEEN)) if listed else set()
        for field, name in self.fields.items():
            answer = cells.pop(field, None)
            if answer is None:
                continue
            word = self._word(name, field) if name else field.partition("-")[2]
            if answer == "true":
                words.add(word)
            elif not word.startswith(UNDEFINED):
                words.add(ANSWERED_NO + word)
        words -= {ANSWERED_NO + word for word in words}
        cells["tags"] = BETWEEN.join(sorted(words)) or None

    def staged(self, names: str) -> str:
        """`names` as the widget joined them. Raises CellFault for a tag that is not defined."""
        known = self._staged.get(names)
        if known is None:
            words = {self._word(name, "tags") for name in names.split(BETWEEN)}
            known = self._staged[names] = BETWEEN.join(sorted(words))
        return known

    def _word(self, name: str, column: str) -> str:
        known = self._ids.get(slug_of(name))
        if known is None:
            if not self._make or not fit(name):
                raise CellFault("tag_undefined", column=column, name=name)
            if not (self._group or group_in(name)):
                raise CellFault("tag_ungrouped", column=column, name=name)
            known = f"{UNDEFINED}{name}"
            self._ids[slug_of(name)] = known
        return known


class MemberRows:
    """One row of a member file."""

    def __init__(self, batch: ImportBatch, now: datetime) -> None:
        self.key = batch.policy["key"]
        self.zone: tzinfo = batch.brand.zone if batch.brand else ZoneInfo(settings.TIME_ZONE)
        self.today = now.astimezone(self.zone).date().isoformat()
        self.stores = _stores_by_code(batch)
        self.tags = Tags(batch)
        self.consents = [name for name in CONSENTS if name in batch.layout["fields"]]
        self._midnights: dict[str, str] = {}

    def __call__(self, cells: dict[str, str | None]) -> Staged:
        key = cells[self.key]
        if key is None:
            raise CellFault("required", column=self.key)
        birthday = cells["birthday"]
        if birthday and not OLDEST <= birthday <= self.today:
            raise CellFault("not_lived", column="birthday")
        if joined := cells["joined_at"]:
            if joined > self.today:
                raise CellFault("future", column="joined_at")
            cells["joined_at"] = self._midnight(joined)
        if code := cells["referring_store"]:
            cells["referring_store"] = self._store(code)
        if cells["tags"] or self.tags.fields:
            self.tags.fold(cells)
        if self.consents:
            self._check_consents(cells)
        other = cells["external_id"] if self.key == "phone" else cells["phone"]
        return Staged(cells, key, other)

    def _check_consents(self, cells: dict[str, str | None]) -> None:
        day = cells["consent_date"]
        if day is not None and day > self.today:
            raise CellFault("future", column="consent_date")
        if day is None and any(cells[name] == "true" for name in self.consents):
            raise CellFault("consent_undated", column="consent_date")
        if day is not None:
            cells["consent_date"] = self._midnight(day)

    def _store(self, code: str) -> str:
        store_id = self.stores.get(code)
        if store_id is None:
            raise CellFault("store_unknown", column="referring_store")
        if not store_id:
            raise CellFault("two_brands", column="referring_store")
        return store_id

    def _midnight(self, day: str) -> str:
        """Midnight of the brand's zone as PostgreSQL writes times in this session: both sides compare as
        text.
        """
        if day not in self._midnights:
            moment = datetime.combine(date.fromisoformat(day), time(), self.zone).astimezone(ZoneInfo("UTC"))
            self._midnights[day] = f"{moment:%Y-%m-%d %H:%M:%S}+00"
        return self._midnights[day]


class TagRows:
    """One row of a tag list: who, and which tags."""

    def __init__(self, batch: ImportBatch, now: datetime) -> None:
        self.key = batch.policy["key"]
        self.tags = Tags(batch)
        self.keyed = not one_way(batch)

    def __call__(self, cells: dict[str, str | None]) -> Staged:
        key = cells[self.key]
        if key is None:
            raise CellFault("required", column=self.key)
        if cells["tags"] is None and not self.tags.fields:
            raise CellFault("required", column="tags")
        self.tags.fold(cells)
        if not self.keyed:
            return Staged(cells, None)
        return Staged(cells, f"{key}{BETWEEN}{cells['tags'] or ''}", key)

    def usual(self, columns: dict[str, list[str]]) -> dict[str, list[str]] | None:
        """One known tag for each member."""
        if self.tags.fields or self.key not in columns:
            return None
        try:
            words = {names: self.tags.staged(names) for names in set(columns["tags"])}
        except CellFault:
            return None
        if not all(map(str.isdigit, words.values())):
            return None
        return columns | {"tags": [words[names] for names in columns["tags"]]}


def _stores_by_code(batch: ImportBatch) -> dict[str, str]:
    """Store ids by code; "" for a code that two brands use."""
    stores = Store.objects.filter(brand=batch.brand_id) if batch.brand_id else Store.objects.all()
    by_code: dict[str, str] = {}
    for code, pk in stores.values_list("code", "pk"):
        by_code[code] = "" if code in by_code else str(pk)
    return by_code
