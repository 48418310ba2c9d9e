"""Webhooks: who is told of what, and each telling with its attempts."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import DeliveryState, WebhookEvent
from backoffice.models.merchant import Brand
from backoffice.models.outbox import OutboxMessage


class WebhookSubscription(models.Model):
    """A receiver of events. Its secret is drawn from the house's secret and `nonce`: no table holds it.

    With `brand` it hears of that brand's members and programs and of the group's, without one of everything.
    """

    name = models.CharField(_("name"), max_length=60)
    url = models.CharField(_("web address"), max_length=500)
    brand = models.ForeignKey(
        Brand, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("brand"),
        help_text=_("Empty: the whole group."),
    )  # fmt: skip
    events = ArrayField(
        models.CharField(max_length=32, choices=WebhookEvent.choices), verbose_name=_("events")
    )
    nonce = models.CharField(max_length=32, editable=False)
    created_at = models.DateTimeField(_("created"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One event for one receiver. `body` is what is sent, the same bytes at every attempt.

    `subject` keeps the order: a later one of the same subject waits for the earlier ones.
    """

    subscription = models.ForeignKey(
        WebhookSubscription, on_delete=models.PROTECT, related_name="deliveries", db_index=False,
        verbose_name=_("webhook"),
    )  # fmt: skip
    message = models.ForeignKey(
        OutboxMessage, on_delete=models.PROTECT, related_name="+", verbose_name=_("outbox message")
    )
    event = models.CharField(_("event"), max_length=32, choices=WebhookEvent.choices)
    subject = models.CharField(_("subject"), max_length=64)
    body = models.TextField(_("content"))
    state = models.CharField(
        _("status"), max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"))
    retried_since = models.DateTimeField(_("tried since"))
    due_at = models.DateTimeField(_("next attempt"))
    locked_until = models.DateTimeField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "message"], name="webhook_delivery_once")
        ]
        indexes = [
            models.Index(
                fields=["subscription", "subject", "id"],
                name="webhook_delivery_waiting",
                condition=models.Q(state="waiting"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} #{self.pk}"
