"""Answers about the house that doors and alarms ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from backoffice.acts import work_title
from backoffice.choices import ImportState, JobState, Reach
from backoffice.models import (
    Alarm,
    AuditEvent,
    ImportBatch,
    Job,
    LoginEvent,
    Notice,
    OutboxMessage,
    User,
)
from backoffice.roles import NEED_SECOND_FACTOR

if TYPE_CHECKING:
    from django.db.models import Model

# I46: the outbox is empty of anything older than this.
OUTBOX_DEADLINE = timedelta(minutes=15)


def outbox_overdue(now: datetime) -> QuerySet[OutboxMessage]:
    """Messages that should have left long ago, oldest first. Not empty means: call somebody (I46)."""
    return OutboxMessage.objects.filter(sent_at=None, created_at__lt=now - OUTBOX_DEADLINE).order_by("id")


def jobs_failed() -> QuerySet[Job]:
    """Jobs that nobody tries again by himself, newest first."""
    return Job.objects.filter(state=JobState.FAILED).order_by("-id")


def imports_waiting(user: User) -> QuerySet[ImportBatch]:
    """Files that wait for this person: his own that were looked through or refused, and those of others that
    he may approve.
    """
    mine = Q(owner=user, state__in=(ImportState.UNDERSTOOD, ImportState.CHECKED, ImportState.FAILED))
    seen = ImportBatch.objects.visible_to(user)
    if user.has_perm("backoffice.approve_import"):
        hand = Q(owner=user) | Q(confirmer=user) | Q(deciders__contains=[user.pk])
        return seen.filter(mine | (Q(state=ImportState.WAITING) & ~hand))
    return seen.filter(mine)


def imports_over(user: User, now: datetime) -> QuerySet[ImportBatch]:
    """A person's own files of the last week on which something came to its end, latest first."""
    ends = (ImportState.CHECKED, ImportState.APPLIED, ImportState.UNDONE, ImportState.FAILED)
    lately = ImportBatch.objects.filter(owner=user, created_at__gte=now - timedelta(days=7))
    return lately.filter(state__in=ends).order_by("-pk")


def import_rate(kind: str) -> float:
    """Rows a second at which the last imports of a kind were applied; 0 when there were none."""
    jobs = Job.objects.filter(kind="imports.apply", state=JobState.DONE, imports__kind=kind).order_by("-id")[
        :10
    ]
    found = [(job.done, job.busy_ms) for job in jobs]
    busy = sum(ms for _done, ms in found)
    return sum(done for done, _ms in found) * 1000 / busy if busy else 0.0


@dataclass(frozen=True, slots=True)
class JobCount:
    """Jobs of one kind in one state: how many, and the items and milliseconds they worked in all."""

    kind: str
    state: str
    jobs: int
    items: int
    busy_ms: int


def jobs_by_kind() -> list[JobCount]:
    """Every kind and state that there is."""
    rows = Job.objects.order_by().values_list("kind", "state")
    found = rows.annotate(jobs=Count("pk"), items=Sum("done"), ms=Sum("busy_ms")).order_by("kind", "state")
    return [JobCount(*row) for row in found]


def oldest_due_seconds(now: datetime) -> float:
    """How long the job that should have been taken first has waited for a worker; 0 when none waits."""
    waiting = Job.objects.filter(state=JobState.QUEUED, run_at__lte=now).order_by("run_at")
    first = waiting.values_list("run_at", flat=True).first()
    return (now - first).total_seconds() if first else 0.0


def job_owners() -> list[tuple[int, str]]:
    """(id, name) of everybody who ever asked for a job, by name: one step of the index a person, however
    many jobs there are.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE owners AS (
                (SELECT owner_id FROM backoffice_job WHERE owner_id IS NOT NULL ORDER BY owner_id LIMIT 1)
                UNION ALL
                SELECT (SELECT j.owner_id FROM backoffice_job j WHERE j.owner_id > o.owner_id
                        ORDER BY j.owner_id LIMIT 1)
                FROM owners o WHERE o.owner_id IS NOT NULL
            )
            SELECT u.id, coalesce(nullif(u.name, ''), u.username) AS called
            FROM owners o JOIN backoffice_user u ON u.id = o.owner_id ORDER BY called, u.id
            """
        )
        return cursor.fetchall()


def jobs_of(user: User) -> QuerySet[Job]:
    """The jobs that a user may look at: his own, or all of them for those who may see the whole group."""
    if not user.is_active:
        return Job.objects.none()
    if user.reach == Reach.GROUP and user.has_perm("backoffice.view_job"):
        return Job.objects.all()
    return Job.objects.filter(owner=user)


def people_who_may(*permissions: str) -> QuerySet[User]:
    """The people who work here and hold each of these rights ("backoffice.approve_import") by their roles."""
    found = User.objects.filter(is_active=True)
    for permission in permissions:
        app, codename = permission.split(".")
        roles = Permission.objects.filter(content_type__app_label=app, codename=codename).values("group")
        found = found.filter(Q(is_superuser=True) | Q(groups__in=roles))
    return found.distinct()


def approvers_of(batch: ImportBatch) -> QuerySet[User]:
    """Whoever may say yes to this file and sees it: nobody who had a hand in it."""
    reach = Q(reach=Reach.GROUP)
    if batch.brand_id:
        reach |= Q(reach=Reach.BRAND, brand=batch.brand_id)
    people = people_who_may("backoffice.approve_import", "backoffice.view_importbatch")
    return people.filter(reach).exclude(pk__in=batch.hands)


def watchers_of(alarm: Alarm) -> QuerySet[User]:
    """Whoever may acknowledge this alarm: within whose reach it is, and whom it is not about."""
    reach = Q(reach=Reach.GROUP)
    if alarm.store_id is not None:
        reach |= Q(reach=Reach.BRAND, brand__stores=alarm.store_id)
        reach |= Q(reach=Reach.STORES, stores=alarm.store_id)
    people = people_who_may("backoffice.acknowledge_alarm", "backoffice.view_alarm")
    return people.filter(reach).exclude(pk=alarm.about_id or 0)


def unread_notices(user: User) -> QuerySet[Notice]:
    """The notices that the person has not looked at."""
    return Notice.objects.filter(user=user, read_at=None).order_by()


def notices_of(user: User, before: int | None, count: int) -> list[Notice]:
    """The latest `count` notices of a person, or of those that are older than the notice `before`."""
    mine = Notice.objects.filter(user=user).order_by("-pk")
    return list((mine if before is None else mine.filter(pk__lt=before))[:count])


def trail_of(subject: Model) -> QuerySet[AuditEvent]:
    """Everything that was done to one row, newest first."""
    return AuditEvent.objects.filter(
        subject_type=subject._meta.label_lower, subject_id=str(subject.pk)
    ).order_by("-id")


def counted(**rows: QuerySet[Any]) -> dict[str, int]:
    """How many rows each of the querysets has, by its name, in one round trip."""
    parts: list[str] = []
    values: list[Any] = []
    empty = dict.fromkeys(rows, 0)
    names = []
    for name, wanted in rows.items():
        try:
            sql, params = wanted.order_by().values("pk").query.get_compiler(connection=connection).as_sql()
        except EmptyResultSet:
            continue
        names.append(name)
        parts.append(f"(SELECT count(*) FROM ({sql}) counted)")
        values += params
    if not parts:
        return empty
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return empty | dict(zip(names, cursor.fetchone(), strict=True))


def open_alarms(user: User) -> QuerySet[Alarm]:
    """Alarms within the user's reach that nobody has acknowledged; none without the right to see alarms."""
    if not user.has_perm("backoffice.view_alarm"):
        return Alarm.objects.none()
    return Alarm.objects.visible_to(user).open()


def alarms_by_kind() -> list[tuple[str, int, int]]:
    """(kind, raised since the beginning, open now) of every kind that ever rang."""
    rows = Alarm.objects.order_by("kind").values("kind")
    counted = rows.annotate(raised=Count("pk"), waiting=Count("pk", filter=Q(acknowledged_at=None)))
    return [(row["kind"], row["raised"], row["waiting"]) for row in counted]


# --- Who may come in ----------------------------------------------------------------------------------------
def has_second_factor(user: User) -> bool:
    """Whether codes of an app belong to this account; recovery codes alone are no factor."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def needs_second_factor(user: User) -> bool:
    """Whether somebody may work only with a second factor: by what he may do (`roles.NEED_SECOND_FACTOR`)."""
    if not settings.STAFF_SECOND_FACTOR_REQUIRED:
        return False
    return user.is_superuser or not NEED_SECOND_FACTOR.isdisjoint(user.get_all_permissions())


def login_events_of(user: User) -> QuerySet[LoginEvent]:
    """What happened at the door under this account, newest first."""
    return LoginEvent.objects.filter(user=user).order_by("-id")


def staff_of(user: User) -> QuerySet[User]:
    """The people who work where the user may look: in the group, in his brand, in one of his stores."""
    if not user.is_active:
        return User.objects.none()
    if user.reach == Reach.GROUP:
        return User.objects.all()
    if user.reach == Reach.BRAND and user.brand_id:
        return User.objects.filter(Q(brand=user.brand_id) | Q(stores__brand=user.brand_id)).distinct()
    if user.reach == Reach.STORES:
        return User.objects.filter(stores__in=user.stores.all()).distinct()
    return User.objects.none()


def job_figures(now: datetime, whose: Q | None = None) -> list[dict[str, Any]]:
    """By kind, of the jobs of the last seven days: how many, failed ones, seconds, items a second. `whose`
    narrows them to some owners.
    """
    lately = Job.objects.filter(whose or Q(), created_at__gte=now - timedelta(days=7))
    found = (
        lately.order_by()
        .values("kind")
        .annotate(
            jobs=Count("pk"),
            failed=Count("pk", filter=Q(state=JobState.FAILED)),
            ms=Sum("busy_ms"),
            items=Sum("done"),
        )
    )
    return [
        {
            "kind": one["kind"],
            "title": work_title(one["kind"]),
            "jobs": one["jobs"],
            "failed": one["failed"],
            "failed_percent": round(100 * one["failed"] / one["jobs"]),
            "seconds": round(one["ms"] / one["jobs"] / 1000, 1),
            "rate": round(one["items"] * 1000 / one["ms"]) if one["ms"] else 0,
        }
        for one in found.order_by("kind")
    ]
