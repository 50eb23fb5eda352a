"""The error for files of the store that are damaged."""

from __future__ import annotations

from elmobench.core.errors import StoreError


class DamagedStoreError(StoreError):
    """A file of the store is not as it was written.

    What was computed from other files is not concerned; the message names the file to delete.
    """
