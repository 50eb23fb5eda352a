# Everything runs in .venv, made from nothing with pinned versions.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-slow fuzz torture lint bench docs notebooks clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: set PYTHON=path/to/python (3.11 or newer)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: setup
	$(BIN)/elmobench run demo --launcher pool

test: setup
	$(BIN)/python -m pytest -n auto

test-slow: setup
	$(BIN)/python -m pytest -n auto -m slow

# For example: make fuzz INPUTS=20000 SEED=1
INPUTS ?= 2000
SEED ?= 0

fuzz: setup
	$(BIN)/python -m tests.fuzz --inputs $(INPUTS) --seed $(SEED)

# Takes an hour or more: 5 to 12 kills a minute on two cores, then the other scenarios. The same
# command resumes. For example:
# make torture KILLS=20
KILLS ?= 200

torture: setup
	$(BIN)/python -m tests.torture --kills $(KILLS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python .ci/check_words.py

bench: setup
	$(BIN)/python -m benchmarks

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "open build/site/index.html"

# Run the notebooks of the documentation again, and write their outputs into them.
notebooks: setup
	$(BIN)/python docs/run_notebooks.py

clean:
	rm -rf $(VENV) build dist
