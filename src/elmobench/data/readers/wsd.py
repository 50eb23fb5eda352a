"""Text with word senses: SemCor, and the unified evaluation framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.inventory_formats import INVENTORIES, InventoryFormat
from elmobench.data.readers.raganato import read_raganato
from elmobench.data.readers.semcor import read_semcor


class WsdOptions(ReaderOptions):
    """Options of the ``wsd`` reader."""

    format: Literal["semcor", "raganato"]
    """Format of the file: ``semcor``, SGML of the semantic concordances; or ``raganato``, XML of
    the unified evaluation framework, with its key file as companion in the role ``keys``. One card
    may contain both: each source's own ``options`` give its format.
    """
    dataset: str = Field(default="", pattern=r"^[^.\s]*$")
    """Name of the file's data set, with which its ids begin and which has a row of its own in the
    scores.
    """
    unescape: bool = False
    """Whether to undo the treebank's brackets in ``raganato``: ``-LRB-`` becomes ``(``, and so on.
    Changes are counted. SemCor has none.
    """
    inventory_format: InventoryFormat = "oewn"
    """Format of the companion files in the role ``inventory``: ``oewn``, the entry files of the
    Open English WordNet; or ``index-sense``, the file ``index.sense`` of WordNet 3.0, which
    published scores were computed with.
    """

    @model_validator(mode="after")
    def _escapes(self) -> WsdOptions:
        if self.unescape and self.format == "semcor":
            raise ValueError("unescape: SemCor has no escapes")
        return self


class WsdReader(Reader[WsdOptions]):
    """Gives :class:`SenseSentence`. The companion in the role ``inventory`` is the sense inventory.

    Its order gives the first sense, which heads answer for a lemma that the training set lacks. See
    :func:`read_semcor`, :func:`read_raganato` and :func:`read_inventory`.
    """

    name: ClassVar[str] = "wsd"
    version: ClassVar[int] = 1
    options_type = WsdOptions
    companions: ClassVar[Mapping[str, str]] = {
        "keys": "gold keys of format raganato; format semcor has none",
        "inventory": "the sense inventory, see inventory_format",
    }

    def read(self, text: SourceText, options: WsdOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        inventory = INVENTORIES.get(text.companions("inventory"), options.inventory_format)
        if options.format == "semcor":
            return read_semcor(text, inventory, options.dataset)
        return read_raganato(text, inventory, options.dataset, options.unescape)


READER = WsdReader()
