// SPDX-License-Identifier: Apache-2.0
/** PublicIp and PortForward → a public address, or ports of one, that lead to an endpoint. */
import {
  insideAddress,
  isStaticNat64,
  parsePorts,
  type PortForwardSpec,
  type PublicIpSpec,
} from '../../model/index.js';
import { portPrefixes } from './port-prefixes.js';
import type { Upsert } from './output.js';
import {
  entry,
  familyOf,
  isGatewayHere,
  isProblem,
  nat64PrefixOf,
  outsideVpcOf,
  problem,
  refused,
  type Context,
  type Output,
  type Problem,
  type ProgrammedVpc,
} from './unit.js';

// https://www.iana.org/assignments/protocol-numbers
const PROTOCOLS = { tcp: [6], udp: [17], both: [6, 17] } as const;

interface Inside {
  readonly vpc: ProgrammedVpc;
  readonly vpcName: string;
  readonly address: string;
}

/** Where the public address leads, or why it leads nowhere. */
function insideOf(ctx: Context, spec: PublicIpSpec | PortForwardSpec): Inside | Problem {
  const { endpoint: name, address } = spec;
  const endpoint = ctx.inputs.endpoints.get(name);
  if (!endpoint) return problem('EndpointMissing', 'spec.endpoint', `there is no Endpoint ${name}`);
  const vpc = outsideVpcOf(ctx, endpoint.vpc, 'spec.endpoint');
  if (isProblem(vpc)) return vpc;
  const family = isStaticNat64(spec) ? 6 : familyOf(address);
  const inside = insideAddress(spec, endpoint);
  if (inside === undefined) {
    const text = `Endpoint ${name} has no IPv${family} address`;
    return problem('NoAddress', 'spec.endpoint', text);
  }
  if (!endpoint.addresses.includes(inside) || familyOf(inside) !== family) {
    const text = `Endpoint ${name} has no IPv${family} address ${inside}`;
    return problem('NoAddress', 'spec.endpointAddress', text);
  }
  if (isStaticNat64(spec) && nat64PrefixOf(ctx, endpoint.vpc) === undefined) {
    const text = `no NatGateway of Vpc ${endpoint.vpc} has spec.nat64: IPv4 senders have no address there`;
    return problem('NoNat64', 'spec.endpointAddress', text);
  }
  return { vpc, vpcName: endpoint.vpc, address: inside };
}

function output(ctx: Context, address: string, inside: Inside, entries: readonly Upsert[]): Output {
  return {
    entries: isGatewayHere(ctx, inside.vpc)
      ? [entry('addr', `0/${address}`, { kind: 'public' }), ...entries]
      : [],
    uses: [],
    problem: undefined,
    // in the other family the gateway's prefix leads outside
    reach:
      familyOf(inside.address) === familyOf(address)
        ? [`${inside.vpcName}/${familyOf(address)}`]
        : [],
  };
}

/** Key of the entry that an inside address has. */
export function natStaticKey(vni: number, inside: string, spec: PublicIpSpec): string {
  return isStaticNat64(spec) ? `${vni}/${inside}/4` : `${vni}/${inside}`;
}

/** A PublicIp's contributions. */
export function publicIpOutput(ctx: Context, spec: PublicIpSpec): Output {
  const inside = insideOf(ctx, spec);
  if (isProblem(inside)) return refused(inside);
  const { vni } = inside.vpc;
  return output(ctx, spec.address, inside, [
    entry('nat_static', natStaticKey(vni, inside.address, spec), { vni: 0, addr: spec.address }),
    entry('nat_static', `0/${spec.address}`, { vni, addr: inside.address }),
  ]);
}

/** Keys of its entries in port_fwd. */
export function portForwardKeys(spec: PortForwardSpec): string[] {
  const prefixes = portPrefixes(parsePorts(spec.port));
  return PROTOCOLS[spec.protocol].flatMap((protocol) =>
    prefixes.map(({ port, bits }) => `${spec.address}/${protocol}/${port}/${bits}`),
  );
}

/** A PortForward's contributions. */
export function portForwardOutput(ctx: Context, spec: PortForwardSpec): Output {
  const inside = insideOf(ctx, spec);
  if (isProblem(inside)) return refused(inside);
  const { first: from } = parsePorts(spec.port);
  const to = spec.endpointPort === undefined ? from : parsePorts(spec.endpointPort).first;
  const value = { vni: inside.vpc.vni, addr: inside.address, from, to };
  const entries = portForwardKeys(spec).map((key) => entry('port_fwd', key, value));
  return output(ctx, spec.address, inside, entries);
}
