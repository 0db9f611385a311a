# make run [PORT=8000]   install into .venv and serve the shipped reader on http://127.0.0.1:PORT
# make test              install and run the tests (make test-slow: the long ones)
# make check             ruff, mypy and the import rules
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-slow check format install

run: .venv/installed
	$(BIN)/python run_server.py --port $(PORT)

test: .venv/installed-dev
	$(BIN)/python -m pytest -q

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -q -m slow

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: .venv/installed-dev

# torch first and pinned: an unpinned torch brings gigabytes of CUDA libraries.
.venv/installed: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep '^torch==' requirements.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
