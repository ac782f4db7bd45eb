PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
DEMO_SERVE ?= 1
PORT ?= 8000

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export DEMO_SERVE
# Else each of the processes that tests start compiles everything again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint bench messages clean machine

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## play the demonstration and serve it (DEMO_SERVE=0: only play; PORT=8123: there)
	@$(BIN)/python -m appraisal demo --port $(PORT)

test: $(READY) ## run the quick tests (ARGS="-k words" or any other pytest options)
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not thorough" $(ARGS)

check: $(READY) ## run the thorough tests, which `make test` leaves out
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m thorough $(ARGS)

lint: $(READY) ## check style, types, nouns and floors, and definitions
	@$(BIN)/ruff check --output-format concise --quiet
	@$(BIN)/ruff format --check --output-format concise --quiet
	@$(BIN)/mypy
	@$(BIN)/python -m tests.house
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m appraisal check --quiet

bench: $(READY) ## measure speed
	@$(BIN)/python -m tests.bench

messages: $(READY) ## collect new sentences into the catalogues
	@$(BIN)/pybabel -q extract --sort-output -F pyproject.toml -k translate_plural:2,3 --no-location -o .messages.pot .
	@for language in fr es; do \
		$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --width 0 -i .messages.pot \
			-o appraisal/language/translations/$$language.po -l $$language || exit 1; \
	done
	@rm .messages.pot

clean: ## remove the environment, caches and what was built
	@rm -rf $(VENV) dist build htmlcov .coverage .coverage.* .hypothesis
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find appraisal tests -name __pycache__ -type d -prune -exec rm -rf {} +

machine:
	@sh .ci/prepare $(PYTHON)

$(READY): pyproject.toml requirements.lock | machine
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing packages (about a minute)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@
