// SPDX-License-Identifier: Apache-2.0
/** Damaged text for parsers: valid documents with bytes, lines and values exchanged. */
import type { Random } from './random.js';

export const DOCUMENT = `kind: Vpc
metadata: { name: red, labels: { a: b } }
spec: { vni: 100, gatewayMac: '02:54:00:00:00:64', icmp: { rate: 100, burst: 50 } }
---
kind: Subnet
metadata: { name: red-1 }
spec: { vpc: red, ipv4: { prefix: 10.0.1.0/24, gateway: 10.0.1.1 }, ipv6: { prefix: 'fd00:1::/64' } }
---
kind: Droplet
metadata: { name: h1 }
spec: { host: h1, device: eth0, addresses: [192.0.2.11], ttl: 64, hook: xdp }
---
kind: Endpoint
metadata: { name: web-1 }
spec:
  host: h1
  vpc: red
  subnet: red-1
  addresses: [10.0.1.2, 'fd00:1::2']
  device: { kind: veth, netns: web-1 }
---
kind: Route
metadata: { name: r }
spec: { vpc: red, prefix: 0.0.0.0/0, nexthops: [{ vtep: 192.0.2.99 }] }
`;

export const KUBERNETES = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { team: red, example.org/stage: prod } }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: web.all, namespace: shop, labels: { a: b }, annotations: { transit/vpc: red } }
spec:
  podSelector: { matchLabels: { app: web }, matchExpressions: [{ key: tier, operator: Exists }] }
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [db, x-1] }] }
          namespaceSelector: { matchLabels: { example.org/stage: prod } }
        - ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16] }
        - ipBlock: { cidr: 'fd00::/8' }
      ports: [{ port: 80, endPort: 90 }, { port: http, protocol: UDP }, { protocol: SCTP }]
  egress: [{}, { to: [{ namespaceSelector: {} }], ports: [{ port: 53 }] }]
`;

export const SETTINGS = `instance: t1
host: h1
dataDir: /var/lib/transit/t1
runDir: /run/transit/t1
rest: { socket: /run/t1.sock }
log: { level: info }
datapath:
  maxFlows: 1024
  maxVpcs: 16
  vxlanPort: 4789
`;

const VALUES = [
  '', '{', '}', '[', ']', ': ', '- ', '&a ', '*a', '<<: *a', '!!js/function ', '!!binary ',
  '"', "'", '|', '>', '%YAML 9.9', '---', '...', '\t', '\0', '\u2028', '\ufeff', '\ud800',
  '__proto__: { polluted: 1 }', 'constructor: { prototype: { polluted: 1 } }', 'null', '~',
  'true', '-1', '1e400', '0x10', '99999999999999999999', '.inf', '.nan', '10.0.0.0/33',
  '::ffff:10.0.0.1', '010.1', '1.2.3', 'a'.repeat(300), '[*b, *b]', '? [a]: b', '2020-01-01',
]; // prettier-ignore

/** A document with a few pieces damaged. */
export function damagedText(r: Random, text: string): string {
  let out = text;
  for (let n = 1 + r.below(4); n > 0; n--) {
    const at = r.below(out.length + 1);
    const length = r.pick([0, 1, 1, 2, 8, 40]);
    const kind = r.below(6);
    if (kind < 3) out = out.slice(0, at) + r.pick(VALUES) + out.slice(at + length);
    else if (kind === 3)
      out = out.slice(0, at) + String.fromCharCode(r.below(0x300)) + out.slice(at + 1);
    else if (kind === 4) out = out.slice(0, at);
    else {
      const lines = out.split('\n');
      lines.splice(r.below(lines.length), 1, lines[r.below(lines.length)] ?? '', r.pick(VALUES));
      out = lines.join('\n');
    }
  }
  return out;
}

/** Aliases that refer to aliases: small to write, enormous to expand. */
export const ALIAS_BOMB = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...Array.from({ length: 20 }, (_, i) => {
    const [name, of] = ['bcdefghijklmnopqrstuv'[i]!, 'abcdefghijklmnopqrstu'[i]!];
    return `${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]`;
  }),
].join('\n');

export const deepJson = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
export const deepYaml = (depth: number): string => 'a: {'.repeat(depth) + '}'.repeat(depth);
