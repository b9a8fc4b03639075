// SPDX-License-Identifier: Apache-2.0
/** Metrics of policies: how much of the data path they take. Counts of single rules are too many. */
import type { DataPathView } from '../ports/datapath-view.js';
import type { MetricMakers } from './nat.js';
import type { Source } from './source.js';

export function policySource(view: DataPathView, { gauge }: Pick<MetricMakers, 'gauge'>): Source {
  const rules = gauge('policy_rules', 'Rules that apply to endpoints of this host.', []);
  const blocks = gauge('policy_blocks', 'Blocks of rules that endpoints share.', []);
  const programs = gauge(
    'policy_programs',
    'Different lists of rules that endpoints of this host have.',
    [],
  );
  const addresses = gauge(
    'policy_addresses',
    'Entries that rules find addresses by: addresses alone (host), prefixes (net), named ports (port).',
    ['kind'],
  );
  return {
    name: 'policies',
    metrics: [rules, blocks, programs, addresses],
    read: async () => {
      const counts = await view.policyCounts();
      rules.set(counts.rules);
      blocks.set(counts.blocks);
      programs.set(counts.programs);
      addresses.set({ kind: 'host' }, counts.hosts);
      addresses.set({ kind: 'net' }, counts.nets);
      addresses.set({ kind: 'port' }, counts.namedPorts);
    },
  };
}
