"""Stands in for the reference environment's Python, and for ``allennlp train`` on tagged text.

``fake_allennlp_train.py -m allennlp train CONFIGURATION -s FOLDER …`` writes what the command and
the plug-in would write: it predicts the first tag of every training sentence's gold, in BIOUL, and
fails if the file ``fail`` is in the working data's folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    configuration = json.loads(Path(sys.argv[4]).read_text())
    folder = Path(sys.argv[6])
    if (folder.parents[1] / "fail").exists():
        sys.exit("a failure of AllenNLP")
    folder.mkdir()
    epochs = configuration["trainer"]["num_epochs"]
    (callback,) = configuration["trainer"]["callbacks"]
    sentences = Path(callback["test_data_path"]).read_text().strip().split("\n\n")
    with (folder / "predictions.jsonl").open("w") as out:
        for sentence in sentences:
            tags = [line.split()[3] for line in sentence.splitlines()]
            single = ["O" if tag[0] != "B" else f"U{tag[1:]}" for tag in tags]
            out.write(json.dumps(single) + "\n")
    (folder / "metrics.json").write_text(
        json.dumps({"best_epoch": epochs - 1, "best_validation_f1-measure-overall": 0.5})
    )
    for epoch in range(epochs):
        metrics = json.dumps({"training_loss": 2.0 - epoch})
        (folder / f"metrics_epoch_{epoch}.json").write_text(metrics)
    rows = [
        {
            "epochs": i,
            "wall": 5 + 4.0 * i,
            "cpu": 3 + 2.0 * i,
            "encoding_wall": 1.0 * i,
            "encoding_cpu": 0.5 * i,
        }
        for i in range(epochs + 1)
    ]
    (folder / "times.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
