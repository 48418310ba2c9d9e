"""Command line of the launcher: `python -m config.local run|services|test|check|bench|manage|catalogues`."""

import argparse
import os
import shlex
import sys
from collections.abc import Mapping

from config.local import catalogues
from config.local.checks import run_checks, run_with_services
from config.local.environment import project_environment
from config.local.errors import LauncherError
from config.local.launch import run
from config.local.paths import Layout, project_layout
from config.local.services import Services, say

# Tests of one group share rows and would fight for them: `loadgroup` keeps a group in one process.
PYTEST = ("pytest", "-n", "2", "--dist", "loadgroup")


def parser() -> argparse.ArgumentParser:
    """The command line. `test`, `manage` and `bench` pass on whatever they do not know."""
    top = argparse.ArgumentParser(prog="python -m config.local", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="database, broker, web, worker and scheduler until Ctrl-C")
    servers = commands.add_parser("services", help="only database and broker; prints variables to eval")
    servers.add_argument("--stop", action="store_true", help="stop them")
    commands.add_parser("check", help="all checks, with the database that they need")
    commands.add_parser("test", help="pytest, with the database that it needs", add_help=False)
    commands.add_parser(
        "manage", help="manage.py with its arguments, with database and broker", add_help=False
    )
    commands.add_parser("bench", help="python -m bench, with database and broker", add_help=False)
    messages = commands.add_parser("catalogues", help="compile the message catalogues")
    messages.add_argument("--check", action="store_true", help="only compare, 1 if one is out of date")
    return top


def _services(layout: Layout, environment: Mapping[str, str], *, stop: bool) -> int:
    layout.prepare()
    servers = Services(layout, environment)
    if stop:
        if not servers.stop():
            say("still in use; the last user stops them")
        return 0
    servers.join()
    servers.keep()
    servers.leave()
    for name, value in {"DATABASE_URL": servers.database_url, **servers.broker_environment}.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _dispatch(arguments: argparse.Namespace, rest: list[str]) -> int:
    layout = project_layout()
    environment = project_environment(layout.root)
    if arguments.command == "run":
        return run(layout, environment)
    if arguments.command == "services":
        return _services(layout, environment, stop=arguments.stop)
    if arguments.command == "check":
        return run_checks(layout, environment)
    if arguments.command == "catalogues":
        return catalogues.run(layout.root, check=arguments.check)
    if arguments.command == "test":
        command = [sys.executable, "-m", *PYTEST, *rest]
        return run_with_services(
            layout, environment, command, settings="config.settings.test", with_broker=False
        )
    command = (
        [sys.executable, "-m", "bench"] if arguments.command == "bench" else [sys.executable, "manage.py"]
    )
    return run_with_services(
        layout, environment, [*command, *rest], settings="config.settings.local", with_broker=True
    )


def main(words: list[str]) -> int:
    """Run one command; its exit code. Refusals are one sentence on standard error and exit code 1."""
    arguments, rest = parser().parse_known_args(words)
    if rest and arguments.command not in ("test", "manage", "bench"):
        parser().error(f"unknown arguments: {' '.join(rest)}")
    # Files of ours are for us; what others may enter is not changed.
    os.umask(os.umask(0o022) | 0o022)
    try:
        return _dispatch(arguments, rest)
    except LauncherError as error:
        say(str(error))
        return 1
    except PermissionError as error:
        say(f"{error.filename}: permission denied; was this folder used by another user before?")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
