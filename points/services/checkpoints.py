"""Checkpoints: what the books looked like, in a file that is kept where this database cannot reach (I08).

A hash chain shows tampering by someone without the chain's code; only a copy outside stops a superuser.
The file is CSV, one line per account, `account_id,seq,row_hash,digest`: its last entry at the cut-off, that
entry's hash in hex, and a sum over all columns of the entries up to it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import DataError, connection
from django.utils.translation import gettext_lazy as _

from backoffice.errors import Refusal
from points.services.snapshots import one_snapshot

# Numbers are given under the lock but become visible at commit; ten minutes behind now, all of them have.
BEHIND = timedelta(minutes=10)

# Everything the entry says, as 64 bits of its MD5: against accidents and edits, next to the chain's SHA-256.
DIGEST = """
('x' || left(md5(ROW(e.id, e.member_id, e.seq, e.kind, e.points, e.balance_after, e.debt_delta, e.source_type,
 e.source_id, e.reverses_id, e.hold_id, e.adjustment_id, e.actor_type, e.actor_id, e.reason, e.store_id,
 extract(epoch FROM e.occurred_at), extract(epoch FROM e.created_at), encode(e.row_hash, 'hex'))::text), 16)
)::bit(64)::bigint
"""

WRITE = f"""
COPY (
    WITH upto AS (
        SELECT account_id, max(seq) AS seq FROM audit.ledger_entry WHERE created_at <= %(cutoff)s
        GROUP BY account_id
    )
    SELECT e.account_id, u.seq, max(encode(e.row_hash, 'hex')) FILTER (WHERE e.seq = u.seq) AS row_hash,
           sum({DIGEST}) AS digest
    FROM audit.ledger_entry e JOIN upto u ON u.account_id = e.account_id AND e.seq <= u.seq
    GROUP BY e.account_id, u.seq
    ORDER BY e.account_id
) TO STDOUT WITH (FORMAT csv, HEADER)
"""


class NotACheckpoint(Refusal):
    code = "not_a_checkpoint"
    sentence = _("%(path)s is no checkpoint of the ledger.")


def write_checkpoint(*, path: Path, now: datetime) -> int:
    """Write the books as they were ten minutes before `now` to `path`; answers the number of accounts."""
    beside = path.with_name(path.name + ".part")
    lines = 0
    with (
        one_snapshot() as cursor,
        beside.open("wb") as file,
        cursor.copy(WRITE, {"cutoff": now - BEHIND}) as copy,
    ):
        for block in copy:
            lines += bytes(block).count(b"\n")
            file.write(block)
    beside.replace(path)
    return lines - 1


def load_checkpoint(cursor: Any, *, path: Path) -> None:
    """Fill the temporary table `checkpoint` of this transaction from `path`. Raises NotACheckpoint."""
    cursor.execute("DROP TABLE IF EXISTS pg_temp.checkpoint")
    cursor.execute(
        "CREATE TEMPORARY TABLE checkpoint (account_id bigint PRIMARY KEY, seq bigint NOT NULL,"
        " row_hash text NOT NULL, digest numeric NOT NULL) ON COMMIT DROP"
    )
    try:
        with (
            connection.wrap_database_errors,
            path.open("rb") as file,
            cursor.copy("COPY checkpoint FROM STDIN (FORMAT csv, HEADER MATCH)") as copy,
        ):
            while block := file.read(1 << 16):
                copy.write(block)
    except DataError as error:
        raise NotACheckpoint(path=path) from error
    cursor.execute("ANALYZE checkpoint")
