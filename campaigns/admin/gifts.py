"""Gifts for joining and for answers: what is given, and who has had it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.actors import Actor
from backoffice.admin.base import EVERYBODY, ReadOnlyAdmin, ServiceAdmin
from backoffice.admin.display import display, signed
from campaigns.models import Gift, GiftTaken
from campaigns.services.gifts import save_gift


@admin.register(Gift)
class GiftAdmin(ServiceAdmin):
    scope = EVERYBODY
    list_display = ("name", "occasion", "field", "program", "given", "starts_at", "ends_at", "is_active")
    list_filter = ("occasion", "is_active")
    list_select_related = ("program",)
    ordering = ("-id",)
    fields = (
        "name", ("occasion", "field"), ("program", "points"), "starts_at", "ends_at", "is_active",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # What it is for and where its points go stays: rows of those who had it refer to it.
        return ("occasion", "field", "program") if obj else ()

    def write(self, request: HttpRequest, row: Gift, form: Any, *, change: bool, actor: Actor) -> None:
        save_gift(gift=row, actor=actor, now=timezone.now())

    @display(description=_("points"))
    def given(self, gift: Gift) -> str:
        return signed(gift.points)


@admin.register(GiftTaken)
class GiftTakenAdmin(ReadOnlyAdmin):
    scope = "member"
    list_display = ("member", "gift", "program", "given", "at")
    list_filter = ("program",)
    list_select_related = ("member", "gift", "program")
    ordering = ("-id",)
    fields = ("member", "gift", "program", "shown_matter", "points", "entry", "at")
    readonly_fields = ("shown_matter",)

    @display(description=_("points"))
    def given(self, row: GiftTaken) -> str:
        return signed(row.points)

    @display(description=_("for"))
    def shown_matter(self, row: GiftTaken) -> str:
        return row.what_for
