"""Codes of languages, which cards state."""

from __future__ import annotations

import re

# ISO 639-1, as published by the Library of Congress.
_TWO_LETTERS = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id
ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu
lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu
rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to
tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_NAMES = {
    **{"english": "en", "german": "de", "deutsch": "de", "french": "fr", "spanish": "es"},
    **{"italian": "it", "dutch": "nl", "portuguese": "pt", "russian": "ru", "chinese": "zh"},
    **{"japanese": "ja", "arabic": "ar", "polish": "pl", "czech": "cs", "swedish": "sv"},
}
_SUBTAGS = re.compile(r"(?:-[A-Za-z0-9]{1,8})*")


def language_problem(code: str) -> str | None:
    """What is wrong with a language code; None if nothing is known to be.

    Several codes may be separated by commas. Codes of two letters are those of ISO 639-1; of three
    letters (ISO 639-3) only the form is checked, and so are further parts (``pt-BR``).

    >>> language_problem("en"), language_problem("pt-BR"), language_problem("gsw")
    (None, None, None)
    >>> language_problem("english")
    "'english' is no language code; it is 'en'"
    """
    for part in code.split(","):
        one = part.strip()
        first = one.partition("-")[0]
        known = first in _TWO_LETTERS.split() or (
            len(first) == 3 and first.isascii() and first.isalpha()
        )
        if not known or first != first.lower() or not _SUBTAGS.fullmatch(one[len(first) :]):
            name = _NAMES.get(one.lower())
            advice = f"; it is {name!r}" if name is not None else ""
            return f"{one[:40]!r} is no language code{advice}"
    return None
