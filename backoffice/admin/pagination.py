"""Pages of long lists without counting them."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet
from django.utils.functional import cached_property

COUNTED_UP_TO = 1_000


class EstimatingPaginator(Paginator):
    """Counts up to COUNTED_UP_TO rows; beyond, an unfiltered list uses the planner's estimate.

    A filtered list that goes on says COUNTED_UP_TO + 1: there are more, and nobody pages so far.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        counted = rows.order_by()[: COUNTED_UP_TO + 1].count()
        if counted <= COUNTED_UP_TO or rows.query.where:
            return counted
        return max(counted, self._estimate(rows))

    @staticmethod
    def _estimate(rows: QuerySet[Any]) -> int:
        with connections[rows.db].cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [rows.model._meta.db_table]
            )
            found = cursor.fetchone()
        return int(found[0]) if found else 0
