// SPDX-License-Identifier: Apache-2.0
/**
 * What policies mean, computed from scratch of all that is there, without indexes, counts or memory.
 * Shares no code with the graph. Selectors are known by text: the caller says what each means.
 */
import ipaddr from 'ipaddr.js';
import type { EndpointInput, NetworkSetInput } from '../../src/daemon/calc/policy/inputs.js';
import type {
  NetworkSetSpec,
  PolicyRule,
  PolicySide,
  PolicySpec,
  ProfileSpec,
  TierSpec,
} from '../../src/model/index.js';

export interface World {
  readonly vpcs: Readonly<Record<string, number>>;
  readonly endpoints: Readonly<Record<string, EndpointInput>>;
  readonly networkSets: Readonly<Record<string, NetworkSetInput>>;
  readonly profiles: Readonly<Record<string, ProfileSpec>>;
  readonly tiers: Readonly<Record<string, TierSpec>>;
  readonly policies: Readonly<Record<string, PolicySpec>>;
}

export interface Meaning {
  /** The normalised text. */
  readonly text: string;
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
}

/** Undefined: not a selector. */
export type Meanings = (text: string) => Meaning | undefined;

export interface Outcome {
  readonly programs: Record<string, { ingress: unknown; egress: unknown }>;
  /** "VNI/ADDRESS", "VNI/PREFIX", "VNI/ADDRESS/PROTOCOL/PORT" → sets. */
  readonly hosts: Record<string, string[]>;
  readonly nets: Record<string, string[]>;
  readonly named: Record<string, string[]>;
}

const NUMBERS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
  icmpv6: 58,
};
const numberOf = (protocol: string | number): number =>
  typeof protocol === 'number' ? protocol : NUMBERS[protocol]!;

export function outcome(world: World, meanings: Meanings): Outcome {
  const out: Outcome = { programs: {}, hosts: {}, nets: {}, named: {} };
  const seen = new Map<number, string>();
  for (const vpc of Object.keys(world.vpcs).sort()) {
    const vni = world.vpcs[vpc]!;
    if (seen.has(vni)) continue; // the first by name has it
    seen.set(vni, vpc);
    new Vpc(world, meanings, vpc, vni).into(out);
  }
  return out;
}

/** Everything is computed when asked. */
class Vpc {
  /** Set → its members: bits of prefixes, and "ADDRESS/PROTOCOL/PORT". */
  private readonly sets = new Map<string, { prefixes: Set<string>; ports: Set<string> }>();

  constructor(
    private readonly world: World,
    private readonly meanings: Meanings,
    private readonly vpc: string,
    private readonly vni: number,
  ) {}

  into(out: Outcome): void {
    for (const [name, endpoint] of this.endpoints())
      if (endpoint.local)
        out.programs[name] = {
          ingress: this.program(endpoint, 'ingress'),
          egress: this.program(endpoint, 'egress'),
        };
    const sets = [...this.sets].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const entry of new Set(sets.flatMap(([, { prefixes }]) => [...prefixes]))) {
      const around = sets.filter(([, { prefixes }]) =>
        [...prefixes].some((p) => entry.startsWith(p)),
      );
      const ids = around.map(([id]) => id);
      const [text, host] = textOf(entry);
      if (host) out.hosts[`${this.vni}/${text}`] = ids;
      else out.nets[`${this.vni}/${text}`] = ids;
    }
    for (const [id, { ports }] of sets)
      for (const port of ports) (out.named[`${this.vni}/${port}`] ??= []).push(id);
  }

  private endpoints(): [string, EndpointInput][] {
    return Object.entries(this.world.endpoints).filter(([, { vpc }]) => vpc === this.vpc);
  }

  private program(endpoint: EndpointInput, direction: 'ingress' | 'egress'): unknown {
    const applying = Object.entries(this.world.policies)
      .filter(([, policy]) => this.applies(policy, endpoint, direction))
      .map(([name, policy]) => ({ name, ...policy, tier: policy.tier ?? 'default' }));
    if (applying.length === 0 && endpoint.profiles.length === 0) return undefined;
    const program: unknown[] = [];
    const tiers = [...new Set(applying.map(({ tier }) => tier))].map((name) => ({
      name,
      order: this.world.tiers[name]?.order,
    }));
    for (const { name } of inOrder(tiers)) {
      const rules: unknown[] = [];
      for (const policy of inOrder(applying.filter(({ tier }) => tier === name)))
        rules.push(...this.rules(`Policy/${policy.name}`, policy[direction] ?? [], direction));
      rules.push(any(this.world.tiers[name]?.defaultAction ?? 'deny', `Tier/${name}/${direction}`));
      program.push(rules);
    }
    const last: unknown[] = [];
    for (const name of new Set(endpoint.profiles)) {
      const profile = this.profile(name);
      if (profile) last.push(...this.rules(`Profile/${name}`, profile[direction] ?? [], direction));
      else last.push(any('deny', `Profile/${name}/missing`));
    }
    last.push(any('deny', `Default/${direction}`));
    program.push(last);
    return program;
  }

  private applies(
    policy: PolicySpec,
    endpoint: EndpointInput,
    direction: 'ingress' | 'egress',
  ): boolean {
    if (policy.vpc !== undefined && policy.vpc !== this.vpc) return false;
    const listed = (['ingress', 'egress'] as const).filter((one) => policy[one] !== undefined);
    const types = policy.types ?? (listed.length > 0 ? listed : ['ingress']);
    if (!types.includes(direction)) return false;
    const selector = this.meanings(policy.selector ?? '');
    if (!selector || !this.sound(policy)) return false;
    return selector.matches(this.labels(endpoint));
  }

  private profile(name: string): ProfileSpec | undefined {
    const profile = this.world.profiles[name];
    return profile && this.sound(profile) ? profile : undefined;
  }

  /** Whether each selector in the rules is one. */
  private sound(rules: {
    ingress?: readonly PolicyRule[];
    egress?: readonly PolicyRule[];
  }): boolean {
    const sides = [...(rules.ingress ?? []), ...(rules.egress ?? [])].flatMap((rule) => [
      rule.source ?? {},
      rule.destination ?? {},
    ]);
    return sides.every((side) =>
      [side.selector, side.notSelector].every(
        (text) => text === undefined || this.meanings(text) !== undefined,
      ),
    );
  }

  private labels(endpoint: EndpointInput): Record<string, string> {
    const lists = [...endpoint.profiles].reverse().map((name) => this.profile(name)?.labels ?? {});
    return Object.assign({}, ...lists, endpoint.labels) as Record<string, string>;
  }

  private rules(owner: string, rules: readonly PolicyRule[], direction: string): unknown[] {
    return rules.map((rule, at) => ({
      action: rule.action,
      identity: `${owner}/${direction}/${at}`,
      ...(rule.ipVersion !== undefined && { ipVersion: rule.ipVersion }),
      ...(rule.protocol !== undefined && { protocol: numberOf(rule.protocol) }),
      ...(rule.notProtocol !== undefined && { notProtocol: numberOf(rule.notProtocol) }),
      ...(rule.icmp && { icmp: rule.icmp }),
      ...(rule.notIcmp && { notIcmp: rule.notIcmp }),
      source: this.side(rule.source ?? {}, rule),
      destination: this.side(rule.destination ?? {}, rule),
    }));
  }

  private side(side: PolicySide, rule: PolicyRule): unknown {
    const sets = (selector: string | undefined, nets: readonly string[] = []): string[] => [
      ...(selector === undefined ? [] : [this.selectorSet(selector)]),
      ...(nets.length === 0 ? [] : [this.netsSet(nets)]),
    ];
    const ports = (list: readonly (string | number)[]): unknown => ({
      ranges: ranges(list.filter((item) => /^[0-9]/.test(String(item)))),
      named: [...new Set(list.filter((item) => !/^[0-9]/.test(String(item))).map(String))]
        .sort()
        .map((name) => this.namedSet(name, numberOf(rule.protocol!))),
    });
    return {
      sets: sets(side.selector, side.nets),
      notSets: sets(side.notSelector, side.notNets),
      ...(side.ports && side.ports.length > 0 && { ports: ports(side.ports) }),
      ...(side.notPorts && side.notPorts.length > 0 && { notPorts: ports(side.notPorts) }),
    };
  }

  private selectorSet(text: string): string {
    const selector = this.meanings(text)!;
    const members: string[] = [];
    for (const [, endpoint] of this.endpoints())
      if (selector.matches(this.labels(endpoint))) members.push(...endpoint.addresses);
    for (const set of Object.values(this.world.networkSets))
      if (this.isMine(set) && selector.matches(set.labels)) members.push(...set.nets);
    return this.put(`${this.vni} s ${selector.text}`, members.map(bitsOf), []);
  }

  private netsSet(nets: readonly string[]): string {
    const bits = nets.map(bitsOf);
    const texts = [...new Set(bits)].map((one) => {
      const [text, host] = textOf(one);
      return host ? `${text}/${text.includes(':') ? 128 : 32}` : text;
    });
    return this.put(`${this.vni} n ${texts.sort().join(',')}`, bits, []);
  }

  private namedSet(name: string, protocol: number): string {
    const ports = this.endpoints().flatMap(([, endpoint]) =>
      endpoint.ports
        .filter((port) => port.name === name && numberOf(port.protocol) === protocol)
        .flatMap(({ port }) =>
          endpoint.addresses.map((a) => `${canonical(a)}/${protocol}/${port}`),
        ),
    );
    const text = Object.keys(NUMBERS).find((key) => NUMBERS[key] === protocol)!;
    return this.put(`${this.vni} p ${text} ${name}`, [], ports);
  }

  private isMine({ vpc }: NetworkSetSpec): boolean {
    return vpc === undefined || vpc === this.vpc;
  }

  private put(id: string, prefixes: string[], ports: string[]): string {
    this.sets.set(id, { prefixes: new Set(prefixes), ports: new Set(ports) });
    return id;
  }
}

const any = (action: string, identity: string): unknown => ({
  action,
  identity,
  source: { sets: [], notSets: [] },
  destination: { sets: [], notSets: [] },
});

function inOrder<T extends { readonly name: string; readonly order?: number | undefined }>(
  list: readonly T[],
): T[] {
  return [...list].sort((a, b) => {
    if (a.order !== b.order) {
      if (a.order === undefined) return 1;
      if (b.order === undefined) return -1;
      return a.order - b.order;
    }
    return a.name < b.name ? -1 : 1;
  });
}

/** Port by port. */
function ranges(list: readonly (string | number)[]): { from: number; to: number }[] {
  const ports = new Set<number>();
  for (const item of list) {
    const [from, to] = String(item).split('-').map(Number) as [number, number?];
    for (let port = from; port <= (to ?? from); port++) ports.add(port);
  }
  const out: { from: number; to: number }[] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const last = out.at(-1);
    if (last?.to === port - 1) last.to = port;
    else out.push({ from: port, to: port });
  }
  return out;
}

/** "4" or "6", then a prefix' bits as digits. */
function bitsOf(text: string): string {
  const [address = '', length] = text.split('/');
  const parsed = ipaddr.parse(address);
  const bits = parsed.toByteArray().map((byte) => byte.toString(2).padStart(8, '0'));
  const all = bits.join('');
  return (
    (parsed.kind() === 'ipv4' ? '4' : '6') +
    all.slice(0, length === undefined ? all.length : Number(length))
  );
}

function canonical(address: string): string {
  const parsed = ipaddr.parse(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
}

/** Address for a host, else the prefix; and whether it is a host. */
function textOf(bits: string): [string, boolean] {
  const [size, length] = [bits.startsWith('4') ? 32 : 128, bits.length - 1];
  const all = bits.slice(1).padEnd(size, '0');
  const bytes = Array.from({ length: size / 8 }, (_, i) =>
    parseInt(all.slice(8 * i, 8 * i + 8), 2),
  );
  const address = canonical(ipaddr.fromByteArray(bytes).toString());
  return length === size ? [address, true] : [`${address}/${length}`, false];
}
