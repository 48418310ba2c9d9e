"""What staff write down about a member, and how often they look at members at all."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.choices import NoteKind
from members.models.member import Member


class MemberNote(models.Model):
    """One note. Append-only: a wrong one is struck out by a second row (`strikes`), never edited.

    A trigger refuses every change but one: an erasure blanks the text, which may name a person.
    """

    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, related_name="notes", db_index=False, verbose_name=_("member")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=NoteKind.choices, default=NoteKind.GENERAL)
    text = models.CharField(_("text"), max_length=1000, blank=True)
    strikes = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="struck_by",
        verbose_name=_("strikes out"),
    )
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("staff note")
        verbose_name_plural = _("staff notes")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["member", "-at", "-id"], name="note_of_member")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="struck", strikes__isnull=False)
                | (~models.Q(kind="struck") & models.Q(strikes__isnull=True)),
                name="note_struck_names_its_note",
            )
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class LookCount(models.Model):
    """How many member pages one staff user opened, and how many persons he unmasked, in one clock hour (T19).

    Only ever counted up, by one statement that locks the row (`services/looks.py`).
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("staff user")
    )
    hour = models.DateTimeField(_("hour"))
    pages = models.PositiveIntegerField(_("member pages"), default=0, db_default=0)
    unmaskings = models.PositiveIntegerField(_("unmaskings"), default=0, db_default=0)

    class Meta:
        verbose_name = _("looks per hour")
        verbose_name_plural = _("looks per hour")
        constraints = [models.UniqueConstraint(fields=["user", "hour"], name="look_count_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.hour:%Y-%m-%d %H}"
