"""A brand as the words of a command name it."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from backoffice.models import Brand


def brand_of(code: str) -> Brand:
    """Raises CommandError, which says which there are."""
    brand = Brand.objects.filter(code=code).first()
    if brand is not None:
        return brand
    codes = ", ".join(Brand.objects.order_by("code").values_list("code", flat=True))
    told = _("There is no brand “%(code)s”. Known: %(known)s. Brands are made in the back office.")
    raise CommandError(told % {"code": code, "known": codes or "-"})
