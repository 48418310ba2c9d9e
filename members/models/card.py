"""Card numbers that no longer work."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from members.models.member import Member


class RetiredCard(models.Model):
    """A number that was replaced. It is refused with a reason when scanned, and never given out again."""

    card_no = models.CharField(_("card number"), max_length=16, unique=True)
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="retired_cards", verbose_name=_("member")
    )
    retired_at = models.DateTimeField(_("replaced"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("replaced card")
        verbose_name_plural = _("replaced cards")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.card_no
