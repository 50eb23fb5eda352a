# Everything runs in .venv, made from nothing with pinned versions. The demo needs a part of the
# packages; the other targets install all of them.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt
# What pip would compile on one core; some packages hold files of other versions of Python.
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
FOR_DEMO := $(VENV)/.installed-for-demo
FOR_ALL := $(VENV)/.installed

.PHONY: setup setup-demo demo test test-slow test-nightly fuzz torture lint bench docs notebooks dist clean
# Compiled test modules are kept, also where an image turns that off: the slow tests start with
# half the time.
export PYTHONDONTWRITEBYTECODE :=

# Two installations in one folder must not run at the same time.
.NOTPARALLEL:

setup: $(FOR_ALL)

setup-demo: $(FOR_DEMO)

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: set PYTHON=path/to/python (3.11 or newer)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(FOR_DEMO): pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[ui]'
	@$(COMPILE)
	@touch $@

$(FOR_ALL): pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) -e '.[dev]'
	@$(COMPILE)
	@touch $(FOR_DEMO) $@

demo: setup-demo
	$(BIN)/elmobench run demo --launcher pool

test: setup
	$(BIN)/python -m pytest -n auto

# Some slow tests wait for processes or servers: one process more than there are cores.
test-slow: setup
	$(BIN)/python -m pytest -n $$(($$(nproc 2>/dev/null || echo 2) + 1)) -m 'slow and not nightly'

# Whole results and pages made again, and many kills, mutated inputs and simulated experiments.
test-nightly: setup
	$(BIN)/python -m pytest -n auto -m nightly

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

# A source distribution and a wheel, in dist/.
dist: setup
	$(BIN)/python -m build --quiet

clean:
	rm -rf $(VENV) build dist
