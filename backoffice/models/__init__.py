from backoffice.models.alarm import Alarm
from backoffice.models.api_keys import ApiKey
from backoffice.models.audit import AuditEvent
from backoffice.models.exports import Export
from backoffice.models.imports import ColumnMemory, ImportBatch, ImportRow
from backoffice.models.jobs import Heartbeat, Job
from backoffice.models.limits import LimitCounter
from backoffice.models.merchant import Brand, Store
from backoffice.models.notices import Notice
from backoffice.models.outbox import IdempotencyKey, OutboxMessage
from backoffice.models.sign_in import LoginEvent
from backoffice.models.staff import User
from backoffice.models.webhooks import WebhookDelivery, WebhookSubscription

__all__ = [
    "Alarm",
    "ApiKey",
    "AuditEvent",
    "Brand",
    "ColumnMemory",
    "Export",
    "Heartbeat",
    "IdempotencyKey",
    "ImportBatch",
    "ImportRow",
    "Job",
    "LimitCounter",
    "LoginEvent",
    "Notice",
    "OutboxMessage",
    "Store",
    "User",
    "WebhookDelivery",
    "WebhookSubscription",
]
