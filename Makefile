# Every command of the repository; CI calls these same targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.ready
TESTS_FAST := tests/unit tests/contract
MIN_COVERAGE := 85
SINCE ?= origin/main
# A file stays on one processor: its servers and databases are started once.
TWO := -n 2 --dist loadfile

.PHONY: help
help: ## List every target.
	@awk -F ':.*## ' '/^[a-zA-Z_-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml uv.lock toolchain/bootstrap/venv toolchain/bootstrap/requirements.txt
	@toolchain/bootstrap/venv
	@touch $@

.PHONY: venv
venv: $(READY) ## Install the Python side from uv.lock into .venv.

.PHONY: up
up: $(READY) ## From a bare machine to the platform live: tools, images, cluster, pulumi up.
	@$(BIN)/cryo up

.PHONY: down
down: $(READY) ## Stop the embedded cluster; data stays.
	@$(BIN)/cryo down

.PHONY: purge
purge: $(READY) ## Stop it and leave the machine as before, built tools and images kept.
	@$(BIN)/cryo down --purge

.PHONY: status
status: $(READY) ## Show what runs and what is healthy.
	@$(BIN)/cryo status

.PHONY: toolchain
toolchain: $(READY) ## Build the pinned Go tools alone.
	@$(BIN)/cryo toolchain

.PHONY: images
images: $(READY) ## Build the container images alone.
	@$(BIN)/cryo images

.PHONY: test
test: check packages ## Everything that CI runs: checks, unit, integration and cluster tests with coverage.
	@$(BIN)/pytest -q -n 2 --cov --cov-report= $(TESTS_FAST)
	@$(BIN)/pytest -q $(TWO) --cov --cov-append --cov-report= tests/integration
	@$(BIN)/pytest -q -n 2 --cov --cov-append --cov-report= tests/browser
	@$(BIN)/pytest -q --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=$(MIN_COVERAGE) tests/cluster

.PHONY: packages
packages: $(READY) ## Install the Debian packages that the integration tests need.
	@$(BIN)/cryo packages --tests

.PHONY: unit
unit: $(READY) ## Unit and contract tests, without cluster or database.
	@$(BIN)/pytest -q -n 2 $(TESTS_FAST)

.PHONY: integration
integration: packages ## Tests against a real PostgreSQL, onnxruntime, buildah and promtool.
	@$(BIN)/pytest -q $(TWO) tests/integration

.PHONY: browser
browser: packages ## Every page in a real Chromium: keyboard, accessibility, scripts and no scripts.
	@$(BIN)/pytest -q -n 2 tests/browser

.PHONY: cluster
cluster: $(READY) ## Tests on the real cluster, which they bring up and leave running.
	@$(BIN)/pytest -q tests/cluster

.PHONY: check
check: $(READY) ## Format, lint, types and architecture.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m infra.schema --check
	@$(BIN)/python -m alerts --check
	@$(BIN)/python -m dashboards --check
	@$(BIN)/cryo scan workflows

.PHONY: access
access: $(READY) ## In a workflow: write KUBECONFIG with the run's own identity.
	@$(BIN)/cryo ci access

.PHONY: preview
preview: $(READY) ## What merging this checkout does to CRYO_STACK; SINCE names the base, OPTIONS=--no-cluster asks no cluster.
	@$(BIN)/cryo preview --since $(SINCE) --output preview.md $(OPTIONS)

.PHONY: comment
comment: $(READY) ## In a workflow: put preview.md under the pull request CRYO_PULL_REQUEST.
	@$(BIN)/cryo ci comment preview.md

.PHONY: deploy
deploy: $(READY) ## Deploy CRYO_STACK as the environment files say: one `pulumi up`, which is one release.
	@$(BIN)/cryo env check $${CRYO_STACK:-local}
	@$(BIN)/cryo pulumi up --yes --skip-preview --non-interactive

.PHONY: drift
drift: $(READY) ## Fail when CRYO_STACK is not what was deployed last.
	@$(BIN)/cryo drift

.PHONY: drill
drill: $(READY) ## Restore the newest backup of CRYO_STACK beside the database and compare it.
	@$(BIN)/cryo backup drill

.PHONY: security
security: $(READY) ## Unsafe workflows, secrets in any commit, locked packages with known holes; needs PyPI's advisories.
	@$(BIN)/cryo scan

.PHONY: format
format: $(READY) ## Format and fix what can be fixed.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: up ## Print the figures of README and docs; each script's last line is one JSON object.
	@for name in cutover noop startup; do $(BIN)/python bench/$$name.py; done

.PHONY: bench-database
bench-database: packages ## Print the figures of docs/database.md; needs no cluster, takes half an hour.
	@for name in blocker data_access rls fk_migration; do $(BIN)/python bench/$$name.py; done
	@$(BIN)/python bench/rls_mutation.py --every 6 --attacks 15

.PHONY: bench-backups
bench-backups: packages ## Print the figures of docs/backup.md that need no cluster; takes an hour and a half.
	@for name in backup_faults dumps retention; do $(BIN)/python bench/$$name.py; done
	@CRYO_BACKUP_FAULTS=210 CRYO_BACKUP_CLEAN=200 $(BIN)/pytest -q -s --timeout=7200 \
		tests/integration/agents/backup/test_pgbackrest_faults.py
	@CRYO_PITR_INSTANTS=100 CRYO_BACKUP_KILLS=100 $(BIN)/pytest -q -s --timeout=7200 \
		tests/integration/agents/backup/test_pitr.py tests/integration/agents/backup/test_pgbackrest_kills.py

.PHONY: bench-models
bench-models: $(READY) ## Judge every model again and measure the server beside others; CRYO_DATA_DIR names the data.
	@for name in models domain drift serving serving_start pages; do $(BIN)/python bench/$$name.py; done

.PHONY: bench-api
bench-api: $(READY) ## Call every endpoint of the model server 20,000 times with made-up requests; takes half an hour.
	@$(BIN)/python bench/openapi_calls.py

.PHONY: vendor
vendor: $(READY) ## Fetch the scripts and the font of the pages again as vendor.toml names them; needs npm.
	@$(BIN)/python -m toolchain.vendored model_server/pages/static/vendor

.PHONY: clean
clean: ## Delete what the tests and checks left in the checkout.
	@rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
