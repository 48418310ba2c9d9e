"""On the way: signed by the Standard Webhooks specification, in order for each subject, tried for three days.

No transaction is open while a receiver is spoken to: a delivery is taken by a lease, sent, and its end
written
down afterwards. A process that dies in between sends it again; the receiver knows it by `webhook-id`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from django.db import connection, transaction
from standardwebhooks.webhooks import Webhook

from backoffice.actors import Actor
from backoffice.choices import DeliveryState
from backoffice.errors import WebhookAddressWrong
from backoffice.models import WebhookDelivery
from backoffice.services.alarms import raise_alarm
from backoffice.services.webhooks.addresses import Target, resolved
from backoffice.services.webhooks.subscriptions import signing_secrets

TIMEOUT = httpx.Timeout(5.0, connect=3.0)
LEASE = timedelta(seconds=60)
HOURS = 72
GIVE_UP_AFTER = timedelta(hours=HOURS)
# Receivers that are spoken to at the same time.
AT_ONCE = 8
DEAD_ALARM = "backoffice.webhook_dead"
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=5), timedelta(hours=6)
# In one pass; a receiver that fails waits for the next one.
MOST_A_PASS = 500
LONGEST_PASS = timedelta(seconds=40)
MOST_ATTEMPTS = 32_000
# Of an answer, nothing but its status is read.
OK = range(200, 300)
Outcome = tuple[int | None, str]

# The first waiting delivery of each subject, where it is due and nobody has it.
TAKE_SQL = """
WITH first AS (
    SELECT DISTINCT ON (subscription_id, subject) id, due_at, locked_until, subscription_id
    FROM backoffice_webhookdelivery
    WHERE state = 'waiting' AND NOT subscription_id = ANY (%(failed)s)
    ORDER BY subscription_id, subject, id
), chosen AS (
    SELECT d.id FROM backoffice_webhookdelivery d JOIN first f ON f.id = d.id
    WHERE f.due_at <= %(now)s AND (f.locked_until IS NULL OR f.locked_until <= %(now)s)
    ORDER BY d.due_at, d.id LIMIT 1
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE backoffice_webhookdelivery d SET locked_until = %(until)s
FROM chosen c WHERE d.id = c.id AND d.state = 'waiting' RETURNING d.id
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """What one pass did."""

    sent: int
    failed: int


def send_due(*, clock: Callable[[], datetime]) -> Sent:
    """Send what is due, each subject in its order. Safe beside another pass.

    At most AT_ONCE receivers are spoken to at the same time, each about one delivery: one that is slow keeps
    only itself waiting. The database is this thread's alone.
    """
    start = clock()
    sent, failed = 0, set[int]()
    spoken_to: dict[Future[Outcome], tuple[WebhookDelivery, datetime]] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        for _turn in range(MOST_A_PASS):
            while len(spoken_to) < AT_ONCE and (now := clock()) - start <= LONGEST_PASS:
                busy = {delivery.subscription_id for delivery, _now in spoken_to.values()}
                delivery = _taken(now, failed | busy)
                if delivery is None:
                    break
                spoken_to[pool.submit(_spoken, delivery, now)] = (delivery, now)
            if not spoken_to:
                break
            for done in wait(spoken_to, return_when=FIRST_COMPLETED).done:
                delivery, now = spoken_to.pop(done)
                status, error = done.result()
                _write_down(delivery, now, status, error)
                if error:
                    failed.add(delivery.subscription_id)
                else:
                    sent += 1
    return Sent(sent, len(failed))


def _taken(now: datetime, failed: set[int]) -> WebhookDelivery | None:
    with connection.cursor() as cursor:
        cursor.execute(TAKE_SQL, {"now": now, "until": now + LEASE, "failed": list(failed)})
        row = cursor.fetchone()
    return WebhookDelivery.objects.select_related("subscription").get(pk=row[0]) if row else None


def _spoken(delivery: WebhookDelivery, now: datetime) -> Outcome:
    """The status of the receiver's answer, and why it did not take it ("": it did). Touches no database."""
    status: int | None = None
    error = ""
    try:
        status = _post(resolved(delivery.subscription.url), delivery, now)
        if status not in OK:
            error = f"HTTP {status}"
    except WebhookAddressWrong as refusal:
        error = f"{refusal.code}: {refusal.details.get('why', '')}"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
        error = type(problem).__name__
    return status, error


def _post(target: Target, delivery: WebhookDelivery, now: datetime) -> int:
    """Speak to the address that was judged, under the name that its certificate has to have. No redirects."""
    headers = {
        "Host": target.host_header,
        "Content-Type": "application/json",
        "User-Agent": "Shuke-Webhooks/1",
        **_signature(delivery, now),
    }
    with (
        httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
        client.stream(
            "POST",
            target.url,
            content=delivery.body.encode(),
            headers=headers,
            extensions={"sni_hostname": target.host},
        ) as response,
    ):
        return response.status_code


def _signature(delivery: WebhookDelivery, now: datetime) -> dict[str, str]:
    """Signed with every secret of ours that the receiver may have been shown: the header takes several."""
    number = f"evt_{delivery.message_id}"
    signed = [
        Webhook(secret).sign(number, now, delivery.body) for secret in signing_secrets(delivery.subscription)
    ]
    return {
        "webhook-id": number,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def _write_down(delivery: WebhookDelivery, now: datetime, status: int | None, error: str) -> None:
    attempts = min(delivery.attempts + 1, MOST_ATTEMPTS)
    values: dict[str, Any] = {
        "attempts": attempts,
        "answer_status": status,
        "error": error[:200],
        "locked_until": None,
    }
    if not error:
        values |= {"state": DeliveryState.SENT, "sent_at": now}
    elif now - delivery.retried_since >= GIVE_UP_AFTER:
        values |= {"state": DeliveryState.DEAD}
    else:
        pause = min(FIRST_RETRY * 3 ** min(attempts - 1, 12), LONGEST_RETRY)
        # The last attempt is made when the three days are over, not hours later.
        values |= {"due_at": min(now + pause, max(delivery.retried_since + GIVE_UP_AFTER, now + FIRST_RETRY))}
    rows = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING)
    with transaction.atomic():
        if rows.update(**values) and values.get("state") == DeliveryState.DEAD:
            _alarm(delivery, error, now)
    if error:
        log.warning("webhook not delivered", delivery=delivery.pk, attempts=attempts, error=error)


def _alarm(delivery: WebhookDelivery, error: str, now: datetime) -> None:
    """Once a day for a receiver: somebody finds out why nobody answers there, and sends again what died."""
    receiver = delivery.subscription
    raise_alarm(
        kind=DEAD_ALARM,
        subject=receiver.name,
        facts={"receiver": receiver.pk, "event": delivery.event, "hours": HOURS, "error": error[:80]},
        key=f"{DEAD_ALARM}:{receiver.pk}:{now.date().isoformat()}",
        actor=Actor.job("webhooks"),
        now=now,
    )
