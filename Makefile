# Two commands for a new user: `make up` and `make test`. Everything they need is installed by them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
STACK ?= dev
MARK ?= engine and not quiet
CACHE := $(or $(filter /%,$(XDG_CACHE_HOME)),$(HOME)/.cache)/groundwork
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
UV_PINNED := .ci/uv.txt
RUN := $(UV) run --frozen
PYTEST := $(RUN) pytest

.DEFAULT_GOAL := help
.PHONY: help up test test-engine test-quiet test-cluster test-nodes test-karpenter test-behaviour test-external check format docs bench bench-flat bench-scale clean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(CACHE)/uv/bin/uv:
	@echo "installing uv into $(CACHE)/uv, as $(UV_PINNED) pins it"
	@python3 -m venv $(CACHE)/uv
	@$(CACHE)/uv/bin/pip install --quiet --require-hashes --only-binary :all: --requirement $(UV_PINNED)

.venv/.synced: uv.lock pyproject.toml | $(UV)
	@$(UV) sync --frozen --quiet --compile-bytecode && touch $@

up: .venv/.synced ## Rehearse `pulumi up` of STACK (dev) on the real engine against stand-in clouds
	@$(RUN) groundwork rehearse up --stack $(STACK)

test: .venv/.synced ## The default tests: unit, stacks, policies, and dev rehearsed on the engine
	@$(PYTEST) -n 3 --dist=worksteal -m "(not engine or smoke) and not external and not cluster and not behaviour" --ignore=tests/nodes

test-engine: .venv/.synced ## Every rehearsal on the engine, every example among them
	@$(PYTEST) -n 2 --dist=worksteal -m "$(MARK)"

test-quiet: .venv/.synced ## What compares times, one test at a time: for a machine that does nothing else
	@$(PYTEST) -n 0 -m quiet

test-cluster: .venv/.synced ## Every Kubernetes object before a real API server, pods before the real scheduler
	@$(PYTEST) -n 2 --dist=loadfile -m cluster --ignore=tests/nodes

test-nodes: .venv/.synced ## Nodes as autoscalers imagine them, and pods placed on them by the real scheduler
	@$(PYTEST) -n 0 -m "cluster or not cluster" tests/nodes --ignore=tests/nodes/test_karpenter.py

test-karpenter: .venv/.synced ## The real Karpenter with nodes that are not real: growth, drift, drain; minutes of waiting
	@$(PYTEST) -n 0 -m cluster tests/nodes/test_karpenter.py

test-behaviour: .venv/.synced ## Who may call what (IAM flows), who can reach what: by evaluators that are not ours
	@$(PYTEST) -n 2 --dist=loadfile -m behaviour

test-external: .venv/.synced ## Stacks judged by scanners that are not ours
	@$(PYTEST) -m external

check: .venv/.synced ## Format, lint, types, generated documents
	@$(RUN) ruff format --check
	@$(RUN) ruff check
	@$(RUN) mypy
	@$(RUN) python -m infra.reference --check

format: .venv/.synced ## Format and mend what a machine can mend
	@$(RUN) ruff format && $(RUN) ruff check --fix

docs: .venv/.synced ## Regenerate docs/reference
	@$(RUN) python -m infra.reference

bench: ## All measurements, one after the other; JSON under .bench/
	@$(MAKE) --keep-going bench-flat bench-scale

bench-flat: .venv/.synced ## Measure review and preview against a flat program
	@$(RUN) python -m bench

bench-scale: .venv/.synced ## Measure how review, preview and up grow with the number of endpoints
	@$(RUN) python -m bench.scale

clean: ## Remove the environment; rehearsals are kept in the user's state folder
	@rm -rf .venv .bench .mypy_cache .ruff_cache
