"""Celery's doors to the campaigns. Safe twice: two schedulers run during a deployment."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from backoffice.actors import Actor
from campaigns.services import confirming
from campaigns.services.tills import returns


@shared_task
def confirm_due() -> None:
    """After each Taipei midnight: a job that turns waiting points whose time has come into entries (S87)."""
    confirming.start(now=timezone.now())


@shared_task
def apply_parked_returns() -> None:
    """Returns that wait for a receipt which is there."""
    returns.sweep_parked(actor=Actor.job("campaigns.parked_returns"), now=timezone.now())
