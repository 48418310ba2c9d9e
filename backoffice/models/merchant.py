"""The merchant: one group per installation, with its brands and their stores."""

from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.querysets import BrandQuerySet, StoreQuerySet


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(
            _("“%(value)s” is no time zone; expected a name such as Asia/Taipei."), params={"value": value}
        )


class Brand(models.Model):
    """A trade name of the group. Its time zone is the one in which rules and deadlines speak."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=100)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Asia/Taipei", validators=[validate_time_zone]
    )
    is_active = models.BooleanField(_("active"), default=True)

    objects = BrandQuerySet.as_manager()

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Store(models.Model):
    """A shop of a brand, on the street or on the web."""

    brand = models.ForeignKey(Brand, on_delete=models.PROTECT, related_name="stores", verbose_name=_("brand"))
    code = models.CharField(_("code"), max_length=32)
    name = models.CharField(_("name"), max_length=100)
    county = models.CharField(_("county or city"), max_length=20, blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    objects = StoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["brand", "code"], name="store_code_per_brand")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
