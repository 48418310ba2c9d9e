"""What leaves the process, and the answers that were given for a key."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class OutboxMessage(models.Model):
    """A message committed together with what it tells of, sent afterwards by the relay, at least once.

    `(topic, subject_id)` is unique: one happening, one message. Points entries use the topic `points.entry`
    with the entry's id as subject; upper floors choose their own topics.
    """

    topic = models.CharField(_("topic"), max_length=64)
    subject_id = models.BigIntegerField(_("subject"))
    payload = models.JSONField(_("payload"), default=dict, db_default={})
    created_at = models.DateTimeField(_("created"), db_default=Now())
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    retry_at = models.DateTimeField(_("next attempt"), null=True, blank=True)

    class Meta:
        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        ordering = ["id"]
        indexes = [
            models.Index(fields=["id"], name="outbox_unsent", condition=models.Q(sent_at__isnull=True))
        ]
        constraints = [models.UniqueConstraint(fields=["topic", "subject_id"], name="outbox_once")]

    def __str__(self) -> str:
        return f"{self.topic} {self.subject_id}"


class IdempotencyKey(models.Model):
    """The answer a caller got for a key, stored in the transaction that made it true.

    `client` is the caller (`staff:7`, `till:12`), `request_hash` the SHA-256 of the canonical request.
    """

    client = models.CharField(_("client"), max_length=64)
    key = models.CharField(_("key"), max_length=128)
    request_hash = models.CharField(_("request hash"), max_length=64)
    status = models.PositiveSmallIntegerField(_("status"))
    body = models.JSONField(_("body"), default=dict)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="idempotency_once")]

    def __str__(self) -> str:
        return f"{self.client} {self.key}"
