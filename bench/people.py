"""Members and accounts to measure with: many, plain, made by two statements."""

from __future__ import annotations

from bench.scratch import Lab

MEMBERS = """
INSERT INTO members_member (card_no, phone, name, status, source, joined_at, referring_store_locked, gender,
    email, county, district, address, created_at, updated_at)
SELECT lpad(n::text, 16, '0'), '+8869' || lpad(n::text, 8, '0'),
    substr('陳林黃張李王吳劉蔡楊', (1 + n %% 10)::int, 1)
        || substr('志怡雅俊淑家建美', (1 + n / 10 %% 8)::int, 1)
        || substr('明君婷傑芬豪宏玲', (1 + n / 80 %% 8)::int, 1),
    'active', 'store', now(), false, '', '', '', '', '', now(), now()
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n ORDER BY n
"""
ACCOUNTS = """
INSERT INTO points_account (member_id, program_id, opened_at)
SELECT id, %(program)s, now() FROM members_member
WHERE card_no BETWEEN lpad(%(first)s::text, 16, '0') AND lpad(%(last)s::text, 16, '0') ORDER BY id
RETURNING id
"""


def create_program(code: str = "bench") -> int:
    from points.models import Program

    return Program.objects.create(code=code, name="Bench", expiry_value=12).pk


def create_accounts(lab: Lab, program_id: int, count: int) -> range:
    """`count` new members with an account each; the ids of the accounts are one unbroken range."""
    from members.models import Member

    first = Member.objects.count() + 1
    values = {"first": first, "last": first + count - 1, "program": program_id}
    with lab.connect() as connection:
        connection.execute(MEMBERS, values)
        ids = sorted(row[0] for row in connection.execute(ACCOUNTS, values))
        connection.execute("VACUUM ANALYZE members_member")
        connection.execute("VACUUM ANALYZE points_account")
    if ids[-1] - ids[0] + 1 != count:
        raise AssertionError("account ids have gaps")
    return range(ids[0], ids[-1] + 1)
