# Every target sets itself up: `make test` on a clean clone is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Small networks on few cores: one OpenMP thread a process, as many processes as cores.
TEST_ENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
CORE_SOURCES := $(wildcard csrc/qabwnas/* csrc/bindings/*)

.PHONY: demo test test-all bench lint format core-test clean
.DELETE_ON_ERROR:

$(VENV)/.installed: pyproject.toml setup.py constraints.txt $(CORE_SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	QABWNAS_BUILD=$${QABWNAS_BUILD:-require} $(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/qabwnas demo

test: $(VENV)/.installed core-test
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(VENV)/.installed core-test
	$(TEST_ENV) $(BIN)/python -m pytest -n 2

bench: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/run_all.py

build/test_engine: $(wildcard csrc/tests/* csrc/qabwnas/*)
	mkdir -p build
	$(CXX) -std=c++20 -pthread -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all -Icsrc \
		csrc/tests/test_engine.cpp csrc/qabwnas/*.cpp -o $@

core-test: build/test_engine
	./build/test_engine

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'csrc/*.hpp' 'csrc/*.cpp')

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(git ls-files 'csrc/*.hpp' 'csrc/*.cpp')

clean:
	rm -rf $(VENV) build dist *.egg-info qabwnas/*.so
