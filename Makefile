# Needs Python 3.11 or newer, make and a package index; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := run
.PHONY: run test check install clean

run: $(VENV)/.installed ## run RIIS under JPEG 40 on the built-in photos and build the leaderboard
	$(BIN)/bench run --plugin riis --degrade jpeg:40
	$(BIN)/bench leaderboard build -o leaderboard-site

test: $(VENV)/.test ## the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

check: $(VENV)/.test ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(VENV)/.installed

$(VENV)/.installed: requirements.txt constraints.txt pyproject.toml $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bench needs Python 3.11 or newer; name one: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	# pyiqa brings opencv-python, which lays its windowed build (it needs libGL) over the headless one: put that back.
	$(PIP) -c constraints.txt --force-reinstall --no-deps opencv-python-headless
	touch $@

$(VENV)/.test: $(VENV)/.installed
	$(PIP) -c constraints.txt -e '.[check]'
	touch $@

clean:
	rm -rf $(VENV) leaderboard-site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
