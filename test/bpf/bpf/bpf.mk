# SPDX-License-Identifier: Apache-2.0
# Programs that only tests have; included by the Makefile.
VERDICT_OBJS := $(foreach h,xdp tc,$(BUILD)/test/verdicts_$(h).o)
.PHONY: test-bpf
test-bpf: $(VERDICT_OBJS) ## compile what asks for verdicts of policies
$(BUILD)/test/verdicts_xdp.o: test/bpf/bpf/verdicts.bpf.c $(BPF_HDRS)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -Wno-unused-function -DCTX_XDP -c $< -o $@
$(BUILD)/test/verdicts_tc.o: test/bpf/bpf/verdicts.bpf.c $(BPF_HDRS)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -Wno-unused-function -DCTX_TC -c $< -o $@
