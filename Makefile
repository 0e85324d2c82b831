# The two commands of the README. Everything goes into .venv; PYTHON names the interpreter to make it with (3.11 or later).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-heavy test-engines test-all fuzz docs dist lint clean

demo: $(VENV)/installed
	$(BIN)/bestline demo --out bestline-demo --force

# A process a core, each with one thread: threads of several processes would wait for each other. A file stays in one process, so
# that what its tests share is made once. PROFILE says how many random examples are tried: `house` a few, `thorough` more.
PROFILE ?= house
TRY := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --hypothesis-profile=$(PROFILE)

test: $(VENV)/installed-dev
	$(TRY) -m 'not heavy and not engines and not site'
	@echo 'Left out: the long searches, marked heavy, Spark and PostgreSQL, marked engines, and the site, marked site. They run in CI, and here by: make test-all test-engines docs'

test-heavy: $(VENV)/installed-dev
	$(TRY) -m 'heavy and not engines'

# Engines that are heavy to install: Spark, which needs Java (Debian: default-jre-headless), and Ibis over a PostgreSQL (Debian:
# postgresql). One process: each starts servers.
test-engines: $(VENV)/installed-engines
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m engines

test-all:
	$(MAKE) test test-heavy PROFILE=thorough

# Random files, formulas, options and model bytes, for so many seconds; FIRST is the number of the first case.
SECONDS ?= 600
FIRST ?= 0
fuzz: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS) --first $(FIRST)

# The site, in build/site: its pages, those made from docstrings, and those that train. Warnings are errors, and nothing is fetched.
docs: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python docs/site/build.py build/site
	$(TRY) -m site --dist load tests/docs/test_site.py

# What a release hands out: source distribution, wheel, and the list of what is inside (CycloneDX). .ci/try-dist tries them.
dist: $(VENV)/installed-dev
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python .ci/sbom > dist/sbom.json

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check src tests benchmarks lessons docs/site docs/pictures
	$(BIN)/ruff check src tests benchmarks lessons docs/site docs/pictures
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bestline needs Python 3.11 or later; say which with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e .
	touch $@

# What development needs is pinned by hash, but for torch, whose builds differ by accelerator; .ci/pin pins anew.
$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt .ci/development.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/development.txt
	$(PIP) torch
	$(PIP) --no-build-isolation --no-deps -e .
	touch $@ $(VENV)/installed

$(VENV)/installed-engines: $(VENV)/installed-dev .ci/engines.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/engines.txt
	touch $@

clean:
	rm -rf $(VENV) bestline-demo build dist
