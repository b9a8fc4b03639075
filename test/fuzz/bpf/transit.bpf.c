/* SPDX-License-Identifier: Apache-2.0 */
/* The transit program, with a record of where it sends each packet. */
#include "record.h"
#include "../../../bpf/programs/transit.bpf.c"
