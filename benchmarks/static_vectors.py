"""Vectors of a few words out of a GloVe-like text file, against gensim's loading all of it.

Each reader runs in a process of its own, on one file of random numbers in GloVe's notation, whose
pages are warm. Peak memory is that of the process less what it had after its imports. Arguments
of ``python -m benchmarks.static_vectors``: megabytes of the file (50) and wanted words (3000).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

DIM = 300
READERS = {
    "elmobench": """
from elmobench.features.static import StaticProvider
def load(path, words):
    return StaticProvider.from_file(Path(path)).encode_types(words)[0]
""",
    "elmobench, mean": """
from elmobench.features.static import StaticProvider
def load(path, words):
    return StaticProvider.from_file(Path(path), unknown="mean").encode_types(words)[0]
""",
    "gensim": """
import gensim, numpy
def load(path, words):
    table = gensim.models.KeyedVectors.load_word2vec_format(path, no_header=True)
    return numpy.stack([table[word] for word in words])
""",
}
TIMED = """
import resource, sys, time
from pathlib import Path
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{reader}
words = ["word%d" % (int(sys.argv[2]) * i) for i in range(int(sys.argv[3]))]
before, start = peak(), time.perf_counter()
found = load(sys.argv[1], words)
print(time.perf_counter() - start, (peak() - before) / 1024, float(abs(found).sum()))
"""


def write(path: Path, megabytes: int) -> int:
    """Write about so many megabytes of vectors; the number of rows."""
    rng = np.random.default_rng(0)
    rows = 0
    with path.open("w") as stream:
        while stream.tell() < megabytes * 1_000_000:
            for vector in rng.normal(0, 0.4, (500, DIM)):
                stream.write(f"word{rows} {' '.join(f'{value:.5g}' for value in vector)}\n")
                rows += 1
    return rows


def main(megabytes: int = 50, wanted: int = 3000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.txt"
        rows = write(path, megabytes)
        size = path.stat().st_size / 1e6
        wanted = min(wanted, rows)
        print(f"{size:.0f} MB, {rows:,} words x {DIM}, {wanted:,} wanted")
        figures = {}
        for name, reader in READERS.items():
            command = [sys.executable, "-c", TIMED.format(reader=reader)]
            arguments = [str(path), str(rows // wanted), str(wanted)]
            runs = [
                subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
                for _ in range(3)
            ]
            seconds, memory, total = min(tuple(map(float, run.stdout.split())) for run in runs)
            figures[name] = (seconds, memory, total)
            print(
                f"{name:<16}{seconds:7.2f} s {size / seconds:7.0f} MB/s {rows / seconds:9,.0f} "
                f"rows/s {memory:7.0f} MB more memory"
            )
    if len({round(total, 1) for _, _, total in figures.values()}) > 1:
        sys.exit("the readers disagree")
    ours, peer = figures["elmobench"], figures["gensim"]
    print(f"{peer[0] / ours[0]:.1f} times gensim's speed, {ours[1] / peer[1]:.2f} of its memory")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
