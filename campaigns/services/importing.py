"""Purchases out of a file: the upload becomes a job, and each chunk of it a bulk settlement.

The job is known by what its files hold, so the same file for the same source is applied once (I48). Files lie
in the default storage under their hash, where every worker finds them, and go when the job is over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.actors import Actor
from backoffice.choices import JobState
from backoffice.models import Brand, Job, Store, User
from backoffice.services import jobs
from campaigns.errors import UnknownBrand
from campaigns.receipt_rows import ReceiptRow, RowFault
from campaigns.services.bulk_settlement import CHUNK, BulkResult, settle_many
from campaigns.services.imports import people
from members.csv_files import LineError
from members.errors import InvalidReceipt
from members.purchase_data import LineData, PurchaseData, ReceiptKey, TenderData

KIND = "campaigns.import_purchases"
FOLDER = "imports"
BLOCK = 1 << 20
OVER = (JobState.DONE.value, JobState.CANCELLED.value)


@dataclass(slots=True)
class ChunkReport:
    """What became of the rows of a chunk; each row is in exactly one of the first three numbers."""

    recorded: int = 0
    known: int = 0
    bad: int = 0
    points: int = 0
    errors: list[LineError] = field(default_factory=list)


def start_import(
    *,
    receipts: BinaryIO,
    departments: BinaryIO | None,
    source: str,
    brand_code: str,
    now: datetime,
    chunk: int = CHUNK,
    dry_run: bool = False,
    owner: User | None = None,
) -> Job:
    """Keep the files and ask for the job. Told again with the same files, the job that is already there.

    A dry run is the same work, rolled back chunk by chunk; each one is a job of its own. Without `brand_code`
    the only brand is meant. Raises UnknownBrand.
    """
    brand = _brand(brand_code)
    digest = hashlib.sha256(f"{source}\n{brand.pk}\n".encode())
    names = [_kept(file, digest) for file in (receipts, departments) if file is not None]
    suffix = f":dry:{now.isoformat()}" if dry_run else ""
    job = jobs.enqueue(
        kind=KIND,
        key=f"{KIND}:{digest.hexdigest()}{suffix}",
        params={
            "receipts": names[0],
            "departments": names[1] if departments is not None else None,
            "source": source,
            "brand": brand.pk,
            "chunk": chunk,
            "dry_run": dry_run,
        },
        now=now,
        owner=owner,
    )
    if job.state in OVER:
        drop_files(job)
    return job


def import_rows(
    *,
    rows: Iterable[ReceiptRow | RowFault],
    source: str,
    brand_id: int,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
) -> ChunkReport:
    """Settle the good rows of one chunk and list the others; one transaction, safe to repeat.

    Bad are rows with a faulty cell, an unknown store or member, a time to come, or a receipt number that is
    stored with other content. Raises what `settle_many` raises.
    """
    report = ChunkReport()
    good = []
    for row in rows:
        if isinstance(row, RowFault):
            report.errors.append(row.error)
        else:
            good.append(row)
    told, lines = _looked_up(good, source, brand_id, now, report)
    with transaction.atomic():
        result = settle_many(told, actor=actor, now=now)
        if dry_run:
            transaction.set_rollback(True)
    return _finished(report, result, lines)


def drop_files(job: Job) -> None:
    """Once the surrounding transaction has committed; receipts are personal data and need no second home."""
    for name in filter(None, (job.params["receipts"], job.params["departments"])):
        transaction.on_commit(lambda name=name: default_storage.delete(name), robust=True)  # type: ignore[misc]


def _looked_up(
    rows: list[ReceiptRow], source: str, brand_id: int, now: datetime, report: ChunkReport
) -> tuple[list[PurchaseData], dict[ReceiptKey, int]]:
    stores = dict(
        Store.objects.filter(brand=brand_id, code__in={row.store_code for row in rows}).values_list(
            "code", "pk"
        )
    )
    found = people.find(("member_no", row.member_no) for row in rows if row.member_no)
    members = {number: person.member_id for (_column, number), person in found.items()}
    told, lines = [], {}
    for row in rows:
        fault = _unknown(row, stores, members, now)
        if fault is None:
            try:
                data = purchase_of(row, source, stores[row.store_code], members.get(row.member_no))
                told.append(data)
                lines[data.key] = row.line
                continue
            except InvalidReceipt as refusal:
                values = refusal.details
                fault = LineError(row.line, values["field"], values["value"], values["expected"])
        report.errors.append(fault)
    return told, lines


def _unknown(
    row: ReceiptRow, stores: dict[str, int], members: dict[str, int], now: datetime
) -> LineError | None:
    if row.store_code not in stores:
        return LineError(row.line, "store_code", row.store_code, _("the code of a store of this brand"))
    if row.member_no and row.member_no not in members:
        return LineError(row.line, "member_no", row.member_no, _("the number of a member, or empty"))
    if row.purchased_at > now:
        return LineError(row.line, "purchased_at", row.purchased_at.isoformat(), _("a time that has been"))
    return None


def purchase_of(row: ReceiptRow, source: str, store_id: int, member_id: int | None) -> PurchaseData:
    """A row of a file as the till would have told it. Raises InvalidReceipt."""
    return PurchaseData(
        source=source,
        receipt_no=row.receipt_no,
        store_id=store_id,
        member_id=member_id,
        purchased_at=row.purchased_at,
        gross=row.paid + row.discount,
        discount=row.discount,
        paid=row.paid,
        item_count=row.items,
        invoice_no=row.invoice_no,
        cashier=row.cashier,
        lines=tuple(
            LineData(number, part.amount, part.quantity, part.sku, part.department)
            for number, part in enumerate(row.departments, start=1)
        ),
        tenders=(TenderData(1, row.tender, row.paid),) if row.tender else (),
    )


def _finished(report: ChunkReport, result: BulkResult, lines: dict[ReceiptKey, int]) -> ChunkReport:
    for key, fields in result.differing.items():
        expected = _("the content that is stored (differs in: %(fields)s)") % {"fields": fields}
        report.errors.append(LineError(lines[key], "receipt_no", key.receipt_no, expected))
    report.errors.sort(key=lambda error: error.line)
    report.bad = len(report.errors)
    report.recorded, report.known, report.points = result.recorded, result.known, result.points
    return report


def _brand(code: str) -> Brand:
    brands = list(Brand.objects.order_by("code"))
    chosen = [brand for brand in brands if brand.code == code or (not code and len(brands) == 1)]
    if not chosen:
        raise UnknownBrand(code=code, known=", ".join(brand.code for brand in brands))
    return chosen[0]


def _kept(file: BinaryIO, digest: hashlib._Hash) -> str:
    """Store the file under the hash of its content, once; `digest` learns the content."""
    own = hashlib.sha256()
    while block := file.read(BLOCK):
        own.update(block)
    digest.update(own.digest())
    name = f"{FOLDER}/{own.hexdigest()}.csv"
    file.seek(0)
    if not default_storage.exists(name):
        default_storage.save(name, File(file))
    return name
