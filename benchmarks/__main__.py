"""``python -m benchmarks [NAME …]``: run the named benchmarks, or all of them."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    "elmo_speed",
    "elmo_length",
    "elmo_module",
    "elmo_gpu",
    "bilm_speed",
    "listing",
    "memory",
    "static_vectors",
    "store_checks",
    "store_read",
    "wnut_two_epochs",
    "paper_presets",
    "grid_overhead",
    "search_stability",
    "probe_search",
    "recurrent_heads",
    "threads",
)


def main() -> None:
    chosen = sys.argv[1:] or NAMES
    for name in chosen:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(NAMES)}")
        print(f"== {name}", flush=True)
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
