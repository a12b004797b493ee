# Stoa. `make` prints this help; the two that matter: `make serve` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev serve test check lint format types contracts tests chromium compiled browser conformance bench bench-people hard-times fuzz docs migration demo lock clean-venv audit

help: ## Print this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup:
	@$(PYTHON) tools/setup.py

setup-dev:
	@$(PYTHON) tools/setup.py --dev

serve: setup ## Set up what is missing and run everything: database, web, worker, demo data
	@exec $(BIN)/stoa serve

test: setup-dev ## Set up what is missing, run all checks and all tests (what CI runs)
	@$(MAKE) --no-print-directory -j3 -O check chromium compiled
	@$(BIN)/python tools/run_tests.py

check: lint types contracts ## Static checks: format, lint, types, contracts

lint: setup-dev ## Format and lint, without changing anything
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup-dev ## Strict typing
	@$(BIN)/mypy

contracts: setup-dev ## The room rule
	@$(BIN)/lint-imports

chromium: setup-dev
	@$(BIN)/python tools/chromium.py > /dev/null

compiled: setup-dev # what the test processes import: else each of them, all at the same moment, compiles all of it
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --collect-only -q > /dev/null 2>&1 || true  # the tests say what is wrong

tests: chromium ## All tests, browser tests included
	@$(BIN)/python tools/run_tests.py

browser: chromium ## Browser tests only
	@$(BIN)/python tools/run_tests.py -m browser

conformance: setup-dev ## The official test data in ../shared/conformance
	@$(BIN)/python tools/run_tests.py -m conformance

bench: setup-dev ## Measure the statement store against PostgreSQL alone, on this machine (some minutes)
	@$(BIN)/python -m bench.run $(options)

bench-people: setup-dev ## Measure the lists of people with 50 000 of them
	@$(BIN)/python -m bench.people $(options)

hard-times: setup-dev ## Kill processes under load, send too much: is anything lost? (some minutes)
	@$(BIN)/python -m bench.hard_times $(options)

fuzz: setup-dev ## Much made-up input: calls of /api/v1 and /xapi (no answer may be a 5xx), courses and requests (SCORM)
	@STOA_FUZZ=200 $(BIN)/pytest -q tests/app/test_rest.py tests/scorm_player/sequencing/test_properties.py -k "odd or properties"

format: setup-dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

demo: setup ## Load the demo data
	@$(BIN)/stoa demo

migration: setup-dev ## Write a migration from the tables: make migration m="why"
	@$(BIN)/python tools/migration.py "$(m)"

docs: setup-dev ## Check that docs/settings.md and docs/permissions.md are true
	@$(BIN)/pytest -q tests/docs

lock: setup-dev ## Resolve the dependencies anew into requirements/*.txt
	@$(BIN)/python tools/lock.py

audit: setup-dev ## Look for known vulnerabilities in what is installed
	@$(BIN)/python -m pip install --quiet pip-audit && $(BIN)/pip-audit -r requirements/runtime.txt --require-hashes
	@npm audit --omit=dev

clean-venv:
	rm -rf .venv
