"""Lists that leave the house as files: what was asked for, by whom, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ExportFormat, ExportState, JobState
from backoffice.querysets import ExportQuerySet

OF_JOB = {
    JobState.PAUSED.value: ExportState.PAUSED,
    JobState.FAILED.value: ExportState.FAILED,
    JobState.CANCELLED.value: ExportState.STOPPED,
}


class Export(models.Model):
    """One list on its way into a file.

    `query` is the filter of the list as its address has it, never a set of rows: the worker asks again,
    within the owner's reach of that moment. `whole` says that personal data is not masked. `folder` holds the
    parts while they are written, and then `file`. `lost` counts cells that the encoding cannot hold and that
    nobody has allowed to be replaced (`lossy`); such an export has no file. How it stands is told by the job
    and the file (`state_at`), so that whoever stops the job has stopped the export.
    """

    key = models.CharField(_("key"), max_length=128, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=32)
    query = models.JSONField(_("filter"), default=dict, blank=True)
    columns = ArrayField(models.CharField(max_length=64), verbose_name=_("columns"))
    format = models.CharField(
        _("format"), max_length=8, choices=ExportFormat.choices, default=ExportFormat.CSV
    )
    lossy = models.BooleanField(_("unknown characters are replaced"), default=False)
    whole = models.BooleanField(_("whole personal data"), default=False)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10)
    rows = models.PositiveBigIntegerField(_("rows"), null=True, blank=True)
    lost = models.PositiveBigIntegerField(_("cells that do not fit"), default=0)
    lost_texts = models.JSONField(_("what does not fit"), default=list, blank=True)
    folder = models.CharField(max_length=32, editable=False)
    file = models.CharField(_("stored file"), max_length=200, blank=True)
    file_size = models.PositiveBigIntegerField(_("size"), default=0)
    file_hash = models.CharField(_("checksum"), max_length=64, blank=True)
    downloads = models.PositiveIntegerField(_("times taken"), default=0)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="exports",
        verbose_name=_("asked by"),
    )
    job = models.OneToOneField(
        "backoffice.Job",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="export",
        verbose_name=_("job"),
    )
    created_at = models.DateTimeField(_("asked"))
    ready_at = models.DateTimeField(_("ready"), null=True, blank=True)
    expires_at = models.DateTimeField(_("link ends"), null=True, blank=True)
    removed_at = models.DateTimeField(_("file removed"), null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="export_of_owner"),
            models.Index(fields=["created_at"], name="export_kept", condition=models.Q(removed_at=None)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(file="") | ~models.Q(file_hash=""), name="export_file_has_checksum"
            ),
            models.CheckConstraint(
                condition=models.Q(whole=False) | ~models.Q(reason=""), name="export_whole_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    def state_at(self, now: datetime) -> ExportState:
        if self.removed_at is not None:
            return ExportState.REMOVED
        if self.file:
            return ExportState.OVER if self.expires_at and self.expires_at <= now else ExportState.READY
        if self.ready_at is not None:
            return ExportState.UNFIT
        job: Any = self.job
        return OF_JOB.get(job.state if job else "", ExportState.WORKING)
