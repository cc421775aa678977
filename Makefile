# Stepwise. `make` or `make help` lists the targets.

VENV ?= .venv
PYTHON ?=
BIN := $(VENV)/bin
# Processes that run tests at a time: more than two cores have, since many tests wait for processes of the product.
JOBS ?= 3
# A file stays on one of them: what its tests share is started once. Files come in the order of tests/conftest.py, the long ones first.
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test test-all lint bench fuzz chaos audit environment environment-dev foreign

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "PYTHON=/path/to/python3.12 chooses the interpreter; the environment variables that configure Stepwise are in README.md."

run: environment ## Run the whole simulator in the foreground, with the demo hospital; Ctrl-C stops it
	@RIS_DEMO=$${RIS_DEMO:-1} exec $(BIN)/python manage.py simulate

test: lint foreign ## Run the checks and all tests, on SQLite, then those marked for both databases on PostgreSQL
	$(PYTEST)
	$(PYTEST) --database postgresql -m both_databases

test-all: lint foreign ## Run the checks, then all tests on SQLite and all tests on PostgreSQL
	$(PYTEST)
	$(PYTEST) --database postgresql

lint: environment-dev ## Check format, style, types, directions of imports, and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djlint templates --lint --quiet

bench: environment-dev ## Measure speed beside stock pynetdicom and DCMTK (some minutes on an idle machine), into bench/results.md
	$(BIN)/python -m bench

# How many exchanges `make fuzz` sends; a thousand take some seconds.
EXCHANGES ?= 1000000

fuzz: environment-dev ## Send a million mutated exchanges (EXCHANGES=N) to a DICOM process: no crash, no hang, no growth
	$(BIN)/python -m tests.fuzz --exchanges $(EXCHANGES)

# How many exams `make chaos` performs on each database.
EXAMS ?= 1000

chaos: environment-dev ## Perform a thousand exams (EXAMS=N) while every part is killed at random, on SQLite and on PostgreSQL: nothing lost or doubled
	$(BIN)/python -m tests.chaos --exams $(EXAMS) --database sqlite
	$(BIN)/python -m tests.chaos --exams $(EXAMS) --database postgresql

# Where `make audit` asks instead of PyPI and npm, in a closed network: a mirror of OSV's query, a registry of npm.
OSV_URL ?=
NPM_REGISTRY ?=

audit: environment-dev ## Look for known vulnerabilities in the pinned packages (asks the network; OSV_URL= and NPM_REGISTRY= ask mirrors); what could not be asked for is a failure too
	@OSV_URL="$(OSV_URL)" NPM_REGISTRY="$(NPM_REGISTRY)" scripts/audit.sh $(BIN)

foreign:
	@scripts/foreign.sh

environment:
	@scripts/environment.sh $(VENV) requirements.txt $(PYTHON)

environment-dev:
	@scripts/environment.sh $(VENV) requirements-dev.txt $(PYTHON)
