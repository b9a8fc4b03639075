# Transit. `make help` lists the targets; build/ and dist/ hold all outputs. V=1 shows commands.
SHELL := /bin/bash
.DEFAULT_GOAL := help
Q := $(if $(V),,@)
CLANG ?= clang
BUILD := build
ARCH_INC := -I/usr/include/$(shell uname -m)-linux-gnu
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-missing-field-initializers -Ibpf/include -Ibpf $(ARCH_INC)
BPF_HDRS := $(wildcard $(addsuffix /*.h,bpf/include/transit bpf/include/transit/types bpf/lib bpf/nodes bpf/ctx bpf/programs))
BPF_OBJS := $(addprefix $(BUILD)/bpf/,transit_xdp.o transit_tc.o agent_xdp.o agent_tc.o alg.o age.o judge.o)
NATIVE := $(BUILD)/libtransit_native.so
NPM_STAMP := node_modules/.package-lock.json
TS_SRC := $(shell find src -name '*.ts' 2>/dev/null)
PATH := $(CURDIR)/$(BUILD)/node/bin:$(PATH)
export PATH

.PHONY: help setup build bpf bench-bpf native ts abi demo test check lint format lab-up lab-down docs bench install uninstall clean
help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (apt packages, npm packages)
	$(Q)tools/setup.sh

include test/support/traffic/traffic.mk
include test/support/support.mk
include test/support/kernel/kernel.mk
include test/fuzz/fuzz.mk
include test/vm/vm.mk

build: setup bpf native ts traffic atonce fuzz-bpf $(KERNEL_SERVER) ## compile everything

bpf: $(BPF_OBJS) ## compile the BPF programs
$(BUILD)/bpf/%_xdp.o: bpf/programs/%.bpf.c $(BPF_HDRS)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -DCTX_XDP -c $< -o $@
$(BUILD)/bpf/%_tc.o: bpf/programs/%.bpf.c $(BPF_HDRS)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -DCTX_TC -c $< -o $@
$(BUILD)/bpf/%.o: bpf/programs/%.bpf.c $(BPF_HDRS)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -DCTX_TC -c $< -o $@

# The bench's own objects: minimal programs, and ours in a loop that undoes their work.
BENCH_OBJS := $(foreach o,minimal yardstick loop_agent loop_transit fresh_agent fresh_transit,$(BUILD)/bench/bpf/$(o)_xdp.o $(BUILD)/bench/bpf/$(o)_tc.o) \
	$(BUILD)/bench/bpf/loop_age.o
bench-bpf: $(BENCH_OBJS) ## compile the programs that speed is compared with
$(BUILD)/bench/bpf/%_xdp.o: bench/bpf/%.bpf.c $(wildcard bench/bpf/*.h) $(BPF_HDRS) $(wildcard bpf/programs/*.c)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -DCTX_XDP -c $< -o $@
$(BUILD)/bench/bpf/%_tc.o: bench/bpf/%.bpf.c $(wildcard bench/bpf/*.h) $(BPF_HDRS) $(wildcard bpf/programs/*.c)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -DCTX_TC -c $< -o $@
$(BUILD)/bench/bpf/%.o: bench/bpf/%.bpf.c $(wildcard bench/bpf/*.h) $(BPF_HDRS) $(wildcard bpf/programs/*.c)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -DCTX_TC -c $< -o $@

$(BUILD)/bench/mapwrite: bench/c/mapwrite.c
	$(Q)mkdir -p $(@D) && $(CLANG) -O2 -g -Wall -Wextra -Werror $< -o $@ -l:libbpf.so.1

native: $(NATIVE) ## compile the C helper library that the daemon loads
$(NATIVE): $(wildcard native/*.c native/*.h)
	$(Q)mkdir -p $(@D) && $(CLANG) -shared -fPIC -O2 -g -Wall -Wextra -Werror -o $@ $(wildcard native/*.c) -l:libbpf.so.1

$(NPM_STAMP): package.json package-lock.json
	$(Q)npm ci --no-audit --no-fund && touch $@

ts: $(BUILD)/ts.stamp ## compile the TypeScript
$(BUILD)/ts.stamp: $(NPM_STAMP) $(TS_SRC) tsconfig.json tsconfig.build.json
	$(Q)mkdir -p $(@D) && node_modules/.bin/tsc -p tsconfig.build.json && chmod +x dist/cli/main.js dist/daemon/main.js && touch $@

abi: $(BPF_OBJS) ## regenerate src/maps/generated from the compiled programs' BTF
	$(Q)node_modules/.bin/tsx tools/gen-abi.ts

demo: build ## build a lab of two hosts, show that everything works, remove it
	$(Q)lab/demo.sh

test: build ## run every test
	$(Q)status=0; test/run.sh || status=1; $(MAKE) --no-print-directory test-kernels || status=1; exit $$status

check: build lint ## everything CI asks but the tests

lint: $(NPM_STAMP) ## types, linter, formatter, import rules, shell
	$(Q)tools/lint.sh

format: ## format all sources
	$(Q)node_modules/.bin/prettier --write . && clang-format -i $$(git ls-files 'bpf/*.[ch]' 'native/*.[ch]' 'test/support/kernel/*.[ch]')

lab-up: build ## build the lab and leave it running
	$(Q)lab/up.sh

lab-down: ## remove the lab
	$(Q)lab/down.sh

docs: $(NPM_STAMP) ## regenerate docs/reference and docs/rfc-conformance.md from their sources
	$(Q)node_modules/.bin/tsx tools/gen-reference.ts

bench: build bench-bpf $(BUILD)/bench/mapwrite ## measure speed, as ratios in one run
	$(Q)bench/run.sh

PREFIX ?= /usr
LIB := $(DESTDIR)$(PREFIX)/lib/transit
install: build ## install under PREFIX (/usr): daemon, CLI, programs, systemd unit
	$(Q)install -d $(LIB)/build/bpf $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system
	$(Q)cp -r dist package.json package-lock.json LICENSE LICENSES $(LIB)/
	$(Q)install -m 644 $(BPF_OBJS) $(LIB)/build/bpf/
	$(Q)install -m 755 $(NATIVE) $(LIB)/build/
	$(Q)cd $(LIB) && npm ci --omit=dev --no-audit --no-fund --silent
	$(Q)ln -sf ../lib/transit/dist/daemon/main.js $(DESTDIR)$(PREFIX)/bin/transitd
	$(Q)ln -sf ../lib/transit/dist/cli/main.js $(DESTDIR)$(PREFIX)/bin/transit
	$(Q)install -m 644 systemd/transitd@.service $(DESTDIR)$(PREFIX)/lib/systemd/system/

uninstall: ## remove what install put there; instances are removed by transitd --purge before
	$(Q)rm -rf $(LIB) $(DESTDIR)$(PREFIX)/bin/transitd $(DESTDIR)$(PREFIX)/bin/transit
	$(Q)rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/transitd@.service

clean: ## remove outputs
	$(Q)rm -rf $(BUILD) dist .tap
