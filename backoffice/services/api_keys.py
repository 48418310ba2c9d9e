"""API keys: given out once, kept as a hash, ended at once.

A key is looked up in its row at every request. A cache of sixty seconds would save one indexed query
and would let a stolen key live on for up to a minute in every process, unless each
request asked for an epoch, which is a query as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from backoffice import prepared
from backoffice.actors import Actor
from backoffice.choices import ApiKeyKind, ApiScope
from backoffice.errors import ApiKeyUnbound, NetworkInvalid, NotAuthenticated, OutOfReach
from backoffice.models import ApiKey, Brand, Store, User
from backoffice.services import audit

BEGINNING = "skk_"
PREFIX = re.compile(r"[0-9a-f]{12}")
STAFF_KEY_LIFE = timedelta(days=90)
# `last_used_at` is written this often at most: a till that calls each second must not write each second.
LAST_USED_EXACT_TO = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """`secret` is the whole key and `signing_secret` what its requests are signed with. Shown once, kept
    nowhere.
    """

    key: ApiKey
    secret: str
    signing_secret: str


@transaction.atomic
def issue(
    *,
    kind: ApiKeyKind,
    name: str,
    scopes: Collection[ApiScope],
    actor: Actor,
    now: datetime,
    brand: Brand | None = None,
    store: Store | None = None,
    owner: User | None = None,
    networks: Sequence[str] = (),
    signed: bool = False,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """Make a key. A person's key lives for at most 90 days.

    Raises ApiKeyUnbound without the store, brand or person that the kind asks for, NetworkInvalid.
    """
    bound = {ApiKeyKind.TILL: store, ApiKeyKind.PARTNER: brand, ApiKeyKind.STAFF: owner}[kind]
    if bound is None:
        raise ApiKeyUnbound
    if kind == ApiKeyKind.STAFF:
        expires_at = min(expires_at or now + STAFF_KEY_LIFE, now + STAFF_KEY_LIFE)
    prefix = secrets.token_hex(6)
    secret = f"{BEGINNING}{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        kind=kind.value,
        name=name.strip()[:60],
        prefix=prefix,
        secret_hash=hash_of(secret),
        scopes=sorted(scope.value for scope in scopes),
        brand=(store.brand if store else None) if kind == ApiKeyKind.TILL else brand,
        store=store if kind == ApiKeyKind.TILL else None,
        owner=owner if kind == ApiKeyKind.STAFF else None,
        networks=[_network(text) for text in networks],
        signed=signed,
        created_at=now,
        expires_at=expires_at,
    )
    changes = {"kind": [None, key.kind], "scopes": [[], key.scopes], "prefix": [None, prefix]}
    audit.record(actor=actor, action="api_key.issue", subject=key, changes=changes, now=now)
    return IssuedKey(key, secret, signing_secret(key))


@transaction.atomic
def revoke(*, key_id: int, actor: Actor, reason: str, now: datetime) -> ApiKey:
    """End a key; the very next request with it is refused. Safe to repeat. Raises OutOfReach."""
    key = ApiKey.objects.select_for_update(no_key=True).filter(pk=key_id).first()
    if key is None:
        raise OutOfReach
    if key.revoked_at is None:
        _end([key], actor, reason, now)
    return key


@transaction.atomic
def revoke_all_of(*, owner: User, actor: Actor, reason: str, now: datetime) -> int:
    """End every key of a person, for whoever closes his account; the number of keys ended."""
    live = ApiKey.objects.select_for_update(no_key=True).filter(owner=owner, revoked_at=None)
    keys = list(live.order_by("pk"))
    _end(keys, actor, reason, now)
    return len(keys)


def authenticate(*, secret: str, address: str, now: datetime) -> ApiKey:
    """The live key behind `secret`, with brand, store and owner; notes that it was used.

    Raises NotAuthenticated, whatever is wrong with it: unknown, revoked, over, from another network, of a
    person or a shop that is closed.
    """
    prefix = secret.removeprefix(BEGINNING).split("_", 1)[0]
    key = _of_prefix(prefix) if PREFIX.fullmatch(prefix) else None
    right = hmac.compare_digest(hash_of(secret), key.secret_hash if key else "0" * 64)
    if key is None or not right:
        raise NotAuthenticated
    if not key.is_live(now) or not _may_come_from(key, address):
        raise NotAuthenticated(f"key:{key.pk}")
    for part in (key.owner, key.store, key.brand):
        if part is not None and not part.is_active:
            raise NotAuthenticated(f"key:{key.pk}")
    if key.last_used_at is None or now - key.last_used_at >= LAST_USED_EXACT_TO:
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=now)
    return key


def signing_secret(key: ApiKey, secret_key: str | None = None) -> str:
    """What requests of this key are signed with: drawn from the house's secret, so that no table holds it."""
    digest = salted_hmac(
        "backoffice.ApiKey.signing", key.prefix, secret=secret_key, algorithm="sha256"
    ).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def signing_secrets(key: ApiKey) -> list[str]:
    """The signing secret, and those of earlier house secrets that are still let in."""
    return [signing_secret(key, house) for house in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def hash_of(secret: str) -> str:
    """SHA-256. A slow hash would protect a password; 256 random bits need none."""
    return hashlib.sha256(secret.encode("utf-8", errors="replace")).hexdigest()


# A key and what it is bound to, in this order.
BOUND = (("store", Store), ("brand", Brand), ("owner", User))


@cache
def _key_sql() -> str:
    parts = [prepared.columns(ApiKey, "k"), *(prepared.columns(model, name) for name, model in BOUND)]
    joins = " ".join(
        f"LEFT JOIN {model._meta.db_table} {name} ON {name}.id = k.{name}_id" for name, model in BOUND
    )
    return f"SELECT {', '.join(parts)} FROM backoffice_apikey k {joins} WHERE k.prefix = %s"


def _of_prefix(prefix: str) -> ApiKey | None:
    row = prepared.opening(_key_sql(), [prefix])
    if row is None:
        return None
    values: dict[str, Any] = {}
    at = len(prepared.names(ApiKey))
    key: ApiKey = prepared.made(ApiKey, row[:at])
    for name, model in BOUND:
        until = at + len(prepared.names(model))
        # The first column is the id: without one there was no row to join.
        values[name] = prepared.made(model, row[at:until]) if row[at] is not None else None
        at = until
    for name, value in values.items():
        setattr(key, name, value)
    return key


def _end(keys: Sequence[ApiKey], actor: Actor, reason: str, now: datetime) -> None:
    ApiKey.objects.filter(pk__in=[key.pk for key in keys]).update(revoked_at=now)
    for key in keys:
        key.revoked_at = now
        changes = {"revoked_at": [None, now], "prefix": [key.prefix, key.prefix]}
        audit.record(
            actor=actor, action="api_key.revoke", subject=key, changes=changes, reason=reason, now=now
        )


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise NetworkInvalid(value=text[:60]) from error


def _may_come_from(key: ApiKey, address: str) -> bool:
    if not key.networks:
        return True
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(caller in ipaddress.ip_network(network) for network in key.networks)
