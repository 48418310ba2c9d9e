"""Brands and stores are written here, so that every change leaves old and new value in the trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from backoffice.actors import Actor
from backoffice.models import Brand, Store
from backoffice.services import audit

# Field -> its word in the trail. "name" alone would be masked there: it is taken for a person's.
BRAND_FIELDS = {"code": "code", "name": "brand_name", "time_zone": "time_zone", "is_active": "is_active"}
STORE_FIELDS = {
    "brand_id": "brand",
    "code": "code",
    "name": "store_name",
    "county": "county",
    "is_active": "is_active",
}


@transaction.atomic
def save_brand(*, brand: Brand, actor: Actor, now: datetime) -> Brand:
    """Store a new or an edited brand. Nothing changed writes nothing."""
    before = Brand.objects.select_for_update(no_key=True).filter(pk=brand.pk).first()
    action = "brand.change" if before else "brand.create"
    _save(brand, before, BRAND_FIELDS, action, actor, now)
    return brand


@transaction.atomic
def save_store(*, store: Store, actor: Actor, now: datetime) -> Store:
    """Store a new or an edited shop. Nothing changed writes nothing."""
    before = Store.objects.select_for_update(no_key=True).filter(pk=store.pk).first()
    action = "store.change" if before else "store.create"
    _save(store, before, STORE_FIELDS, action, actor, now)
    return store


def _save(row: Any, before: Any, fields: dict[str, str], action: str, actor: Actor, now: datetime) -> None:
    changed = [name for name in fields if before is None or getattr(before, name) != getattr(row, name)]
    if not changed:
        return
    if before is None:
        row.save(force_insert=True)
    else:
        row.save(update_fields=changed)
    changes = {fields[name]: [getattr(before, name, None), getattr(row, name)] for name in changed}
    audit.record(actor=actor, action=action, subject=row, changes=changes, now=now)
