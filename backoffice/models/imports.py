"""Files that staff bring in: the batch, its staged rows, and how a person's columns were named last time."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.choices import ImportState, RowDone, RowOutcome
from backoffice.models.merchant import Brand
from backoffice.querysets import ImportBatchQuerySet


class ImportBatch(models.Model):
    """One uploaded file on its way: looked at, checked, applied, maybe undone.

    `layout` says how the file is read (type, encoding, delimiter, sheet, head row, which cell is which
    field),
    `policy` what its rows may do, `counts` how many rows had which outcome and which end, `totals` what the
    rows come to where their kind sums them up. `file` is the upload
    as it came; `canonical` the same as UTF-8 CSV where the upload cannot be read from the middle.
    `repetition` tells deliberate repetitions of the same content apart, so that nobody repeats it by
    accident.

    Whoever had a hand in it does not approve it: the `owner`, the `confirmer`, and the `deciders`, who chose
    how it is read or what its rows may do.
    """

    kind = models.CharField(_("kind"), max_length=32)
    state = models.CharField(
        _("status"), max_length=10, choices=ImportState.choices, default=ImportState.UPLOADED
    )
    file_name = models.CharField(_("file name"), max_length=200)
    file = models.CharField(_("stored file"), max_length=200, blank=True)
    canonical = models.CharField(_("stored copy"), max_length=200, blank=True)
    file_size = models.PositiveBigIntegerField(_("size"))
    file_hash = models.CharField(_("checksum"), max_length=64)
    content_hash = models.CharField(_("checksum of the rows"), max_length=64, blank=True)
    repetition = models.PositiveIntegerField(_("repetition"), default=0)
    layout = models.JSONField(_("how it is read"), default=dict, blank=True)
    policy = models.JSONField(_("policy"), default=dict, blank=True)
    counts = models.JSONField(_("counts"), default=dict, blank=True)
    totals = models.JSONField(_("totals"), default=dict, db_default={}, blank=True)
    problem = models.JSONField(_("problem"), default=dict, blank=True)
    brand = models.ForeignKey(
        Brand,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="imports",
        verbose_name=_("brand"),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="imports",
        verbose_name=_("uploaded by"),
    )
    # Ids and not rows of a table between, so that a constraint can look at them.
    deciders = ArrayField(
        models.BigIntegerField(), default=list, db_default=[], blank=True, verbose_name=_("decided by")
    )
    confirmer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="confirmed_imports",
        verbose_name=_("confirmed by"),
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="approved_imports",
        verbose_name=_("approved by"),
    )
    job = models.ForeignKey(
        "backoffice.Job",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="imports",
        verbose_name=_("latest job"),
    )
    created_at = models.DateTimeField(_("uploaded"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)
    applied_at = models.DateTimeField(_("applied"), null=True, blank=True)
    undone_at = models.DateTimeField(_("undone"), null=True, blank=True)
    removed_at = models.DateTimeField(_("file removed"), null=True, blank=True)

    objects = ImportBatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["file_hash"], name="import_file_hash"),
            models.Index(fields=["owner", "-id"], name="import_of_owner"),
        ]
        constraints = [
            # I48: the same content is applied once, unless somebody says "again" and means it.
            models.UniqueConstraint(
                fields=["kind", "content_hash", "repetition"],
                condition=models.Q(state__in=["waiting", "held", "applying", "applied"]),
                name="import_content_applied_once",
            ),
            models.CheckConstraint(
                condition=models.Q(approver=None) | ~models.Q(approver=models.F("owner")),
                name="import_four_eyes",
            ),
            models.CheckConstraint(
                condition=models.Q(approver=None)
                | (
                    ~models.Q(approver=models.F("confirmer"))
                    & ~models.Q(deciders__contains=[models.F("approver")])
                ),
                name="import_approver_had_no_hand",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.file_name}"

    @property
    def hands(self) -> frozenset[int]:
        """The people who brought the file in, decided about it or confirmed it."""
        found = {self.owner_id, self.confirmer_id, *self.deciders}
        return frozenset(pk for pk in found if pk is not None)

    @property
    def is_halted(self) -> bool:
        """Whether work was going on and its job was cancelled, or given up after its attempts."""
        working = ("uploaded", "checking", "applying", "undoing")
        job = self.job if self.job_id else None
        return self.state in working and job is not None and job.state in ("cancelled", "failed")


class ImportRow(models.Model):
    """One record of a batch: its values in the order of the kind's columns, what it would do, what it did.

    `key` is what must be there once in a file, `other_key` a second value that the kind looks rows up by.
    `changes` holds what the row replaces, so that an undo can put it back. `done` may be ahead of the apply:
    `services/imports/ends.py` says which results hold. The table is written by COPY
    and by
    set-based statements; rows are deleted with the file when its time is over (personal data).
    """

    pk = models.CompositePrimaryKey("batch_id", "line")
    # Without a constraint: a check for each of a million copied rows, of a number that the copy itself wrote.
    batch = models.ForeignKey(
        ImportBatch,
        on_delete=models.CASCADE,
        related_name="rows",
        db_index=False,
        db_constraint=False,
        verbose_name=_("import"),
    )
    line = models.IntegerField(_("line"))
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=RowOutcome.choices, db_default=RowOutcome.NEW.value
    )
    done = models.CharField(_("result"), max_length=8, choices=RowDone.choices, blank=True, db_default="")
    key = models.TextField(_("key"), null=True, blank=True)  # noqa: DJ001 - null keeps it out of the index
    other_key = models.TextField(_("second key"), null=True, blank=True)  # noqa: DJ001 - as above
    subject_id = models.BigIntegerField(_("object"), null=True, blank=True)
    cells = ArrayField(models.TextField(blank=True), verbose_name=_("values"), null=True, blank=True)
    faults = models.JSONField(_("faults"), null=True, blank=True)
    repairs = models.JSONField(_("repairs"), null=True, blank=True)
    changes = models.JSONField(_("changes"), null=True, blank=True)

    class Meta:
        verbose_name = _("imported row")
        verbose_name_plural = _("imported rows")
        indexes = [
            models.Index(fields=["batch", "key"], name="import_row_key", condition=~models.Q(key=None)),
            models.Index(
                fields=["batch", "other_key"],
                name="import_row_other_key",
                condition=~models.Q(other_key=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}:{self.line}"


class ColumnMemory(models.Model):
    """Which field a person's column meant last time; the next file of his is read the same way."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="column_memories",
        verbose_name=_("staff user"),
    )
    kind = models.CharField(_("kind"), max_length=32)
    head = models.CharField(_("column"), max_length=100)
    field = models.CharField(_("field"), max_length=40, blank=True, help_text=_("Empty: ignored."))

    class Meta:
        verbose_name = _("remembered column")
        verbose_name_plural = _("remembered columns")
        constraints = [models.UniqueConstraint(fields=["user", "kind", "head"], name="column_memory_once")]

    def __str__(self) -> str:
        return self.head
