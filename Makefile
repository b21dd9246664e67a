# `make demo` and `make test` need Python 3.11 or newer, make and git; no more.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export JUPYTER_PLATFORM_DIRS := 1
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-long test-matrix test-languages check lab bench docs clean

$(READY): pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed: make PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group test --group check
	touch $@

demo: $(READY)
	$(BIN)/python -m tests.demo

test: $(READY)
	$(BIN)/python -m tests.jobs $(SETS)

test-matrix: $(READY)
	$(BIN)/python -m pip install --quiet --group versions
	$(BIN)/python -m tests.versions $(ROWS)

test-long: $(READY)
	$(BIN)/python -m pip install --quiet --group versions
	$(BIN)/python -m pytest -m long

test-languages: $(READY)
	$(BIN)/python -m pytest -m languages

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry wcode_magics
	$(BIN)/typos
	$(BIN)/interrogate --quiet tests
	$(BIN)/python -m cogapp --check README.md README.zh-CN.md

docs: $(READY)
	$(BIN)/python -m cogapp -r README.md README.zh-CN.md

lab: $(READY)
	$(BIN)/jupyter lab notebooks/quickstart.ipynb

bench: $(READY)
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) build dist
