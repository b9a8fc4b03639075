# SPDX-License-Identifier: Apache-2.0
# The programs as test/fuzz runs them; included by the Makefile.
FUZZ_OBJS := $(foreach o,agent transit,$(BUILD)/fuzz/$(o)_xdp.o $(BUILD)/fuzz/$(o)_tc.o)

.PHONY: fuzz fuzz-bpf
fuzz-bpf: $(FUZZ_OBJS) ## compile the programs with a record of where packets go
$(BUILD)/fuzz/%_xdp.o: test/fuzz/bpf/%.bpf.c test/fuzz/bpf/record.h $(BPF_HDRS) $(wildcard bpf/programs/*.c)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -Wno-unused-function -DCTX_XDP -c $< -o $@
$(BUILD)/fuzz/%_tc.o: test/fuzz/bpf/%.bpf.c test/fuzz/bpf/record.h $(BPF_HDRS) $(wildcard bpf/programs/*.c)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -Wno-unused-function -DCTX_TC -c $< -o $@

# The XDP programs without the kernel function that brings headers forward, as before 6.18.
APART_OBJS := $(foreach o,agent transit,$(BUILD)/test/$(o)_xdp_apart.o)
fuzz-bpf: $(APART_OBJS)
$(BUILD)/test/%_xdp_apart.o: bpf/programs/%.bpf.c $(BPF_HDRS)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -DCTX_XDP -Dbpf_xdp_pull_data=bpf_xdp_pull_nothing -c $< -o $@

fuzz: build ## hostile input for as long as it pays: millions of packets, long histories
	$(Q)test/fuzz/run.sh
