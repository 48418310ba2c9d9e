"""The import desk for programs: a person's key brings files in, with his rights, and never approves.

Files come as the body of the request, or as the part `file` of a form. A step (look, check, apply, undo) is
a worker's; `GET` says how far it is.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.api.callers import CallerKind
from backoffice.api.fields import StrictBoolean, StrictSerializer, StrictText
from backoffice.api.operations import Body, Operation
from backoffice.api.uploads import (
    BYTES,
    CSV,
    FORM,
    PART,
    WORKBOOK,
    CsvParser,
    FileParser,
    FormParser,
    Sent,
    WorkbookParser,
)
from backoffice.choices import ApiScope, ImportState
from backoffice.errors import CallerNotAllowed, OutOfReach
from backoffice.models import Brand, ImportBatch, User
from backoffice.services.imports import intake, storage, verbs
from backoffice.services.imports.kinds import kind_of
from backoffice.tabular.faults import file_fault_text

STAFF = frozenset({CallerKind.STAFF})
FORM_OF_FILE: dict[str, Any] = {
    "type": "object",
    "properties": {PART: {"type": "string", "format": "binary"}},
    "required": [PART],
    "additionalProperties": False,
}


class UploadQuery(StrictSerializer):
    """`name` is the file's: its end says whether it is CSV or a workbook. Only a form may leave it out, whose
    part has one. `brand` is a brand's code.
    """

    kind = StrictText(max_length=32)
    name = StrictText(max_length=200, required=False)
    brand = StrictText(max_length=32, required=False)


class CheckInput(StrictSerializer):
    """`columns`: the field of each column, empty to leave it out; without it, as understood. `policy`: what
    rows may do, by the names that the desk shows. Columns that mean nothing are refused unless
    `ignore_unknown`.
    """

    columns = serializers.ListField(
        child=StrictText(allow_blank=True, max_length=64), max_length=200, required=False
    )
    policy = serializers.DictField(child=StrictText(max_length=200), required=False)
    ignore_unknown = StrictBoolean(default=False)


class ConfirmInput(StrictSerializer):
    """`again`: the same rows were brought in before, or stayed when that was undone, and that is meant."""

    again = StrictBoolean(default=False)


class ReasonInput(StrictSerializer):
    reason = StrictText(max_length=200, required=False, allow_blank=True)


class EarlierAnswer(serializers.Serializer):
    """Another import of the same rows. `stands`: its rows are in. Else it was undone, and of `stayed_rows`
    rows `stayed_points` points could not be taken back. To bring them in once more takes `again`.
    """

    id = serializers.IntegerField()
    stands = serializers.BooleanField()
    stayed_rows = serializers.IntegerField()
    stayed_points = serializers.IntegerField()


class ImportAnswer(serializers.Serializer):
    """`counts` are rows by outcome (`new`, `changed`, `same`, `error`, ...) and by result (`done:applied`,
    ...); `done` and `total` are those of the step that runs. `problem` says why a file was refused.
    """

    id = serializers.IntegerField()
    kind = serializers.CharField()
    file_name = serializers.CharField()
    state = serializers.ChoiceField(choices=ImportState.choices)
    heads = serializers.ListField(child=serializers.CharField())
    columns = serializers.ListField(child=serializers.CharField())
    policy = serializers.DictField(child=serializers.CharField())
    counts = serializers.DictField(child=serializers.IntegerField())
    problem = serializers.CharField(allow_blank=True)
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    seconds_left = serializers.IntegerField(allow_null=True)
    held_until = serializers.DateTimeField(allow_null=True)
    earlier = EarlierAnswer(allow_null=True)


def answer_of(batch: ImportBatch) -> Body:
    job = batch.job
    return {
        "id": batch.pk,
        "kind": batch.kind,
        "file_name": batch.file_name,
        "state": batch.state,
        "heads": batch.layout.get("heads", []),
        "columns": batch.layout.get("fields", []),
        "policy": batch.policy,
        "counts": batch.counts,
        "problem": file_fault_text(batch.problem) if batch.problem else "",
        "done": job.done if job else 0,
        "total": job.total if job else None,
        "seconds_left": job.seconds_left if job else None,
        "held_until": batch.held_until,
        "earlier": _earlier(batch),
    }


def _name_of(sent: Sent) -> str:
    """What the part calls the file, as strict as the query. Raises ValidationError."""
    field = UploadQuery().fields["name"]
    try:
        return str(field.run_validation(sent.name) if sent.name else field.fail("required"))
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"name": error.detail}) from None


def _earlier(batch: ImportBatch) -> Body | None:
    """What somebody has to know before he confirms."""
    if batch.state in intake.OVER:
        return None
    if known := intake.earlier(batch):
        return {"id": known.pk, "stands": True, "stayed_rows": 0, "stayed_points": 0}
    if left := intake.left_behind(batch):
        return {
            "id": left.batch.pk, "stands": False, "stayed_rows": left.rows, "stayed_points": left.points
        }  # fmt: skip
    return None


class ImportOperation(Operation):
    """A person's key, his right to the kind, his reach."""

    callers = STAFF
    read_scope = ApiScope.IMPORTS_WRITE
    write_scope = ApiScope.IMPORTS_WRITE

    @property
    def person(self) -> User:
        """Raises CallerNotAllowed for a key that is nobody's."""
        if self.caller.user is None:
            raise CallerNotAllowed
        return self.caller.user

    def batch(self, pk: int) -> ImportBatch:
        """Raises OutOfReach for what he may not see, CallerNotAllowed for a kind that he may not bring in."""
        seen = ImportBatch.objects.visible_to(self.person).select_related("job", "owner", "brand")
        found: ImportBatch | None = seen.filter(pk=pk).first()
        if found is None:
            raise OutOfReach
        self.may(found.kind)
        return found

    def may(self, kind: str) -> None:
        if not self.person.has_perm(kind_of(kind).permission):
            raise CallerNotAllowed

    def step(self, pk: int, verb: Callable[[], ImportBatch]) -> Response:
        self.batch(pk)
        return self.once(lambda: answer_of(verb()))


class Imports(ImportOperation):
    """A file comes in; a worker looks at it."""

    parser_classes = [CsvParser, WorkbookParser, FileParser, FormParser]

    @extend_schema(
        operation_id="import_upload",
        summary="Bring a file in",
        description=(
            "The body is the file, or a form whose only part, `file`, is it. The answer comes before anybody "
            "has looked at it: ask for the import until its state is `understood`, then have it checked."
        ),
        tags=["imports"],
        parameters=[
            OpenApiParameter("kind", str, required=True, description="members, tags, ..."),
            OpenApiParameter(
                "name",
                str,
                description="The file's name, with its end. A form may leave it out: its part has one.",
            ),
            OpenApiParameter("brand", str, description="Whose members they are; without it, the group's."),
        ],
        request={
            CSV: OpenApiTypes.BINARY,
            WORKBOOK: OpenApiTypes.BINARY,
            BYTES: OpenApiTypes.BINARY,
            FORM: FORM_OF_FILE,
        },
        responses={201: ImportAnswer},
    )
    def post(self, request: Request) -> Response:
        asked = self.checked_query(UploadQuery)
        self.may(asked["kind"])
        brand = Brand.objects.filter(code=asked["brand"]).first() if asked.get("brand") else None
        if asked.get("brand") and brand is None:
            raise OutOfReach
        # A request without a body is not given to any parser.
        sent = request.data if isinstance(request.data, Sent) else Sent(io.BytesIO())
        name = asked.get("name") or _name_of(sent)
        checksum, _size = storage.fingerprint(sent.file)

        def upload() -> Body:
            batch = intake.upload(
                file=sent.file, name=name, kind=asked["kind"], actor=self.caller.actor, now=self.now,
                brand=brand,
            )  # fmt: skip
            return answer_of(batch)

        # The frame of a form is another one at each try; what the address does not say belongs to the body.
        body = {"checksum": checksum} if "name" in asked else {"checksum": checksum, "name": name}
        return self.once(upload, status=201, body=body)


class OneImport(ImportOperation):
    """How far a file is."""

    @extend_schema(
        operation_id="import_state", summary="How far a file is", tags=["imports"], responses=ImportAnswer
    )
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(answer_of(self.batch(pk)))


class ImportCheck(ImportOperation):
    @extend_schema(
        operation_id="import_check",
        summary="Have the rows checked",
        description="Nothing is written. When the state is `checked`, `counts` say what the rows would do.",
        tags=["imports"],
        request=CheckInput,
        responses=ImportAnswer,
    )
    def post(self, request: Request, pk: int) -> Response:
        asked = self.checked(CheckInput)
        return self.step(pk, lambda: verbs.check(
            batch_id=pk, fields=asked.get("columns"), policy=asked.get("policy", {}), actor=self.caller.actor,
            now=self.now, ignore=None if asked["ignore_unknown"] else (),
        ))  # fmt: skip


class ImportConfirm(ImportOperation):
    @extend_schema(
        operation_id="import_confirm",
        summary="Let the good rows in",
        description="Many rows, and risky ones, wait for a second person in the back office (`waiting`).",
        tags=["imports"],
        request=ConfirmInput,
        responses=ImportAnswer,
    )
    def post(self, request: Request, pk: int) -> Response:
        asked = self.checked(ConfirmInput)
        return self.step(pk, lambda: verbs.confirm(
            batch_id=pk, actor=self.caller.actor, now=self.now, again=asked["again"]
        ))  # fmt: skip


class ImportStop(ImportOperation):
    @extend_schema(
        operation_id="import_stop",
        summary="Stop while rows are applied",
        description="Between two chunks. What is in stays in, is counted, and can be undone.",
        tags=["imports"],
        request=ReasonInput,
        responses=ImportAnswer,
    )
    def post(self, request: Request, pk: int) -> Response:
        reason = self.checked(ReasonInput).get("reason", "")
        return self.step(
            pk, lambda: verbs.stop(batch_id=pk, actor=self.caller.actor, now=self.now, reason=reason)
        )


class ImportDrop(ImportOperation):
    @extend_schema(
        operation_id="import_drop",
        summary="Put a file away before any row was applied",
        tags=["imports"],
        request=ReasonInput,
        responses=ImportAnswer,
    )
    def post(self, request: Request, pk: int) -> Response:
        reason = self.checked(ReasonInput).get("reason", "")
        return self.step(
            pk, lambda: verbs.drop(batch_id=pk, actor=self.caller.actor, now=self.now, reason=reason)
        )


class ImportUndo(ImportOperation):
    @extend_schema(
        operation_id="import_undo",
        summary="Take an import back",
        description="What nobody has changed since gets its former values; `counts` say what stayed.",
        tags=["imports"],
        request=ReasonInput,
        responses=ImportAnswer,
    )
    def post(self, request: Request, pk: int) -> Response:
        reason = self.checked(ReasonInput).get("reason", "")
        return self.step(
            pk, lambda: verbs.undo(batch_id=pk, actor=self.caller.actor, now=self.now, reason=reason)
        )
