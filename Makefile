# `make demo` and `make test` need Python 3.11 and make; everything else is installed here, into .venv.
PYTHON ?= python3.11
BIN := .venv/bin
SHELL := /bin/sh

.PHONY: demo test check setup bench-locomo clean
.DELETE_ON_ERROR:

demo: setup
	$(BIN)/memstrata demo

test: check .venv/installed-local
	$(BIN)/python -m pytest -n auto

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: .venv/installed

# A lock without hashes, so that pip may take a wheel from a local index; the package itself is installed in place.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The extra `local`: half a gigabyte, so only the tests install it. Without dependencies, for torch names those of GPUs.
.venv/installed-local: requirements-local.lock .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-local.lock
	touch $@

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .import_linter_cache
