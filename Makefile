# Everything runs in an environment of its own, .venv, made on first use: ROS 2 from wheels, the messages, this package.
# On a machine with a ROS installation use colcon instead (README, "On a robot").

SHELL := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The ROS distribution whose wheels the environment is made of, and what is tested on it.
ROS ?= kilted
ifeq ($(ROS),kilted)
VENV ?= .venv
TESTS :=
TESTS_NEED := test train evaluate charts console lint
else ifeq ($(ROS),jazzy)
VENV ?= .venv-jazzy
TESTS := test/nodes test/launch test/sources
TESTS_NEED := pytest
else
$(error ROS=$(ROS) is not known; choose kilted or jazzy)
endif
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# A sourced ROS installation, or another environment of wheels, must not leak in.
unexport PYTHONPATH PYTHONHOME AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH ROS_VERSION
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
export ROS_DISTRO := $(ROS)
ifneq ($(AMENT_PREFIX_PATH)$(_ROS_WHEELS_BOOTSTRAP_COMPLETE),)
unexport LD_LIBRARY_PATH
endif

.PHONY: help setup demo test test-slow test-long test-ray test-console console lint format docs train-nano train-nano-320 evaluate-nano bench gpu-check chaos soak label-hour clean distclean

help: ## list the targets
	@echo 'usage: make TARGET [VARIABLE=value …]'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'variables:'
	@echo '  TESTS        files or folders that `make test` runs instead of all'
	@echo '  PYTHON       interpreter that .venv is made from, 3.10 to 3.13 (default: the first that fits)'
	@echo '  ROS          kilted or jazzy: whose wheels, in an environment of its own; jazzy runs the tests of node, launch and bags'
	@echo '  SCENE        composed or rendered: the one scene that `make demo` shows'
	@echo '  DISCOVER     1: `make demo` prompts nothing, the node finds the instruments by itself'
	@echo '  BAG, IMAGE_TOPIC, TRUTH_TOPIC, MODEL, CHECKPOINT, RATE    what `make demo` runs on'
	@echo '  MINUTES, SEED    how long `make chaos`, `make soak` and `make label-hour` take, and the order of faults and kills'
	@echo '  FRAMES       of the bag that `make label-hour` labels'
	@echo '  DATA         folder of the pictures that `make train-nano-320` trains on'
	@echo '  CLIPS        data sets of the VOS layout that `make evaluate-nano` measures besides'
	@echo '  ARGS         further arguments of demo, train-nano, evaluate-nano, bench, gpu-check, chaos, soak, console (surgsam2), label-hour and test, test-slow, test-long, test-ray, test-console (pytest)'

setup: $(STAMPS)/package ## make .venv with everything that the node needs

# The demo -------------------------------------------------------------------------------------------------------------

demo: $(STAMPS)/package ## replay two scenes, or BAG, through the node, write build/demo/
	$(BIN)/surgsam2 demo \
	  $(if $(BAG),--bag '$(BAG)') \
	  $(if $(SCENE),--scene '$(SCENE)') \
	  $(if $(IMAGE_TOPIC),--image-topic '$(IMAGE_TOPIC)') \
	  $(if $(TRUTH_TOPIC),--truth-topic '$(TRUTH_TOPIC)') \
	  $(if $(MODEL),--model '$(MODEL)') \
	  $(if $(CHECKPOINT),--checkpoint '$(CHECKPOINT)') \
	  $(if $(RATE),--rate '$(RATE)') \
	  $(if $(DISCOVER),--discover) \
	  $(ARGS)

# Tests ----------------------------------------------------------------------------------------------------------------

# What needs answers in time has the cores to itself; all else is spread over them. A part may have no test of those
# that ARGS chooses, which pytest ends with 5.
KEEPS_TIME := $(addprefix test/,commands/bench/test_node.py console launch nodes streaming)

test: $(STAMPS)/package $(TESTS_NEED:%=$(STAMPS)/%) ## run the tests and the linters
ifneq ($(TESTS),)
	$(BIN)/python -m pytest $(TESTS) $(ARGS)
else
	@spread=0; alone=0; \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(KEEPS_TIME:%=--ignore=%) $(ARGS) || spread=$$?; \
	$(BIN)/python -m pytest $(KEEPS_TIME) $(ARGS) || alone=$$?; \
	case $$spread$$alone in 00|05|50) ;; *) exit 1;; esac
endif

test-slow: $(STAMPS)/package $(TESTS_NEED:%=$(STAMPS)/%) $(STAMPS)/onnx $(STAMPS)/bench ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow $(ARGS)

test-long: $(STAMPS)/package $(TESTS_NEED:%=$(STAMPS)/%) ## run the tests that trace whole networks and check a GPU's path on a CPU (half an hour)
	$(BIN)/python -m pytest -m long $(ARGS)

test-ray: $(STAMPS)/package $(STAMPS)/test $(STAMPS)/evaluate $(STAMPS)/ray ## run the tests on a Ray cluster of two nodes
	$(BIN)/python -m pytest -m '' test/evaluation/runs/test_ray_cluster.py $(ARGS)

test-console: $(STAMPS)/package $(STAMPS)/test $(STAMPS)/console $(STAMPS)/console_test ## run the tests that drive the operator's page in Chromium
	@$(call require,chromium,chromium)
	$(BIN)/python -m pytest -m browser test/console $(ARGS)

lint: $(STAMPS)/package $(STAMPS)/lint ## run the linters alone
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

format: $(STAMPS)/lint ## rewrite the Python files in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

chaos: $(STAMPS)/package $(STAMPS)/charts ## strike a real node with faults for MINUTES (10), write build/chaos/; SEED (0) decides their order
	$(BIN)/surgsam2 chaos $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(SEED),--seed '$(SEED)') $(ARGS)

soak: $(STAMPS)/package $(STAMPS)/charts ## have a node work for MINUTES (30), see that it needs no more with time, write build/soak/
	$(BIN)/surgsam2 soak $(if $(MINUTES),--minutes '$(MINUTES)') $(ARGS)

label-hour: $(STAMPS)/package $(STAMPS)/test $(STAMPS)/charts $(STAMPS)/console $(STAMPS)/console_test ## label a bag of FRAMES (10000) in Chromium for MINUTES (60), kill the console meanwhile, look for loss and growth, write build/label_hour/
	@$(call require,chromium,chromium)
	PYTHONPATH=test/support $(BIN)/python -m label_hour $(if $(MINUTES),--minutes '$(MINUTES)') $(if $(FRAMES),--frames '$(FRAMES)') \
	  $(if $(SEED),--seed '$(SEED)') $(ARGS)

console: $(STAMPS)/package $(STAMPS)/console ## serve the operator's page beside a running node, or over a recording with ARGS='--bag …'
	$(BIN)/surgsam2 console $(ARGS)

# Documents ------------------------------------------------------------------------------------------------------------

docs: $(STAMPS)/package $(STAMPS)/docs ## build the documents as a site in build/site/
	$(BIN)/python -m sphinx -W --keep-going -q -c docs -d build/doctrees . build/site
	@echo 'build/site/docs/index.html'

# Training -------------------------------------------------------------------------------------------------------------

train-nano: $(STAMPS)/package $(STAMPS)/train ## train the small network of rendered scenes, surgsam2_nano; resumes when run again
	$(BIN)/surgsam2 train --config config/training/nano.yaml --output build/training/nano --resume $(ARGS)
	$(BIN)/surgsam2 train --config config/training/nano_finetune.yaml --output build/training/nano_finetune --resume $(ARGS)
	$(BIN)/surgsam2 train --config config/training/nano_return.yaml --output build/training/nano_return --resume $(ARGS)
	$(BIN)/surgsam2 models average build/training/nano_mean.safetensors \
	  build/training/nano/last.safetensors:0.3 build/training/nano_return/last.safetensors:0.7 --overwrite
	$(BIN)/surgsam2 train --config config/training/nano_overlap.yaml --output build/training/nano_overlap --resume $(ARGS)
	$(BIN)/surgsam2 models average build/training/surgsam2_nano.safetensors \
	  build/training/nano_mean.safetensors:0.25 build/training/nano_overlap/last.safetensors:0.75 --overwrite

train-nano-320: $(STAMPS)/package $(STAMPS)/train ## train the default network on the pictures in DATA; resumes when run again
	$(if $(DATA),,$(error DATA is not set; give the folder of training pictures, see models/README.md: make train-nano-320 DATA=/path))
	$(BIN)/surgsam2 train --config config/training/nano_320_start.yaml --output build/training/nano_320_start --resume --set data_root='$(DATA)' $(ARGS)
	$(BIN)/surgsam2 train --config config/training/nano_320_masks.yaml --output build/training/nano_320_masks --resume --set data_root='$(DATA)' $(ARGS)
	$(BIN)/surgsam2 train --config config/training/nano_320_prompts.yaml --output build/training/nano_320_prompts --resume --set data_root='$(DATA)' $(ARGS)
	$(BIN)/surgsam2 train --config config/training/nano_320.yaml --output build/training/nano_320 --resume --set data_root='$(DATA)' $(ARGS)
	$(BIN)/surgsam2 models average build/training/nano_320_mean.safetensors \
	  build/training/nano_320_prompts/last.safetensors:0.5 build/training/nano_320/last.safetensors:0.5 --overwrite
	$(BIN)/surgsam2 train --config config/training/nano_320_wrists.yaml --output build/training/nano_320_wrists --resume --set data_root='$(DATA)' $(ARGS)
	$(BIN)/surgsam2 models average build/training/nano_320_wrists_mean.safetensors \
	  build/training/nano_320_mean.safetensors:0.5 build/training/nano_320_wrists/last.safetensors:0.5 --overwrite
	$(BIN)/surgsam2 train --config config/training/nano_320_metal.yaml --output build/training/nano_320_metal --resume --set data_root='$(DATA)' $(ARGS)
	$(BIN)/surgsam2 models average build/training/nano_320_metal_mean.safetensors \
	  build/training/nano_320_wrists_mean.safetensors:0.5 build/training/nano_320_metal/last.safetensors:0.5 --overwrite
	$(BIN)/surgsam2 train --config config/training/nano_320_looks.yaml --output build/training/nano_320_looks --resume --set data_root='$(DATA)' $(ARGS)
	$(BIN)/surgsam2 models average build/training/surgsam2_nano_320.safetensors \
	  build/training/nano_320_metal_mean.safetensors:0.75 build/training/nano_320_looks/last.safetensors:0.25 --overwrite

evaluate-nano: $(STAMPS)/package $(STAMPS)/charts $(STAMPS)/baselines ## measure the network, and baselines, on rendered clips and on CLIPS
	PYTHONPATH=$(VENV)/baselines $(BIN)/surgsam2 evaluate --board --hard-clips 10 $(if $(CLIPS),--input $(CLIPS)) \
	  --behaviour published --baselines --corrections 0 --json build/evaluation/nano.json $(ARGS)
	$(BIN)/surgsam2 evaluate --hard-clips 10 --behaviour published --output build/evaluation/hard_clips --overwrite \
	  --failures build/evaluation/failures.jpg $(ARGS)

# Benchmarks -----------------------------------------------------------------------------------------------------------

BENCH = $(BIN)/surgsam2 bench $(ARGS)
PEERS = sam2 transformers-sam2 edgetam

bench: $(STAMPS)/package $(STAMPS)/test $(STAMPS)/bench $(STAMPS)/charts $(STAMPS)/onnx $(STAMPS)/console ## measure what a frame costs (one to two hours), renew docs/benchmarks/ and the documents
	$(BENCH) --models surgsam2_nano surgsam2_nano_320 --objects 1 2 --growth-frames 300 --json docs/benchmarks/nano.json
	$(BENCH) --models surgsam2_nano surgsam2_nano_320 --objects 1 2 --backend onnx --profile fast --json docs/benchmarks/nano_onnx_fast.json
	$(BENCH) --models surgsam2_nano_320 --objects 1 2 --against with-detector --rounds 100 --json docs/benchmarks/nano_320_detector.json
	$(BENCH) --through node --models surgsam2_nano_320 --objects 2 --duration 60 --json docs/benchmarks/nano_320_node.json
	$(BENCH) --through node --models surgsam2_nano_320 --objects 1 --image-sizes 640x512 1280x1024 --viewers 0 1 2 --duration 30 \
	  --json docs/benchmarks/parts/nano_320_viewers.json
	$(BENCH) --through node --models surgsam2_nano_320 --objects 1 --image-sizes 640x512 1280x1024 --viewers 1 --previews --duration 30 \
	  --json docs/benchmarks/parts/nano_320_previews.json
	$(BENCH) --models sam2.1_hiera_s --sizes 512 --objects 1 4 --against sam2 --json docs/benchmarks/small_512.json
	$(BENCH) --models sam2.1_hiera_s --sizes 512 --objects 1 4 --prune 0 2 --against sam2 surgsam2 --rounds 5 \
	  --json docs/benchmarks/small_512_pruning_native.json
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
	  $(BENCH) --models sam2.1_hiera_s --sizes 512 --objects 1 4 --prune 0 2 --against sam2 surgsam2 --rounds 5 \
	  --json docs/benchmarks/small_512_pruning.json
	$(BENCH) --models sam2.1_hiera_s --sizes 512 --objects 1 4 --against sam2 --profile fast \
	  --json docs/benchmarks/small_512_fast.json
	$(BENCH) --models sam2.1_hiera_s --sizes 512 --objects 1 --against $(PEERS) --json docs/benchmarks/small_512_peers.json \
	  --plot docs/images/benchmark.png
	$(BENCH) --models sam2.1_hiera_s --sizes 1024 --objects 1 4 --against sam2 --rounds 3 \
	  --json docs/benchmarks/small_1024.json
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
	  $(BENCH) --models sam2.1_hiera_s --sizes 1024 --objects 1 4 --against sam2 --rounds 2 --json docs/benchmarks/small_1024_avx2.json
	$(BENCH) --models sam2.1_hiera_t --sizes 256 --objects 1 --against $(PEERS) --growth-frames 300 \
	  --json docs/benchmarks/tiny_256_growth.json
	$(BIN)/python docs/tools/figures.py --write

gpu-check: $(STAMPS)/package $(STAMPS)/test ## check that a GPU gives the right masks, and how fast, in eight minutes; CHECKPOINT=; writes build/gpu/
	$(BIN)/surgsam2 gpu-check $(if $(CHECKPOINT),--checkpoint '$(CHECKPOINT)') $(ARGS)

# The environment: one stamp per step, so that a second run skips what is done -------------------------------------------

define require
  command -v $(1) > /dev/null || { echo 'error: $(1) is missing; install it, for example with: apt install $(2)' >&2; exit 1; }
endef

define say
  echo '[$(VENV)] $(1)'
endef

SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))
HEADERS := import os, sys, sysconfig; sys.exit(not os.path.isfile(sysconfig.get_path("include") + "/Python.h"))

$(STAMPS)/created:
	@system="$$(uname -s) $$(uname -m)"; if [ "$$system" != 'Linux x86_64' ]; then \
	  echo "error: ROS 2 wheels exist for Linux x86_64 only, this is $$system; build with colcon on a ROS machine (README)" >&2; \
	  exit 1; fi
	@$(call require,g++,g++)
	@$(call require,cmake,cmake)
	@version=$$(cmake --version | awk 'NR == 1 { print $$3 }'); \
	if [ "$$(printf '3.21\n%s\n' "$$version" | sort -V | head -n 1)" != 3.21 ]; then \
	  echo "error: cmake $$version is too old, 3.21 or newer is needed; for example: pip install --user cmake" >&2; exit 1; fi
	@for python in $(or $(PYTHON),python3 python3.12 python3.11 python3.13 python3.10); do \
	  if "$$python" -c '$(SUPPORTED)' 2> /dev/null; then found="$$python"; break; fi; done; \
	if [ -z "$${found:-}" ]; then \
	  echo 'error: $(or $(PYTHON),python3) is not Python 3.10 to 3.13; name one that is with PYTHON=/path/to/python3' >&2; exit 1; fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2> /dev/null; then \
	  echo "error: $$found has no venv module; install it, for example with: apt install python3-venv" >&2; exit 1; fi; \
	if ! "$$found" -c '$(HEADERS)' 2> /dev/null; then \
	  version=$$("$$found" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'); \
	  echo "error: $$found lacks the headers that the messages are built with; install them, for example with: apt install $$version-dev" >&2; exit 1; fi; \
	$(call say,created with '"$$("$$found" --version)"'); \
	rm -rf $(VENV); "$$found" -m venv $(VENV)
	@mkdir -p $(@D); touch $@

# An explicit PYTHON= that differs from what .venv was made with is not silently ignored.
ifneq ($(PYTHON),)
ifneq ($(wildcard $(STAMPS)/created),)
ifneq ($(shell $(PYTHON) -c 'import sys; print(*sys.version_info[:2])'),$(shell $(BIN)/python -c 'import sys; print(*sys.version_info[:2])'))
ifeq ($(filter clean distclean help,$(MAKECMDGOALS)),)
$(error $(VENV) was made with another Python than PYTHON=$(PYTHON); run `make distclean` first, or choose another VENV=)
endif
endif
endif
endif

ENVIRONMENT := requirements/build.txt requirements/run.txt requirements/ros/$(ROS).txt requirements/ros/$(ROS)_build.txt

$(STAMPS)/run: $(ENVIRONMENT) | $(STAMPS)/created
	@$(call say,installing torch and ROS 2)
	@$(PIP) $(ENVIRONMENT:%=-r %)
	@touch $@

$(STAMPS)/messages: $(shell find surgsam2_msgs -type f) $(STAMPS)/run
	@$(call say,building surgsam2_msgs)
	@$(PIP) --no-deps --no-build-isolation --force-reinstall ./surgsam2_msgs
	@touch $@

PACKAGED := setup.py setup.cfg pyproject.toml package.xml resource/surgsam2_ros $(wildcard config/* launch/* models/* resource/*/*)

$(STAMPS)/package: $(PACKAGED) $(STAMPS)/messages
	@$(call say,installing surgsam2_ros)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/pytest: requirements/test.txt $(STAMPS)/run
	@$(call say,installing what the tests need)
	@$(PIP) -r requirements/test.txt
	@touch $@

$(STAMPS)/test: requirements/oracle.txt $(STAMPS)/pytest
	@SAM2_BUILD_CUDA=0 $(PIP) --no-deps --no-build-isolation -r requirements/oracle.txt
	@touch $@

$(STAMPS)/onnx: requirements/onnx.txt $(STAMPS)/run
	@$(PIP) --no-deps -r $<
	@touch $@

$(STAMPS)/train: requirements/train.txt $(STAMPS)/run
	@$(PIP) --no-deps -r requirements/train.txt
	@touch $@

$(STAMPS)/evaluate: requirements/evaluate.txt $(STAMPS)/run
	@$(PIP) --no-deps -r $<
	@touch $@

$(STAMPS)/bench: requirements/bench.txt $(STAMPS)/run
	@$(PIP) --no-deps -r $<
	@touch $@

$(STAMPS)/charts: requirements/charts.txt $(STAMPS)/run
	@$(PIP) --no-deps -r $<
	@touch $@

$(STAMPS)/ray: requirements/ray.txt $(STAMPS)/run
	@$(PIP) --no-deps -r $<
	@touch $@

$(STAMPS)/console: requirements/console.txt $(STAMPS)/run
	@$(PIP) --no-deps -r $<
	@touch $@

$(STAMPS)/console_test: requirements/console_test.txt $(STAMPS)/run
	@$(PIP) --no-deps -r $<
	@touch $@

$(STAMPS)/baselines: requirements/baselines.txt $(STAMPS)/run
	@$(PIP) --no-deps --upgrade --target $(VENV)/baselines -r $<
	@touch $@

$(STAMPS)/docs: requirements/docs.txt $(STAMPS)/run
	@$(PIP) -r requirements/docs.txt
	@touch $@

$(STAMPS)/lint: requirements/lint.txt $(STAMPS)/run
	@$(PIP) -r requirements/lint.txt
	@touch $@

clean: ## remove what was built, keep .venv
	rm -rf build install log .pytest_cache .hypothesis .ruff_cache .import_linter_cache ./*.egg-info surgsam2_msgs/build
	find surgsam2_ros test launch -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## remove .venv, or VENV, too
	rm -rf $(VENV)
