"""Points of many purchases that came back whole: out of each award what `take_back_share` takes, set by set.

The caller has locked members, purchases and accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Sum

from campaigns.choices import AwardStatus
from campaigns.models import Award, AwardReturn, Carry
from campaigns.services.returns import share_due, take_back_share
from campaigns.services.small_change import take_back_units, units_share
from campaigns.services.taking_back import Due, Taken, take_back_posted

Back = tuple[Award, Taken]


def take_back_whole(takings: Mapping[int, Taken]) -> None:
    """Out of the awards of these purchases (by id), the last purchase first.

    Awards that nothing was asked of, in the account of who answers for them, go together; the others singly.
    """
    awards = list(
        Award.objects.filter(purchase__in=list(takings), account__isnull=False)
        .select_related("program", "pending", "account", "purchase__store")
        .order_by("-purchase_id", "program_id")
    )
    asked = _asked(awards)
    plain: list[tuple[Due, Taken]] = []
    others: list[Back] = []
    small = _SmallChange(asked)
    for award in awards:
        taken, paid = takings[award.purchase_id], award.purchase.paid
        if "carry_out" in award.explanation:
            small.backs.append((award, taken))
        elif _is_whole(award, taken) and award.pk not in asked:
            plain.append((share_due(award, total=paid, paid=paid, before=0), taken))
        else:
            others.append((award, taken))
    take_back_posted(plain)
    for award, taken in others:
        take_back_share(award, taken, total=award.purchase.paid, paid=award.purchase.paid)
    small.take_back()


def _asked(awards: Sequence[Award]) -> set[int]:
    """Those of which a return has asked points before."""
    sums = AwardReturn.objects.filter(award__in=[award.pk for award in awards]).order_by().values("award")
    return set(sums.annotate(sum=Sum("asked")).filter(sum__gt=0).values_list("award", flat=True))


def _is_whole(award: Award, taken: Taken) -> bool:
    assert award.account is not None, "the query asks for awards with an account"
    return (
        award.status in (AwardStatus.POSTED, AwardStatus.NOTHING)
        and award.account.member_id == taken.owner_id
    )


@dataclass(slots=True)
class _SmallChange:
    """Awards with small change, in the order in which they go back: each changes what the next one finds."""

    asked: set[int]
    backs: list[Back] = field(default_factory=list)
    amounts: dict[int, Decimal] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)
    together: list[tuple[Due, Taken]] = field(default_factory=list)

    def take_back(self) -> None:
        self._lock(award.account_id for award, _taken in self.backs if award.account_id)
        for award, taken in self.backs:
            if not self._joined(award, taken):
                self._flush()
                self._singly(award, taken)
        self._flush()

    def _lock(self, account_ids: Iterable[int]) -> None:
        accounts = sorted(set(account_ids))
        Carry.objects.bulk_create([Carry(account_id=pk) for pk in accounts], ignore_conflicts=True)
        carries = Carry.objects.filter(account__in=accounts).order_by("account_id").select_for_update()
        self.amounts = dict(carries.values_list("account_id", "amount"))

    def _joined(self, award: Award, taken: Taken) -> bool:
        """Whether its own points and the small change are enough; then it goes with the others."""
        if not _is_whole(award, taken) or award.pk in self.asked:
            return False
        assert award.account_id is not None, "whole awards have an account"
        share = units_share(
            award,
            carry=self.amounts[award.account_id],
            left=award.points,
            returned=taken.returned.amount,
            whole=True,
        )
        if share.rest:
            return False
        self.amounts[award.account_id] = share.after
        self.moved.add(award.account_id)
        self.together.append((share.due, taken))
        return True

    def _flush(self) -> None:
        rows = [Carry(account_id=pk, amount=self.amounts[pk]) for pk in sorted(self.moved)]
        Carry.objects.bulk_update(rows, ["amount"])
        take_back_posted(self.together)
        self.moved, self.together = set(), []

    def _singly(self, award: Award, taken: Taken) -> None:
        """It may take points of any other of its account, of those that are still to come as well."""
        award.refresh_from_db(fields=["returned", "status", "entry"])
        take_back_units(award, taken, total=award.purchase.paid, paid=award.purchase.paid)
        takings = AwardReturn.objects.filter(purchase_return=taken.returned)
        self.asked.update(takings.values_list("award", flat=True))
        self.amounts.update(
            Carry.objects.filter(account__in=list(self.amounts)).values_list("account_id", "amount")
        )
