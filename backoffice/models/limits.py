"""Counters behind limits: rows that one conditional statement changes, never a sum looked at first."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class LimitCounter(models.Model):
    """What was used of one limit. `bucket` names what is counted ("sms:budget"), never a whole phone number.

    A window's counter keeps `window_start` and `used`; a sliding one keeps the times of its last uses.
    """

    bucket = models.CharField(_("counted"), max_length=100, unique=True)
    window_start = models.DateTimeField(_("window began"))
    used = models.PositiveIntegerField(_("used"), default=0, db_default=0)
    times = ArrayField(models.DateTimeField(), verbose_name=_("latest uses"), default=list, db_default=[])

    class Meta:
        verbose_name = _("limit counter")
        verbose_name_plural = _("limit counters")
        ordering = ["bucket"]
        indexes = [models.Index(fields=["window_start"], name="limit_counter_old")]

    def __str__(self) -> str:
        return self.bucket
