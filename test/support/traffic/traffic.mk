# SPDX-License-Identifier: Apache-2.0
# The traffic tools of demo, tests and bench; included by the Makefile.
TRAFFIC_DIR := test/support/traffic
TRAFFIC := $(addprefix $(BUILD)/traffic/,udpflow udpblast tcpconn pingpong udpshape whoami)

.PHONY: traffic
traffic: $(TRAFFIC) ## compile the traffic tools of demo and tests
$(BUILD)/traffic/%: $(TRAFFIC_DIR)/%.c $(TRAFFIC_DIR)/common.c $(TRAFFIC_DIR)/common.h
	$(Q)mkdir -p $(@D) && $(CLANG) -std=gnu11 -O2 -g -Wall -Wextra -Werror -o $@ $< $(TRAFFIC_DIR)/common.c -lpthread
