"""Command line: `python -m bench [--only earning,clients] [--quick] [--rounds 3] [--seconds 5]`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from datetime import UTC, datetime

from bench.errors import CannotMeasure
from bench.findings import Finding, table
from bench.scratch import Lab, commit, scratch_database, server_facts

# Name on the command line -> module with `run(lab)`; the order is the table's.
GROUPS = {
    "earning": "G1: one earn, one process",
    "clients": "G2, G3: eight clients, spread and on one account",
    "spending": "G4: a spend over ten lots",
    "refusals": "what the database's own refusals cost",
    "expiry": "G7: a million lots in batches",
    "receipts": "a year of receipts in bulk",
    "pointfiles": "100,000 rows of points by file",
    "imports": "G6, G6b, G6c: files of members beside django-import-export and staged SQL",
    "million": "G6b, G6d: a million rows, their memory, their line, a million tags",
    "till": "a till that posts purchases beside an import of a million rows",
    "screens": "G9: the admin's lists",
    "servers": "G10, G11: embedded database and broker",
    "http": "G5: the API over HTTP",
}
# The issue calls the first group by its subject.
ALIASES = {"ledger": ("earning", "clients", "spending", "refusals")}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    top.add_argument("--only", default="", metavar="NAMES", help=f"of {', '.join((*GROUPS, *ALIASES))}")
    top.add_argument("--quick", action="store_true", help="short slices, a tenth of the rows")
    top.add_argument("--rounds", type=int, default=3, help="interleaved rounds, at least 3 (default 3)")
    top.add_argument(
        "--large", default="", metavar="URL", help="a database that seed_demo filled, for the admin's lists"
    )
    top.add_argument("--seconds", type=float, help="length of a slice (default 6, quick 2)")
    return top


def chosen(text: str) -> list[str]:
    """The groups that `--only` names, in the table's order; raises SystemExit for an unknown one."""
    names: set[str] = set()
    for word in filter(None, text.split(",")):
        if word not in GROUPS and word not in ALIASES:
            raise SystemExit(
                f"python -m bench: no group {word!r}; there are {', '.join((*GROUPS, *ALIASES))}"
            )
        names.update(ALIASES.get(word, (word,)))
    return [name for name in GROUPS if not names or name in names]


def measure(lab: Lab, names: list[str]) -> list[Finding]:
    findings: list[Finding] = []
    for name in names:
        began = time.monotonic()
        try:
            found = importlib.import_module(f"bench.{name}").run(lab)
        except CannotMeasure as error:
            found = [Finding(name, GROUPS[name], "-", "", (), (), note=str(error))]
        findings += found
        # A run takes an hour: what is known is told at once, and survives an end before its time.
        print(f"{name}: {time.monotonic() - began:.0f} s\n{table(found)}\n", file=sys.stderr, flush=True)
    return findings


def main(words: list[str]) -> int:
    """Measure, print the table; 1 when a goal was missed, 2 when the place to measure is missing."""
    arguments = parser().parse_args(words)
    names = chosen(arguments.only)
    url = os.environ.get("DATABASE_URL")
    if not url:
        print("python -m bench needs DATABASE_URL; `make bench` starts a database itself", file=sys.stderr)
        return 2
    seconds = arguments.seconds or (2 if arguments.quick else 6)
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    os.environ["DATABASE_ROLE"] = ""
    with scratch_database(url) as scratch:
        lab = Lab(
            scratch,
            arguments.quick,
            max(3, arguments.rounds),
            seconds,
            20_000 if arguments.quick else 100_000,
            arguments.large,
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, skip_checks=True)
        try:
            findings = measure(lab, names)
        finally:
            from django.db import connections

            connections.close_all()
    print(table(findings))
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"\n{moment}, commit {commit()}, {os.cpu_count()} cores, PostgreSQL: {server_facts(url)}")
    return 1 if any(finding.verdict.startswith("MISSED") for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
