"""Messages that commit with what they tell of, and the relay that hands them over, at least once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Q

from backoffice.models import OutboxMessage
from backoffice.outbox_handlers import Envelope, Handler, handler_for, listening
from backoffice.services.locks import one_at_a_time
from backoffice.services.transports import Transport, transport

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(hours=1)
# The column is a smallint; a message that fails for years must not fail on counting.
MOST_ATTEMPTS = 32_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one pass did. `seen` below the limit means that nothing else is waiting."""

    seen: int
    sent: int
    failed: int


def publish(*, topic: str, subject_id: int, payload: Mapping[str, Any]) -> None:
    """Queue one message about one happening; a second one for the same (topic, subject) changes nothing.

    Raises RuntimeError outside a transaction: a message must commit together with what it tells of.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("publish belongs into the transaction of the fact that it tells of")
    message = OutboxMessage(topic=topic, subject_id=subject_id, payload=dict(payload))
    OutboxMessage.objects.bulk_create([message], ignore_conflicts=True)


def relay(*, now: datetime, limit: int = 500) -> Relayed:
    """Hand over up to `limit` waiting messages, oldest first, in one transaction.

    Messages are found by their flag, never by the last id: ids commit out of order. One that fails is tried
    again later, at growing distances, and does not stand in the way of the others. A crash before the commit
    sends the batch again. While another relay works this one does nothing, so that order is kept.
    """
    with one_at_a_time("relay_outbox") as mine:
        if not mine:
            return Relayed(0, 0, 0)
        due = Q(retry_at=None) | Q(retry_at__lte=now)
        waiting = OutboxMessage.objects.filter(due, sent_at=None).order_by("id")
        messages = list(waiting.select_for_update(skip_locked=True)[:limit])
        sent = _send(messages, now)
        OutboxMessage.objects.filter(pk__in=sent).update(sent_at=now)
        return Relayed(len(messages), len(sent), len(messages) - len(sent))


def drain(*, clock: Callable[[], datetime], limit: int = 500, most_batches: int = 20) -> Relayed:
    """Relay batch after batch until nothing waits, at most `most_batches` of them. Returns the sums."""
    seen = sent = failed = 0
    for _batch in range(most_batches):
        done = relay(now=clock(), limit=limit)
        seen, sent, failed = seen + done.seen, sent + done.sent, failed + done.failed
        if done.seen < limit:
            break
    return Relayed(seen, sent, failed)


def _send(messages: list[OutboxMessage], now: datetime) -> list[int]:
    """Ids of the messages that got out. The transport's share counts only once its batch is closed."""
    handled: list[int] = []
    carried: list[OutboxMessage] = []
    port = transport()
    hearing = listening() if messages else []
    for message in messages:
        handler = handler_for(message.topic)
        if hearing and not _attempt(message, now, _heard_by(hearing)):
            continue
        if handler is None:
            if _attempt(message, now, port.send):
                carried.append(message)
        elif _attempt(message, now, _undone_on_failure(handler)):
            handled.append(message.pk)
    return handled + _close(port, carried, now)


def _heard_by(listeners: list[Handler]) -> Handler:
    """Whoever listens has heard of a message before it is gone; hearing it twice changes nothing."""

    def hear(envelope: Envelope) -> None:
        with transaction.atomic():
            for listener in listeners:
                listener(envelope)

    return hear


def _close(port: Transport, carried: list[OutboxMessage], now: datetime) -> list[int]:
    try:
        port.close()
    except OSError as error:
        for message in carried:
            _put_off(message, now, error)
        return []
    return [message.pk for message in carried]


def _undone_on_failure(handler: Handler) -> Handler:
    """A handler may write; what it left half done when it failed must not be committed."""

    def handle(envelope: Envelope) -> None:
        with transaction.atomic():
            handler(envelope)

    return handle


def _attempt(message: OutboxMessage, now: datetime, send: Handler) -> bool:
    envelope = Envelope(message.pk, message.topic, message.subject_id, message.payload, message.created_at)
    try:
        send(envelope)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises, the others' messages go on
        _put_off(message, now, error)
        return False
    return True


def _put_off(message: OutboxMessage, now: datetime, error: Exception) -> None:
    attempts = min(message.attempts + 1, MOST_ATTEMPTS)
    wait = min(FIRST_RETRY * 2 ** min(attempts - 1, 20), LONGEST_RETRY)
    OutboxMessage.objects.filter(pk=message.pk).update(attempts=attempts, retry_at=now + wait)
    log.warning(
        "outbox message not sent", id=message.pk, topic=message.topic, attempts=attempts, error=repr(error)
    )
