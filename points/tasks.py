"""Celery's doors to the ledger's routine. Each is safe twice: two schedulers run during a deployment."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from points.services import proofs, routine

# Ten million entries take minutes; more than the usual limit, less than the broker's hour of patience.
PROOF_SECONDS = 3000


@shared_task
def settle_holds() -> None:
    """Each minute: holds whose time is over end (I23)."""
    routine.settle_holds(now=timezone.now())


@shared_task
def announce_expiry() -> None:
    """Each morning: members are told what will lapse (N10)."""
    routine.announce_expiry(now=timezone.now())


@shared_task
def start_expiry() -> None:
    """After each Taipei midnight: a job that empties what has lapsed (I17)."""
    routine.start_expiry(now=timezone.now())


@shared_task(soft_time_limit=PROOF_SECONDS, time_limit=PROOF_SECONDS + 60)
def prove_books() -> None:
    """Each night: all books replayed, the result kept for the dashboard (N26)."""
    proofs.prove_and_store(now=timezone.now())


@shared_task
def fold_totals() -> None:
    """Each hour: the ledger added up for overview and reports, once a day or when much has come."""
    routine.fold_totals(now=timezone.now())


@shared_task
def watch_inflation() -> None:
    """Each night: programs that issue far more points than are redeemed are marked (S100)."""
    routine.watch_inflation(now=timezone.now())
