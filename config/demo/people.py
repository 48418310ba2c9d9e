"""People to draw: Taiwanese names, valid mobile numbers, homes near a shop."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from config.demo import names
from members.choices import Channel, Gender

# The member whom the walk-through looks for.
KNOWN_PHONE = "0912345678"
KNOWN_NAME = "王小美"
CHANNELS = (Channel.STORE.value, Channel.LINE.value, Channel.APP.value, Channel.WEB.value)
CHANNEL_WEIGHTS = (60, 20, 12, 8)
BORN_FROM = date(1948, 1, 1)
BORN_DAYS = 21_500
PHONES = 10**8
# Odd and no multiple of 5: adding it again and again visits every number once before it repeats.
PHONE_STEP = 61_803_399


@dataclass(frozen=True, slots=True)
class Person:
    """A member to be. `store` is the index of the shop where he joined, in `names.STORES`."""

    name: str
    phone: str
    gender: str
    birthday: date | None
    email: str
    county: str
    district: str
    channel: str
    store: int
    marketing: bool


class People:
    """Persons one after the other, never two with one phone; the same seed draws the same people."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._phone = dice.randrange(PHONES)
        self._drawn = 0

    def draw(self) -> Person:
        dice = self._dice
        self._drawn += 1
        female = dice.random() < 0.58
        given = dice.choice(names.FEMALE_NAMES if female else names.MALE_NAMES)
        surname = dice.choices(names.SURNAMES, cum_weights=names.SURNAME_WEIGHTS)[0]
        store = dice.randrange(len(names.STORES))
        county = names.STORES[store][2]
        told = bool(county) and dice.random() < 0.7
        return Person(
            name=surname + given,
            phone=self._next_phone(),
            gender=(Gender.FEMALE if female else Gender.MALE).value if dice.random() < 0.85 else "",
            birthday=BORN_FROM + timedelta(days=dice.randrange(BORN_DAYS)) if dice.random() < 0.8 else None,
            email=f"member{self._drawn}@example.com" if dice.random() < 0.35 else "",
            county=county if told else "",
            district=dice.choice(names.DISTRICTS[county]) if told else "",
            channel=dice.choices(CHANNELS, CHANNEL_WEIGHTS)[0],
            store=store,
            marketing=dice.random() < 0.6,
        )

    def _next_phone(self) -> str:
        while True:
            self._phone = (self._phone + PHONE_STEP) % PHONES
            phone = f"09{self._phone:08d}"
            if phone != KNOWN_PHONE:
                return phone


def known_person() -> Person:
    """The member whom the walk-through looks for."""
    return Person(
        name=KNOWN_NAME,
        phone=KNOWN_PHONE,
        gender=Gender.FEMALE.value,
        birthday=date(1990, 5, 12),
        email="",
        county="臺北市",
        district="信義區",
        channel=Channel.STORE.value,
        store=0,
        marketing=True,
    )
