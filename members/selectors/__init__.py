"""Answers about members; the only way by which doors fetch a member that they may show."""

from members.selectors.consents import has_consent, latest_consent, latest_consents
from members.selectors.lineage import absorbed_ids, survivor, survivors
from members.selectors.profile import Completion, completion, members_per_referring_store, profile_needs
from members.selectors.search import Kind, SearchResult, find_members, member_of_card
from members.selectors.story import Cursor, StoryPage, lineage_ids, story_kinds, story_page

__all__ = [
    "Completion",
    "Cursor",
    "Kind",
    "SearchResult",
    "StoryPage",
    "absorbed_ids",
    "completion",
    "find_members",
    "has_consent",
    "latest_consent",
    "latest_consents",
    "lineage_ids",
    "member_of_card",
    "members_per_referring_store",
    "profile_needs",
    "story_kinds",
    "story_page",
    "survivor",
    "survivors",
]
