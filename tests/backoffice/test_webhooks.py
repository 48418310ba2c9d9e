"""Webhooks: who hears of what, where they may go, how they are signed, what happens when nobody answers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from backoffice import alarm_kinds
from backoffice.actors import Actor
from backoffice.choices import WebhookEvent
from backoffice.errors import DeliveryNotDead, WebhookAddressWrong
from backoffice.models import Alarm, AuditEvent, OutboxMessage, WebhookDelivery
from backoffice.services import outbox
from backoffice.services.webhooks import addresses, sending, subscriptions
from members.models import Member
from members.services.standing import freeze
from points.services import ledger
from tests.factories.backoffice import BrandFactory
from tests.factories.members import MemberFactory
from tests.factories.points import AccountFactory, ProgramFactory, context, fresh, give

pytestmark = pytest.mark.django_db
HOUSE = Actor.job("test")
EVERYTHING = list(WebhookEvent)


class Receiver:
    """A server of somebody else, on this machine: what came in, and what it answers."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.seen.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Door)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?a=1"

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _headers, body in self.seen]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    made = Receiver()
    yield made
    made.close()


def subscribe(url: str, **values: Any) -> subscriptions.Subscribed:
    told = {"name": "partner", "url": url, "events": EVERYTHING, "brand": None, "actor": HOUSE}
    return subscriptions.subscribe(**(told | {"now": timezone.now()} | values))


def send(at: datetime | None = None) -> sending.Sent:
    outbox.relay(now=timezone.now())
    return sending.send_due(clock=lambda: at or timezone.now())


def test_an_entry_is_told_signed_and_once(receiver: Receiver) -> None:
    told = subscribe(receiver.url)
    account = AccountFactory()
    give(account, 100, now=timezone.now())
    send()
    send()
    headers, body = next(item for item in receiver.seen if b"points.changed" in item[1])
    event = Webhook(told.secret).verify(body, headers)
    assert event["type"] == "points.changed" and event["data"]["points"] == 100
    assert event["data"]["balance_after"] == 100 and event["data"]["member"] == account.member_id
    assert [kind["type"] for kind in receiver.events()].count("points.changed") == 1
    assert headers["webhook-id"] == event["id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(told.secret).verify(body + b" ", headers)
    assert told.subscription.nonce not in told.secret and "whsec_" in told.secret


@pytest.mark.parametrize("host", ["a..b.example", "a" * 64 + ".example"])
def test_a_name_that_cannot_be_stops_no_other_receiver(receiver: Receiver, host: str) -> None:
    with pytest.raises(WebhookAddressWrong):
        subscribe(f"https://{host}/")
    # One that was kept before names were looked at, and stands first.
    wrong = subscribe("https://a.example/").subscription
    type(wrong).objects.filter(pk=wrong.pk).update(url=f"https://{host}/")
    subscribe(receiver.url)
    give(AccountFactory(), 100, now=timezone.now())
    send()
    assert "points.changed" in [event["type"] for event in receiver.events()]
    assert "webhook_address_wrong" in WebhookDelivery.objects.filter(subscription=wrong).earliest("pk").error


def test_a_changed_member_is_told_without_naming_him(receiver: Receiver) -> None:
    subscribe(receiver.url, events=[WebhookEvent.MEMBER_CHANGED])
    member = MemberFactory(name="王小明", phone="+886912345678")
    freeze(member=member, reason="lost", actor=HOUSE, now=timezone.now())
    send()
    assert [event["data"]["status"] for event in receiver.events()] == ["active", "frozen"]
    assert not [body for _headers, body in receiver.seen if "王".encode() in body or b"912345678" in body]


def test_nobody_subscribed_means_no_messages_about_members() -> None:
    MemberFactory()
    assert not OutboxMessage.objects.filter(topic="members.changed").exists()


def test_the_end_of_a_hold_is_told_however_it_ended(receiver: Receiver) -> None:
    subscribe(receiver.url, events=[WebhookEvent.HOLD_ENDED])
    account = AccountFactory()
    now = timezone.now()
    give(account, 300, now=now)
    held = [
        ledger.hold(
            account_id=account.pk, points=100, source=fresh("hold"), expires_at=now + timedelta(minutes=5),
            context=context(now=now),
        ).hold_id
        for _ in range(3)
    ]  # fmt: skip
    ledger.capture(hold_id=held[0], points=60, source=fresh("bill"), context=context(now=now))
    ledger.release(hold_id=held[1], status="voided", context=context(now=now))
    ledger.release(hold_id=held[2], status="expired", context=context(now=now + timedelta(minutes=6)))
    send(now + timedelta(minutes=7))
    ends = [(event["data"]["status"], event["data"]["spent"]) for event in receiver.events()]
    assert ends == [("captured", 60), ("voided", 0), ("expired", 0)]


def test_a_brand_hears_of_the_group_and_of_itself_only(receiver: Receiver) -> None:
    mine, other = BrandFactory(), BrandFactory()
    subscribe(receiver.url, brand=mine, events=[WebhookEvent.POINTS_CHANGED])
    wanted = [
        AccountFactory(),
        AccountFactory(member=MemberFactory(brand=mine), program=ProgramFactory(brand=mine)),
    ]
    unwanted = [
        AccountFactory(member=MemberFactory(brand=other)),
        AccountFactory(program=ProgramFactory(brand=other)),
        AccountFactory(member=MemberFactory(brand=mine), program=ProgramFactory(brand=other)),
    ]
    for account in wanted + unwanted:
        give(account, 10, now=timezone.now())
    send()
    heard = {event["data"]["member"] for event in receiver.events()}
    assert heard == {account.member_id for account in wanted}


def test_what_fails_is_tried_again_and_the_subjects_order_is_kept(receiver: Receiver) -> None:
    subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    first, second = AccountFactory(), AccountFactory()
    receiver.answers = [500]
    for points in (1, 2, 3):
        give(first, points, now=timezone.now())
    give(second, 9, now=timezone.now())
    now = timezone.now()
    assert send(now).failed == 1
    assert send(now + timedelta(seconds=4)).sent == 1
    assert send(now + timedelta(seconds=6)).sent == 3
    heard = [(event["data"]["member"], event["data"]["points"]) for event in receiver.events()]
    assert heard == [
        (first.member_id, 1), (second.member_id, 9), (first.member_id, 1), (first.member_id, 2),
        (first.member_id, 3),
    ]  # fmt: skip


def test_after_three_days_it_is_a_dead_letter_that_can_be_sent_again(receiver: Receiver) -> None:
    told = subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    give(AccountFactory(), 5, now=timezone.now())
    start = now = timezone.now()
    receiver.answers = [503] * 200
    gaps, tries = [], 0
    while now < start + timedelta(hours=80):
        if send(now).failed:
            tries += 1
        row = WebhookDelivery.objects.get()
        if row.state == "dead":
            break
        gaps.append(row.due_at - now)
        now = row.due_at
    assert row.state == "dead" and timedelta(hours=71.99) <= now - start < timedelta(hours=73)
    assert gaps[:-1] == sorted(gaps[:-1]) and 10 < tries < 40
    receiver.answers = []
    subscriptions.resend(delivery_id=row.pk, actor=HOUSE, now=now)
    with pytest.raises(DeliveryNotDead):
        subscriptions.resend(delivery_id=row.pk, actor=HOUSE, now=now)
    assert send(now).sent == 1
    assert AuditEvent.objects.filter(action="webhook.resend").count() == 1
    assert len({body for _headers, body in receiver.seen}) == 1
    assert len({headers["webhook-id"] for headers, _body in receiver.seen}) == 1
    Webhook(told.secret)


def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver) -> None:
    subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    give(AccountFactory(), 5, now=timezone.now())
    receiver.answers = [302]
    assert send().failed == 1 and len(receiver.seen) == 1
    assert WebhookDelivery.objects.get().error == "HTTP 302"


def test_a_receiver_that_does_not_answer_does_not_stop_the_others(receiver: Receiver) -> None:
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    subscribe(f"http://127.0.0.1:{dead.getsockname()[1]}/", events=[WebhookEvent.POINTS_CHANGED])
    subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    for _ in range(3):
        give(AccountFactory(), 5, now=timezone.now())
    done = send()
    dead.close()
    assert (done.sent, done.failed) == (3, 1) and len(receiver.seen) == 3


def test_a_slow_receiver_keeps_only_itself_waiting(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow one answers only when the other has heard everything: in a row, neither would end."""
    slow = subscribe(f"{receiver.url}&slow=1", events=[WebhookEvent.POINTS_CHANGED]).subscription
    subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    all_heard, plain = threading.Event(), sending._post
    heard: list[int] = []

    def post(target: addresses.Target, delivery: WebhookDelivery, now: datetime) -> int:
        if delivery.subscription_id == slow.pk:
            return 204 if all_heard.wait(20) else 504
        heard.append(delivery.pk)
        if len(heard) == 5:
            all_heard.set()
        return plain(target, delivery, now)

    monkeypatch.setattr(sending, "_post", post)
    for _ in range(5):
        give(AccountFactory(), 10, now=timezone.now())
    done = send()
    assert (done.sent, done.failed) == (10, 0)
    assert not WebhookDelivery.objects.exclude(state="sent").exists()


def test_never_more_at_once_than_the_bound_and_one_for_a_receiver(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "AT_ONCE", 3)
    for _ in range(6):
        subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    give(AccountFactory(), 10, now=timezone.now())
    give(AccountFactory(), 10, now=timezone.now())
    # Each of the twelve waits until three are under way: with fewer at once, nobody would get through.
    lock, three, now_there, most = threading.Lock(), threading.Barrier(3), list[int](), list[int]()

    def post(_target: addresses.Target, delivery: WebhookDelivery, _now: datetime) -> int:
        with lock:
            now_there.append(delivery.subscription_id)
            most.append(len(now_there))
            assert len(set(now_there)) == len(now_there), "two deliveries to one receiver at once"
        three.wait(20)
        with lock:
            now_there.remove(delivery.subscription_id)
        return 204

    monkeypatch.setattr(sending, "_post", post)
    assert send().sent == 12
    assert max(most) == 3


def test_a_dead_letter_raises_one_alarm_a_day(receiver: Receiver) -> None:
    told = subscribe(receiver.url, name="partner-7", events=[WebhookEvent.POINTS_CHANGED]).subscription
    for _ in range(2):
        give(AccountFactory(), 10, now=timezone.now())
    receiver.answers = [500] * 100
    late = timezone.now() + timedelta(hours=73)
    outbox.relay(now=timezone.now())
    for _ in range(2):
        sending.send_due(clock=lambda: late)
    assert WebhookDelivery.objects.filter(state="dead").count() == 2
    alarm = Alarm.objects.get(kind=sending.DEAD_ALARM)
    assert (alarm.subject, alarm.facts["receiver"], alarm.facts["error"]) == (
        "partner-7",
        told.pk,
        "HTTP 500",
    )
    assert "72 hours: HTTP 500" in alarm_kinds.named(alarm.kind).told(alarm.facts)


def test_a_receiver_that_was_ended_hears_nothing_more(receiver: Receiver) -> None:
    told = subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    give(AccountFactory(), 5, now=timezone.now())
    outbox.relay(now=timezone.now())
    for _ in range(2):
        subscriptions.end(
            subscription_id=told.subscription.pk, reason="over", actor=HOUSE, now=timezone.now()
        )
    give(AccountFactory(), 6, now=timezone.now())
    assert send().sent == 0 and not receiver.seen
    assert AuditEvent.objects.filter(action="webhook.end").count() == 1
    with pytest.raises(DeliveryNotDead):
        subscriptions.resend(delivery_id=WebhookDelivery.objects.get().pk, actor=HOUSE, now=timezone.now())


def test_an_earlier_house_secret_still_signs(receiver: Receiver, settings: Any) -> None:
    told = subscribe(receiver.url, events=[WebhookEvent.POINTS_CHANGED])
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-secret" * 5
    give(AccountFactory(), 5, now=timezone.now())
    send()
    headers, body = receiver.seen[0]
    assert Webhook(told.secret).verify(body, headers)["type"] == "points.changed"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://", "https://user@example.com/",
        "https://user:pw@example.com/", "https://example.com/#part", "https://example.com:22/", "example.com",
        "https://exa mple.com/", "https://例.com/", "https://example.com:99999/", "https://[::1",
        "https://example.com/" + "a" * 500,
    ],
)  # fmt: skip
def test_t25_addresses_that_are_none(url: str) -> None:
    with pytest.raises(WebhookAddressWrong):
        subscribe(url)


@pytest.mark.parametrize(
    "answer",
    [
        "127.0.0.1", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255",
        "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "2002:7f00:0001::", "::", "192.0.2.1",
    ],
)  # fmt: skip
def test_t25_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    def named(*_args: Any, **_more: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", (answer, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", named)
    with pytest.raises(WebhookAddressWrong):
        addresses.resolved("https://example.com/hook")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "127.1", "localhost", "[::1]", "[::ffff:7f00:1]"]
)
def test_t25_other_spellings_of_this_machine(host: str) -> None:
    with pytest.raises((WebhookAddressWrong, OSError)):
        addresses.resolved(f"https://{host}/")


def test_t25_the_name_is_looked_up_once_and_the_judged_address_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []

    def rebinding(host: str, *_args: Any, **_more: Any) -> list[Any]:
        looked.append(host)
        return [(2, 1, 6, "", ("93.184.216.34" if len(looked) == 1 else "127.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    target = addresses.resolved("https://example.com/hook?a=1")
    assert target.url == "https://93.184.216.34:443/hook?a=1" and target.host_header == "example.com"
    assert looked == ["example.com"]


def test_a_failing_listener_keeps_the_message(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    from backoffice import webhook_events

    subscribe(receiver.url)
    give(AccountFactory(), 5, now=timezone.now())

    def broken(_envelope: Any) -> None:
        raise ValueError

    monkeypatch.setitem(webhook_events._translators, "points.entry", broken)
    outbox.relay(now=timezone.now())
    assert OutboxMessage.objects.get(topic="points.entry").sent_at is None
    assert Member.objects.exists()
