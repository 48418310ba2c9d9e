"""The import desk's pages: upload, what was understood, preview, progress, result."""

from backoffice.admin.imports import batches

__all__ = ["batches"]
