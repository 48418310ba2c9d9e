"""Points that are given once: for joining (S16), and for answering a question about oneself (S20)."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from campaigns.choices import GiftOccasion
from members.choices import ProfileField
from members.models import Member
from points.models import Entry, Program

MOST_POINTS = 100_000


class Gift(models.Model):
    """What is given from `starts_at` until (not at) `ends_at`. One of occasion `answer` names its field."""

    name = models.CharField(_("name"), max_length=60, help_text=_("Members read it beside the points."))
    occasion = models.CharField(_("occasion"), max_length=10, choices=GiftOccasion.choices)
    field = models.CharField(
        _("question"), max_length=20, choices=ProfileField.choices, blank=True,
        help_text=_("For answers only: which one."),
    )  # fmt: skip
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="gifts", verbose_name=_("points program")
    )
    points = models.PositiveIntegerField(
        _("points"), validators=[MinValueValidator(1), MaxValueValidator(MOST_POINTS)]
    )
    starts_at = models.DateTimeField(_("given from"))
    ends_at = models.DateTimeField(_("given until"), null=True, blank=True, help_text=_("Empty: for good."))
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("gift")
        verbose_name_plural = _("gifts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(points__gte=1, points__lte=MOST_POINTS), name="gift_points_bounded"
            ),
            models.CheckConstraint(
                condition=models.Q(occasion="answer") & ~models.Q(field="")
                | models.Q(occasion="welcome", field=""),
                name="gift_answer_names_its_field",
                violation_error_message=_("Choose the question for a gift that answers one, and only there."),
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at=None) | models.Q(ends_at__gt=models.F("starts_at")),
                name="gift_ends_after_it_starts",
                violation_error_message=_("The end comes after the start."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GiftTaken(models.Model):
    """One gift that somebody has had. Append-only, and older than any erasure: no phone has a second one.

    `matter` says for what (`welcome`, `answer:birthday`); `phone_seal` is a keyed digest of the phone, which
    tells nobody whose it was and recognises it when it joins again (S18).
    """

    gift = models.ForeignKey(Gift, on_delete=models.PROTECT, related_name="taken", verbose_name=_("gift"))
    program = models.ForeignKey(
        Program, on_delete=models.PROTECT, related_name="+", verbose_name=_("points program")
    )
    matter = models.CharField(_("for"), max_length=32)
    phone_seal = models.CharField(_("sealed phone"), max_length=64, editable=False)
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="gifts_taken", verbose_name=_("member")
    )
    points = models.PositiveIntegerField(_("points"))
    entry = models.OneToOneField(
        Entry, on_delete=models.PROTECT, related_name="gift_taken", verbose_name=_("entry")
    )
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("gift taken")
        verbose_name_plural = _("gifts taken")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["phone_seal", "matter", "program"], name="gift_once_per_phone"),
            models.UniqueConstraint(fields=["member", "matter", "program"], name="gift_once_per_member"),
        ]

    def __str__(self) -> str:
        return f"{self.what_for} {self.points:,}"

    @property
    def what_for(self) -> str:
        """The matter in words: 首次驗證手機, or 生日."""
        occasion, _colon, field = self.matter.partition(":")
        return str(ProfileField(field).label if field else GiftOccasion(occasion).label)
