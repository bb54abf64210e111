# Every target sets itself up: `make test` on a clean clone is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Small networks on few cores: one OpenMP thread a process, as many processes as cores.
TEST_ENV := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
ENGINE_FOLDERS := core pareto front solve query numeric baselines
ENGINE_SOURCES := $(wildcard $(ENGINE_FOLDERS:%=csrc/%/*.cpp))
ENGINE_FILES := $(wildcard $(ENGINE_FOLDERS:%=csrc/%/*))
CORE_SOURCES := $(ENGINE_FILES) $(wildcard csrc/bindings/*)
CLANGXX ?= clang++
FUZZ_SECONDS ?= 60

.PHONY: demo test test-all bench lint format core-test asan-test fuzz signature wheel sdist-check clean
.DELETE_ON_ERROR:

$(VENV)/.installed: pyproject.toml setup.py constraints.txt $(CORE_SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	QABWNAS_BUILD=$${QABWNAS_BUILD:-require} $(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/qabwnas demo
	$(BIN)/qabwnas export runs/demo --answer 1 -o runs/demo/export --force

test: $(VENV)/.installed core-test
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

test-all: $(VENV)/.installed core-test
	$(TEST_ENV) $(BIN)/python -m pytest -n 2

bench: $(VENV)/.installed
	$(BIN)/pip install -q -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/run_all.py

# The site in build/site; warnings, such as a link that leads nowhere, are errors.
.PHONY: docs
docs: $(VENV)/.installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

SANITIZED := $(CXX) -std=c++20 -pthread -O1 -g1 -ffp-contract=off -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all

TEST_OBJECTS := $(patsubst csrc/%.cpp,build/test_objects/%.o,$(wildcard csrc/tests/*.cpp) $(ENGINE_SOURCES))
$(TEST_OBJECTS): build/test_objects/%.o: csrc/%.cpp $(wildcard csrc/tests/*.hpp) $(filter %.hpp,$(ENGINE_FILES))
	@mkdir -p $(@D)
	$(SANITIZED) -Icsrc -c $< -o $@

build/test_engine: $(TEST_OBJECTS)
	$(SANITIZED) $^ -o $@

core-test:
	$(MAKE) --jobs=$$(nproc) build/test_engine
	./build/test_engine

# The extension, bindings included, with ASan and UBSan, in a copy of the tree: `qabwnas/*.so` stays as it is.
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
asan-test: $(VENV)/.installed
	rm -rf build/asan && mkdir -p build/asan
	cp -r qabwnas csrc tests setup.py pyproject.toml README.md LICENSE build/asan
	cd build/asan && rm -f qabwnas/*.so && CFLAGS="-O1 -g $(SANITIZERS)" LDFLAGS="$(SANITIZERS)" QABWNAS_BUILD=require \
		../../$(BIN)/python setup.py -q build_ext --inplace
	cd build/asan && ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \
		LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libstdc++.so)" \
		../../$(BIN)/python -m pytest -p no:cacheprovider -k "not numba" tests/search/test_against_oracle.py \
		tests/search/test_frontier.py tests/search/front/test_region.py tests/search/batch/test_batch.py

build/fuzz_engine: $(wildcard csrc/fuzz/*) $(ENGINE_FILES) csrc/tests/oracle.hpp csrc/tests/shrunk.hpp
	@mkdir -p build
	@echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' | \
		$(CLANGXX) -x c++ -fsanitize=fuzzer,address,undefined - -o build/fuzz_probe 2>/dev/null || \
		{ echo "make fuzz needs clang with libFuzzer: Debian's packages clang and libclang-rt-14-dev" >&2; exit 1; }
	$(CLANGXX) -std=c++20 -pthread -O2 -g1 -ffp-contract=off -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-coverage=trace-cmp -fno-sanitize-recover=all -Icsrc csrc/fuzz/fuzz_engine.cpp $(ENGINE_SOURCES) -o $@

# Inputs that reach something new are kept in build/fuzz_corpus for the next run; one that fails, as build/crash-….
fuzz: build/fuzz_engine
	mkdir -p build/fuzz_corpus
	./build/fuzz_engine -max_total_time=$(FUZZ_SECONDS) -max_len=900 -len_control=0 -entropic=0 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix=build/ build/fuzz_corpus

# Prints what tests/search/signature.json has to be.
signature: $(VENV)/.installed
	@$(BIN)/python -m tests.search.signature

# dist/ with the sdist, and the wheel for this Python, built from the sdist. auditwheel computes the manylinux tag from
# the symbols of the core, and refuses a core that needs more than a manylinux tag promises.
wheel: $(VENV)/.installed
	rm -rf dist build/wheel
	QABWNAS_BUILD=require $(BIN)/python -m build --outdir build/wheel .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist build/wheel/*.whl
	mv build/wheel/*.tar.gz dist

# Builds and tests the sdist on every Python that this machine has, and names those that it lacks.
sdist-check: $(VENV)/.installed
	rm -rf build/sdist
	$(BIN)/python -m build --sdist --outdir build/sdist .
	$(BIN)/python -m tests.release.check_sdist build/sdist/*.tar.gz

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
	find qabwnas -name "*.nb[ic]" -exec rm {} +
