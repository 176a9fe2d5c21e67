"""django-import-export's side of imports: it has the pages, ``campaigns.services.imports`` does the work."""

from __future__ import annotations

from typing import Any

from import_export.formats.base_formats import Format
from import_export.resources import Resource
from import_export.results import Result, RowResult

from campaigns.models import SubscriberImport
from campaigns.services.imports import ImportPlan, Outcome, apply_import


class AnyTable(Format):  # type: ignore[misc]  # import-export has no types
    """One format for every kind of file: what it is, is found out from the file itself."""

    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding

    def get_title(self) -> str:
        """For the form."""
        return "CSV, TSV or Excel (.xlsx), recognised by itself"

    def create_dataset(self, in_stream: bytes) -> bytes:
        """The file as it is; the form has read it already."""
        return in_stream

    def can_import(self) -> bool:
        """Yes."""
        return True


class PlanResult(Result):  # type: ignore[misc]  # import-export has no types
    """What import-export's pages show: a plan, and after the confirmation the record too."""

    def __init__(self, plan: ImportPlan, record: SubscriberImport | None) -> None:
        super().__init__()
        self.plan = plan
        self.record = record
        counts = plan.counts
        self.totals[RowResult.IMPORT_TYPE_NEW] = counts[Outcome.NEW]
        self.totals[RowResult.IMPORT_TYPE_UPDATE] = counts[Outcome.UPDATED]
        self.totals[RowResult.IMPORT_TYPE_SKIP] = (
            counts[Outcome.UNCHANGED] + counts[Outcome.OPTED_OUT] + counts[Outcome.DUPLICATE]
        )
        self.totals[RowResult.IMPORT_TYPE_INVALID] = counts[Outcome.INVALID]
        self.total_rows = counts.total()


class SubscriberResource(Resource):  # type: ignore[misc]  # import-export has no types
    """People of a file, into a list. Has no fields of its own: they come from the file."""

    @classmethod
    def get_display_name(cls) -> str:
        """For the form."""
        return "Subscribers"

    def import_data(self, dataset: bytes, dry_run: bool = False, **kwargs: Any) -> PlanResult:  # noqa: ARG002  the form has read it
        """Plan an import, or carry it out.

        Args:
            dataset: the file's bytes.
            dry_run: only plan.
            kwargs: ``plan`` from the form; ``user``, ``upload`` and ``consent_wording`` as in ``apply_import``.
        """
        plan: ImportPlan = kwargs["plan"]
        if dry_run:
            return PlanResult(plan, None)
        options = {name: kwargs[name] for name in ("user", "upload", "consent_wording")}
        return PlanResult(plan, apply_import(plan, **options))
