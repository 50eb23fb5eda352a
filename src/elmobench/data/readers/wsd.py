"""Text with word senses: SemCor, and the unified evaluation framework."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.raganato import read_raganato
from elmobench.data.readers.semcor import read_semcor
from elmobench.data.readers.sense_inventory import INVENTORIES


class WsdOptions(ReaderOptions):
    """Options of the ``wsd`` reader.

    Attributes:
        format: ``semcor``, SGML of the semantic concordances; or ``raganato``, XML of the unified
            evaluation framework, with its key file beside it in the role ``keys``. One card may
            hold both: a source's own ``options`` say which it is.
        dataset: name of the file's set, which begins its ids and has a row in the scores.
        unescape: undo the treebank's brackets in ``raganato``: ``-LRB-`` is ``(``, and so on;
            counted. SemCor has none.
    """

    format: Literal["semcor", "raganato"]
    dataset: str = Field(default="", pattern=r"^[^.\s]*$")
    unescape: bool = False

    @model_validator(mode="after")
    def _escapes(self) -> WsdOptions:
        if self.unescape and self.format == "semcor":
            raise ValueError("unescape: SemCor has no escapes")
        return self


class WsdReader(Reader[WsdOptions]):
    """Gives :class:`SenseSentence`. The companion in the role ``inventory`` is the sense inventory.

    It consists of the entry files of the Open English WordNet. See :func:`read_semcor` and
    :func:`read_raganato`.
    """

    name: ClassVar[str] = "wsd"
    version: ClassVar[int] = 1
    options_type = WsdOptions

    def read(self, text: SourceText, options: WsdOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        inventory = INVENTORIES.get(text.companions("inventory"))
        if options.format == "semcor":
            return read_semcor(text, inventory, options.dataset)
        return read_raganato(text, inventory, options.dataset, options.unescape)


READER = WsdReader()
