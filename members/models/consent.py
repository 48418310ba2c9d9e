"""What a member agreed to and took back. Append-only; the latest row of a purpose counts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from members.choices import Channel, ConsentPurpose
from members.models.member import Member


class Consent(models.Model):
    """One answer: given or withdrawn, for one purpose, at one time. A trigger refuses changes."""

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="consents", db_index=False, verbose_name=_("member")
    )
    purpose = models.CharField(_("purpose"), max_length=20, choices=ConsentPurpose.choices)
    given = models.BooleanField(_("given"))
    version = models.CharField(_("version of the text"), max_length=32, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=Channel.choices)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["member", "purpose", "-at", "-id"], name="consent_latest")]

    def __str__(self) -> str:
        return str(self.get_purpose_display())
