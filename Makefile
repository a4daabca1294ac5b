# make demo: try it. make test: every test. make check: format, lint, types, import direction, compose file.
# make lock: resolve the dependencies anew (hashes included).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: venv demo test check lock clean packages

venv: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Caretrail needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) from requirements.lock"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	@exec $(BIN)/caretrail demo $(ARGS)

# Debian's Chromium, Alertmanager and PostgreSQL are real counterparts in the tests.
packages:
	@deploy/test-packages.sh

# Three files at a time, in the order of tests/conftest.py: quick ones first, the browser last.
test: $(READY) packages
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy caretrail collector tracing slo dashboard simulator benchmarks
	$(BIN)/python -m pytest -q tests/front/test_house.py tests/front/test_compose.py tests/front/test_docs.py

lock:
	uv pip compile --quiet --all-extras --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-annotate --custom-compile-command 'make lock' -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .caretrail .mypy_cache .ruff_cache .pytest_cache .hypothesis
