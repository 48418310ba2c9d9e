"""django-import-export as its manual begins: a ModelResource, `import_data`, the same file and tables.

Not its preview, which would do the same work once more. The models are the application's tables again,
because a resource finds many-to-many fields only where the model has one.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from django.db import models
from django.utils import timezone

DICE = random.Random(11)
GENDERS = {"女": "female", "男": "male"}


def some_card() -> str:
    return f"9{DICE.randrange(10**15):015d}"


class StockTag(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "members_tag"

    def __str__(self) -> str:
        return self.name


class StockMember(models.Model):
    card_no = models.CharField(max_length=16, default=some_card)
    external_id = models.CharField(max_length=64, blank=True, default="")
    enrol_key = models.CharField(max_length=128, blank=True, default="")
    phone = models.CharField(max_length=16, blank=True)
    name = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=10, default="active")
    source = models.CharField(max_length=10, default="import")
    joined_at = models.DateTimeField(default=timezone.now)
    referring_store_locked = models.BooleanField(default=False)
    gender = models.CharField(max_length=8, blank=True)
    birthday = models.DateField(null=True, blank=True)
    email = models.CharField(max_length=254, blank=True)
    county = models.CharField(max_length=20, blank=True)
    district = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    tags = models.ManyToManyField(StockTag, through="StockCarrier", related_name="+")

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "members_member"

    def __str__(self) -> str:
        return self.card_no


class StockCarrier(models.Model):
    pk = models.CompositePrimaryKey("member_id", "tag_id")
    member = models.ForeignKey(StockMember, on_delete=models.PROTECT, related_name="+")
    tag = models.ForeignKey(StockTag, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=6, default="import")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "members_membertag"

    def __str__(self) -> str:
        return f"{self.member_id}:{self.tag_id}"


def resource() -> Any:
    from import_export import fields, resources, widgets

    class PhoneWidget(widgets.CharWidget):
        def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
            return f"+886{value[1:]}"

    class GenderWidget(widgets.CharWidget):
        def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
            return GENDERS[value]

    class StockResource(resources.ModelResource):
        external_id = fields.Field("external_id", "會員編號")
        phone = fields.Field("phone", "手機", widget=PhoneWidget())
        name = fields.Field("name", "姓名")
        gender = fields.Field("gender", "性別", widget=GenderWidget())
        birthday = fields.Field("birthday", "生日", widget=widgets.DateWidget())
        tags = fields.Field("tags", "標籤", widget=widgets.ManyToManyWidget(StockTag, "、", "name"))

        class Meta:
            model = StockMember
            import_id_fields = ("external_id",)
            fields = ("external_id", "phone", "name", "gender", "birthday", "tags")

    return StockResource()


def bring(path: Path) -> tuple[float, dict[str, int]]:
    """(seconds, rows by what became of them)."""
    from tablib import Dataset

    began = time.perf_counter()
    table = Dataset().load(path.read_text(encoding="utf-8-sig"), format="csv")
    answer = resource().import_data(table, raise_errors=True)
    return time.perf_counter() - began, dict(answer.totals)
