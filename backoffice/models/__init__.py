from backoffice.models.audit import AuditEvent
from backoffice.models.jobs import Heartbeat, Job
from backoffice.models.merchant import Brand, Store
from backoffice.models.outbox import IdempotencyKey, OutboxMessage
from backoffice.models.staff import User

__all__ = [
    "AuditEvent",
    "Brand",
    "Heartbeat",
    "IdempotencyKey",
    "Job",
    "OutboxMessage",
    "Store",
    "User",
]
