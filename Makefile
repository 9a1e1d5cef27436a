# Each target makes its own virtual environment when there is none; PYTHON and VENV may be given.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
EXTRAS := docs,lightning,transformers,inspect,safetensors,skops,timm,curvature,cleanlab,ray,mlflow
EXTRA_TESTS := tests/docs/test_sphinx.py tests/docs/test_code_blocks.py \
  tests/models/test_hugging_face.py tests/monitors tests/probes \
  tests/report/test_mlflow.py tests/sweep/runners tests/tasks/certify/logs tests/tasks/files tests/tasks/test_probe.py

LOWEST_TESTS := tests/bounds/test_count_bounds.py tests/cli/test_certify_command.py \
  tests/cli/test_interpolate_command.py tests/data/test_frame.py tests/report tests/test_arguments.py \
  tests/interpolate/kernel/test_kernel_interpolator.py tests/train/test_optimizers.py

# Hundreds of processes of the tests import the same files, which would be compiled anew in each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-extras test-ray test-lowest check bench docs results tables clean

demo: $(READY)  ## the tour: every headline claim on embedded digits, in one page
	$(BIN)/gengap tour --out demo

test: $(READY)  ## every test that needs no network, GPU or downloaded data
	$(BIN)/python -m pytest -n auto --dist worksteal

test-extras: $(READY)  ## the tests that need an extra, with every extra installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,$(EXTRAS)]'
	$(BIN)/python -m pytest $(EXTRA_TESTS)

test-ray: $(VENV)/ray/.ready  ## the tests on a Ray cluster, which fail where they would be skipped
	GENGAP_RAY=required $(VENV)/ray/bin/python -m pytest tests/sweep/runners

test-lowest:  ## a short part of the tests with the lowest version of each dependency, on Python 3.11
	$(PYTHON) -m venv --clear $(VENV)/lowest
	$(VENV)/lowest/bin/python .ci/lowest.py test > $(VENV)/lowest/lowest.txt
	$(VENV)/lowest/bin/python -m pip install --quiet --disable-pip-version-check \
	  --constraint $(VENV)/lowest/lowest.txt --editable '.[test]'
	$(VENV)/lowest/bin/python -m pytest -n auto $(LOWEST_TESTS)

check: $(READY)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## speed, as ratios in one run
	$(BIN)/python -m benchmarks

docs: $(READY)  ## the documentation, docs/_build/html/index.html; its gallery runs meanwhile
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

results: $(READY)  ## every study's figures under docs/results, from the recorded rows
	$(BIN)/python docs/results/redraw.py

tables: $(READY)  ## the tables of README.md and benchmarks/README.md, from recorded results and benchmarks
	$(BIN)/python docs/tables.py

$(READY): pyproject.toml
	@echo "Installing gengap and PyTorch into $(VENV), once; this takes a minute or more."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

# Ray stands in an environment on top of the first one, so that it can be installed while tests run there.
$(VENV)/ray/.ready: $(READY)
	$(BIN)/python -m venv --clear $(VENV)/ray
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > $$($(VENV)/ray/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/first.pth
	$(VENV)/ray/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	touch $@

clean:
	rm -rf $(VENV) demo docs/_build docs/generated
