# Everything runs in .venv, which the first target that needs it creates. PYTHON picks the interpreter: make PYTHON=python3.12 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test e2e check format bench bench-kubernetes golden clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo ## Run a real sweep: 24 trials on handwritten digits, 2 at a time
	$(BIN)/python examples/02_digits.py

test: $(VENV)/test ## Run the tests (arguments: make test ARGS="-k space")
	$(BIN)/python -m pytest --ignore=tests/kubernetes $(ARGS)

e2e: $(VENV)/test ## Test on a real Kubernetes: KUBECONFIG's, or one brought up here for as long (Debian 12, root)
	$(BIN)/python tests/cluster run -- $(BIN)/python -m pytest tests/kubernetes tests/conformance --place=kubernetes $(ARGS)

check: $(VENV)/check ## Lint, check formatting, types and the floors of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/check ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/bench ## Measure against the budgets (PEERS=1 adds Ray Tune)
	$(BIN)/python tests/benchmarks

bench-kubernetes: $(VENV)/bench ## Measure the Kubernetes backend on the cluster that `make e2e` takes
	$(BIN)/python tests/cluster run -- $(BIN)/python tests/benchmarks kubernetes

golden: $(VENV)/test ## Write the golden files anew; read the diff before you commit it
	$(BIN)/python tests/golden/renew.py

clean: ## Remove the environment and all caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "expsdk needs Python 3.10 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/demo: EXTRAS = examples
$(VENV)/test: EXTRAS = test
$(VENV)/check: EXTRAS = test,check
$(VENV)/bench: EXTRAS = test,bench
$(VENV)/demo $(VENV)/test $(VENV)/check $(VENV)/bench: $(VENV)/created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@
