"""Who may take what out of the house."""

from __future__ import annotations

from backoffice.errors import NotYours
from backoffice.models import Export, User
from backoffice.selectors import has_second_factor, needs_second_factor
from backoffice.services.exports.kinds import ExportKind

SEE = "backoffice.view_export"
TAKE_OTHERS = "backoffice.take_export"


def may_export(kind: ExportKind, user: User) -> bool:
    return user.is_active and user.has_perm(SEE) and user.has_perm(kind.permission)


def may_have_whole(kind: ExportKind, user: User) -> bool:
    """The right to whole personal data, and a second factor wherever such rights ask for one."""
    if not kind.whole_permission or not user.has_perm(kind.whole_permission):
        return False
    return has_second_factor(user) or not needs_second_factor(user)


def permit(kind: ExportKind, user: User | None, *, whole: bool) -> None:
    """Raises NotYours unless this person may export this. None is the installation itself."""
    if user is None:
        return
    if not may_export(kind, user) or (whole and not may_have_whole(kind, user)):
        raise NotYours


def may_take(export: Export, kind: ExportKind, user: User) -> bool:
    """Whoever asked, while he still may, and whoever may take the files of others; whole data only with the
    right to it.
    """
    if export.whole and not may_have_whole(kind, user):
        return False
    if export.owner_id == user.pk:
        return may_export(kind, user)
    return user.is_active and user.has_perm(TAKE_OTHERS)
