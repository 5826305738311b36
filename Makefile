# Every target works alone on a fresh machine with Python 3.11 or newer: it makes .venv when needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HEADGATE := $(BIN)/headgate
DEMO := .home/demo

.PHONY: help demo test lint format shell bench lock clean

help:
	@echo "make demo    sample warehouse, a small query on DuckDB, a large one on Spark"
	@echo "make test    the whole test suite"
	@echo "make shell   the interactive shell"
	@echo "make bench   benchmarks; results go to docs/benchmarks.md"
	@echo "make lint    ruff and mypy --strict"
	@echo "make lock    resolve the pinned dependencies again"

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "headgate needs Python 3.11 or newer: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

# DuckDB is held small here, so that three million rows are large on any machine.
demo: $(READY)
	@$(HEADGATE) --home $(DEMO) sample wells
	@$(HEADGATE) --home $(DEMO) --set duckdb.memory_limit=100MB --set duckdb.temp_limit=50MB --format table -f docs/demo.sql; \
		code=$$?; $(HEADGATE) --home $(DEMO) -q spark stop; exit $$code

test: $(READY)
	$(BIN)/pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

shell: $(READY)
	@$(HEADGATE)

bench: $(READY)
	@$(BIN)/python -m benchmarks

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --all-extras --no-header --no-annotate \
		--output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
