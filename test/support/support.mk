# SPDX-License-Identifier: Apache-2.0
# What tests need compiled; included by the Makefile.
.PHONY: atonce
atonce: $(BUILD)/libatonce.so ## compile what runs programs on several CPUs at once
$(BUILD)/libatonce.so: test/support/atonce.c
	$(Q)mkdir -p $(@D) && $(CLANG) -shared -fPIC -std=gnu11 -O2 -g -Wall -Wextra -Werror -o $@ $< -lpthread
