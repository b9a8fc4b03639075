// SPDX-License-Identifier: Apache-2.0
/** A small cluster, and who reaches whom in it as the model of policies judges. */
import { parseObjects } from '../../../../src/api/index.js';
import { parseText } from '../../../../src/cli/input.js';
import type { StoredObject } from '../../../../src/model/index.js';
import { addressOf } from '../../../support/model/address.js';
import { PROTOCOL } from '../../../support/model/numbers.js';
import { Policies } from '../../../support/model/policy.js';

/** The namespaces' objects. */
export const NAMESPACES = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { team: red } }
---
apiVersion: v1
kind: Namespace
metadata: { name: ops, labels: { team: blue, example.org/stage: prod } }
---
apiVersion: v1
kind: Namespace
metadata: { name: lab }
`;

/** Endpoints. `bare` is in no namespace, though its own labels are as a pod's. */
const PODS = `
kind: Endpoint
metadata: { name: web, labels: { app: web } }
spec: { vpc: v, subnet: s, host: h, addresses: [10.0.0.1], profiles: [kns--shop], ports: [{ name: http, protocol: tcp, port: 8080 }] }
---
kind: Endpoint
metadata: { name: api, labels: { app: api, tier: back } }
spec: { vpc: v, subnet: s, host: h, addresses: [10.0.0.2], profiles: [kns--shop], ports: [{ name: http, protocol: tcp, port: 9090 }] }
---
kind: Endpoint
metadata: { name: db, labels: { app: db, tier: back } }
spec: { vpc: v, subnet: s, host: h, addresses: [10.0.0.3], profiles: [kns--shop] }
---
kind: Endpoint
metadata: { name: mon, labels: { app: mon } }
spec: { vpc: v, subnet: s, host: h, addresses: [10.0.1.1], profiles: [kns--ops] }
---
kind: Endpoint
metadata: { name: dns, labels: { app: dns } }
spec: { vpc: v, subnet: s, host: h, addresses: [10.0.1.2], profiles: [kns--ops] }
---
kind: Endpoint
metadata: { name: play, labels: { app: web } }
spec: { vpc: v, subnet: s, host: h, addresses: [10.0.2.1], profiles: [kns--lab] }
---
kind: Endpoint
metadata: { name: bare, labels: { app: web, team: red } }
spec: { vpc: v, subnet: s, host: h, addresses: [10.0.3.1] }
`;

/** Who sends and is sent to: the endpoints, and two addresses that are nobody's. */
const ADDRESSES: Readonly<Record<string, string>> = {
  web: '10.0.0.1',
  api: '10.0.0.2',
  db: '10.0.0.3',
  mon: '10.0.1.1',
  dns: '10.0.1.2',
  play: '10.0.2.1',
  bare: '10.0.3.1',
  near: '172.17.5.5',
  far: '172.17.1.1',
};

export const ALL = Object.keys(ADDRESSES);

const NUMBERS: Readonly<Record<string, number>> = { ...PROTOCOL };

/** Objects as stored. @throws Error when one is refused */
export function objectsOf(text: string): StoredObject[] {
  const { objects, problems } = parseObjects(parseText(text, 'test.yaml'));
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return objects.map(({ object }) => object);
}

/** The cluster with these policies. */
export function cluster(policies = ''): Policies {
  return new Policies(objectsOf([NAMESPACES, PODS, policies].join('\n---\n')));
}

/** Pairs "a>b" that may not open a connection of "tcp/80", "icmp/0" (echo) and so on. */
export function denied(policies: Policies, packet: string): string[] {
  const [protocol = '', port = ''] = packet.split('/');
  const out: string[] = [];
  for (const from of ALL) {
    for (const to of ALL) {
      if (from === to) continue;
      const judged = {
        src: addressOf(ADDRESSES[from] ?? ''),
        dst: addressOf(ADDRESSES[to] ?? ''),
        sport: 40_000,
        dport: Number(port),
        protocol: NUMBERS[protocol] ?? -1,
        icmpType: protocol === 'icmp' ? 8 : 0,
        icmpCode: 0,
      };
      if (!policies.allows(from, 'egress', judged) || !policies.allows(to, 'ingress', judged))
        out.push(`${from}>${to}`);
    }
  }
  return out;
}

/** Who may reach whom; whoever is not named may be reached by, and reach, everyone. */
export interface Reach {
  /** Name → those that may open a connection to it, by spaces. */
  readonly to?: Readonly<Record<string, string>>;
  /** Name → those that it may open one to. */
  readonly from?: Readonly<Record<string, string>>;
}

/** What denied() says where only `reach` holds. */
export function deniedBut({ to = {}, from = {} }: Reach): string[] {
  const allowed = (list: string | undefined, name: string): boolean =>
    list === undefined || list.split(' ').includes(name);
  return ALL.flatMap((a) =>
    ALL.filter((b) => a !== b && !(allowed(from[a], b) && allowed(to[b], a))).map(
      (b) => `${a}>${b}`,
    ),
  );
}
