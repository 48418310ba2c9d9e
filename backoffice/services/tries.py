"""Tries are burnt before anything is compared, each by one statement (`limits`), never in a cache.

A counter that is read, checked and written back lets every parallel try through that read it in time.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from backoffice.errors import LimitReached, TooManyTries
from backoffice.services import limits
from backoffice.visits import Visit, network_of

# Counted over any quarter of an hour, so that no lock lasts longer: the oldest try has left it by then.
LOCK = timedelta(minutes=15)
PER_NAME = 5
PER_PERSON = 5
# A shop's tills share an address; whoever signs in gets his try back.
PER_ADDRESS = 30


@dataclass(frozen=True, slots=True)
class Counter:
    """`limit` tries in LOCK are compared, those above are not. `shared` counters are not one person's."""

    bucket: str
    limit: int
    shared: bool = False


def of_name(username: str) -> Counter:
    """For a name as it was typed, whether somebody has it or not; the table keeps a keyed digest only."""
    name = unicodedata.normalize("NFKC", username).strip().casefold()
    digest = hmac.digest(settings.SECRET_KEY.encode(), name.encode("utf-8", "replace"), hashlib.sha256)
    return Counter(f"sign_in.name:{digest.hex()[:40]}", PER_NAME)


def of_person(user_id: int) -> Counter:
    """For what a person proves once his name is known: codes, and the password once more."""
    return Counter(f"sign_in.person:{user_id}", PER_PERSON)


def of_address(visit: Visit) -> list[Counter]:
    """For a client's network; none where the server does not know it."""
    if visit.address is None:
        return []
    return [Counter(f"sign_in.address:{network_of(visit.address)}", PER_ADDRESS, shared=True)]


@transaction.atomic
def burn(*, counters: Sequence[Counter], now: datetime) -> bool:
    """Take one try from each counter, in this order; True when it was the last one of any of them.

    Commits before anything is compared. Raises TooManyTries when one of them has none left; a refused try
    costs no counter anything, so hammering at a lock neither lengthens it nor locks others out.
    """
    last = False
    for counter in counters:
        try:
            taken = limits.take_sliding(bucket=counter.bucket, limit=counter.limit, window=LOCK, now=now)
        except LimitReached as refusal:
            raise TooManyTries(minutes=max(1, math.ceil(refusal.retry_after / 60))) from refusal
        last |= taken == counter.limit
    return last


def give_back(*, counters: Sequence[Counter], now: datetime) -> None:
    """After a right answer: the name and the person start anew, the address gets this one try back."""
    for counter in counters:
        if counter.shared:
            limits.give_back(bucket=counter.bucket, at=now)
        else:
            limits.clear(bucket=counter.bucket)
