"""The fixed text that the ``warm`` state policy reads before every sentence.

The resulting states affect a provider's vectors, so the text is never edited. The fingerprint
covers the text, so any change of it would change the fingerprint.
"""

from __future__ import annotations

from typing import Final

_TEXT: Final = """
The library opens at nine in the morning and closes when the last reader has gone home .
Nobody had told the new teacher that the bell would ring twice on Fridays .
In 1904 , the two villages agreed to build a bridge , but the money ran out before winter .
" Where did you put the key ? " she asked , looking under the chair .
He did not answer at once .
Rice , beans and maize are grown on the terraces above the river .
The committee published its report in March ; few people read it .
Light from a distant star takes many years to reach us .
When the kettle boils , pour the water slowly over the leaves and wait four minutes .
My grandfather used to say that a good map is worth more than a fast horse .
The company lost about 3.5 million dollars in its first year .
Most of the island is covered by forest , and its northern coast is steep .
Could we meet on Tuesday instead ?
A cell divides , and each half carries a full copy of the instructions .
They won the match by two goals , although their captain was injured early .
After the war she moved to Lisbon , where she wrote her best known novel .
The painting shows a woman reading a letter at a window .
It rained for six days , and on the seventh the road was gone .
"""

WARM_UP: Final[tuple[tuple[str, ...], ...]] = tuple(
    tuple(line.split(" ")) for line in _TEXT.strip().split("\n")
)
