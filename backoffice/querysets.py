"""The vocabulary of scope. Every `visible_to` fails closed: an unknown reach sees nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from backoffice.choices import Reach

if TYPE_CHECKING:
    from backoffice.models import User


class BrandQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> BrandQuerySet:
        """Brands within the user's reach."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        if user.reach == Reach.BRAND:
            return self.filter(pk=user.brand_id)
        if user.reach == Reach.STORES:
            return self.filter(stores__staff=user).distinct()
        return self.none()


class StoreQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> StoreQuerySet:
        """Stores within the user's reach."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        if user.reach == Reach.BRAND:
            return self.filter(brand_id=user.brand_id)
        if user.reach == Reach.STORES:
            return self.filter(staff=user)
        return self.none()


class AlarmQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> AlarmQuerySet:
        """Alarms within the user's reach; those of no store only for whoever sees the whole group."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        if user.reach == Reach.BRAND:
            return self.filter(store__brand_id=user.brand_id)
        if user.reach == Reach.STORES:
            return self.filter(store__staff=user)
        return self.none()

    def open(self) -> AlarmQuerySet:
        """Those that nobody has acknowledged."""
        return self.filter(acknowledged_at=None)


class ApiKeyQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> ApiKeyQuerySet:
        """Keys of the shops within the user's reach, and his own. A key of no shop is the group's."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        own = models.Q(owner=user)
        if user.reach == Reach.BRAND and user.brand_id:
            brand = models.Q(brand=user.brand_id) | models.Q(store__brand=user.brand_id)
            return self.filter(own | (brand & models.Q(owner=None)))
        if user.reach == Reach.STORES:
            stores = user.stores.values("pk")
            return self.filter(own | models.Q(store__in=stores, owner=None))
        return self.filter(own)


class ExportQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> ExportQuerySet:
        """A person's own exports; all of them for whoever oversees exports and sees the whole group."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP and user.has_perm("backoffice.oversee_export"):
            return self
        return self.filter(owner=user)


class ImportBatchQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User) -> ImportBatchQuerySet:
        """A person's own files, those of his brand, all of them for whoever sees the whole group."""
        if not user.is_active:
            return self.none()
        if user.reach == Reach.GROUP:
            return self
        own = models.Q(owner=user)
        if user.reach == Reach.BRAND and user.brand_id:
            return self.filter(own | models.Q(brand=user.brand_id))
        return self.filter(own)
