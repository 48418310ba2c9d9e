"""What belongs to a member beside his profile: his referral code, who referred him, his e-invoice carrier."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from members.models.member import Member


class ReferralCode(models.Model):
    """The one code of a member that he gives to friends (S14). It stays the same for as long as he is one."""

    member = models.OneToOneField(
        Member,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="referral_code",
        verbose_name=_("member"),
    )
    code = models.CharField(_("referral code"), max_length=8, unique=True)

    class Meta:
        verbose_name = _("referral code")
        verbose_name_plural = _("referral codes")

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """Who brought whom: written once, when the new member signs up."""

    member = models.OneToOneField(
        Member,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="referral",
        verbose_name=_("new member"),
    )
    referrer = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="referred", verbose_name=_("referred by")
    )
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(member=models.F("referrer")), name="referral_of_another"
            )
        ]

    def __str__(self) -> str:
        return f"{self.member_id}"


class InvoiceCarrier(models.Model):
    """The member's 手機條碼 carrier of the e-invoice platform: a slash and seven characters."""

    member = models.OneToOneField(
        Member,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="invoice_carrier",
        verbose_name=_("member"),
    )
    code = models.CharField(_("phone carrier code"), max_length=8)
    updated_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("phone carrier")
        verbose_name_plural = _("phone carriers")
        constraints = [
            models.CheckConstraint(condition=models.Q(code__regex=r"^/[0-9A-Z+.\-]{7}$"), name="carrier_form")
        ]

    def __str__(self) -> str:
        # As personal as a phone number: lists show that there is one.
        return f"{self.member_id}"
