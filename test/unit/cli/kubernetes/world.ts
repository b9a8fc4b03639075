// SPDX-License-Identifier: Apache-2.0
/** A small cluster, and who reaches whom in it. */
import { parseObjects } from '../../../../src/api/index.js';
import { atOnce } from '../../../../src/base/portions.js';
import { parseText } from '../../../../src/cli/input.js';
import { SupposedPolicies, type JudgedPacket } from '../../../../src/daemon/calc/index.js';
import type { StoredObject } from '../../../../src/model/index.js';
import { addressOf } from '../../../support/model/address.js';
import { PROTOCOL } from '../../../support/model/numbers.js';
import { Policies, type Judged } from '../../../support/model/policy.js';

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

/** Says who is denied a connection at an end. */
export interface Judge {
  allows(name: string, direction: 'ingress' | 'egress', packet: Question): boolean;
}

/** In words of the model, and in the daemon's. */
interface Question {
  readonly model: Judged;
  readonly daemon: JudgedPacket;
}

const VPC = 'kind: Vpc\nmetadata: { name: v }\nspec: { vni: 100 }\n';

function clusterObjects(policies: string): StoredObject[] {
  return objectsOf([VPC, NAMESPACES, PODS, policies].join('\n---\n'));
}

/** The cluster with these policies, as the model has it. */
export function cluster(policies = ''): Judge {
  const model = new Policies(clusterObjects(policies));
  return { allows: (name, direction, packet) => model.allows(name, direction, packet.model) };
}

/** The same, as the daemon computes it. */
export function computed(policies = ''): Judge {
  const graph = atOnce(SupposedPolicies.of(clusterObjects(policies), 'h'));
  return {
    allows: (name, direction, packet) => graph.denial(name, direction, packet.daemon) === undefined,
  };
}

/** Pairs "a>b" that may not open a connection of "tcp/80", "icmp/0" (echo) and so on. */
export function denied(policies: Judge, packet: string): string[] {
  const [protocol = '', port = ''] = packet.split('/');
  const out: string[] = [];
  for (const from of ALL) {
    for (const to of ALL) {
      if (from === to) continue;
      const judged = questionOf(
        [ADDRESSES[from] ?? '', ADDRESSES[to] ?? ''],
        protocol,
        Number(port),
      );
      if (!policies.allows(from, 'egress', judged) || !policies.allows(to, 'ingress', judged))
        out.push(`${from}>${to}`);
    }
  }
  return out;
}

function questionOf(
  [source, destination]: readonly [string, string],
  protocol: string,
  dport: number,
): Question {
  const number = NUMBERS[protocol] ?? -1;
  const [sport, icmp] = [40_000, { type: 8, code: 0 }];
  return {
    model: {
      src: addressOf(source),
      dst: addressOf(destination),
      sport,
      dport,
      protocol: number,
      icmpType: icmp.type,
      icmpCode: icmp.code,
    },
    daemon: {
      family: 4,
      protocol: number,
      source,
      destination,
      ...(protocol === 'icmp' ? { icmp } : { ports: { source: sport, destination: dport } }),
    },
  };
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
