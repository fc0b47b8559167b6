# outdial: `make demo` shows the product, `make test` proves it; both set themselves up on a bare machine.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
JOBS ?= 3
BROKER ?=

.PHONY: help setup demo test bench simulate chaos docs lint format lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready-dev ## a virtual environment with the locked dependencies

$(VENV)/.ready: requirements.lock pyproject.toml scripts/setup
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/setup requirements.lock
	@touch $@

$(VENV)/.ready-dev: requirements-dev.lock pyproject.toml scripts/setup
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/setup requirements-dev.lock
	@touch $@ $(VENV)/.ready

demo: $(VENV)/.ready ## the whole product on this machine: ARGS="--attempts 300 --seed 7 --json PATH", BROKER=rabbitmq for a real broker
	@$(BIN)/outdial demo $(if $(BROKER),--broker $(BROKER)) $(ARGS)

# With AGAIN=1, tests that failed are run once more, alone: what fails then fails for good. Any other trouble (pytest's
# exit codes above 1) is not tried again.
once_more = || { [ $$? -eq 1 ] && echo "LOOK INTO THESE FAILURES. They are run again, alone:" && \
  $(BIN)/python -m pytest --last-failed $(ARGS); }

test: setup ## all tests, on a real RabbitMQ and PostgreSQL (found, or installed); JOBS=3 processes, ARGS for pytest
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)$(if $(AGAIN), $(once_more))

bench: setup ## throughput, latency, limits, scale, memory: ARGS="--scenario NAME[,NAME] --quick --json PATH"
	@$(BIN)/python -m bench $(ARGS)

simulate: setup ## the number selection in simulated worlds against simpler rules: ARGS="--quick --json PATH"
	@$(BIN)/python -m bench.simulate $(ARGS)

docs: setup ## write the pages, schemas and config.toml that come from the code
	@$(BIN)/python -m tests.docs.generated

chaos: setup ## workers killed and everything broken by a seed: ARGS="--runs 100 --seed 1 --json PATH [--simulated N] [--defect NAME]"
	@$(BIN)/python -m bench.chaos $(ARGS)

lint: setup ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## put the code into its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## write requirements.lock anew from pyproject.toml
	@for pair in "requirements.lock --extra embedded --extra build" "requirements-image.lock --extra otel --extra build" "requirements-dev.lock --extra embedded --extra build --extra otel --extra dev"; do \
		set -- $$pair; file=$$1; shift; \
		UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header "$$@" pyproject.toml -o $$file; \
	done

clean: ## remove what the other commands made
	@rm -rf $(VENV) .services .outdial .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
