"""Brands and stores."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from backoffice.actors import Actor
from backoffice.admin.base import ServiceAdmin
from backoffice.models import Brand, Store
from backoffice.services import merchant


@admin.register(Brand)
class BrandAdmin(ServiceAdmin):
    list_display = ("name", "code", "time_zone", "is_active")
    search_fields = ("name", "code")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # The code is in other systems' files.
        return ("code",) if obj else ()

    def write(self, request: HttpRequest, row: Brand, form: Any, *, change: bool, actor: Actor) -> None:
        merchant.save_brand(brand=row, actor=actor, now=timezone.now())


@admin.register(Store)
class StoreAdmin(ServiceAdmin):
    list_display = ("name", "code", "brand", "county", "is_active")
    list_filter = ("is_active", "brand")
    list_select_related = ("brand",)
    search_fields = ("name", "code")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "brand") if obj else ()

    def write(self, request: HttpRequest, row: Store, form: Any, *, change: bool, actor: Actor) -> None:
        merchant.save_store(store=row, actor=actor, now=timezone.now())
