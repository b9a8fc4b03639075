# SPDX-License-Identifier: Apache-2.0
# What asks a kernel for tests that run elsewhere; included by the Makefile.
KERNEL_SERVER := $(BUILD)/test/kernel-server
KERNEL_SERVER_DIR := test/support/kernel/server
$(KERNEL_SERVER): $(wildcard $(KERNEL_SERVER_DIR)/*.[ch])
	$(Q)mkdir -p $(@D) && $(CLANG) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -o $@ $(filter %.c,$^) -l:libbpf.so.1
