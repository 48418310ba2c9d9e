"""Secrets that must be read again (the seed of one-time codes) lie sealed in the database.

A copy of the database alone opens nothing: the key comes from the environment.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

# Says what the key is for: the same secret never serves two purposes.
PURPOSE = b"backoffice.second-factor:"


def seal(text: str) -> str:
    """`text` encrypted and signed with the newest key."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text again, by whichever key sealed it. Raises ValueError when none of the keys fits."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise ValueError("sealed with a key that this installation does not have") from error


def _keys() -> MultiFernet:
    # A key of its own may be changed without ending sessions; without one, Django's keys and their
    # fallbacks serve.
    secrets: list[str] = settings.SECOND_FACTOR_KEYS or [
        settings.SECRET_KEY,
        *settings.SECRET_KEY_FALLBACKS,
    ]
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(PURPOSE + secret.encode()).digest()))
            for secret in secrets
        ]
    )


class SealedAdapter(DefaultMFAAdapter):
    """How the library stores what it must be able to read again, and what an app shows beside the code."""

    def get_totp_issuer(self) -> str:
        return "Shuke"

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)
