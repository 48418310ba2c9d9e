"""Environment variables: what the person set, what `.env` adds, what each child gets."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.local.errors import LauncherError

# A file that somebody mistook for `.env` should not be swallowed whole.
LARGEST_ENV_FILE_BYTES = 256 * 1024


def parse_env_file(text: str) -> dict[str, str]:
    """`NAME=value` lines as a dict, the way django-environ reads them: quotes go, `export` and comments too.

    >>> parse_env_file('# note\\nexport A=1\\nB="two words"\\n')
    {'A': '1', 'B': 'two words'}
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, found, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not found or name.startswith("#") or not name.isidentifier():
            continue
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        values[name] = value
    return values


def project_environment(root: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process's environment over that of `.env`. Raises LauncherError if `.env` cannot be read."""
    values: dict[str, str] = {}
    path = root / ".env"
    if path.is_file():
        try:
            if path.stat().st_size > LARGEST_ENV_FILE_BYTES:
                raise LauncherError(f"{path} is larger than {LARGEST_ENV_FILE_BYTES} bytes")
            values = parse_env_file(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise LauncherError(f"cannot read {path}: {error}") from error
    return values | dict(os.environ if environ is None else environ)


def setting(environment: Mapping[str, str], name: str) -> str:
    """Value of `name`, or what the file named by `name_FILE` holds; "" for unset. Raises LauncherError."""
    path = environment.get(f"{name}_FILE", "")
    if path:
        try:
            return Path(path).read_text("utf-8").strip()
        except OSError as error:
            raise LauncherError(f"{name}_FILE: cannot read {path}: {error.strerror}") from error
    return environment.get(name, "")


def child_environment(
    environment: Mapping[str, str], *, database_url: str, role: str, broker: Mapping[str, str]
) -> dict[str, str]:
    """What a part of the product is started with.

    `role` is the database role that it drops to, "" to stay the owner; `broker` comes from
    `config.local.broker.Broker.environment`.
    """
    values = dict(environment)
    # Else the file would win over the address that was just worked out from it.
    for name in ("DATABASE_URL_FILE", "BROKER_URL_FILE"):
        values.pop(name, None)
    values |= {"DATABASE_URL": database_url, "DATABASE_ROLE": role, "PYTHONUNBUFFERED": "1", **broker}
    values.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    return values
