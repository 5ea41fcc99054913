# Every target first makes the environment if it does not exist. Later runs use it again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Without this, each of the many processes that the tests start would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: search test slow thorough check lint format bench clean

search: $(READY)
	$(BIN)/python scripts/search.py --trials 200

test: $(READY)
	$(BIN)/python -m pytest -q -n auto

slow: $(READY)
	$(BIN)/python -m pytest -q -m "slow and not thorough" -n 3 --dist loadscope --no-loadscope-reorder

# Not in CI; CONTRIBUTING says when to run these.
thorough: $(READY)
	$(BIN)/python -m pytest -q -m thorough -n 2 --dist loadscope
	$(BIN)/python -m pytest -q -m "hypothesis and not gpu" -n 2 --hypothesis-profile=thorough
	$(BIN)/python -m pytest -q -n 2 --hypothesis-profile=thorough tests/hemomodel/balancers/test_contract.py

check: lint test

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m scripts.bench

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV)
