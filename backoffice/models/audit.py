"""The audit trail: who did what to which row, and why."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.acts import act_title
from backoffice.choices import ActorType


class AuditEvent(models.Model):
    """One act. Append-only; a trigger refuses changes and deletions.

    `changes` maps a field to [old, new]; values that identify a person are masked before they get here.
    """

    at = models.DateTimeField(_("time"))
    actor_type = models.CharField(_("actor kind"), max_length=10, choices=ActorType.choices)
    actor_id = models.CharField(_("actor"), max_length=64)
    actor_name = models.CharField(_("actor name"), max_length=150, blank=True)
    action = models.CharField(_("action"), max_length=64)
    subject_type = models.CharField(_("object kind"), max_length=64)
    subject_id = models.CharField(_("object"), max_length=64)
    changes = models.JSONField(_("changes"), default=dict, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    request_id = models.CharField(_("request"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-id"], name="audit_by_subject"),
            models.Index(fields=["actor_type", "actor_id", "-id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return act_title(self.action)
