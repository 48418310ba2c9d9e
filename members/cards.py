"""Member card numbers: 16 digits, drawn at random, the last a Luhn check digit that catches a mistyped one.

They begin with 9, which the card industry leaves to national schemes: no till takes one for a payment card.
"""

from __future__ import annotations

import random
import re

ISSUER_DIGIT = "9"
CARD_NO = re.compile(r"[0-9]{16}")
# Every other digit counts twice, and the digits of what comes out are added up.
DOUBLED = {str(digit): 2 * digit - 9 * (digit > 4) for digit in range(10)}
# What doors and verbs draw from; tests hand in a seeded one.
SECURE = random.SystemRandom()


def new_card_no(rng: random.Random = SECURE) -> str:
    """A number out of 10^14; whether it is free is for the unique constraint to say."""
    body = f"{ISSUER_DIGIT}{rng.randrange(10**14):014d}"
    return body + check_digit(body)


def is_valid_card_no(text: str) -> bool:
    """Whether `text` is 16 digits with the right check digit; says nothing about a member."""
    return bool(CARD_NO.fullmatch(text)) and check_digit(text[:-1]) == text[-1]


def check_digit(body: str) -> str:
    """The Luhn digit that makes `body` plus itself divisible by ten."""
    total = sum(map(DOUBLED.__getitem__, body[::-2])) + sum(map(int, body[-2::-2]))
    return str(-total % 10)
