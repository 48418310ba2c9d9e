"""The matrix of roles: what the table says is what people have, and nobody may write evidence."""

from __future__ import annotations

import io

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.management.base import CommandError

from backoffice import roles
from backoffice.choices import Role
from backoffice.errors import RoleTableWrong
from backoffice.services.roles import sync_roles
from tests.factories.backoffice import UserFactory

OURS = {"backoffice", "members", "points", "tiers", "coupons", "partners", "campaigns"}
LEDGER = {label for label in roles.EVIDENCE if label.startswith(("points.", "campaigns."))}


@pytest.mark.django_db
def test_the_groups_are_the_seven_roles_and_syncing_twice_changes_nothing() -> None:
    first = sync_roles()
    assert {change.role for change in first} == set(Role)
    assert set(Group.objects.values_list("name", flat=True)) == set(Role.values)
    assert not any(change.added or change.removed for change in sync_roles())


@pytest.mark.django_db
def test_what_somebody_clicked_together_is_taken_back() -> None:
    sync_roles()
    clerk = Group.objects.get(name=Role.CLERK)
    clerk.permissions.add(Permission.objects.get(codename="change_account"))
    [change] = [change for change in sync_roles() if change.role == Role.CLERK]
    assert change.removed == ("points.change_account",)


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
def test_nobody_writes_evidence(role: Role) -> None:
    user = UserFactory(role=role)
    held = user.get_all_permissions()
    written = {
        f"{app}.{act}_{model}"
        for app, model in (label.split(".") for label in roles.EVIDENCE)
        for act in ("add", "change", "delete")
    }
    assert held & written == set()
    assert held == set(roles.PERMISSIONS[role])


@pytest.mark.django_db
def test_each_role_has_its_verbs() -> None:
    verbs = {f"{verb.app}.{verb.codename}" for verb in roles.VERBS}
    held = {role: UserFactory(role=role).get_all_permissions() & verbs for role in Role}
    counter = {
        "points.correct_points", "points.undo_entry", "campaigns.claim_receipt", "campaigns.settle_return",
        "members.check_answer", "members.claim_card", "members.enrol_member"
    }  # fmt: skip
    answerable = {"points.approve_correction", "points.block_spending", "points.release_hold"}
    at_the_desk = {"note_member", "record_consent", "replace_card", "tag_member"}
    assert held[Role.CLERK] == counter | {f"members.{verb}" for verb in at_the_desk}
    reports = {"backoffice.export_report", "points.view_staff_report"}
    reports |= {"members.view_cashier_report", "members.view_member_report"}
    lists = {"members.export_purchase", "points.export_entry"}
    watching = {"backoffice.acknowledge_alarm", "backoffice.oversee_export"}
    assert held[Role.AUDITOR] == reports | lists | watching
    deciding = {"backoffice.approve_import", "points.set_correction_limit"}
    assert held[Role.FINANCE] == reports | lists | deciding
    assert held[Role.MANAGER] > counter | answerable
    assert held[Role.SUPPORT] > counter | answerable
    # Whoever says how much may be given gives nothing, and the other way round.
    bounds = "points.set_correction_limit"
    assert {role for role in Role if bounds in held[role]} == {Role.FINANCE, Role.ADMINISTRATOR}
    for role in (Role.FINANCE, Role.AUDITOR, Role.ADMINISTRATOR, Role.MARKETER):
        assert not held[role] & (counter | answerable)
    for role in (Role.FINANCE, Role.AUDITOR):
        writes = [name for name in UserFactory(role=role).get_all_permissions() if ".add_" in name]
        assert writes == []


@pytest.mark.django_db
def test_the_auditor_sees_every_table_of_ours() -> None:
    """A new model belongs into the table of roles before anybody can see it."""
    labels = {model._meta.label_lower for model in apps.get_models() if model._meta.app_label in OURS}
    seen = {name.replace(".view_", ".") for name in UserFactory(role=Role.AUDITOR).get_all_permissions()}
    assert labels - seen == set()


def test_evidence_names_real_tables() -> None:
    assert {apps.get_model(label)._meta.label_lower for label in roles.EVIDENCE} == roles.EVIDENCE


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["points.fly_away", "points.change_entry", "backoffice.delete_auditevent"])
def test_a_wrong_table_changes_nothing_and_names_the_fault(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sync_roles()
    monkeypatch.setitem(roles.PERMISSIONS, Role.CLERK, (name,))
    with pytest.raises(RoleTableWrong, match=name):
        sync_roles()
    assert Group.objects.get(name=Role.CLERK).permissions.count() > 1
    with pytest.raises(CommandError, match=name):
        call_command("sync_roles", stdout=io.StringIO())


@pytest.mark.django_db
def test_the_command_reports() -> None:
    out = io.StringIO()
    call_command("sync_roles", stdout=out)
    assert "clerk: " in out.getvalue() and "administrator: " in out.getvalue()


# Every right that moves points above the clerk's limit or changes the rules of that, hands data out, takes an
# account over, or says what others may do. A new right belongs here or among those that need none.
STRONG = {
    "points.approve_correction", "points.import_points", "points.set_correction_limit", "points.add_program",
    "points.change_program", "members.import_purchase", "backoffice.approve_import", "members.unmask_member",
    "members.export_member", "members.export_purchase", "points.export_entry", "backoffice.export_report",
    "backoffice.take_export", "backoffice.steer_webhook", "members.change_phone", "members.merge_member",
    "backoffice.add_user", "backoffice.change_user", "backoffice.issue_api_key", "members.add_staffcard",
    "members.change_staffcard", "members.delete_staffcard",
}  # fmt: skip
PLAIN_VERBS = {
    "points.correct_points", "points.undo_entry", "points.grace_points", "points.release_hold",
    "points.block_spending", "points.view_staff_report", "campaigns.settle_return", "campaigns.claim_receipt",
    "campaigns.decide_tillitem", "members.enrol_member", "members.replace_card", "members.claim_card",
    "members.check_answer",
    "members.issue_card", "members.record_consent", "members.note_member", "members.strike_note",
    "members.freeze_member", "members.import_member", "members.import_tag", "members.tag_member",
    "members.merge_tag", "members.end_session", "members.view_member_report", "members.view_cashier_report",
    "backoffice.oversee_export", "backoffice.steer_job", "backoffice.acknowledge_alarm",
}  # fmt: skip


def test_every_strong_right_needs_a_second_factor_and_no_other() -> None:
    assert roles.NEED_SECOND_FACTOR == STRONG
    verbs = {f"{verb.app}.{verb.codename}" for verb in roles.VERBS}
    assert verbs - STRONG == PLAIN_VERBS


@pytest.mark.django_db
def test_only_clerks_work_with_a_password_alone() -> None:
    held = {role: UserFactory(role=role).get_all_permissions() for role in Role}
    assert {role for role in Role if not held[role] & roles.NEED_SECOND_FACTOR} == {Role.CLERK}


@pytest.mark.django_db
def test_the_strong_rights_exist() -> None:
    sync_roles()
    known = Permission.objects.values_list("content_type__app_label", "codename")
    assert {f"{app}.{name}" for app, name in known} >= roles.NEED_SECOND_FACTOR
