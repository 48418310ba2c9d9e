"""Alarms: matters that somebody answerable has to look at."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice import alarm_kinds
from backoffice.choices import ActorType
from backoffice.models.merchant import Store
from backoffice.querysets import AlarmQuerySet


class Alarm(models.Model):
    """One matter in one period: `key` is unique, so that finding it again raises nothing new.

    What was seen never changes, a trigger refuses it; only the acknowledgement is written, once. `facts` are
    the numbers that say why, without anybody's name or phone. `about` is the person of the house whom it is
    about, who may not acknowledge it. Without a store it is a matter of the whole group.
    """

    kind = models.CharField(_("kind"), max_length=64)
    key = models.CharField(_("key"), max_length=128, unique=True)
    subject = models.CharField(_("subject"), max_length=200)
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    store = models.ForeignKey(
        Store, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("store")
    )
    about = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("about"),
    )  # fmt: skip
    actor_type = models.CharField(_("actor kind"), max_length=10, choices=ActorType.choices)
    actor_id = models.CharField(_("actor"), max_length=64)
    raised_at = models.DateTimeField(_("raised"))
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("acknowledged by"),
    )  # fmt: skip
    note = models.CharField(_("note"), max_length=500, blank=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True, note="")
                | models.Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="alarm_acknowledged_by_somebody",
            )
        ]
        indexes = [
            models.Index(
                fields=["store"], name="alarm_open", condition=models.Q(acknowledged_at__isnull=True)
            ),
            models.Index(fields=["kind"], name="alarm_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{alarm_kinds.named(self.kind).title} {self.subject}"
