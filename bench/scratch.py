"""A database of our own beside the one that DATABASE_URL names: made, filled, measured, dropped."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


@dataclass(frozen=True)
class Lab:
    """Where and how long to measure. `seconds` is one slice; `accounts` the members that take part.

    `large` names a database that holds a million members already; empty: one is filled, which takes a while.
    """

    url: str
    quick: bool
    rounds: int
    seconds: float
    accounts: int
    large: str = ""

    def connect(self) -> psycopg.Connection[tuple]:
        return psycopg.connect(self.url, autocommit=True)


def sibling(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _drop(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


@contextlib.contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """A fresh database on the server of `url`; its URL is also DATABASE_URL while it lives."""
    name = f"shuke_bench_{os.getpid()}"
    before = os.environ.get("DATABASE_URL")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        os.environ["DATABASE_URL"] = sibling(url, name)
        yield os.environ["DATABASE_URL"]
    finally:
        if before is None:
            del os.environ["DATABASE_URL"]
        else:
            os.environ["DATABASE_URL"] = before
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_drop(name))


@contextlib.contextmanager
def beside(lab: Lab) -> Iterator[Lab]:
    """A copy of the scratch database, for a variant that must not touch the original."""
    from django.db import connections

    name = urlsplit(lab.url).path.lstrip("/")
    copy = f"{name}_copy"
    connections.close_all()
    with psycopg.connect(sibling(lab.url, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(copy), sql.Identifier(name))
        )
    try:
        yield replace(lab, url=sibling(lab.url, copy))
    finally:
        connections.close_all()
        with psycopg.connect(sibling(lab.url, "postgres"), autocommit=True) as connection:
            connection.execute(_drop(copy))


@contextlib.contextmanager
def pointed_at(lab: Lab) -> Iterator[None]:
    """Django's connection on the database of `lab`."""
    from django.db import connection

    before, name = connection.settings_dict["NAME"], urlsplit(lab.url).path.lstrip("/")
    if before != name:
        connection.close()
        connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        if before != name:
            connection.close()
            connection.settings_dict["NAME"] = before


def server_facts(url: str) -> str:
    """Version and durability of the server: the first line under every table."""
    with psycopg.connect(url) as connection:
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in names}
    return ", ".join(f"{name} {value[0]}" for name, value in shown.items() if value)


def commit() -> str:
    """The commit that is measured, where there is a working copy."""
    answer = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"
