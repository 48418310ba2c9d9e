"""What the house itself puts into an archive: brands and stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from backoffice.models import Brand, Export, Store
from backoffice.services import merchant
from backoffice.services.exports import archive
from backoffice.services.exports.archive import ArchiveFile, Restorer, Restoring, Row, text_of
from backoffice.services.exports.kinds import Asked, ExportKind, register
from backoffice.services.imports.columns import ImportColumn

BRAND_HEADS = ("code", "name", "time_zone", "is_active")
STORE_HEADS = ("brand", "code", "name", "county", "is_active")


def flag(text: str) -> bool:
    return text == "True"


def store_word(store: Store | None) -> str:
    """A store by its brand and its code, which alone need not be the only one."""
    return f"{store.brand.code}/{store.code}" if store else ""


def stores_by_word() -> dict[str, Store]:
    return {store_word(store): store for store in Store.objects.select_related("brand")}


def brands_by_code() -> dict[str, Brand]:
    return {brand.code: brand for brand in Brand.objects.all()}


def _brands() -> Iterator[Sequence[str]]:
    for brand in Brand.objects.order_by("pk"):
        yield [text_of(getattr(brand, name)) for name in BRAND_HEADS]


def _stores() -> Iterator[Sequence[str]]:
    for store in Store.objects.select_related("brand").order_by("pk"):
        yield [store.brand.code, *(text_of(getattr(store, name)) for name in STORE_HEADS[1:])]


def _restore_brands(rows: Sequence[Row], restoring: Restoring) -> None:
    for row in rows:
        brand = Brand(**{**row, "is_active": flag(row["is_active"])})
        merchant.save_brand(brand=brand, actor=restoring.actor, now=restoring.now)


def _restore_stores(rows: Sequence[Row], restoring: Restoring) -> None:
    brands = brands_by_code()
    for row in rows:
        store = Store(**{**row, "brand": brands[row["brand"]], "is_active": flag(row["is_active"])})
        merchant.save_store(store=store, actor=restoring.actor, now=restoring.now)


def _no_rows(asked: Asked) -> QuerySet[Any]:
    return Export.objects.none()


def _no_columns(asked: Asked) -> Mapping[str, ImportColumn]:
    return {}


# Archives stand in the list of exports; they are made by a command only, which is why this needs a filter
# that no list has.
EVERYTHING = ExportKind(
    name=archive.NAME,
    title=_("Everything"),
    permission="backoffice.take_export",
    rows=_no_rows,
    columns=_no_columns,
    needs=("command",),
)


def register_all() -> None:
    register(EVERYTHING)
    archive.register_contents(lambda: Brand.objects.exists())
    archive.register_file(ArchiveFile("brands.csv", BRAND_HEADS, _brands))
    archive.register_file(ArchiveFile("stores.csv", STORE_HEADS, _stores))
    archive.register_restorer(Restorer("brands.csv", 10, _restore_brands))
    archive.register_restorer(Restorer("stores.csv", 20, _restore_stores))
