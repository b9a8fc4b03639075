// SPDX-License-Identifier: Apache-2.0
/** What NetworkPolicies allow as Policies is what Kubernetes says they do. */
import t from 'tap';
import { EXAMPLES } from './examples.js';
import { ALL, cluster, computed, denied, deniedBut } from './world.js';

await t.test('without policies all are open, in namespaces or not', (t) => {
  for (const packet of ['tcp/80', 'udp/53', 'sctp/9', 'icmp/0'])
    t.same(denied(cluster(), packet), [], packet);
  t.equal(deniedBut({ to: { web: 'api' } }).length, ALL.length - 2);
  t.end();
});

for (const { name, yaml, reach } of EXAMPLES) {
  await t.test(name, (t) => {
    const policies = cluster(yaml);
    const daemon = computed(yaml);
    for (const [packet, wanted] of Object.entries(reach)) {
      t.same(denied(policies, packet), deniedBut(wanted), packet);
      t.same(denied(daemon, packet), deniedBut(wanted), `${packet}, as the daemon has it`);
    }
    t.end();
  });
}
