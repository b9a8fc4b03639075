// SPDX-License-Identifier: Apache-2.0
/** A data path with a few numbers, for tests of what shows it. */
import type { DataPathView } from '../../../src/daemon/ports/datapath-view.js';

export const fakeView = (over: Partial<DataPathView> = {}): DataPathView => ({
  status: () => ({ appliedRevision: 6, programs: [], maps: [] }),
  flows: ({ vpc, limit }) => ({ flows: [], truncated: vpc === 'many' && limit === 1000 }),
  nat: () => ({
    gateways: [
      {
        gateway: 'ng',
        blockSize: 512,
        refusedQuota: 4,
        refusedPool: 2,
        refusedTable: 5,
        refusedLimits: 7,
        addresses: [
          {
            address: '203.0.113.1',
            blocks: 128,
            blocksUsed: 3,
            ports: 65535,
            tcpPorts: 40,
            udpPorts: 5,
            icmpIds: 1,
            endpoints: 2,
          },
        ],
      },
    ],
    endpoints: [30, 16].map((mappings) => ({
      endpoint: 'web-1',
      vpc: 'blue',
      gateway: 'ng',
      address: '203.0.113.1',
      blocks: [512, 2048].map((first) => ({ first, last: first + 511, mappings: 15 })),
      mappings,
      refusedQuota: 2,
      refusedPool: 1,
      refusedTable: 0,
      connections: 12,
      refusedLimits: 7,
    })),
    prefixes: [],
    services: [
      {
        service: 'dns',
        source: '192.0.2.21',
        firstPort: 1024,
        ports: 64512,
        tcp: 3,
        udp: 20,
        refusedQuota: 6,
        refusedPool: 7,
        endpoints: [{ endpoint: 'web-1', vpc: 'blue', tcp: 3, udp: 20 }],
      },
    ],
  }),
  limits: () => ({
    endpoints: [
      {
        vpc: 'blue',
        endpoint: 'web-1',
        here: true,
        opened: { connections: 12, halfOpen: 3 },
        accepted: { connections: 2, halfOpen: 0 },
        limits: { connections: 1000, halfOpen: 0, newPerSecond: 50, burst: 100 },
        refusedConnections: 4,
        refusedHalfOpen: 1,
        refusedRate: 2,
        lastRefusal: { reason: 'CONN_RATE', secondsAgo: 9 },
      },
    ],
  }),
  endpointPolicies: (endpoint) => ({
    endpoint,
    vpc: 'blue',
    programmed: true,
    ingress: {
      open: false,
      rules: [
        {
          tier: 'default',
          by: 'Policy/db',
          rule: 0,
          action: 'allow',
          match: "tcp from (role == 'web') to ports postgres",
          packets: 1234,
        },
        {
          tier: 'default',
          by: 'Tier/default',
          action: 'deny',
          match: 'what no policy of the tier has decided',
          packets: 7,
        },
        {
          tier: '',
          by: 'Default',
          action: 'deny',
          match: 'what nothing before has decided',
          packets: 0,
        },
      ],
    },
    egress: { open: true, rules: [] },
  }),
  policyCounts: () => ({
    rules: 31,
    blocks: 5,
    programs: 4,
    hosts: 120,
    nets: 9,
    namedPorts: 2,
  }),
  policyCheck: ({ from, to }) => {
    const rule = {
      tier: 'default',
      by: 'Policy/db',
      rule: 0,
      action: 'allow' as const,
      match: "tcp from (role == 'web') to ports postgres",
    };
    const kernel = { verdict: 'allowed' as const, agrees: true };
    return Promise.resolve({
      vpc: 'blue',
      checks: [
        {
          family: 4 as const,
          from: {
            address: '10.0.1.22',
            direction: 'egress' as const,
            endpoint: from,
            host: 'h2',
            verdict: 'elsewhere' as const,
          },
          to: {
            address: '10.0.1.11',
            direction: 'ingress' as const,
            endpoint: to,
            host: 'h1',
            verdict: 'allowed' as const,
            decidedBy: rule,
            kernel,
          },
          verdict: 'unknown' as const,
        },
      ],
      agrees: true,
    });
  },
  natWho: () => ({ holders: [] }),
  natEvents: () => ({ events: [], truncated: false }),
  algs: () => ({
    connections: 2,
    packets: 50,
    sent: 48,
    rewritten: 6,
    expected: 7,
    refused: 1,
    foreign: 3,
    dropBroken: 1,
    dropUnknown: 2,
    dropFull: 0,
    dropRate: 4,
  }),
  fragments: () => ({
    held: 3,
    heldBytes: 5000,
    taken: 100,
    released: 80,
    timedOut: 11,
    refusedDatagram: 1,
    refusedSource: 2,
    refusedRoom: 3,
  }),
  drops: () => ({
    counts: [
      { hook: 'agent-tc', reason: 'NO_ROUTE', description: 'no route', packets: 3 },
      { hook: 'agent-tc', reason: 'TOO_BIG', description: 'too big', packets: 1 },
    ],
    samples: [],
  }),
  nodes: () => ({
    nodes: [{ hook: 'agent-tc', node: 'route', description: 'routes', visits: 40 }],
  }),
  maps: () => ({
    maps: [
      { name: 'flow', type: 'hash', entries: 12, maxEntries: 1024 },
      { name: 'nh', type: 'array', entries: null, maxEntries: 64 },
    ],
  }),
  counters: () => ({
    hooks: [
      {
        hook: 'agent-tc',
        received: 100,
        receivedBytes: 6400,
        sent: 90,
        passed: 5,
        punted: 1,
        dropped: 4,
        generated: 2,
      },
    ],
  }),
  endpoints: () => [
    { endpoint: 'web', vpc: 'blue', txPackets: 7, txBytes: 700, rxPackets: 8, rxBytes: 800 },
  ],
  expiredFlows: () => 11,
  lostBlockEvents: () => 13,
  reload: () => Promise.resolve({ replaced: [] }),
  ...over,
});
