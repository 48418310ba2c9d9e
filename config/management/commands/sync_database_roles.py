"""`manage.py sync_database_roles --login shuke_web`, run as the owner of the tables."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from psycopg import sql

from points.sql import read

# What the first roles got too much of; the ledger's tables have a file of their own.
NARROWED = (
    "backoffice.migrations.0012_counters_count",
    "members.migrations.0011_history_goes_with_its_person",
)


class Command(BaseCommand):
    help = (
        "Make the roles shuke_app and auditor where they are missing and give them their rights again. "
        "With --login also a login of its own for web and worker, a member of shuke_app and of nothing else; "
        "its password comes from APP_DATABASE_PASSWORD (or the file in APP_DATABASE_PASSWORD_FILE)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--login", metavar="NAME", help="make or renew this login")

    def handle(self, *args: Any, login: str | None, **options: Any) -> None:
        roles = import_module("backoffice.migrations.0002_roles_and_audit_schema").ROLES
        with transaction.atomic(), connection.cursor() as cursor:
            # The schema is there since that migration; everything else in it may be said again.
            cursor.execute(roles.replace("CREATE SCHEMA audit;", ""))
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname IN ('shuke_app', 'auditor')")
            missing = {"shuke_app", "auditor"} - {row[0] for row in cursor.fetchall()}
            if missing:
                raise CommandError(
                    f"{', '.join(sorted(missing))} missing, and this user may not create roles: let the "
                    "database's administrator run CREATE ROLE ... NOLOGIN, then run this again"
                )
            cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA audit TO auditor, shuke_app")
            cursor.execute(read("grants_v5"))
            for migration in NARROWED:
                cursor.execute(import_module(migration).GRANTS)
            if login:
                self._login(cursor, login)
        self.stdout.write(
            "shuke_app and auditor have their rights" + (f", {login} may sign in" if login else "")
        )

    def _login(self, cursor: Any, name: str) -> None:
        password = settings.APP_DATABASE_PASSWORD
        if len(password) < 16:
            raise CommandError("APP_DATABASE_PASSWORD needs 16 characters or more")
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        role = sql.Identifier(name)
        try:
            cursor.execute(
                sql.SQL(f"{verb} ROLE {{}} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {{}}")
                .format(role, sql.Literal(password))
                .as_string(cursor.connection)
            )
            cursor.execute(sql.SQL("GRANT shuke_app TO {}").format(role).as_string(cursor.connection))
        except ProgrammingError as error:
            raise CommandError(f"this user may not make logins: {error}") from error
