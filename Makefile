# `make demo`: see it work. `make test`: all that CI runs. `make lint`, `make docs`, `make lock`, `make clean`: for changes.
# `make page` builds the live page from web/ and needs Node.
# `make peer-jaxued`, `make peer-muax`: what `alpha-factory bench --peer` measures us against.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := demo
.PHONY: clean demo docs lint lock page peer-jaxued peer-muax test

# The first Python on the path that runs and is new enough; `make PYTHON=/path/to/python3` decides otherwise.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$python"; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PEERS := .venv-peers
COMPILE := $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --fork-strategy fewest --upgrade \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

demo: $(INSTALLED)
	$(BIN)/alpha-factory run --preset demo --serve $(ARGS)

test: lint
	$(BIN)/python -m pytest $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(INSTALLED)
	$(BIN)/python -m alpha_factory.cli.pages

# Built and committed, so that users need no Node.
page:
	cd web && npm install --no-save --no-audit --no-fund && npm run check && npm test && npm run build

# One version of each package on every Python and platform, as far as wheels allow: what is tested is what is installed.
lock: $(INSTALLED)
	$(PIP) install uv
	$(COMPILE) --extra dev --output-file requirements.lock pyproject.toml
	for peer in jaxued muax; do $(COMPILE) --output-file benchmarks/peers/$$peer.lock benchmarks/peers/$$peer.in; done

# Other projects and what they need, each in an environment of its own.
peer-jaxued: $(PEERS)/jaxued/.locked
peer-muax: $(PEERS)/muax/.locked

clean:
	rm -rf $(VENV) $(PEERS) build dist .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# This project, editable, with nothing fetched: the lock holds what its build needs.
$(INSTALLED): $(LOCKED) pyproject.toml
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(LOCKED): requirements.lock
	@test -n "$(PYTHON)" || { echo "Alpha-Factory needs Python 3.11 or newer: install it, or give make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Installing into $(VENV) (once; takes minutes on a slow network) …" >&2
	"$(PYTHON)" -m venv --clear $(VENV)
	$(PIP) install --require-hashes --requirement requirements.lock
	touch $@

$(PEERS)/%/.locked: benchmarks/peers/%.lock
	@test -n "$(PYTHON)" || { echo "The peer needs Python 3.11, 3.12 or 3.13: install one, or give make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Installing $* into $(PEERS)/$* (once; takes minutes on a slow network) …" >&2
	"$(PYTHON)" -m venv --clear $(PEERS)/$*
	echo '*' > $(PEERS)/.gitignore
	$(PEERS)/$*/bin/python -m pip --disable-pip-version-check --quiet install \
		--require-hashes --requirement benchmarks/peers/$*.lock
	touch $@
