"""What the operations of a signed-in member have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from backoffice.api.callers import MEMBERS
from backoffice.api.operations import Operation
from members.models import Member
from members.services import codes


class MemberOperation(Operation):
    """Called by a member about himself: no address names whose data it is, so none can name another's."""

    callers = MEMBERS

    @property
    def member(self) -> Member:
        return cast(Member, self.request.auth)

    def attempts(self, *challenges: str) -> Callable[[], None]:
        """Burns an attempt at each challenge, for `once(first=…)`: it counts whatever the verb says then."""

        def burn() -> None:
            for challenge in challenges:
                codes.burn_attempt(challenge=challenge, now=self.now)

        return burn


def code_input() -> dict[str, Any]:
    """The limits of a code as it is typed."""
    return {"min_length": 6, "max_length": 6}
