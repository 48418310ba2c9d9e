"""Brands and stores."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from backoffice.admin.base import ScopedModelAdmin
from backoffice.models import Brand, Store


@admin.register(Brand)
class BrandAdmin(ScopedModelAdmin):
    list_display = ("name", "code", "time_zone", "is_active")
    search_fields = ("name", "code")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # The code is in other systems' files.
        return ("code",) if obj else ()


@admin.register(Store)
class StoreAdmin(ScopedModelAdmin):
    list_display = ("name", "code", "brand", "county", "is_active")
    list_filter = ("is_active", "brand")
    list_select_related = ("brand",)
    search_fields = ("name", "code")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "brand") if obj else ()
