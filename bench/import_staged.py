"""What the database needs at least: COPY into a staging table and set-based statements into the same tables.

With their indexes, constraints and the history's trigger, in one transaction, without a look at a single
cell, a preview, a trail or a way back. Card numbers are random, as cards have to be.
"""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

BLOCK = 1 << 16
STAGING = (
    "CREATE TEMP TABLE staged (external_id text, phone text, name text, gender text, birthday text,"
    " tags text) ON COMMIT DROP"
)
MEMBERS = """
INSERT INTO members_member (card_no, external_id, phone, name, gender, birthday, status, source, joined_at,
    referring_store_locked, email, county, district, address, created_at, updated_at)
SELECT '9' || lpad(floor(random() * 1e15)::bigint::text, 15, '0'), external_id, '+886' || substr(phone, 2),
    name, CASE gender WHEN '女' THEN 'female' ELSE 'male' END, birthday::date, 'active', 'import', now(),
    false, '', '', '', '', now(), now()
FROM staged
ON CONFLICT (external_id) WHERE external_id <> '' DO UPDATE SET phone = excluded.phone, name = excluded.name,
    gender = excluded.gender, birthday = excluded.birthday, updated_at = excluded.updated_at
WHERE (members_member.phone, members_member.name, members_member.gender, members_member.birthday)
    IS DISTINCT FROM (excluded.phone, excluded.name, excluded.gender, excluded.birthday)
"""
LINKS = """
INSERT INTO members_membertag (member_id, tag_id, origin, at)
SELECT m.id, t.id, 'import', now()
FROM staged s JOIN members_member m ON m.external_id = s.external_id AND m.external_id <> ''
CROSS JOIN LATERAL unnest(string_to_array(s.tags, '、')) word JOIN members_tag t ON t.name = word
ORDER BY m.id, t.id
ON CONFLICT DO NOTHING
"""
TAG_STAGING = "CREATE TEMP TABLE staged (phone text, tags text) ON COMMIT DROP"
TAG_LINKS = """
INSERT INTO members_membertag (member_id, tag_id, origin, at)
SELECT m.id, t.id, 'import', now()
FROM staged s
JOIN members_member m ON m.phone = '+886' || substr(s.phone, 2) AND m.status IN ('active', 'frozen')
    AND m.phone <> ''
JOIN members_tag t ON t.name = s.tags
ORDER BY m.id
ON CONFLICT DO NOTHING
"""


def bring(connection: psycopg.Connection[tuple], path: Path, *, tags: bool = False) -> float:
    """Seconds for the file; `tags` for a list of tags."""
    began = time.perf_counter()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(TAG_STAGING if tags else STAGING)
        with path.open("rb") as file, cursor.copy("COPY staged FROM STDIN (FORMAT csv, HEADER)") as copy:
            while block := file.read(BLOCK):
                copy.write(block)
        cursor.execute("ANALYZE staged")
        for statement in (TAG_LINKS,) if tags else (MEMBERS, LINKS):
            cursor.execute(statement)
    return time.perf_counter() - began
