"""The same work with AllenNLP's ``Elmo`` and with ours, for comparison.

``run`` takes either module. Run as a program in AllenNLP's environment (Python 3.8 to 3.10), this
file reads jobs from a JSON file and writes the arrays that they give: ``elmo_jobs.py JOBS OUT``.
"""

import contextlib
import io
import json
import sys

import numpy as np
import torch


def run(module, jobs):
    """The arrays of all jobs, named ``JOB/NAME``."""
    found = {}
    for name, job in jobs.items():
        work = {"vectors": vectors, "losses": losses, "state": state, "page": page}[job["kind"]]
        for part, array in work(module, job).items():
            found[f"{name}/{part}"] = array
    return found


def make(module, job):
    elmo = module.Elmo(job["options"], job["weights"], **job["settings"])
    for name, value in job.get("mixes", {}).items():
        dict(elmo.named_parameters())[name].data.fill_(value)
    return elmo


def forget(elmo):
    """Start from zeros, as ours does, which has no such state."""
    if hasattr(elmo, "_elmo_lstm"):
        elmo._elmo_lstm._elmo_lstm.reset_states()


def vectors(module, job):
    """Every mix's vectors and the mask of every batch."""
    elmo = make(module, job).eval()
    found = {}
    for i, batch in enumerate(job["batches"]):
        forget(elmo)
        ids = module.batch_to_ids(batch)
        with torch.no_grad():
            output = elmo(ids)
        found[f"ids{i}"] = ids.numpy()
        found[f"mask{i}"] = output["mask"].numpy()
        for k, mixed in enumerate(output["elmo_representations"]):
            found[f"mix{k} of {i}"] = mixed.numpy()
    return found


def state(module, job):
    """The state dict."""
    return {name: value.numpy() for name, value in make(module, job).state_dict().items()}


class Tagger(torch.nn.Module):
    """ELMo, a hidden layer and a label per token; the weights do not depend on the library."""

    def __init__(self, elmo, mixes, labels):
        super().__init__()
        self.elmo = elmo
        size = elmo.get_output_dim()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(mixes * size, 32), torch.nn.ReLU(), torch.nn.Linear(32, labels)
        )
        draw = np.random.RandomState(5)
        for parameter in self.layers.parameters():
            values = draw.uniform(-0.05, 0.05, size=tuple(parameter.shape))
            parameter.data.copy_(torch.from_numpy(values))

    def forward(self, ids, labels):
        output = self.elmo(ids)
        scores = self.layers(torch.cat(output["elmo_representations"], dim=-1))
        mask = output["mask"]
        return torch.nn.functional.cross_entropy(scores[mask], labels[mask])


def losses(module, job):
    """The loss of every step, the mixes at the end, and the names of what has a gradient."""
    elmo = make(module, job)
    tagger = Tagger(elmo, job["settings"]["num_output_representations"], job["labels"]).train()
    torch.manual_seed(3)  # of dropout
    optimizer = torch.optim.Adam([p for p in tagger.parameters() if p.requires_grad], lr=0.01)
    found = []
    for number, batch in enumerate(job["batches"]):
        forget(elmo)
        optimizer.zero_grad()
        ids = module.batch_to_ids(batch)
        labels = torch.zeros(ids.shape[:2], dtype=torch.long)
        for i, row in enumerate(job["tags"][number]):
            labels[i, : len(row)] = torch.tensor(row)
        loss = tagger(ids, labels)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    mixes = [p.item() for n, p in sorted(elmo.named_parameters()) if n.startswith("scalar_mix")]
    return {"losses": np.array(found), "mixes": np.array(mixes)}


def page(module, job):
    """What the code of a page prints."""
    sys.path.append(job["path"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(job["code"], {"__name__": "page"})
    return {"printed": np.array(printed.getvalue())}


def main():
    import allennlp.modules.elmo

    with open(sys.argv[1]) as stream:
        jobs = json.load(stream)
    torch.set_num_threads(1)
    with open(sys.argv[2], "wb") as stream:
        np.savez(stream, **run(allennlp.modules.elmo, jobs))


if __name__ == "__main__":
    main()
