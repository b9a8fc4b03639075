// SPDX-License-Identifier: Apache-2.0
/** Rules on one line. */
import t from 'tap';
import { ruleText, type PolicyRule } from '../../../src/model/index.js';

const cases: [Omit<PolicyRule, 'action'>, string][] = [
  [{}, 'any'],
  [{ source: {}, destination: { nets: [] } }, 'any'],
  [{ ipVersion: 6, protocol: 'tcp' }, 'IPv6 tcp'],
  [{ protocol: 47 }, 'protocol 47'],
  [{ notProtocol: 'udp' }, 'not udp'],
  [
    { protocol: 'icmp', icmp: { type: 8 }, notIcmp: { type: 8, code: 1 } },
    'icmp type 8 not type 8/1',
  ],
  [
    {
      source: { selector: "role ==\n 'a'", notSelector: '' },
      destination: { ports: [80, '90-99', 'http', 7] },
    },
    "from (role == 'a') not (all()) to ports 80,90-99,http and 1 more",
  ],
  [
    { source: { nets: ['10.0.0.0/8'], notNets: ['10.1.0.0/16'], notPorts: [1] } },
    'from 10.0.0.0/8 not 10.1.0.0/16 not ports 1',
  ],
];
for (const [rule, text] of cases) t.equal(ruleText({ action: 'allow', ...rule }), text);
