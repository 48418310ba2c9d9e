"""What points put into an archive, and how they come back: programs, and one opening entry for each live lot.

Entries are not replayed: `ledger.csv` goes along as evidence of how each balance came about. Lots keep
their points, deadline, issuer and order; what a hold has set aside is in them and free again, because the
bill that it waited for is not there. A debt is booked by the ledger's own means (`_owe`). Waiting points
belong to receipts that are not brought back; an archive that has some is refused unless somebody says that
they may stay behind. What an erased member had stays in the evidence: nobody earns after his erasure (I10).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Sum

from backoffice.services.exports import archive
from backoffice.services.exports.archive import ArchiveFile, Restorer, Restoring, Row, text_of
from backoffice.services.exports.everything import brands_by_code, flag
from members.choices import MemberStatus
from members.services.archive import ids_of
from points.choices import DebtPolicy, EntryKind, HoldStatus, PendingStatus, ReasonCode
from points.errors import ArchiveUnequal, OpeningRefused, WaitingLeftBehind
from points.models import Account, Lot, PendingCredit, Program
from points.postings import Context, CreditRow, Source
from points.services import ledger
from points.services.programs import RULE_FIELDS, save_program

SOURCE = "opening"
RULE = "opening_of_archive"
PROGRAM_HEADS = ("code", "name", "unit", "brand", "is_active", "is_default", "version", *RULE_FIELDS)
LOT_HEADS = (
    "phone", "card_no", "external_id", "points", "expires", "program", "reference", "expires_at", "issuer",
)  # fmt: skip
ACCOUNT_HEADS = ("card_no", "program", "balance", "debt", "held", "spend_blocked", "opened_at")
WAITING_HEADS = ("card_no", "program", "kind", "points", "source_type", "source_id", "confirm_at")
NEVER = "never"


# --- Out ----------------------------------------------------------------------------------------------------
def _programs() -> Iterator[Sequence[str]]:
    for program in Program.objects.select_related("brand").order_by("pk"):
        values: dict[str, Any] = {name: getattr(program, name) for name in PROGRAM_HEADS}
        values["brand"] = program.brand.code if program.brand else ""
        yield [text_of(values[name]) for name in PROGRAM_HEADS]


def _lots() -> Iterator[Sequence[str]]:
    """Under the heads of the points file (`operation=opening`), and the exact deadline behind its day."""
    rows = Lot.objects.filter(remaining__gt=0).exclude(account__member__status=MemberStatus.ERASED)
    rows = rows.order_by("account_id", "entry_id").select_related(
        "account__member", "account__program", "brand"
    )
    for lot in rows.iterator(chunk_size=archive.CHUNK):
        member, program = lot.account.member, lot.account.program
        yield [
            member.phone,
            member.card_no,
            member.external_id,
            str(lot.remaining),
            _last_day(lot.expires_at, program),
            program.code,
            f"lot-{lot.pk}",
            text_of(lot.expires_at),
            lot.brand.code if lot.brand else "",
        ]


def _last_day(expires_at: datetime | None, program: Program) -> str:
    if expires_at is None:
        return NEVER
    return (expires_at - timedelta(microseconds=1)).astimezone(ZoneInfo(program.time_zone)).date().isoformat()


def _accounts() -> Iterator[Sequence[str]]:
    rows = Account.objects.exclude(member__status=MemberStatus.ERASED).order_by("pk")
    values = rows.values_list(
        "member__card_no", "program__code", "balance", "debt", "held", "spend_blocked", "opened_at"
    )
    for row in values.iterator(chunk_size=archive.CHUNK):
        yield [text_of(value) for value in row]


def _waiting() -> Iterator[Sequence[str]]:
    rows = PendingCredit.objects.filter(status=PendingStatus.OPEN).order_by("pk")
    values = rows.values_list(
        "account__member__card_no", "account__program__code", "kind", "points", "source_type", "source_id",
        "confirm_at",
    )  # fmt: skip
    for row in values.iterator(chunk_size=archive.CHUNK):
        yield [text_of(value) for value in row]


# --- Back ---------------------------------------------------------------------------------------------------
def _program_of(row: Row) -> Program:
    brands = brands_by_code()
    program = Program(brand=brands[row["brand"]] if row["brand"] else None)
    for name in PROGRAM_HEADS:
        if name != "brand":
            field: Any = Program._meta.get_field(name)
            setattr(program, name, None if field.null and not row[name] else field.to_python(row[name]))
    return program


def _restore_programs(rows: Sequence[Row], restoring: Restoring) -> None:
    """As they were, but open: a debt can be booked in programs that are not spent, and for anybody."""
    for row in rows:
        program = _program_of(row)
        changed = not program.spendable or program.spend_needs_verified_phone
        program.spendable, program.spend_needs_verified_phone = True, False
        program.version -= changed
        save_program(program=program, actor=restoring.actor, now=restoring.now)


def _restore_rules(rows: Sequence[Row], restoring: Restoring) -> None:
    """What `_restore_programs` left open is closed again; with that the version is the one of the archive."""
    for row in rows:
        program, wanted = Program.objects.get(code=row["code"]), _program_of(row)
        program.spendable = wanted.spendable
        program.spend_needs_verified_phone = wanted.spend_needs_verified_phone
        save_program(program=program, actor=restoring.actor, now=restoring.now)


def _accounts_of(rows: Sequence[Row], now: datetime) -> list[int]:
    """The account of each row, opened where there is none."""
    ids = ids_of([row["card_no"] for row in rows])
    programs = dict(Program.objects.values_list("code", "pk"))
    pairs = [(ids[row["card_no"]], programs[row["program"]]) for row in rows]
    accounts = ledger.open_accounts(pairs=sorted(set(pairs)), now=now)
    return [accounts[pair] for pair in pairs]


def _context(restoring: Restoring) -> Context:
    told = {"rule": RULE, "archive": restoring.archive}
    return Context(
        actor=restoring.actor, now=restoring.now, reason=ReasonCode.OPENING.value, explanation=told
    )


def _restore_lots(rows: Sequence[Row], restoring: Restoring) -> None:
    brands = brands_by_code()
    credits = [
        CreditRow(
            account_id=account_id,
            kind=EntryKind.IMPORT.value,
            points=int(row["points"]),
            source_type=SOURCE,
            source_id=row["reference"],
            occurred_at=restoring.now,
            expires_at=datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None,
            brand_id=brands[row["issuer"]].pk if row["issuer"] else None,
            explanation={"rule": RULE, "archive": restoring.archive, "lot": row["reference"]},
        )
        for row, account_id in zip(rows, _accounts_of(rows, restoring.now), strict=True)
    ]
    outcomes = ledger.credit_many(credits, context=_context(restoring))
    for row, outcome in zip(rows, outcomes, strict=True):
        if outcome.refused:
            raise OpeningRefused(card=row["card_no"], why=outcome.refused)


def _restore_accounts(rows: Sequence[Row], restoring: Restoring) -> None:
    """Debts, blocked spending, and the proof: what an account holds is what it held."""
    accounts = _accounts_of(rows, restoring.now)
    for row, account_id in zip(rows, accounts, strict=True):
        if int(row["debt"]):
            _owe(account_id, int(row["debt"]), _context(restoring))
    found = Account.objects.in_bulk(accounts)
    for row, account_id in zip(rows, accounts, strict=True):
        account = found[account_id]
        if flag(row["spend_blocked"]):
            account.spend_blocked = True
            account.save(update_fields=["spend_blocked"])
        if (account.balance, account.debt) != (int(row["balance"]), int(row["debt"])):
            raise ArchiveUnequal(card=row["card_no"], program=row["program"])


def _owe(account_id: int, points: int, context: Context) -> None:
    """Points given, spent and taken back are owed; the lots that are there stay untouched behind a hold."""
    source = Source(SOURCE, f"debt-{account_id}")
    lots = Lot.objects.filter(account=account_id, remaining__gt=0)
    free = lots.usable_at(context.now).aggregate(points=Sum("remaining"))["points"] or 0
    held = (
        ledger.hold(
            account_id=account_id, points=free, source=source, context=context,
            expires_at=context.now + timedelta(hours=1),
        ).hold_id
        if free
        else None
    )  # fmt: skip
    given = ledger.credit(
        account_id=account_id, kind=EntryKind.IMPORT.value, points=points, source=source, context=context
    )
    ledger.spend(account_id=account_id, points=points, source=source, context=context)
    ledger.reverse_credit(
        entry_id=given.entry_id or 0, points=points, policy=DebtPolicy.DEBT, source=source, context=context
    )
    if held is not None:
        ledger.release(hold_id=held, status=HoldStatus.VOIDED, context=context)


def _leave_waiting(rows: Sequence[Row], restoring: Restoring) -> None:
    if not restoring.leave_waiting:
        raise WaitingLeftBehind(points=f"{sum(int(row['points']) for row in rows):,}")


def register_all() -> None:
    archive.register_contents(lambda: Program.objects.exists())
    for file in (
        ArchiveFile("programs.csv", PROGRAM_HEADS, _programs),
        ArchiveFile("lots.csv", LOT_HEADS, _lots),
        ArchiveFile("accounts.csv", ACCOUNT_HEADS, _accounts),
        ArchiveFile("waiting.csv", WAITING_HEADS, _waiting),
    ):
        archive.register_file(file)
    for restorer in (
        Restorer("waiting.csv", 5, _leave_waiting),
        Restorer("programs.csv", 50, _restore_programs),
        Restorer("lots.csv", 60, _restore_lots),
        Restorer("accounts.csv", 70, _restore_accounts),
        Restorer("programs.csv", 90, _restore_rules),
    ):
        archive.register_restorer(restorer)
