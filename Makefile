# Each target makes its own virtual environment when there is none; PYTHON and VENV may be given.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check bench results tables clean

demo: $(READY)  ## the tour: every headline claim on embedded digits, in one page
	$(BIN)/gengap tour --out demo

test: $(READY)  ## every test that needs no network, GPU or downloaded data
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(READY)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## speed, as ratios in one run
	$(BIN)/python -m benchmarks

results: $(READY)  ## every study's figures under docs/results, from the recorded rows
	$(BIN)/python docs/results/redraw.py

tables: $(READY)  ## the tables of README.md, from recorded results and benchmarks
	$(BIN)/python docs/tables.py

$(READY): pyproject.toml
	@echo "Installing gengap and PyTorch into $(VENV), once; this takes a minute or more."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

clean:
	rm -rf $(VENV) demo
