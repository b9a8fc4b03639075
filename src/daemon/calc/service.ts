// SPDX-License-Identifier: Apache-2.0
/**
 * VirtualService → in each of its VPCs the address, and the ports that lead to the server. The way
 * to a server is followed as one to a VTEP is; the droplet that it leaves by says what packets look
 * like. While there is none the service keeps its place, without a source.
 */
import {
  SERVICE_DEFAULTS,
  serviceProtocols,
  serviceSource,
  type ServiceSource,
  type VirtualServiceSpec,
} from '../../model/index.js';
import type { IndexUse } from './index-uses.js';
import type { PlainNhEntry, Upsert } from './output.js';
import {
  entry,
  familyOf,
  indexFor,
  isProblem,
  problem,
  refused,
  vpcOf,
  type Context,
  type Output,
  type Problem,
  type ProgrammedVpc,
} from './unit.js';

const NO_MAC = '00:00:00:00:00:00';
// https://www.iana.org/assignments/protocol-numbers
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
const SERVER = 'server/';

/** Key of the next hop that leads to a server. */
export function serverHopKey(address: string): string {
  return `${SERVER}${address}`;
}

/** The server that a key of space nexthop means; undefined: it means another thing. */
export function serverOfHop(key: string): string | undefined {
  return key.startsWith(SERVER) ? key.slice(SERVER.length) : undefined;
}

/** Keys of a service's entries in a VPC, as "address/protocol/port". */
export function servicePortKeys(spec: VirtualServiceSpec): string[] {
  return serviceProtocols(spec).map(
    (protocol) => `${spec.address}/${PROTOCOLS[protocol]}/${spec.port}`,
  );
}

/** What packets to a server look like; undefined while no droplet of ours leads there. */
function sourceTo(ctx: Context, server: string): ServiceSource | undefined {
  const way = ctx.inputs.ways.get(server);
  const droplet = way && ctx.underlay.local.find(({ ifindex }) => ifindex === way.ifindex);
  return droplet && serviceSource(droplet.spec, familyOf(server));
}

/** VPCs that see it, and why some do not. */
function vpcsOf(
  ctx: Context,
  spec: VirtualServiceSpec,
): { readonly vpcs: readonly ProgrammedVpc[]; readonly problem: Problem | undefined } {
  if (spec.vpcs === undefined) return { vpcs: [...ctx.vpcs.values()], problem: undefined };
  const all = spec.vpcs.map((name, i) => vpcOf(ctx, name, `spec.vpcs[${i}]`));
  return {
    vpcs: all.flatMap((vpc) => (isProblem(vpc) ? [] : [vpc])),
    problem: all.find(isProblem),
  };
}

/** A service's contributions. */
export function virtualServiceOutput(ctx: Context, name: string, spec: VirtualServiceSpec): Output {
  const { vpcs, problem: missing } = vpcsOf(ctx, spec);
  const service = indexFor(ctx, 'service', name, 'spec');
  if (isProblem(service)) return refused(service);
  const server = spec.server.address;
  const hop = serverHopKey(server);
  const nh = indexFor(ctx, 'nexthop', hop, 'spec.server.address');
  if (isProblem(nh)) return refused(nh);
  const source = sourceTo(ctx, server);
  const value = {
    service,
    nh,
    server,
    port: spec.server.port ?? spec.port,
    source: source?.address,
    first: source?.ports.first ?? 0,
    count: source === undefined ? 0 : source.ports.last - source.ports.first + 1,
    limit: spec.connectionsPerEndpoint ?? SERVICE_DEFAULTS.connectionsPerEndpoint,
  };
  const entries: Upsert[] = [];
  for (const { vni, gwMac } of vpcs) {
    entries.push(
      entry('addr', `${vni}/${spec.address}`, { kind: 'service', mac: gwMac, ifindex: 0 }),
    );
    for (const key of servicePortKeys(spec)) entries.push(entry('service', `${vni}/${key}`, value));
  }
  const timeouts = { ...SERVICE_DEFAULTS.timeouts, icmp: 0, other: 0, ...spec.timeouts };
  entries.push(entry('service_timeout', service, timeouts));
  const uses: IndexUse[] = [
    { space: 'service', key: name },
    { space: 'nexthop', key: hop },
  ];
  const text = `no Droplet of this host leads to ${server}, or the next hop does not answer`;
  const lost = problem('ServerUnreachable', 'spec.server.address', text);
  return { entries, uses, problem: missing ?? (source === undefined ? lost : undefined) };
}

/** The nh entry of a server that is used. Unresolved it keeps its place, as a VTEP's does. */
export function serverHopOutput(ctx: Context, key: string): Output | undefined {
  const index = ctx.uses.peek('nexthop', key);
  const dst = serverOfHop(key);
  if (dst === undefined || index === undefined || !ctx.uses.used('nexthop', key)) return undefined;
  const way = ctx.inputs.ways.get(dst);
  const usable = way !== undefined && sourceTo(ctx, dst) !== undefined;
  const value: PlainNhEntry = {
    plain: true,
    server: true,
    resolved: usable,
    dmac: usable ? way.dmac : NO_MAC,
    smac: usable ? way.smac : NO_MAC,
    ifindex: usable ? way.ifindex : 0,
    dst,
    mtu: usable ? way.mtu : 0,
  };
  return { entries: [entry('nh', index, value)], uses: [], problem: undefined };
}
