/* SPDX-License-Identifier: Apache-2.0 */
/* The agent program, with a record of where it sends each packet. */
#include "record.h"
#include "../../../bpf/programs/agent.bpf.c"
