"""A ledger in forty lines of plain Python: slow, obvious, and the judge of the real one."""

from __future__ import annotations

from dataclasses import dataclass, field


class No(Exception):
    pass


@dataclass
class ModelLot:
    expires: int | None
    original: int
    left: int
    held: int = 0
    lapsed: int = 0

    @property
    def free(self) -> int:
        return self.left - self.held


@dataclass
class ModelMove:
    """A credit (its lot) or a spend (what it took from which lot), and how much of it is undone."""

    points: int
    lot: ModelLot | None = None
    takes: list[tuple[ModelLot, int]] = field(default_factory=list)
    undone: int = 0


@dataclass
class ModelHold:
    takes: list[tuple[ModelLot, int]]
    points: int
    expires: int
    open: bool = True


@dataclass
class Model:
    now: int = 0
    debt: int = 0
    lots: list[ModelLot] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return sum(lot.left for lot in self.lots)

    @property
    def held(self) -> int:
        return sum(lot.held for lot in self.lots)

    def order(self, lots: list[ModelLot]) -> list[ModelLot]:
        forever = 10**9
        return sorted(lots, key=lambda lot: (forever if lot.expires is None else lot.expires, self.at(lot)))

    def at(self, wanted: ModelLot) -> int:
        return next(n for n, lot in enumerate(self.lots) if lot is wanted)

    def usable(self) -> list[ModelLot]:
        alive = [lot for lot in self.lots if lot.expires is None or lot.expires > self.now]
        return self.order([lot for lot in alive if lot.free > 0])

    def pick(self, points: int, lots: list[ModelLot]) -> list[tuple[ModelLot, int]]:
        takes = []
        for lot in lots:
            take = min(lot.free, points)
            if take > 0:
                takes.append((lot, take))
                points -= take
        return takes

    def credit(self, points: int, expires: int | None) -> ModelMove:
        pays = min(self.debt, points)
        self.debt -= pays
        lot = ModelLot(expires, points - pays, points - pays) if points > pays else None
        if lot:
            self.lots.append(lot)
        return ModelMove(points, lot)

    def spend(self, points: int) -> ModelMove:
        takes = self.pick(points, self.usable())
        if sum(take for _, take in takes) < points:
            raise No
        for lot, take in takes:
            lot.left -= take
        return ModelMove(points, takes=takes)

    def refund(self, move: ModelMove, points: int) -> None:
        if points > move.points - move.undone:
            raise No
        move.undone += points
        pays = min(self.debt, points)
        self.debt -= pays
        back = points - pays
        for lot in reversed(self.order([lot for lot, _ in move.takes])):
            index = next(n for n, (other, _) in enumerate(move.takes) if other is lot)
            give = min(move.takes[index][1], back)
            move.takes[index] = (lot, move.takes[index][1] - give)
            back -= give
            if lot.expires is not None and lot.expires <= self.now:
                lot.lapsed += give
            else:
                lot.left += give

    def reverse(self, move: ModelMove, points: int, owes: bool) -> int:
        if points > move.points - move.undone:
            raise No
        own = move.lot
        from_own = min(points, own.free) if own else 0
        unlapse = min(points - from_own, own.lapsed) if own else 0
        others = self.pick(points - from_own - unlapse, [lot for lot in self.usable() if lot is not own])
        short = points - from_own - unlapse - sum(take for _, take in others)
        if own:
            own.left -= from_own
            own.lapsed -= unlapse
        for lot, take in others:
            lot.left -= take
        if owes:
            self.debt += short
            short = 0
        move.undone += points - short
        return points - short

    def hold(self, points: int, expires: int) -> ModelHold:
        takes = self.pick(points, self.usable())
        if sum(take for _, take in takes) < points:
            raise No
        for lot, take in takes:
            lot.held += take
        return ModelHold(takes, points, expires)

    def end(self, hold: ModelHold) -> None:
        hold.open = False
        for lot, take in hold.takes:
            lot.held -= take

    def capture(self, hold: ModelHold, points: int) -> ModelMove:
        if not hold.open or hold.expires <= self.now or points > hold.points:
            raise No
        self.end(hold)
        takes, rest = [], points
        for lot in self.order([lot for lot, _ in hold.takes]):
            take = min(next(t for other, t in hold.takes if other is lot), rest)
            if take:
                lot.left -= take
                rest -= take
                takes.append((lot, take))
        self.pay_debt()
        return ModelMove(points, takes=takes)

    def release(self, hold: ModelHold) -> None:
        if not hold.open:
            raise No
        self.end(hold)
        self.pay_debt()

    def pay_debt(self) -> None:
        for lot, take in self.pick(self.debt, self.usable()) if self.debt else []:
            lot.left -= take
            self.debt -= take

    def expire(self) -> None:
        for lot in self.lots:
            if lot.expires is not None and lot.expires <= self.now:
                lot.lapsed += lot.free
                lot.left = lot.held
