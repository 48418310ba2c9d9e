"""Celery's doors to the campaigns. Safe twice: two schedulers run during a deployment."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from campaigns.services import confirming


@shared_task
def confirm_due() -> None:
    """After each Taipei midnight: a job that turns waiting points whose time has come into entries (S87)."""
    confirming.start(now=timezone.now())
