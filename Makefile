# Every target makes .venv itself; it takes Python 3.10-3.13, make and git.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports doctest docs bench check format clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | column -t -s '|'

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[dev]'
	touch $@

demo: $(READY)  ## the main job on real data: tables here, plots in out/
	MPLBACKEND=Agg $(BIN)/python examples/demo.py

test: $(READY)  ## all tests, on all cores
	$(BIN)/python -m pytest -n auto -p no:benchmark

lint: $(READY)  ## style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)  ## pyright, strict
	$(BIN)/pyright

imports: $(READY)  ## who may import whom
	$(BIN)/lint-imports

doctest: $(READY)  ## the examples in docstrings
	$(BIN)/python -m pytest -p no:benchmark --doctest-modules src

docs: $(READY)  ## the site in docs/_build/html; every page runs, warnings are errors
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -j 4 -W --keep-going -q -b html docs docs/_build/html

bench: $(READY)  ## benchmarks
	$(BIN)/python -m pytest -p no:xdist -p no:randomly benchmarks

check: lint types imports test doctest docs  ## everything that CI asks of this Python

format: $(READY)  ## put style and formatting right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:  ## remove whatever make has made
	rm -rf .venv build dist out docs/_build docs/jupyter_execute docs/reference/generated \
		.pytest_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
