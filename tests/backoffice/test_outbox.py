from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import transaction

from backoffice import outbox_handlers
from backoffice.models import Heartbeat, OutboxMessage
from backoffice.outbox_handlers import Envelope
from backoffice.selectors import OUTBOX_DEADLINE, outbox_overdue
from backoffice.services import outbox

NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[int]]:
    """The subjects that reached the file, in order."""
    path = tmp_path / "outbox.jsonl"
    monkeypatch.setattr(settings, "OUTBOX_TRANSPORT", "file")
    monkeypatch.setattr(settings, "OUTBOX_FILE", str(path))

    def read() -> list[int]:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line)["subject_id"] for line in lines]

    return read


@pytest.fixture
def handled() -> Iterator[Callable[[str, outbox_handlers.Handler], None]]:
    topics: list[str] = []

    def register(topic: str, handler: outbox_handlers.Handler) -> None:
        outbox_handlers.register(topic, handler)
        topics.append(topic)

    yield register
    for topic in topics:
        outbox_handlers.unregister(topic)


def publish(count: int, topic: str = "points.entry") -> None:
    with transaction.atomic():
        for number in range(count):
            outbox.publish(topic=topic, subject_id=number, payload={"note": "點數", "number": number})


@pytest.mark.django_db
def test_messages_leave_once_in_order(letters: Callable[[], list[int]]) -> None:
    publish(3)
    publish(3)
    assert outbox.relay(now=NOW, limit=2) == outbox.Relayed(seen=2, sent=2, failed=0)
    assert letters() == [0, 1]
    assert outbox.drain(clock=lambda: NOW) == outbox.Relayed(seen=1, sent=1, failed=0)
    assert outbox.relay(now=NOW).seen == 0
    assert letters() == [0, 1, 2]
    assert not OutboxMessage.objects.filter(sent_at=None).exists()


@pytest.mark.django_db
def test_a_failing_message_is_put_off_and_blocks_nobody(
    letters: Callable[[], list[int]], handled: Callable[..., None]
) -> None:
    def refuse_the_first(message: Envelope) -> None:
        Heartbeat.objects.create(name=f"half done {message.subject_id}", at=NOW)
        if message.subject_id == 0:
            raise OSError("gateway down")

    handled("sms", refuse_the_first)
    publish(3, "sms.otp")
    publish(1)
    assert outbox.relay(now=NOW) == outbox.Relayed(seen=4, sent=3, failed=1)
    assert letters() == [0]
    # What the failing one wrote is gone, what the others wrote is there.
    assert Heartbeat.objects.count() == 2
    first = OutboxMessage.objects.get(topic="sms.otp", subject_id=0)
    assert (first.attempts, first.sent_at) == (1, None)
    assert outbox.relay(now=NOW).seen == 0
    outbox.relay(now=NOW + outbox.FIRST_RETRY)
    first.refresh_from_db()
    assert first.attempts == 2 and first.retry_at == NOW + 3 * outbox.FIRST_RETRY


@pytest.mark.django_db
def test_many_failing_ones_do_not_stand_in_front_of_the_queue(
    letters: Callable[[], list[int]], handled: Callable[..., None]
) -> None:
    def refuse(message: Envelope) -> None:
        raise OSError

    handled("sms", refuse)
    publish(5, "sms")
    publish(1)
    outbox.drain(clock=lambda: NOW, limit=2)
    assert letters() == [0]


@pytest.mark.django_db
def test_a_disk_that_fails_marks_nothing_as_sent(
    letters: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from backoffice.services import transports

    def full(_descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(transports.os, "fsync", full)
    publish(2)
    assert outbox.relay(now=NOW) == outbox.Relayed(seen=2, sent=0, failed=2)
    monkeypatch.undo()
    assert OutboxMessage.objects.filter(sent_at=None, attempts=1).count() == 2


@pytest.mark.django_db
def test_the_closest_topic_has_the_handler(handled: Callable[..., None]) -> None:
    seen: list[str] = []
    handled("sms", lambda message: seen.append("sms"))
    handled("sms.otp", lambda message: seen.append("otp"))
    for topic in ("sms.otp", "sms.otp.urgent", "sms.news"):
        publish(1, topic)
    publish(1, "smsx")
    outbox.relay(now=NOW)
    assert seen == ["otp", "otp", "sms"]
    with pytest.raises(ValueError, match="sms"):
        outbox_handlers.register("sms", lambda message: None)


@pytest.mark.django_db(transaction=True)
def test_publishing_belongs_into_a_transaction() -> None:
    with pytest.raises(RuntimeError):
        outbox.publish(topic="x", subject_id=1, payload={})


@pytest.mark.django_db
def test_overdue_messages_raise_the_alarm() -> None:
    publish(1)
    created = OutboxMessage.objects.get().created_at
    assert not outbox_overdue(created + OUTBOX_DEADLINE).exists()
    late = created + OUTBOX_DEADLINE + timedelta(seconds=1)
    assert [message.subject_id for message in outbox_overdue(late)] == [0]
    outbox.relay(now=late)
    assert not outbox_overdue(late).exists()


@pytest.mark.django_db
def test_an_unknown_transport_is_a_mistake_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "OUTBOX_TRANSPORT", "pigeon")
    with pytest.raises(ImproperlyConfigured):
        outbox.relay(now=NOW)


@pytest.mark.django_db
def test_the_command(letters: Callable[[], list[int]]) -> None:
    publish(2)
    out = io.StringIO()
    call_command("relay_outbox", "--once", stdout=out)
    assert "2 sent, 0 failed" in out.getvalue()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_relays_at_once_send_every_message_once(
    letters: Callable[[], list[int]], together: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    publish(50)
    answers = together([lambda: outbox.relay(now=NOW)] * 4)
    assert sum(answer.sent for answer in answers) == 50
    assert letters() == list(range(50))
    # Control: without lock and flag, everybody sends everything.
    waiting = list(OutboxMessage.objects.order_by("id"))
    together([lambda: outbox._send(waiting, NOW)] * 2)
    assert len(letters()) == 150


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_relay_that_dies_before_its_commit_sends_again(letters: Callable[[], list[int]]) -> None:
    publish(2)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        outbox.relay(now=NOW)
        raise KeyboardInterrupt
    outbox.relay(now=NOW)
    assert letters() == [0, 1, 0, 1]
