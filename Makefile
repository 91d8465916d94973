# codecgrid: `make demo` and `make test` are all a new machine needs (Python 3.11 to 3.13, git, make).

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# the tests start hundreds of processes, and each would compile the project for itself
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test pytest test-fast test-jobs test-faults test-quiet test-environments chaos lint types bench lock clean

help:
	@echo "make demo                 install on first use, then run the whole grid on the bundled sample (minutes, CPU, offline)"
	@echo "make test                 lint, types and all tests but those of test-jobs, test-faults and test-environments"
	@echo "make test-fast            the tests that need neither Ray nor much time"
	@echo "make test-jobs            the tests that start a Ray head and submit jobs to it"
	@echo "make test-faults          the tests that kill processes of a run or of Ray, or make a store fail"
	@echo "make test-quiet           the tests that only a quiet machine passes: several hosts, random faults, two runs at once"
	@echo "make test-environments    the tests that build isolated environments from a package index"
	@echo "make chaos                a campaign of random faults on a small grid, a quarter of an hour, with a table"
	@echo "make bench                benchmarks: ours beside the obvious alternative"
	@echo "make lock                 resolve pyproject.toml into requirements.lock again"
	@echo "make clean                delete the environment and the caches (results stay)"

install: $(STAMP)

# --compile-bytecode: else each of the dozen processes of a local Ray compiles for itself, and Ray gives up waiting
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || \
		{ echo "codecgrid needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip sync --quiet --compile-bytecode requirements.lock
	VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)
	$(BIN)/codecgrid demo

# types beside the tests: mypy has one process, and the tests of Ray mostly wait
test: $(STAMP) lint
	$(MAKE) --no-print-directory --jobs 2 types pytest

pytest: $(STAMP)
	$(BIN)/python -m pytest -q -n auto -m "not index and not faults and not jobs and not quiet"

test-fast: $(STAMP)
	$(BIN)/python -m pytest -q -n auto -m "not ray and not slow and not index"

test-jobs: $(STAMP)
	$(BIN)/python -m pytest -q -m jobs

test-faults: $(STAMP)
	$(BIN)/python -m pytest -q -m faults

test-quiet: $(STAMP)
	$(BIN)/python -m pytest -q -m quiet

test-environments: $(STAMP)
	$(BIN)/python -m pytest -q -m index

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

chaos: $(STAMP)
	$(BIN)/python -m tests.chaos

bench: $(STAMP)
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-quiet -q

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra test \
		pyproject.toml --output-file requirements.lock
	$(BIN)/python -m grid.codecs.isolation.locking

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .benchmarks build *.egg-info
