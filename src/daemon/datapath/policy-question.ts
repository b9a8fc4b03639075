// SPDX-License-Identifier: Apache-2.0
/** What `policy check` asks about, from names and addresses to packets. Pure. */
import { ApiError } from '../../api/index.js';
import { canonicalAddress } from '../../base/net.js';
import { protocolNumber, type PolicyProtocol, type StoredObject } from '../../model/index.js';
import type { JudgedPacket } from '../calc/index.js';
import type { PolicyCheckQuery } from '../ports/datapath-view.js';
import { listOf, type Objects } from './nat-tables.js';

type EndpointObject = Extract<StoredObject, { kind: 'Endpoint' }>;

/** A side of a connection. Without an endpoint: an address of nobody in the VPC. */
export interface End {
  readonly address: string;
  readonly endpoint: EndpointObject | undefined;
}

/** A connection of one family. */
export interface Question {
  readonly from: End;
  readonly to: End;
  readonly packet: JudgedPacket;
}

/** An end as it was given: the endpoint, and addresses it may stand for. */
interface Named {
  readonly text: string;
  readonly endpoint: EndpointObject | undefined;
  readonly addresses: readonly string[];
}

const ICMP = 1;
const ICMPV6 = 58;
const WITH_PORTS: readonly number[] = [6, 17, 132];
/** Of a connection whose source port nobody has said: the first dynamic one (RFC 6335 s6). */
const SOURCE_PORT = 49152;
const ECHO = { 4: 8, 6: 128 } as const;
const ECHO_REPLY = { 4: 0, 6: 129 } as const;
/** As nodes/icmp_error.h has them. */
const ERRORS_V4: readonly number[] = [3, 4, 5, 11, 12];
const REDIRECT_V6 = 137;

function bad(message: string): ApiError {
  return new ApiError('BAD_REQUEST', message);
}

/** One for each family that both ends have. @throws ApiError BAD_REQUEST, NOT_FOUND */
export function questionsOf(
  query: PolicyCheckQuery,
  objects: Objects,
): { readonly vpc: string; readonly questions: readonly Question[] } {
  const named = [query.from, query.to].map((text) => namedEnd(text, objects));
  const [from, to] = named as [Named, Named];
  const vpc = vpcOf(query, from, to, objects);
  const protocol = protocolNumber(query.protocol);
  const questions = ([4, 6] as const).flatMap((family): Question[] => {
    const [source, destination] = [addressOf(from, family), addressOf(to, family)];
    if (source === undefined || destination === undefined) return [];
    if (family === (protocol === ICMP ? 6 : protocol === ICMPV6 ? 4 : undefined)) return [];
    return [
      {
        from: { address: source, endpoint: from.endpoint ?? ownerOf(source, vpc, objects) },
        to: { address: destination, endpoint: to.endpoint ?? ownerOf(destination, vpc, objects) },
        packet: packetOf(query, protocol, family, source, destination),
      },
    ];
  });
  if (questions.length === 0)
    throw bad(
      `${from.text} and ${to.text} have no addresses of one family${protocol === ICMP || protocol === ICMPV6 ? ` that ${query.protocol} belongs to` : ''}`,
    );
  if (questions.every((one) => !(one.from.endpoint ?? one.to.endpoint)))
    throw bad(
      `neither ${from.text} nor ${to.text} is an endpoint of Vpc ${vpc}: policies judge endpoints`,
    );
  return { vpc, questions };
}

function namedEnd(text: string, objects: Objects): Named {
  const object = objects.get('Endpoint', text);
  if (object?.kind === 'Endpoint')
    return { text, endpoint: object, addresses: object.spec.addresses };
  try {
    return { text, endpoint: undefined, addresses: [canonicalAddress(text)] };
  } catch {
    throw new ApiError('NOT_FOUND', `"${text}" is neither an Endpoint that exists nor an address`);
  }
}

function vpcOf(query: PolicyCheckQuery, from: Named, to: Named, objects: Objects): string {
  const [a, b] = [from.endpoint?.spec.vpc, to.endpoint?.spec.vpc];
  if (a !== undefined && b !== undefined && a !== b)
    throw bad(
      `${from.text} is of Vpc ${a}, ${to.text} of ${b}: ask for each end by itself, and give the other as the address that it is seen as there`,
    );
  const own = a ?? b;
  if (own !== undefined && query.vpc !== undefined && query.vpc !== own)
    throw bad(`the endpoint is of Vpc ${own}, not of ${query.vpc}`);
  const vpc = own ?? query.vpc;
  if (vpc === undefined) throw bad('both ends are addresses: say of which Vpc (vpc)');
  if (objects.get('Vpc', vpc) === undefined)
    throw new ApiError('NOT_FOUND', `Vpc/${vpc} does not exist`);
  return vpc;
}

function addressOf({ addresses }: Named, family: 4 | 6): string | undefined {
  return addresses.find((address) => address.includes(':') === (family === 6));
}

function ownerOf(address: string, vpc: string, objects: Objects): EndpointObject | undefined {
  const owner = listOf(objects, 'Endpoint').find(
    ({ spec }) => spec.vpc === vpc && spec.addresses.includes(address),
  );
  const object = owner && objects.get('Endpoint', owner.metadata.name);
  return object?.kind === 'Endpoint' ? object : undefined;
}

function packetOf(
  { port, sourcePort, icmpType, icmpCode, ...query }: PolicyCheckQuery,
  protocol: number,
  family: 4 | 6,
  source: string,
  destination: string,
): JudgedPacket {
  const packet = { family, protocol, source, destination };
  const what = String(query.protocol satisfies PolicyProtocol);
  const isIcmp = protocol === ICMP || protocol === ICMPV6;
  if (icmpType !== undefined && !isIcmp) throw bad(`protocol ${what} has no ICMP type`);
  if (WITH_PORTS.includes(protocol)) {
    if (port === undefined) throw bad(`protocol ${what} needs a port`);
    return { ...packet, ports: { source: sourcePort ?? SOURCE_PORT, destination: port } };
  }
  if (port !== undefined || sourcePort !== undefined) throw bad(`protocol ${what} has no ports`);
  if (!isIcmp) return packet;
  const type = icmpType ?? ECHO[family];
  const code = icmpCode ?? 0;
  const isError = family === 4 ? ERRORS_V4.includes(type) : type < 128 || type === REDIRECT_V6;
  if (isError) throw bad(`ICMP type ${type} is an error about a connection: those are not judged`);
  if (type === ECHO_REPLY[family])
    throw bad(`ICMP type ${type} answers a request and needs no rule: ask for ${ECHO[family]}`);
  if (type === ECHO[family] && code !== 0) throw bad(`ICMP type ${type} has code 0 only`);
  return { ...packet, icmp: { type, code } };
}
