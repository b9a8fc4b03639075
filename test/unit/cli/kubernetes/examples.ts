// SPDX-License-Identifier: Apache-2.0
/** NetworkPolicies as they are used, and who reaches whom with them. See world.ts. */
import type { Reach } from './world.js';

export interface Example {
  readonly name: string;
  readonly yaml: string;
  /** By packet, as "tcp/80". */
  readonly reach: Readonly<Record<string, Reach>>;
}

const policy = (metadata: string, spec: string): string =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { ${metadata} }\nspec:\n${spec.replace(/^ {6}/gm, '  ').replace(/^\n/, '')}`;

const shop = (name: string, spec: string): string => policy(`name: ${name}, namespace: shop`, spec);

const CLOSED = { web: '', api: '', db: '' };
const NOBODY: Reach = {};

export const EXAMPLES: readonly Example[] = [
  {
    name: 'nobody into a namespace',
    yaml: shop(
      'quiet',
      `
      podSelector: {}
      policyTypes: [Ingress]`,
    ),
    // out of it all goes on
    reach: { 'tcp/80': { to: CLOSED }, 'udp/53': { to: CLOSED }, 'icmp/0': { to: CLOSED } },
  },
  {
    name: 'nobody into it, by default and with what YAML leaves out',
    yaml: shop(
      'quiet',
      `
      podSelector:
      egress: []`,
    ),
    reach: { 'tcp/80': { to: CLOSED }, 'sctp/80': { to: CLOSED } },
  },
  {
    name: 'nobody out of a namespace',
    yaml: shop(
      'stay',
      `
      podSelector: {}
      policyTypes: [Egress]`,
    ),
    reach: { 'tcp/80': { from: CLOSED }, 'icmp/0': { from: CLOSED } },
  },
  {
    name: 'nobody in or out; rules of a type that is not given are none',
    yaml:
      shop(
        'shut',
        `
      podSelector: {}
      policyTypes: [Ingress, Egress, Ingress]`,
      ) +
      '\n---\n' +
      policy(
        'name: out-only, namespace: lab',
        `
      podSelector: {}
      policyTypes: [Egress]
      ingress: [{ from: [{ ipBlock: { cidr: 192.0.2.0/24 } }] }]`,
      ),
    reach: { 'tcp/80': { to: CLOSED, from: { ...CLOSED, play: '' } } },
  },
  {
    name: 'everybody in, whatever else says nobody',
    yaml:
      shop(
        'quiet',
        `
      podSelector: {}`,
      ) +
      '\n---\n' +
      shop(
        'open',
        `
      podSelector: {}
      ingress: [{}]`,
      ),
    reach: { 'tcp/80': NOBODY, 'icmp/0': NOBODY },
  },
  {
    name: 'everybody out, whatever else says nobody',
    yaml:
      shop(
        'stay',
        `
      podSelector: {}
      policyTypes: [Egress]`,
      ) +
      '\n---\n' +
      shop(
        'open',
        `
      podSelector: {}
      policyTypes: [Egress]
      egress: [{ to: [], ports: [] }]`,
      ),
    reach: { 'tcp/80': NOBODY, 'udp/9': NOBODY },
  },
  {
    name: 'from pods of the same namespace',
    yaml: shop(
      'db',
      `
      podSelector: { matchLabels: { app: db } }
      ingress:
        - from: [{ podSelector: { matchLabels: { app: api } } }]
          ports: [{ port: 5432 }]`,
    ),
    reach: {
      'tcp/5432': { to: { db: 'api' } },
      'tcp/5433': { to: { db: '' } },
      // TCP is what a port without protocol means
      'udp/5432': { to: { db: '' } },
    },
  },
  {
    name: 'from the whole namespace only: all pods of another with such labels stay out',
    yaml: shop(
      'own',
      `
      podSelector: {}
      ingress: [{ from: [{ podSelector: {} }] }]`,
    ),
    reach: { 'tcp/80': { to: { web: 'api db', api: 'web db', db: 'web api' } } },
  },
  {
    name: 'from a namespace by its labels',
    yaml: shop(
      'from-blue',
      `
      podSelector: { matchLabels: { tier: back } }
      ingress:
        - from: [{ namespaceSelector: { matchLabels: { team: blue, example.org/stage: prod } } }]`,
    ),
    reach: { 'tcp/80': { to: { api: 'mon dns', db: 'mon dns' } } },
  },
  {
    name: 'from a namespace by its name',
    yaml: shop(
      'from-lab',
      `
      podSelector: { matchLabels: { app: web } }
      ingress:
        - from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: lab } } }]`,
    ),
    reach: { 'tcp/80': { to: { web: 'play' } } },
  },
  {
    name: 'from pods in namespaces: both of one peer must hold',
    yaml: shop(
      'mon',
      `
      podSelector: {}
      ingress:
        - from:
            - namespaceSelector: { matchLabels: { team: blue } }
              podSelector: { matchLabels: { app: mon } }`,
    ),
    reach: { 'tcp/80': { to: { web: 'mon', api: 'mon', db: 'mon' } } },
  },
  {
    name: 'of two peers either may hold',
    yaml: shop(
      'mon',
      `
      podSelector: { matchLabels: { app: db } }
      ingress:
        - from:
            - namespaceSelector: { matchLabels: { team: blue } }
            - podSelector: { matchLabels: { app: web } }`,
    ),
    // neither play, a web of another namespace, nor bare, which is in none
    reach: { 'tcp/80': { to: { db: 'mon dns web' } } },
  },
  {
    name: 'from pods of all namespaces',
    yaml: shop(
      'pods',
      `
      podSelector: { matchLabels: { app: db } }
      ingress: [{ from: [{ namespaceSelector: {} }] }]`,
    ),
    reach: { 'tcp/80': { to: { db: 'web api mon dns play' } } },
  },
  {
    name: 'expressions, about pods and namespaces',
    yaml:
      shop(
        'expressions',
        `
      podSelector:
        matchExpressions:
          - { key: app, operator: In, values: [web, db] }
          - { key: tier, operator: Exists }
      ingress:
        - from:
            - namespaceSelector:
                matchExpressions: [{ key: team, operator: NotIn, values: [red] }]
              podSelector:
                matchExpressions: [{ key: app, operator: NotIn, values: [dns] }]`,
      ) +
      '\n---\n' +
      shop(
        'absent',
        `
      podSelector: { matchLabels: { app: api } }
      ingress:
        - from:
            - namespaceSelector:
                matchExpressions: [{ key: team, operator: DoesNotExist }]`,
      ),
    // a label that is missing is not in a list, but bare is in no namespace
    reach: { 'tcp/80': { to: { db: 'mon play', api: 'play' } } },
  },
  {
    name: 'a block of addresses with exceptions',
    yaml: shop(
      'block',
      `
      podSelector: { matchLabels: { app: db } }
      policyTypes: [Ingress, Egress]
      ingress:
        - from:
            - ipBlock: { cidr: 172.17.0.0/16, except: [172.17.1.0/24] }
            - podSelector: { matchLabels: { app: api } }
          ports: [{ protocol: TCP, port: 6379 }]
      egress:
        - to: [{ ipBlock: { cidr: 10.0.1.0/24 } }]
          ports: [{ protocol: TCP, port: 5978 }]`,
    ),
    reach: {
      'tcp/6379': { to: { db: 'near api' }, from: { db: '' } },
      'tcp/5978': { to: { db: '' }, from: { db: 'mon dns' } },
    },
  },
  {
    name: 'a range of ports',
    yaml: shop(
      'range',
      `
      podSelector: { matchLabels: { app: web } }
      policyTypes: [Egress]
      egress:
        - to: [{ podSelector: { matchLabels: { app: db } } }]
          ports: [{ protocol: TCP, port: 32000, endPort: 32768 }]`,
    ),
    reach: {
      'tcp/31999': { from: { web: '' } },
      'tcp/32000': { from: { web: 'db' } },
      'tcp/32768': { from: { web: 'db' } },
      'tcp/32769': { from: { web: '' } },
      'udp/32100': { from: { web: '' } },
    },
  },
  {
    name: "a port by name, which is each pod's own",
    yaml: shop(
      'named',
      `
      podSelector: {}
      ingress: [{ ports: [{ port: http }] }]`,
    ),
    reach: {
      'tcp/8080': { to: { api: '', db: '' } },
      'tcp/9090': { to: { web: '', db: '' } },
      'udp/8080': { to: CLOSED },
    },
  },
  {
    name: 'several protocols and ports with several peers',
    yaml: shop(
      'many',
      `
      podSelector: { matchLabels: { app: web } }
      ingress:
        - from:
            - podSelector: { matchLabels: { app: api } }
            - ipBlock: { cidr: 172.17.5.5/32 }
          ports:
            - { port: 80 }
            - { protocol: UDP, port: 53 }
            - { protocol: TCP, port: http }
            - { protocol: SCTP }
            - { protocol: SCTP, port: 7 }`,
    ),
    reach: {
      'tcp/80': { to: { web: 'api near' } },
      'tcp/8080': { to: { web: 'api near' } },
      'udp/53': { to: { web: 'api near' } },
      'udp/80': { to: { web: '' } },
      'sctp/9': { to: { web: 'api near' } },
      'icmp/0': { to: { web: '' } },
    },
  },
  {
    name: 'nothing out but questions of names',
    yaml: shop(
      'dns',
      `
      podSelector: {}
      policyTypes: [Egress]
      egress:
        - to:
            - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ops } }
              podSelector: { matchLabels: { app: dns } }
          ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 53 }]`,
    ),
    reach: {
      'udp/53': { from: { web: 'dns', api: 'dns', db: 'dns' } },
      'tcp/53': { from: { web: 'dns', api: 'dns', db: 'dns' } },
      'tcp/80': { from: CLOSED },
    },
  },
  {
    name: 'policies add up, and both ends are asked',
    yaml:
      shop(
        'a',
        `
      podSelector: { matchLabels: { app: db } }
      ingress: [{ from: [{ podSelector: { matchLabels: { app: web } } }] }]`,
      ) +
      '\n---\n' +
      shop(
        'b',
        `
      podSelector: { matchLabels: { tier: back } }
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: blue } } }] }]`,
      ) +
      '\n---\n' +
      policy(
        'name: c, namespace: ops',
        `
      podSelector: { matchLabels: { app: mon } }
      policyTypes: [Egress]
      egress: [{ to: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: api } } }] }]`,
      ),
    reach: {
      'tcp/80': { to: { db: 'web mon dns', api: 'mon dns' }, from: { mon: 'api' } },
    },
  },
  {
    name: 'the namespace of a policy that names none is default',
    yaml: policy(
      'name: none',
      `
      podSelector: {}`,
    ),
    reach: { 'tcp/80': NOBODY },
  },
];
