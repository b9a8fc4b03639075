// SPDX-License-Identifier: Apache-2.0
/** A NetworkPolicy as a Policy. */
import type { PolicyRule, PolicySide, PolicySpec } from '../../model/index.js';
import { NAMESPACE_LABEL, policyName, VPC_ANNOTATION } from './names.js';
import type { NetworkPolicy, Peer, Port } from './schema.js';
import { podsIn, podsOf } from './selectors.js';

export const DEFAULT_NAMESPACE = 'default';

/** Room before and behind; NetworkPolicies have no order among themselves, as they only allow. */
const ORDER = 1000;

export interface PolicyInput {
  readonly kind: 'Policy';
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: PolicySpec;
}

/** `vpc`: of a policy that names none itself. */
export function policyOf({ metadata, spec }: NetworkPolicy, vpc?: string): PolicyInput {
  const namespace = metadata.namespace ?? DEFAULT_NAMESPACE;
  const types = typesOf(spec);
  const of = metadata.annotations?.[VPC_ANNOTATION] ?? vpc;
  const ingress = (spec.ingress ?? []).flatMap(({ from, ports }) =>
    rulesOf('source', namespace, from, ports),
  );
  const egress = (spec.egress ?? []).flatMap(({ to, ports }) =>
    rulesOf('destination', namespace, to, ports),
  );
  return {
    kind: 'Policy',
    metadata: {
      name: policyName(namespace, metadata.name),
      labels: { ...metadata.labels, [NAMESPACE_LABEL]: namespace },
    },
    spec: {
      ...(of === undefined ? {} : { vpc: of }),
      order: ORDER,
      selector: podsOf(namespace, spec.podSelector ?? {}),
      types,
      ...(types.includes('ingress') ? { ingress } : {}),
      ...(types.includes('egress') ? { egress } : {}),
    },
  };
}

/** An empty list of egress does not close it: only `policyTypes` does that. */
function typesOf({ policyTypes = [], egress = [] }: NetworkPolicy['spec']) {
  const given = new Set(policyTypes);
  if (given.size === 0) return egress.length > 0 ? DIRECTIONS : DIRECTIONS.slice(0, 1);
  return DIRECTIONS.filter((type) => given.has(type === 'ingress' ? 'Ingress' : 'Egress'));
}

const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly ('ingress' | 'egress')[];

/** Peers and protocols are alternatives: a rule for each pair. */
function rulesOf(
  far: 'source' | 'destination',
  namespace: string,
  peers: readonly Peer[] = [],
  ports: readonly Port[] = [],
): PolicyRule[] {
  const sides: PolicySide[] =
    peers.length === 0 ? [{}] : peers.map((peer) => sideOf(peer, namespace));
  return sides.flatMap((side) => byProtocol(ports).map((match) => ruleOf(far, side, match)));
}

function ruleOf(far: 'source' | 'destination', side: PolicySide, { protocol, ports }: Match) {
  const source = far === 'source' ? side : {};
  const destination = {
    ...(far === 'destination' ? side : {}),
    ...(ports === undefined ? {} : { ports }),
  };
  return {
    action: 'allow',
    ...(protocol === undefined ? {} : { protocol }),
    ...(isEmpty(source) ? {} : { source }),
    ...(isEmpty(destination) ? {} : { destination }),
  } satisfies PolicyRule;
}

function isEmpty(side: PolicySide): boolean {
  return Object.keys(side).length === 0;
}

function sideOf({ podSelector, namespaceSelector, ipBlock }: Peer, namespace: string): PolicySide {
  if (ipBlock !== undefined) {
    const { cidr, except = [] } = ipBlock;
    return { nets: [cidr], ...(except.length === 0 ? {} : { notNets: except }) };
  }
  if (namespaceSelector !== undefined) return { selector: podsIn(namespaceSelector, podSelector) };
  return { selector: podsOf(namespace, podSelector ?? {}) };
}

/** Ports of one protocol. Undefined: any. */
interface Match {
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  readonly ports?: readonly (number | string)[];
}

const PROTOCOLS = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const;

/** In the order in which protocols first appear. */
function byProtocol(ports: readonly Port[]): Match[] {
  if (ports.length === 0) return [{}];
  const protocols = [...new Set(ports.map(({ protocol = 'TCP' }) => protocol))];
  return protocols.map((name) => {
    const protocol = PROTOCOLS[name];
    const own = ports.filter((port) => (port.protocol ?? 'TCP') === name);
    // One without a port means all of the protocol, whatever the others say.
    if (own.some(({ port }) => port === undefined)) return { protocol };
    return { protocol, ports: own.flatMap(entryOf) };
  });
}

function entryOf({ port, endPort }: Port): (number | string)[] {
  if (port === undefined) return [];
  return [endPort === undefined || endPort === port ? port : `${port}-${endPort}`];
}
