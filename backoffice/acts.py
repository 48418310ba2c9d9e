"""The socket by which each app says what its acts and its background work are called.

The books keep codes ("points.undo", "campaigns.import_purchases"): they stay when words change. What people
read comes from here. Each app names its codes in its `act_names.py`, which is loaded at start. A code that
nobody named is shown as itself; a test finds those that the code records.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from backoffice.choices import ActorType

Text = str | Promise

_acts: dict[str, Text] = {}
_work: dict[str, Text] = {}
_reasons: dict[str, Text] = {}
_sources: dict[str, Text] = {}


def name_acts(names: Mapping[str, Text]) -> None:
    """Name acts of the audit trail by their codes. Raises ValueError when one has another name."""
    _add(_acts, names)


def name_work(names: Mapping[str, Text]) -> None:
    """Name what works in the background: kinds of jobs, and names of `Actor.job`. Raises ValueError."""
    _add(_work, names)


def name_reasons(names: Mapping[str, Text]) -> None:
    """Name codes that stand before the note in a reason ("goodwill: ..."); "" leaves one out."""
    _add(_reasons, names)


def name_sources(names: Mapping[str, Text]) -> None:
    """Name the kinds of business events behind entries and holds ("purchase"). Raises ValueError."""
    _add(_sources, names)


def _add(known: dict[str, Text], names: Mapping[str, Text]) -> None:
    for code, title in names.items():
        if known.setdefault(code, title) is not title:
            raise ValueError(f"{code!r} already has a name")


def act_title(code: str) -> str:
    """What the trail's `action` means: "Redemption or earning undone"."""
    return str(_acts.get(code, code))


def work_title(code: str) -> str:
    """What a kind of job, or a job that acts, is called: "Nightly expiry of points"."""
    return str(_work.get(code, code))


def reason_text(reason: str) -> str:
    """A stored reason with its code in words: "Goodwill: for the wait"."""
    code, _colon, note = reason.partition(": ")
    if code not in _reasons:
        return reason
    title = str(_reasons[code])
    return _("%(reason)s: %(note)s") % {"reason": title, "note": note} if title and note else title or note


def source_title(code: str) -> str:
    """What kind of event moved points: "Receipt"."""
    return str(_sources.get(code, code))


def act_codes() -> list[str]:
    """Every named act, in the order of codes."""
    return sorted(_acts)


def work_codes() -> list[str]:
    return sorted(_work)


def actor_text(kind: str, code: str, name: str = "") -> str:
    """Who acted, as people say it: a colleague by name, a till by its shop, the system by its work."""
    if kind == ActorType.STAFF:
        return name or code
    if kind == ActorType.JOB:
        return _("System: %(work)s") % {"work": work_title(code)}
    label = str(ActorType(kind).label) if kind in ActorType.values else kind
    return f"{label} {name or code}"
