"""Proofs: the replay of all books, and what it found (N26)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Proof(models.Model):
    """One run of `audit_ledger`. `findings` holds the offenders, at most a hundred per invariant."""

    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"))
    checks = models.PositiveSmallIntegerField(_("checks"))
    entries = models.BigIntegerField(_("entries"))
    faults = models.PositiveIntegerField(_("faults"))
    findings = models.JSONField(_("findings"), default=list)

    class Meta:
        verbose_name = _("proof of the books")
        verbose_name_plural = _("proofs of the books")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.finished_at:%Y-%m-%d %H:%M}"
