"""The service that everybody writes first: the same effects as `points.services.ledger.credit`, by the ORM.

Same columns, keys and foreign keys as ours; the rules live in Python and the row lock in `select_for_update`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction


class NaiveAccount(models.Model):
    member = models.ForeignKey("members.Member", on_delete=models.PROTECT, related_name="+")
    balance = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    last_hash = models.BinaryField(default=bytes(32))

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return str(self.pk)


class NaiveEntry(models.Model):
    account = models.ForeignKey(NaiveAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    member = models.ForeignKey(
        "members.Member", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=15)
    points = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    debt_delta = models.BigIntegerField()
    source_type = models.CharField(max_length=32)
    source_id = models.CharField(max_length=64)
    actor_type = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=64)
    explanation = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    prev_hash = models.BinaryField()
    row_hash = models.BinaryField()

    class Meta:
        app_label = "bench"
        constraints = [
            models.UniqueConstraint(fields=["account", "seq"], name="naive_number_once"),
            models.UniqueConstraint(
                fields=["source_type", "source_id", "kind", "account"], name="naive_one_effect"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class NaiveLot(models.Model):
    entry = models.OneToOneField(NaiveEntry, on_delete=models.PROTECT, primary_key=True, related_name="+")
    account = models.ForeignKey(NaiveAccount, on_delete=models.PROTECT, db_index=False, related_name="+")
    original = models.BigIntegerField()
    remaining = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "bench"
        indexes = [models.Index(fields=["account", "expires_at", "entry"], name="naive_lot_live")]

    def __str__(self) -> str:
        return str(self.pk)


class NaiveMessage(models.Model):
    topic = models.CharField(max_length=64)
    subject_id = models.BigIntegerField()
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "bench"
        constraints = [models.UniqueConstraint(fields=["topic", "subject_id"], name="naive_outbox_once")]

    def __str__(self) -> str:
        return str(self.pk)


TABLES = (NaiveAccount, NaiveEntry, NaiveLot, NaiveMessage)


def create_tables() -> None:
    with connection.schema_editor() as editor:
        for model in TABLES:
            editor.create_model(model)


@transaction.atomic
def earn(
    *,
    account_id: int,
    points: int,
    source_type: str,
    source_id: str,
    actor: tuple[str, str],
    explanation: dict[str, Any],
    expires_at: datetime,
    now: datetime,
) -> NaiveEntry:
    """Give points, once per source. Raises PermissionError for a member who is not served."""
    account = NaiveAccount.objects.select_for_update(of=("self",)).select_related("member").get(pk=account_id)
    known = NaiveEntry.objects.filter(
        source_type=source_type, source_id=source_id, kind="earn", account=account
    ).first()
    if known:
        return known
    if account.member.status != "active":
        raise PermissionError(account.member.status)
    pays = min(account.debt, points)
    before = bytes(account.last_hash)
    text = f"{before.hex()}{account.pk}earn{points}{source_type}{source_id}"
    account.seq += 1
    account.balance += points - pays
    account.debt -= pays
    account.last_hash = hashlib.sha256(text.encode()).digest()
    entry = NaiveEntry.objects.create(
        account=account, member_id=account.member_id, seq=account.seq, kind="earn", points=points,
        balance_after=account.balance - account.debt, debt_delta=-pays, source_type=source_type,
        source_id=source_id, actor_type=actor[0], actor_id=actor[1], explanation=explanation,
        occurred_at=now, created_at=now, prev_hash=before, row_hash=account.last_hash,
    )  # fmt: skip
    if points > pays:
        NaiveLot.objects.create(
            entry=entry, account=account, original=points - pays, remaining=points - pays,
            expires_at=expires_at,
        )  # fmt: skip
    NaiveMessage.objects.create(topic="points.entry", subject_id=entry.pk, created_at=now)
    account.save()
    return entry
