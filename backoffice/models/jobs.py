"""Background work. The row is the truth; a broker message only wakes a worker."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.acts import work_title
from backoffice.choices import JobState

MAX_ATTEMPTS = 3


class Job(models.Model):
    """One piece of work that runs in chunks, each chunk one transaction with its checkpoint.

    `kind` names a handler (`services/jobs.py`), `key` makes asking for the same work twice harmless, and
    `checkpoint` is whatever the handler needs to go on after the last committed chunk.
    """

    kind = models.CharField(_("kind"), max_length=64)
    key = models.CharField(_("key"), max_length=128, unique=True)
    params = models.JSONField(_("parameters"), default=dict)
    checkpoint = models.JSONField(_("checkpoint"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    total = models.PositiveBigIntegerField(_("total"), null=True, blank=True)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    result = models.JSONField(_("result"), default=dict, blank=True)
    error = models.TextField(_("error"), blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    locked_until = models.DateTimeField(_("locked until"), null=True, blank=True)
    run_at = models.DateTimeField(_("due"))
    target = models.CharField(
        _("target"),
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "Jobs with the same target run one after the other, in the order in which they were asked for."
        ),
    )
    busy_ms = models.PositiveBigIntegerField(_("time worked (ms)"), default=0, db_default=0)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="jobs",
        verbose_name=_("asked by"),
    )
    created_at = models.DateTimeField(_("created"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["run_at", "id"],
                name="job_due",
                condition=models.Q(state__in=["queued", "running"]),
            ),
            models.Index(
                fields=["target", "id"],
                name="job_target",
                condition=models.Q(state__in=["queued", "running"]) & ~models.Q(target=""),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(attempts__lte=MAX_ATTEMPTS), name="job_attempts_bounded"
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state="running") & ~models.Q(target=""),
                name="job_one_running_per_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{work_title(self.kind)} {self.pk}"

    @property
    def rate(self) -> float:
        """Items a second of the time that was worked; 0 before the first chunk."""
        return self.done * 1000 / self.busy_ms if self.busy_ms else 0.0

    @property
    def seconds_left(self) -> int | None:
        """At the rate so far; None while nobody knows."""
        if self.total is None or not self.rate:
            return None
        return max(0, round((self.total - self.done) / self.rate))


class Heartbeat(models.Model):
    """When a part of the installation last showed that it lives (scheduler, worker, relay)."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    at = models.DateTimeField(_("time"))
    detail = models.JSONField(_("detail"), default=dict, blank=True)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
