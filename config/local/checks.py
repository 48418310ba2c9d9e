"""`python -m config.local check`: everything that must hold before a change is done, one line each."""

import os
import secrets
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.local.environment import child_environment
from config.local.paths import Layout
from config.local.processes import leash
from config.local.services import services

MANAGE = (sys.executable, "manage.py")


@dataclass(frozen=True)
class Check:
    """A command that must end with 0. `extra` goes over the environment."""

    name: str
    command: tuple[str, ...]
    extra: Mapping[str, str] = field(default_factory=dict)


def throwaway_production() -> dict[str, str]:
    """Settings that let `config.settings.production` load; made anew each time, worth nothing afterwards."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "shuke.example",
        "CSRF_TRUSTED_ORIGINS": "https://shuke.example",
        "METRICS_TOKEN": secrets.token_urlsafe(32),
    }


def all_checks(root: Path) -> list[Check]:
    """The checks in order: quick ones first, so that a slip shows within a second."""
    python = sys.executable
    test_settings = {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    checks = [
        Check("ruff check", (python, "-m", "ruff", "check", ".")),
        Check("ruff format", (python, "-m", "ruff", "format", "--check", ".")),
        # The lock is installed without asking what else it needs: here it is asked.
        Check("lock is whole", (python, "-m", "pip", "check", "--disable-pip-version-check")),
        Check("catalogues", (python, "-m", "config.local", "catalogues", "--check")),
        Check("lint-imports", (_script("lint-imports"),)),
        Check(
            "deploy settings",
            (*MANAGE, "check", "--deploy", "--fail-level", "WARNING"),
            throwaway_production(),
        ),
        Check("missing migrations", (*MANAGE, "makemigrations", "--check", "--dry-run")),
    ]
    if _has_migration_linter(root):
        checks.append(Check("migration safety", (*MANAGE, "lintmigrations"), test_settings))
    checks += [
        Check("architecture", (python, "-m", "pytest", "-m", "contract", "-q"), test_settings),
        Check("mypy", (python, "-m", "mypy")),
    ]
    return checks


def _script(name: str) -> str:
    # Installed beside the interpreter, which need not be on PATH.
    return str(Path(sys.executable).with_name(name))


def _has_migration_linter(root: Path) -> bool:
    with (root / "pyproject.toml").open("rb") as file:
        return "django_migration_linter" in tomllib.load(file).get("tool", {})


def run_checks(layout: Layout, environment: Mapping[str, str]) -> int:
    """Run all checks with a database up, print name, seconds and outcome of each; 1 if one failed.

    Raises LauncherError when the database cannot be started.
    """
    layout.prepare()
    failed: list[str] = []
    with services(layout, environment, with_broker=False) as running:
        values = child_environment(environment, database_url=running.database_url, role="", broker={})
        for check in all_checks(layout.root):
            began = time.monotonic()
            answer = _captured(check, layout.root, values)
            well = answer.returncode == 0
            print(
                f"{check.name:<20} {time.monotonic() - began:6.1f} s  {'ok' if well else 'FAILED'}",
                flush=True,
            )
            if not well:
                failed.append(check.name)
                print(f"$ {' '.join(check.command)}\n{answer.stdout.rstrip()}\n", flush=True)
    print(f"{len(failed)} failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


def _captured(check: Check, root: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            check.command, cwd=root, env={**environment, **check.extra}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        )  # fmt: skip
    except OSError as error:
        return subprocess.CompletedProcess(check.command, 127, f"cannot run: {error}")


def run_with_services(
    layout: Layout,
    environment: Mapping[str, str],
    command: Sequence[str],
    *,
    settings: str,
    with_broker: bool,
) -> int:
    """Run `command` with servers up and pass on its exit code. Raises LauncherError."""
    layout.prepare()
    with services(layout, environment, with_broker=with_broker) as running:
        values = child_environment(
            environment, database_url=running.database_url, role="", broker=running.broker_environment
        )
        # The person's shell may name the settings of another task.
        values["DJANGO_SETTINGS_MODULE"] = settings
        return _foreground(command, layout.root, values)


def _foreground(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> int:
    child = subprocess.Popen(
        list(command), cwd=root, env=dict(environment),
        preexec_fn=leash(os.getpid(), signal.SIGTERM),
    )  # fmt: skip
    # Ctrl-C reaches the child through the terminal; it reports what it found so far, we wait for that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code
