"""How a load is reported on a terminal."""

from __future__ import annotations

from django.core.management.base import CommandError, OutputWrapper

from members.csv_files import LoadReport

MOST_SHOWN = 100


def write_report(stdout: OutputWrapper, stderr: OutputWrapper, report: LoadReport) -> None:
    """Print the counts and the first bad lines. Raises CommandError when lines were left out."""
    stdout.write(
        f"{report.lines} lines: {report.created} new, {report.changed} changed, {report.same} the same, "
        f"{report.bad} bad ({report.repaired} repaired)"
    )
    for error in report.errors[:MOST_SHOWN]:
        stderr.write(f"line {error.line}, {error.column or '-'}: “{error.value}”, expected {error.expected}")
    if report.bad > MOST_SHOWN:
        stderr.write(f"… and {report.bad - MOST_SHOWN} more")
    if report.bad:
        raise CommandError(f"{report.bad} lines were left out; correct them and load the file again.")
