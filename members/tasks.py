"""Celery's doors to the routine of members. Each reads the clock and makes one call."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from backoffice.actors import Actor
from members.services import cashiers, code_limits, codes


@shared_task
def watch_cashiers() -> None:
    """Each hour: cards that one cashier scans too often within a shift ring an alarm (N4)."""
    cashiers.watch_cashiers(actor=Actor.job("members.cashiers"), now=timezone.now())


@shared_task
def watch_codes() -> None:
    """Each quarter of an hour: codes that nobody enters ring an alarm (T8)."""
    code_limits.watch_codes(now=timezone.now())


@shared_task
def forget_old_codes() -> None:
    """Each night: codes and counters that are over go."""
    codes.forget_old(now=timezone.now())
