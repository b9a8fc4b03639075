# SPDX-License-Identifier: Apache-2.0
# Stock kernels in QEMU: what the guests run is compiled here, as they are ten times slower.
VM := $(BUILD)/vm
VM_OBJS := $(addprefix $(VM)/objects/,adapter.o rejected.o abi.o)
VM_TS := $(shell find test -name '*.ts' 2>/dev/null)
# a file that went leaves its directory newer
VM_DIRS := $(shell find test -mindepth 1 -type d 2>/dev/null)

.PHONY: test-kernels
test-kernels: build $(VM_OBJS) $(VM)/js.stamp ## run the programs on Debian's kernels 6.1 and 6.12, in QEMU
	$(Q)node --import tsx test/vm/run.ts

# The links make the compiled tree look like the repository to what looks for files in it.
$(VM)/js.stamp: $(NPM_STAMP) $(TS_SRC) $(VM_TS) $(VM_DIRS) tsconfig.json test/vm/tsconfig.json
	$(Q)rm -rf $(VM)/js && mkdir -p $(VM)/js && node_modules/.bin/tsc -p test/vm/tsconfig.json
	$(Q)for f in bpf build package.json; do ln -sfn ../../../$$f $(VM)/js/$$f; done && touch $@

VM_CC = $(Q)mkdir -p $(@D) && $(CLANG) -g -O2 -target bpf -mcpu=v3 -Ibpf/include $(ARCH_INC) -c $< -o $@
$(VM)/objects/%.o: test/bpf/fixtures/%.bpf.c $(BPF_HDRS)
	$(VM_CC)
$(VM)/objects/%.o: tools/%.bpf.c $(BPF_HDRS)
	$(VM_CC)
