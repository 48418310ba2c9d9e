"""What tills are answered, as dicts. Their shapes for the schema are in `till_shapes`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from backoffice.masking import mask_name
from campaigns.earning import NOTHING
from campaigns.explaining import nt, sentences
from campaigns.models import OfflineItem, OfflinePack, TillItem
from campaigns.selectors import explain, till_receipt
from campaigns.services.returns import ReturnSettlement
from campaigns.services.tills.customers import Customer
from campaigns.services.tills.offline import allowance_of
from campaigns.services.tills.points_parts import GivenBack
from campaigns.services.tills.purchases import Posted
from campaigns.services.tills.quotes import Quote
from campaigns.services.tills.reports import DayReport
from campaigns.services.tills.reservations import Reserved
from campaigns.till_data import ToldPurchase
from members.models import Member
from members.phones import mask_phone
from members.purchase_data import CENT
from points.api.answers import balance_body
from points.selectors import AccountSummary, account_summaries, told_summaries

Body = dict[str, Any]


def customer_body(member: Member) -> Body:
    return {
        "name": mask_name(member.name),
        "phone": mask_phone(member.phone),
        "card": f"…{member.card_no[-4:]}",
        "status": member.status,
    }


def look_body(found: Customer) -> Body:
    summaries = account_summaries(member=found.member, now=found.at)
    return {
        "member_id": found.member.pk,
        "at": found.at.isoformat(),
        "member": customer_body(found.member),
        "token_until": found.token_until.isoformat(),
        "balances": [balance_body(summary) for summary in summaries],
        "messages": expiry_messages(summaries),
    }


def hold_body(reserved: Reserved) -> Body:
    reservation, part = reserved.reservation, reserved.part
    return {
        "hold_no": reservation.number,
        "state": reserved.state.value,
        "program": part.account.program.code,
        "amount": str(reservation.amount),
        "points": part.points,
        "spent": part.spent,
        "given_back": part.returned,
        "worth": str(reserved.worth),
        "cash": str(reservation.amount - reserved.worth),
        "expires_at": reservation.expires_at.isoformat(),
    }


def inbox_body(item: TillItem) -> Body:
    reason = str(item.get_reason_display())
    return {"item": item.pk, "reason": item.reason, "code": item.code, "message": reason}


def _state(item: TillItem) -> str:
    return {"waiting": "review"}.get(item.state, item.state)


def waiting_purchase_body(item: TillItem) -> Body:
    return {
        "state": _state(item),
        "receipt_no": item.payload["receipt_no"],
        "purchase_id": None,
        "purchased_at": item.occurred_at.isoformat(),
        "paid": item.payload["paid"],
        "returned": "0.00",
        "member": None,
        "earned": [],
        "small_change": [],
        "redeemed": None,
        "balances": [],
        "messages": [_("This receipt is looked at by the shop before it counts.")],
        "inbox": inbox_body(item),
    }


def posted_body(*, posted: Posted, told: ToldPurchase, now: datetime) -> Body:
    """What became of a receipt that was told just now: as `purchase_body` has it, without reading it."""
    if posted.settlement is None:
        assert posted.item is not None, "what is not settled is in the inbox"
        return waiting_purchase_body(posted.item)
    settled = posted.settled
    if settled is None:
        return purchase_body(purchase_id=posted.settlement.purchase_id, redeemed=posted.redeemed, now=now)
    member, receipt = settled.met.member, told.receipt
    summaries = told_summaries(member=member, told=settled.balances, now=now) if member else []
    codes = {summary.account.pk: summary.program.code for summary in summaries}
    return _settled_body(
        receipt_no=receipt.receipt_no,
        purchase_id=posted.settlement.purchase_id,
        purchased_at=receipt.purchased_at.astimezone(UTC),
        paid=receipt.paid.quantize(CENT),
        returned=NOTHING,
        member=member,
        earned=[
            _earned(
                reward.program_code,
                reward.status,
                reward.points,
                reward.points,
                sentences(reward.explanation),
            )
            for reward in posted.settlement.rewards
        ],
        small_change=sorted((codes[pk], amount) for pk, amount in settled.carries.items()),
        redeemed=posted.redeemed,
        summaries=summaries,
    )


def purchase_body(*, purchase_id: int, redeemed: Reserved | None, now: datetime) -> Body:
    found = till_receipt(purchase_id=purchase_id)
    purchase, member = found.purchase, found.purchase.member
    return _settled_body(
        receipt_no=purchase.receipt_no,
        purchase_id=purchase.pk,
        purchased_at=purchase.purchased_at,
        paid=purchase.paid,
        returned=found.returned,
        member=member,
        earned=[
            _earned(
                one.program.code,
                one.award.status,
                one.award.points,
                one.kept,
                [*one.sentences, *(sentence for taken in one.returns for sentence in taken)],
            )
            for one in explain(purchase)
        ],
        small_change=found.small_change,
        redeemed=redeemed,
        summaries=account_summaries(member=member, now=now) if member else [],
    )


def _earned(program: str, status: str, points: int, kept: int, why: list[str]) -> Body:
    return {"program": program, "status": status, "points": points, "kept": kept, "why": why}


def _settled_body(
    *,
    receipt_no: str,
    purchase_id: int,
    purchased_at: datetime,
    paid: Decimal,
    returned: Decimal,
    member: Member | None,
    earned: list[Body],
    small_change: list[tuple[str, Decimal]],
    redeemed: Reserved | None,
    summaries: list[AccountSummary],
) -> Body:
    return {
        "state": "settled",
        "receipt_no": receipt_no,
        "purchase_id": purchase_id,
        "purchased_at": purchased_at.isoformat(),
        "paid": str(paid),
        "returned": str(returned),
        "member": customer_body(member) if member else None,
        "earned": earned,
        "small_change": [{"program": code, "amount": str(amount)} for code, amount in small_change],
        "redeemed": hold_body(redeemed) if redeemed else None,
        "balances": [balance_body(summary) for summary in summaries],
        "messages": _printed(small_change, earned, summaries, redeemed),
        "inbox": None,
    }


def _printed(
    small_change: list[tuple[str, Decimal]],
    earned: list[Body],
    summaries: list[AccountSummary],
    redeemed: Reserved | None,
) -> list[str]:
    units = {summary.program.code: summary.program.unit for summary in summaries}
    told = [
        _("You earn %(points)s %(unit)s.")
        % {"points": f"{one['kept']:,}", "unit": units.get(one["program"], "")}
        for one in earned
        if one["kept"]
    ]
    if redeemed and redeemed.part.spent:
        told.append(
            _("%(points)s points paid %(worth)s of your bill.")
            % {"points": f"{redeemed.part.spent:,}", "worth": nt(redeemed.worth)}
        )
    told += [
        _("%(amount)s count with your next purchase.") % {"amount": nt(amount)}
        for _code, amount in small_change
        if amount
    ]
    told += [
        _("Your balance: %(points)s %(unit)s.")
        % {"points": f"{summary.available:,}", "unit": summary.program.unit}
        for summary in summaries
        if summary.program.spendable
    ]
    return told + expiry_messages(summaries)


def expiry_messages(summaries: list[AccountSummary]) -> list[str]:
    """The next expiry of each account, in words."""
    told = []
    for summary in summaries:
        first = next((part for part in balance_body(summary)["expiring"] if part["usable_through"]), None)
        if first:
            told.append(
                _("%(points)s %(unit)s can be used through %(day)s.")
                % {
                    "points": f"{first['points']:,}",
                    "unit": summary.program.unit,
                    "day": first["usable_through"].replace("-", "/"),
                }
            )
    return told


def return_body(*, done: ReturnSettlement, return_no: str, receipt_no: str, given_back: int) -> Body:
    return {
        "state": "settled",
        "return_no": return_no,
        "receipt_no": receipt_no,
        "amount": str(done.amount),
        "withhold": str(done.withhold),
        "taken_back": [
            {"program": part.program_code, "asked": part.asked, "taken": part.taken, "debt": part.debt}
            for part in done.taken
        ],
        "given_back": given_back,
        "inbox": None,
    }


def waiting_return_body(item: TillItem) -> Body:
    return {
        "state": _state(item),
        "return_no": item.payload["return_no"],
        "receipt_no": item.payload["receipt_no"],
        "amount": item.payload["amount"],
        "withhold": "0.00",
        "taken_back": [],
        "given_back": 0,
        "inbox": inbox_body(item),
    }


def quote_body(quote: Quote) -> Body:
    return {
        "program": quote.program.code,
        "amount": str(quote.amount),
        "available": quote.available,
        "least": quote.least,
        "most": quote.most,
        "step": quote.step,
        "lapsing": quote.lapsing,
        "lapses_at": quote.lapses_at.isoformat() if quote.lapses_at else None,
        "splits": [
            {
                "name": split.name,
                "points": split.points,
                "worth": str(split.worth),
                "cash": str(split.cash),
                "earns": split.earns,
            }
            for split in quote.splits
        ],
        "refused": quote.refused,
    }


def given_back_body(reserved: Reserved, back: GivenBack) -> Body:
    body = hold_body(reserved)
    return {"points": back.points, "lapsed": back.lapsed, "worth": str(back.worth), "hold": body}


def report_body(report: DayReport) -> Body:
    return {
        name: value.isoformat()
        if hasattr(value, "isoformat")
        else value
        if isinstance(value, int | dict)
        else str(value)
        for name in DayReport.__slots__
        for value in [getattr(report, name)]
    }


def allowance_body(pack: OfflinePack) -> Body:
    return {
        "allowance": allowance_of(pack),
        "max_points": pack.max_points,
        "max_redemptions": pack.max_redemptions,
        "valid_from": pack.valid_from.isoformat(),
        "valid_until": pack.valid_until.isoformat(),
        "next_seq": pack.next_seq,
    }


def queued_body(row: OfflineItem) -> Body:
    return {
        "seq": row.seq,
        "kind": row.kind,
        "number": row.number,
        "state": "inbox" if row.item else "settled",
        "inbox": inbox_body(row.item) if row.item else None,
    }
