# Everything runs in .venv, which is made on first use from the hash-locked requirements.
PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help gate test coverage quick-test nightly lint soak bench micro calibration characteristics regimes docs lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/.stamp: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

gate: .venv/.stamp ## Judge this build of the bundled auth service
	$(BIN)/perfgate check

test: lint ## Lint, type-check and run every test, slow ones included
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not nightly"
	$(BIN)/pytest -m "slow and not nightly" --durations=20

coverage: .venv/.stamp ## Tell which branches the tests that need no load do not take
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not nightly" --cov

quick-test: .venv/.stamp ## Run the tests that need no load
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not long and not nightly"

nightly: .venv/.stamp ## Run the checks of real builds that are too many for every push
	$(BIN)/pytest -m nightly
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not long and not nightly" \
	  --hypothesis-profile=night

lint: .venv/.stamp ## Check style, types and the layers between rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: .venv/.stamp ## Try twenty times that workers together send the schedule, no more and no less
	PERFGATE_REPEATS=20 $(BIN)/pytest tests/load/test_workers.py -k "union or other_machines"

bench: .venv/.stamp ## Time hot paths; compare load generators (a quarter of an hour)
	$(BIN)/pytest tests/benchmarks --benchmark-enable --benchmark-only
	PYTHONPATH=tests $(BIN)/python -m benchmarks.generators

# A commit to time beside this one; without one the times of record count.
BASE ?=
# For `perfgate micro`: --accept makes these the times of record.
MICRO_OPTIONS ?=

micro: .venv/.stamp ## Time hot paths, and judge them against the times of record or of BASE
	BASE="$(BASE)" .ci/micro $(MICRO_OPTIONS)

# Checks of the equal build; of each loss half or a quarter as many. Those that are kept count.
CALIBRATION_RUNS ?= 40
CALIBRATION_DRAWS ?= 2000
CALIBRATION_KEPT ?= .calibration
CALIBRATION_HALF = $(shell expr \( $(CALIBRATION_RUNS) + 1 \) / 2)
CALIBRATION_QUARTER = $(shell expr \( $(CALIBRATION_RUNS) + 3 \) / 4)

calibration: .venv/.stamp ## Check known builds, write docs/error-rates.md (three hours)
	PYTHONPATH=tests $(BIN)/python -m calibration.collect $(CALIBRATION_KEPT) \
	  same=$(CALIBRATION_RUNS) loss-5=$(CALIBRATION_HALF) loss-10=$(CALIBRATION_HALF) \
	  $(foreach build,loss-3 stall-10 threads-same threads-20,$(build)=$(CALIBRATION_QUARTER))
	PYTHONPATH=tests $(BIN)/python -m calibration.collect $(CALIBRATION_KEPT) \
	  --burn 0.8 same=$(CALIBRATION_QUARTER)
	PYTHONPATH=tests $(BIN)/python -m calibration.page $(CALIBRATION_KEPT) \
	  --draws $(CALIBRATION_DRAWS) --output docs/error-rates.md

characteristics: .venv/.stamp ## Simulate how often decisions err, and write docs/operating-characteristics.md
	PYTHONPATH=tests $(BIN)/python -m calibration.characteristics > docs/operating-characteristics.md

regimes: .venv/.stamp ## See whether builds come through a standstill as predicted, and write docs/regimes.md
	PYTHONPATH=tests $(BIN)/python -m calibration.regimes .regimes --output docs/regimes.md

docs: .venv/.stamp ## Rewrite what the code says of itself in docs/: keys, commands, errors
	{ $(BIN)/perfgate schema config --format markdown; echo; \
	  $(BIN)/perfgate schema demand --format markdown; } > docs/configuration.md
	PYTHONPATH=tests $(BIN)/python -m manual.commands > docs/commands.md
	PYTHONPATH=tests $(BIN)/python -m manual.errors > docs/errors.md
	PYTHONPATH=tests $(BIN)/python -m manual.picture > docs/verdict.svg

lock: .venv/.stamp ## Renew the hash-locked requirements
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
	  --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements-dev.lock --upgrade

clean: ## Remove the virtual environment and every cache
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
