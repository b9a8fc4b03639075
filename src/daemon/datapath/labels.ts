// SPDX-License-Identifier: Apache-2.0
/** Numbers of the kernel as the API names them. */
import { hookName } from '../../maps/index.js';

/** "agent-tc" for HOOK_AGENT_TC. */
export function hookLabel(hook: number): string {
  return hookName(hook).toLowerCase().replaceAll('_', '-');
}

/** enum bpf_map_type in linux/bpf.h, as bpftool prints them; only what maps.h uses. */
const MAP_TYPES: Readonly<Record<number, string>> = {
  1: 'hash',
  2: 'array',
  6: 'percpu_array',
  11: 'lpm_trie',
  27: 'ringbuf',
};

/** "lpm_trie" */
export function mapTypeLabel(type: number): string {
  return MAP_TYPES[type] ?? `type ${type}`;
}
