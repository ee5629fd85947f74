# Two commands for users (quickstart, test), one for people who change the code (check). Each needs only Python and make.

PYTHON ?= python3
VENV ?= .venv
OUT ?= out/quickstart
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: quickstart test check format docs clean

quickstart: $(VENV)/.installed
	$(BIN)/parallelbench sweep experiments/quickstart.yaml -o $(OUT)
	$(BIN)/parallelbench sweep experiments/quickstart_text.yaml -o $(OUT)_text
	$(BIN)/parallelbench report $(OUT)
	$(BIN)/parallelbench report $(OUT)_text

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest

check: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.installed
	$(BIN)/python docs/decoders.py

clean:
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache

# torch goes first: whatever comes later then takes the build that is there instead of another one.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e '.[test,dev]'
	touch $@
