"""The tables of a report in LaTeX."""

from __future__ import annotations

from typing import Any

from elmobench.analysis.report.report import Report


def to_latex(report: Report) -> str:
    """The tables for a paper, to be included with ``\\input`` in a document that uses booktabs."""
    lines = [f"% {report.name}; needs \\usepackage{{booktabs}}"]
    lines += [f"% {' '.join(caveat.split())}" for caveat in report.caveats]
    for title, explanation, table in report.sections:
        escaped = table.map(_escaped).rename(columns=_escaped)
        lines += ["", f"% {title}. {explanation}"]
        lines.append(escaped.to_latex(index=False, escape=False).strip())
    return "\n".join(lines) + "\n"


_REPLACEMENTS = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "γ": r"$\gamma$",
    "λ": r"$\lambda$",
    "–": "--",
    "³": r"\textsuperscript{3}",
    "…": r"\dots{}",
    "↑": r"$\uparrow$",
    "‡": r"$\ddagger$",
}


def _escaped(value: Any) -> str:
    return "".join(_REPLACEMENTS.get(sign, sign) for sign in str(value))
