"""Each invariant gets a fault that somebody with all rights could plant; the proof names it, and only it."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from points.services.proofs import prove, queries
from tests.points.books import AT, Books, keep_books, tamper

pytestmark = pytest.mark.django_db

# (check, what it must name, the fault, other checks that the same fault breaks)
FAULTS = [
    ("I01", "account {a}", "UPDATE points_account SET balance = balance + 1 WHERE id = {a}", "I11 I52"),
    ("I01", "account {b}", "UPDATE points_account SET pending = 5 WHERE id = {b}", ""),
    (
        "I02",
        "entry {spend}",
        "UPDATE points_entry SET balance_after = balance_after + 1 WHERE id = {spend}",
        "",
    ),
    ("I02", "account {d}", "UPDATE points_account SET seq = seq + 1 WHERE id = {d}", ""),
    (
        "I02",
        "entry {spend}",
        "UPDATE points_entry SET seq = seq + 100 WHERE account_id = {a} AND id >= {spend};"
        "UPDATE points_account SET seq = seq + 100 WHERE id = {a}",
        "",
    ),
    ("I03", "entry {earn}", "UPDATE points_entry SET member_id = {member_b} WHERE id = {earn}", ""),
    ("I03", "entry {earn}", "UPDATE points_entry SET member_id = 0 WHERE id = {earn}", ""),
    ("I04", "account {d}", "UPDATE points_account SET held = balance + 1 WHERE id = {d}", "I20"),
    ("I05", "entry {earn}", "UPDATE points_entry SET kind = 'spend' WHERE id = {earn}", "I07"),
    (
        "I05",
        "entry {transfer_in}",
        "UPDATE points_entry SET kind = 'magic' WHERE id = {transfer_in}",
        "I07 I29",
    ),
    (
        "I06",
        "source gift {gift}",
        "UPDATE points_entry SET source_id = '{gift}' WHERE id = {fresh_lot}",
        "I07",
    ),
    ("I07", "entry {earn}", "UPDATE points_entry SET source_id = 'other' WHERE id = {earn}", ""),
    (
        "I07",
        "entry {spend}",
        "UPDATE points_entry SET prev_hash = row_hash, row_hash = points_row_hash_v1(row_hash,"
        " account_id, kind, points, source_type, source_id) WHERE id = {spend}",
        "",
    ),
    (
        "I07",
        "account {d}",
        "UPDATE points_account SET last_hash = decode(repeat('00', 32), 'hex') WHERE id = {d}",
        "",
    ),
    ("I09", "entry {earn}", "UPDATE points_entry SET created_at = '2999-01-01' WHERE id = {earn}", ""),
    ("I10", "entry {earn}", "UPDATE members_member SET erased_at = '2020-01-01' WHERE id = {member_a}", ""),
    (
        "I11",
        "account {a}",
        "UPDATE points_lot SET remaining = remaining - 1 WHERE entry_id = {fresh_lot}",
        "I12",
    ),
    (
        "I12",
        "lot {fresh_lot}",
        "UPDATE points_lot SET remaining = remaining - 1 WHERE entry_id = {fresh_lot}",
        "I11",
    ),
    (
        "I12",
        "lot {used_lot}",
        "DELETE FROM points_lotuse WHERE entry_id = {spend} AND lot_id = {used_lot}",
        "I14 I18",
    ),
    (
        "I13",
        "lot {fresh_lot}",
        "UPDATE points_lot SET held = remaining + 1 WHERE entry_id = {fresh_lot}",
        "I21",
    ),
    ("I14", "entry {earn}", "UPDATE points_entry SET debt_delta = 5 WHERE id = {earn}", "I15"),
    (
        "I14",
        "entry 0",
        "INSERT INTO points_lotuse (entry_id, lot_id, points) VALUES (0, {fresh_lot}, 1),"
        " (-1, {fresh_lot}, -1)",
        "",
    ),
    (
        "I15",
        "account {b}",
        "UPDATE points_account SET debt = debt + 5, balance = balance + 5 WHERE id = {b}",
        "I11",
    ),
    (
        "I15",
        "account {b}",
        "UPDATE points_lot SET expires_at = '2999-01-01' WHERE entry_id = {lapsed_lot}",
        "",
    ),
    (
        "I15",
        "entry {earn}",
        "UPDATE points_entry SET debt_delta = -5 WHERE id = {earn};"
        "UPDATE points_entry SET debt_delta = 5 WHERE id = {spend}",
        "I14",
    ),
    (
        "I16",
        "entry {spend}",
        "UPDATE points_lot SET expires_at = '2026-06-15' WHERE entry_id = {used_lot}",
        "",
    ),
    (
        "I17",
        "lot {lapsed_lot}",
        "UPDATE points_lot SET expires_at = '2026-06-15' WHERE entry_id = {lapsed_lot}",
        "",
    ),
    (
        "I18",
        "entry {spend}",
        "UPDATE points_lot SET expires_at = '2026-06-19' WHERE entry_id = {fresh_lot}",
        "",
    ),
    ("I19", "lot {used_lot}", "UPDATE points_lot SET account_id = {d} WHERE entry_id = {used_lot}", ""),
    (
        "I19",
        "lot {used_lot}",
        "INSERT INTO points_holdlot (hold_id, lot_id, points) SELECT id, {used_lot}, 1"
        " FROM points_hold WHERE id = {captured_hold};"
        "UPDATE points_hold SET account_id = {c} WHERE id = {captured_hold}",
        "I22",
    ),
    ("I20", "account {a}", "UPDATE points_account SET held = held + 1 WHERE id = {a}", ""),
    (
        "I21",
        "hold {open_hold}",
        "UPDATE points_holdlot SET points = points + 1 WHERE hold_id = {open_hold}",
        "",
    ),
    ("I21", "hold {open_hold}", "DELETE FROM points_holdlot WHERE hold_id = {open_hold}", ""),
    (
        "I22",
        "hold {captured_hold}",
        "UPDATE points_hold SET captured = captured - 1 WHERE id = {captured_hold}",
        "",
    ),
    ("I22", "hold {captured_hold}", "UPDATE points_entry SET hold_id = NULL WHERE id = {hold_spend}", ""),
    ("I22", "hold {open_hold}", "UPDATE points_entry SET hold_id = {open_hold} WHERE id = {spend}", ""),
    (
        "I22",
        "hold {captured_hold}",
        "UPDATE points_holdlot SET points = 9 WHERE hold_id = {captured_hold}",
        "",
    ),
    (
        "I23",
        "hold {open_hold}",
        "UPDATE points_hold SET expires_at = '{at}'::timestamptz - interval '11 minutes'"
        " WHERE id = {open_hold}",
        "",
    ),
    (
        "I24",
        "entry {hold_spend}",
        "UPDATE points_entry SET reverses_id = {hold_spend} WHERE id = {refund}",
        "I25",
    ),
    ("I25", "entry {refund}", "UPDATE points_entry SET reverses_id = {earn} WHERE id = {refund}", ""),
    ("I25", "entry {refund}", "UPDATE points_entry SET reverses_id = NULL WHERE id = {refund}", ""),
    (
        "I26",
        "purchase {purchase}",
        "UPDATE campaigns_award SET points = points + 1 WHERE purchase_id = {purchase}",
        "",
    ),
    (
        "I26",
        "purchase 0",
        "UPDATE points_entry SET source_type = 'purchase', source_id = '0', kind = 'bonus',"
        " row_hash = points_row_hash_v1(prev_hash, account_id, 'bonus', points, 'purchase', '0')"
        " WHERE account_id = {d}; UPDATE points_account SET last_hash = (SELECT row_hash FROM points_entry"
        " WHERE account_id = {d}) WHERE id = {d}",
        "",
    ),
    (
        "I27",
        "purchase {purchase}",
        "UPDATE members_purchasereturn SET amount = 1001 WHERE id = {purchase_return}",
        "I28",
    ),
    (
        "I28",
        "purchase {purchase}",
        "UPDATE members_purchasereturn SET amount = 1000 WHERE id = {purchase_return}",
        "",
    ),
    ("I29", "source test", "UPDATE points_account SET program_id = {other_program} WHERE id = {c}", ""),
    (
        "I30",
        "adjustment {adjustments[0]}",
        "UPDATE points_adjustment SET status = 'approved' WHERE id = {adjustments[0]}",
        "",
    ),
    ("I30", "entry {correction}", "UPDATE points_adjustment SET points = 1 WHERE id = {adjustments[0]}", ""),
    (
        "I31",
        "adjustment {adjustments[0]}",
        "UPDATE points_adjustment SET needs_approval = true WHERE id = {adjustments[0]}",
        "",
    ),
    (
        "I31",
        "adjustment {adjustments[0]}",
        "UPDATE points_adjustment SET approved_by_id = requested_by_id WHERE id = {adjustments[0]}",
        "",
    ),
    (
        "I32",
        "adjustment {adjustments[0]}",
        "INSERT INTO members_staffcard (user_id, member_id) VALUES ({clerks[0]}, {member_a})",
        "",
    ),
    (
        "I32",
        "adjustment {adjustments[0]}",
        "UPDATE members_member SET status = 'merged', merged_into_id = {member_a} WHERE id = {member_b};"
        "INSERT INTO members_staffcard (user_id, member_id) VALUES ({clerks[0]}, {member_b})",
        "",
    ),
    (
        "I32",
        "adjustment {adjustments[0]}",
        "INSERT INTO members_staffcard (user_id, member_id) VALUES ({clerks[0]}, {member_b});"
        "UPDATE members_member SET status = 'merged', merged_into_id = {member_b} WHERE id = {member_a}",
        "",
    ),
    (
        "I30",
        "entry {refund}",
        "UPDATE points_entry SET source_type = 'undo_request', source_id = {adjustments[0]}::text"
        " WHERE id = {refund}",
        "I07",
    ),
    (
        "I30",
        "adjustment {adjustments[0]}",
        "UPDATE points_adjustment SET undoes_id = {spend} WHERE id = {adjustments[0]}",
        "",
    ),
    (
        # Asked for another redemption than the one that came back.
        "I30",
        "entry {refund}",
        "UPDATE points_entry SET source_type = 'undo_request', source_id = {adjustments[0]}::text"
        " WHERE id = {refund};"
        "UPDATE points_adjustment q SET undoes_id = {hold_spend}, points = e.points,"
        " account_id = e.account_id FROM points_entry e WHERE e.id = {refund} AND q.id = {adjustments[0]}",
        "I07",
    ),
    (
        "I33",
        "staff {clerks[0]}",
        "UPDATE points_entry SET source_type = 'undo', actor_type = 'staff', actor_id = {clerks[0]}::text,"
        " points = points + 100 WHERE id = {refund}",
        "I01 I02 I07 I14 I52",
    ),
    (
        "I33",
        "staff {clerks[0]}",
        "UPDATE points_adjustment SET requested_by_id = {clerks[0]} WHERE id = {adjustments[1]}",
        "",
    ),
    (
        "I34",
        "key till:1 k1",
        'UPDATE backoffice_idempotencykey SET body = \'{{"posting": {{"entry_id": 0}}}}\'',
        "",
    ),
    (
        "I45",
        "entry {earn}",
        "DELETE FROM backoffice_outboxmessage WHERE topic = 'points.entry' AND subject_id = {earn}",
        "",
    ),
    (
        "I45",
        "entry {earn}",
        "INSERT INTO backoffice_outboxmessage (topic, subject_id) VALUES ('points.entry', {earn})",
        "",
    ),
    (
        "I45",
        "entry 0",
        "INSERT INTO backoffice_outboxmessage (topic, subject_id) VALUES ('points.entry', 0)",
        "",
    ),
    ("I52", "program {program}", "UPDATE points_account SET balance = balance + 1 WHERE id = {a}", "I01 I11"),
]


def words(books: Books) -> dict[str, object]:
    from points.models import Entry

    return asdict(books) | {"at": AT.isoformat(), "gift": Entry.objects.get(pk=books.earn).source_id}


@pytest.mark.parametrize(
    ("check", "subject", "fault", "also"), FAULTS, ids=[f"{row[0]}-{n}" for n, row in enumerate(FAULTS)]
)
def test_a_planted_fault_is_named(check: str, subject: str, fault: str, also: str) -> None:
    books = keep_books()
    with_ids = words(books)
    tamper(fault.format(**with_ids))

    found = {one.id: one for one in prove(now=AT).checks if not one.ok}

    assert set(found) == {check, *also.split()}, found
    named = [offender.subject for offender in found[check].offenders]
    wanted = subject.format(**with_ids)
    assert any(name == wanted or name.startswith(f"{wanted} ") for name in named), found[check].offenders


def test_every_check_has_its_fault() -> None:
    """I08 compares with a file, I54 and I55 with what was added up, I47 and I49 with files of points: they
    have tests of their own.
    """
    assert {row[0] for row in FAULTS} == set(queries()) - {"I08", "I47", "I49", "I54", "I55"}
