"""The one table from a refusal's code to an HTTP status. A refusal that is not in it conflicts with the state
of things: 409. `tests/api/statuses.txt` lists what every refusal of the house answers.
"""

from __future__ import annotations

from typing import Final

from backoffice.errors import Refusal

CONFLICT = 409

STATUS_OF: Final[dict[str, int]] = {
    # What was sent is wrong in itself
    "allowance_wrong": 400,
    "bill_out_of_range": 400,
    "card_code_invalid": 400,
    "carrier_invalid": 400,
    "cursor_invalid": 400,
    "country_not_served": 400,
    "field_hidden": 400,
    "file_refused": 400,
    "grant_too_large": 400,
    "import_kind_unknown": 400,
    "import_policy_wrong": 400,
    "invalid_phone": 400,
    "invalid_points": 400,
    "invalid_profile": 400,
    "invalid_receipt": 400,
    "key_invalid": 400,
    "network_invalid": 400,
    "no_such_referral_code": 400,
    "profile_incomplete": 400,
    "reason_missing": 400,
    "time_not_believed": 400,
    "unknown_store": 400,
    # Who asks is not known, or may not
    "code_wrong": 401,
    "not_authenticated": 401,
    "refresh_refused": 401,
    "signature_wrong": 401,
    "ticket_wrong": 401,
    "caller_not_allowed": 403,
    "not_allowed": 403,
    "out_of_reach": 404,
    "no_such_account": 404,
    "no_such_card": 404,
    "no_such_customer": 404,
    "no_such_entry": 404,
    "no_such_grant": 404,
    "no_such_program": 404,
    "no_such_receipt": 404,
    "no_such_purchase": 404,
    "no_such_reservation": 404,
    "program_unknown": 404,
    # What the request was based on
    "changed_meanwhile": 412,
    "key_taken": 422,
    "key_missing": 428,
    "precondition_missing": 428,
    # Not now
    "grant_day_full": 429,
    "limit_reached": 429,
    "too_many_attempts": 429,
    "sms_unavailable": 503,
}


def status_of(refusal: Refusal | type[Refusal]) -> int:
    """By its code; a refusal whose instances say more precisely what it is (`file_empty`) by its class's."""
    kind = refusal if isinstance(refusal, type) else type(refusal)
    return STATUS_OF.get(refusal.code, STATUS_OF.get(kind.code, CONFLICT))
