# Two commands for users (quickstart, test), four for people who change the code (check, examples, docs, hooks). Each needs only
# Python and make.

PYTHON ?= python3
VENV ?= .venv
OUT ?= out/quickstart
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Python keeps its byte code: without it each of the hundreds of processes that the tests start compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test examples check format docs hooks clean

quickstart: $(VENV)/.installed
	$(BIN)/parallelbench sweep quickstart -o $(OUT)
	$(BIN)/parallelbench sweep quickstart_text -o $(OUT)
	$(BIN)/parallelbench report $(OUT)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The scripts and notebooks of examples/, each run to its end (a minute).
examples: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m slow tests/test_examples.py

check: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The pages that follow from the code, then the site, where a warning is an error.
docs: $(VENV)/.installed-docs
	$(BIN)/python docs/decoders.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# Runs the checks before each commit from now on; `make hooks RUN=1` runs them once over all files instead.
hooks: $(VENV)/.installed-test
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pre-commit $(if $(RUN),run --all-files,install)

clean:
	rm -rf $(VENV) out runs site .mypy_cache .ruff_cache .pytest_cache

# torch goes first: whatever comes later then takes the build that is there instead of another one.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e '.[text]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e '.[test,dev]'
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e '.[docs]'
	touch $@
