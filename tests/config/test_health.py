"""What a load balancer, Prometheus and the person on duty get to see."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import doctor, health
from config.doctor import machine
from config.doctor.findings import Finding


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An installation on which all is well; a test spoils one part."""
    state = {"database": "up", "broker": "up", "scheduler": "fresh"}
    pending: list[str] = []
    monkeypatch.setattr(health, "database_state", lambda: state["database"])
    monkeypatch.setattr(health, "broker_state", lambda: state["broker"])
    monkeypatch.setattr(health, "heartbeat_state", lambda _now: state["scheduler"])
    monkeypatch.setattr(
        health, "unapplied_migrations", lambda: ["points.0002"] if "pending" in state else pending
    )
    return state


def test_live_without_a_database(client: Client) -> None:
    # pytest-django would refuse a query here.
    assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("spoilt", "status", "says"),
    [
        ({}, 200, "ok"),
        ({"broker": "down"}, 200, "degraded"),
        ({"scheduler": "stale"}, 200, "degraded"),
        ({"scheduler": "never"}, 200, "degraded"),
        ({"database": "down"}, 503, "unavailable"),
        ({"pending": "yes"}, 503, "unavailable"),
    ],
)
def test_only_database_and_schema_stop_traffic(
    client: Client, parts: dict[str, str], spoilt: dict[str, str], status: int, says: str
) -> None:
    parts.update(spoilt)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (status, says)
    assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)
    for name in ("broker", "scheduler"):
        if name in spoilt:
            assert answer.json()[name] == spoilt[name]


@pytest.mark.django_db
def test_ready_on_the_real_database(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["migrations"] == "applied"


@pytest.mark.django_db
def test_heartbeat_ages() -> None:
    from backoffice.models import Heartbeat

    now = timezone.now()
    Heartbeat.objects.all().delete()
    assert health.heartbeat_state(now) == "never"
    Heartbeat.objects.create(name="test", at=now - timedelta(minutes=6))
    assert health.heartbeat_state(now) == "stale"
    Heartbeat.objects.update(at=now - timedelta(minutes=5))
    assert health.heartbeat_state(now) == "fresh"


def test_broker_that_is_not_there(tmp_path: Path) -> None:
    assert health.broker_state(f"redis+socket://{tmp_path}/none.sock") == "down"
    assert health.broker_state("redis://127.0.0.1:1/0") == "down"
    assert health.broker_state("memory://") == "memory"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "debug", "header", "status"),
    [
        ("", False, None, 404),
        ("", False, "Bearer ", 404),
        ("", True, None, 200),
        ("s3cret", True, None, 404),
        ("s3cret", False, "Bearer wrong", 404),
        ("s3cret", False, "s3cret", 404),
        ("s3cret", False, "Bearer s3crét", 404),
        ("s3cret\n", False, "Bearer s3cret", 200),
    ],
)
def test_metrics_need_the_token(
    client: Client, settings: Any, token: str, debug: bool, header: str | None, status: int
) -> None:
    settings.METRICS_TOKEN, settings.DEBUG = token, debug
    answer = client.get("/metrics", headers={"Authorization": header} if header else {})
    assert answer.status_code == status
    assert (b"python_info" in answer.content) == (status == 200)
    # From the rows: alarms are raised by workers, whose counters nobody asks for.
    assert (b"# TYPE shuke_alarms_raised_total counter" in answer.content) == (status == 200)


def _levels(findings: Any) -> dict[str, str]:
    return {finding.name: finding.level for finding in findings}


def test_doctor_goes_on_after_a_broken_examination(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        yield Finding("ok", "first", "")
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(machine, "EXAMINATIONS", {"broken": broken, "python": machine.python})
    monkeypatch.setattr(health, "database_state", lambda: "down")
    found = list(doctor.examine())
    assert [finding.name for finding in found] == ["first", "broken", "python", "database"]
    assert found[1].text == "cannot be examined: two lines"
    assert found[-1].level == "PROBLEM" and "DATABASE_URL" in found[-1].mend


def test_doctor_on_weak_secrets(settings: Any) -> None:
    settings.SECRET_KEY, settings.DEBUG = "django-insecure-" + "x" * 60, True
    settings.SETTINGS_MODULE = "config.settings.production"
    assert _levels(machine.secrets()) == {"SECRET_KEY": "PROBLEM", "DEBUG": "PROBLEM"}
    settings.SETTINGS_MODULE = "config.settings.local"
    assert _levels(machine.secrets()) == {"SECRET_KEY": "warning", "DEBUG": "warning"}


@pytest.mark.django_db
def test_doctor_finds_the_database_sound() -> None:
    levels = _levels(doctor.examine())
    for name in ("server", "durability", "migrations", "role shuke_app", "app role", "points_entry"):
        assert levels[name] == "ok", name
