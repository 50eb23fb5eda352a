"""A plug-in of AllenNLP, run in the reference environment; it imports nothing of elmobench.

``allennlp train --include-package measured_run`` then knows

* the callback ``measured_run``, which writes the clocks when training begins and after every epoch,
  and predicts the test set with the best weights when training ends;
* the tokenizer ``spaces_with_offsets``.
"""

from __future__ import annotations

import json
import os
import time

from allennlp.data.tokenizers import Token, Tokenizer
from allennlp.training.callbacks import TrainerCallback

GOLD = ("tags", "label", "span_labels", "span_start", "span_end")
AT_ONCE = 32


@TrainerCallback.register("measured_run")
class MeasuredRun(TrainerCallback):
    """Writes wall and processor seconds, in total and inside ELMo's forward pass, and predictions.

    Args:
        test_data_path: what to predict.
        output: the entry of the model's output that holds its decision.
    """

    def __init__(self, serialization_dir: str, test_data_path: str, output: str) -> None:
        super().__init__(serialization_dir)
        self._test_data_path = test_data_path
        self._output = output
        self._encoding = [0.0, 0.0]

    def on_start(self, trainer, is_primary=True, **kwargs):
        self.trainer = trainer
        for module in trainer.model.modules():
            if type(module).__name__ == "_ElmoBiLm":
                module.register_forward_pre_hook(self._before)
                module.register_forward_hook(self._after)
        self._write_clocks(0)

    def on_epoch(self, trainer, metrics, epoch, is_primary=True, **kwargs):
        self._write_clocks(epoch + 1)

    def on_end(self, trainer, metrics=None, epoch=None, is_primary=True, **kwargs):
        if metrics is None:  # training failed
            return
        reader = trainer.data_loader.reader
        instances = list(reader.read(self._test_data_path))
        for instance in instances:
            for name in GOLD:
                instance.fields.pop(name, None)
            reader.apply_token_indexers(instance)
        # Similar lengths together: a batch is padded to its longest example.
        order = sorted(range(len(instances)), key=lambda i: len(next(iter(instances[i].values()))))
        answers = [None] * len(instances)
        trainer.model.eval()
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            outputs = trainer.model.forward_on_instances([instances[i] for i in rows])
            for place, i in enumerate(rows):
                answers[i] = outputs[place][self._output]
        self._write("predictions.jsonl", *answers)

    def _before(self, module, inputs):
        self._began = time.perf_counter(), time.process_time()

    def _after(self, module, inputs, output):
        self._encoding[0] += time.perf_counter() - self._began[0]
        self._encoding[1] += time.process_time() - self._began[1]

    def _write_clocks(self, epochs):
        row = {
            "epochs": epochs,
            "wall": time.perf_counter(),
            "cpu": time.process_time(),
            "encoding_wall": self._encoding[0],
            "encoding_cpu": self._encoding[1],
        }
        self._write("times.jsonl", row)

    def _write(self, name, *values):
        with open(os.path.join(self.serialization_dir, name), "a") as file:
            for value in values:
                file.write(json.dumps(value) + "\n")


@Tokenizer.register("spaces_with_offsets")
class SpacesWithOffsets(Tokenizer):
    """Cuts at single spaces, and notes where each token begins, which the SQuAD reader needs."""

    def tokenize(self, text):
        tokens, start = [], 0
        for word in text.split(" "):
            tokens.append(Token(word, idx=start))
            start += len(word) + 1
        return tokens

    def _to_params(self):
        return {"type": "spaces_with_offsets"}
