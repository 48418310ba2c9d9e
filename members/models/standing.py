"""What a member has to do before he is served: terms to agree to, proofs of himself."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from members.models.member import Member


class MembershipTerms(models.Model):
    """A version of the terms of membership. The one in force is the latest whose time has come (S21)."""

    version = models.CharField(_("version"), max_length=32, unique=True)
    effective_from = models.DateTimeField(_("in force from"), unique=True)
    url = models.URLField(_("link"), blank=True)
    must_accept = models.BooleanField(
        _("agree before spending"),
        default=True,
        help_text=_("On: members who agreed to another version spend points only after they agree to this."),
    )

    class Meta:
        verbose_name = _("terms of membership")
        verbose_name_plural = _("terms of membership")
        ordering = ["-effective_from"]

    def __str__(self) -> str:
        return self.version


class StepUp(models.Model):
    """A member proved by a code on his phone that it is he who spends (T6). Append-only."""

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="step_ups", db_index=False, verbose_name=_("member")
    )
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("proof before spending")
        verbose_name_plural = _("proofs before spending")
        ordering = ["-id"]
        indexes = [models.Index(fields=["member", "-at"], name="step_up_latest")]

    def __str__(self) -> str:
        return f"{self.member_id}"


class SecurityAnswer(models.Model):
    """A question that only the member can answer (S12). The answer is kept as a slow hash: staff test it."""

    member = models.OneToOneField(
        Member,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="security_answer",
        verbose_name=_("member"),
    )
    question = models.CharField(_("security question"), max_length=60)
    answer_hash = models.CharField(max_length=255, editable=False)
    updated_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("security question")
        verbose_name_plural = _("security questions")

    def __str__(self) -> str:
        return f"{self.member_id}"
