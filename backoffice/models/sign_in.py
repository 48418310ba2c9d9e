"""What happened at the door of the back office."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import LoginEventKind, ProofMethod


class LoginEvent(models.Model):
    """One happening at sign-in. Append-only; a trigger refuses changes and deletions.

    `user` is empty when the name that was typed belongs to nobody. The typed text itself is not kept: people
    type their password into the wrong box, and this table never forgets.
    """

    at = models.DateTimeField(_("time"))
    kind = models.CharField(_("event"), max_length=20, choices=LoginEventKind.choices)
    method = models.CharField(_("proven by"), max_length=20, choices=ProofMethod.choices, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="login_events",
        verbose_name=_("staff user"),
    )
    address = models.GenericIPAddressField(_("network address"), null=True, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("sign-in event")
        verbose_name_plural = _("sign-in events")
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "-id"], name="login_event_by_user")]

    def __str__(self) -> str:
        return str(self.get_kind_display())
