"""What happened that a person should know of, next time he looks up."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import NoticeKind


class Notice(models.Model):
    """One matter for one person: `key` names the matter, so that nobody is told twice.

    `subject_type` and `subject_id` say what it is about (`Subject`), `facts` hold the numbers of that moment
    and nobody's name: what the file is called is read from the batch. Unread until `read_at`. No evidence:
    the trail and the outbox keep what happened, a notice goes after NOTICES_KEPT_DAYS.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notices",
        db_index=False,
        verbose_name=_("staff user"),
    )
    kind = models.CharField(_("kind"), max_length=32, choices=NoticeKind.choices)
    key = models.CharField(_("key"), max_length=128)
    subject_type = models.CharField(_("object kind"), max_length=16)
    subject_id = models.BigIntegerField(_("object"))
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    created_at = models.DateTimeField(_("time"))
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ["-id"]
        constraints = [
            # The key first: what is settled for everybody is found by it.
            models.UniqueConstraint(fields=["key", "user"], name="notice_once"),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_of_user"),
            # What the sign in the header counts, on every page.
            models.Index(
                fields=["user", "subject_type", "subject_id"],
                name="notice_unread",
                condition=models.Q(read_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.subject_id}"
