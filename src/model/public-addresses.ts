// SPDX-License-Identifier: Apache-2.0
/** The addresses of a NatGateway's pool, and which address of an endpoint a public one stands for. */
import {
  addressAt,
  compareBytes,
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
  type IpAddress,
} from '../base/net.js';
import { TransitError } from '../base/errors.js';
import type { EndpointSpec, PortForwardSpec, PublicIpSpec } from './objects.js';

/** Most addresses of one NatGateway. */
export const MAX_POOL_ADDRESSES = 256;

/** One entry of a pool: consecutive addresses. */
export interface PoolEntry {
  readonly first: IpAddress;
  readonly count: bigint;
  /** Canonical. */
  readonly text: string;
}

function valueOf(address: IpAddress): bigint {
  return address.bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function parseRange(text: string): PoolEntry {
  const fail = (rule: string): never => {
    throw new TransitError('BAD_ADDRESS', `"${text}" is not a range of addresses: ${rule}`);
  };
  const [from = '', to = '', ...more] = text.split('-');
  if (more.length > 0) fail('write FIRST-LAST');
  const first = parseAddress(from);
  const last = parseAddress(to);
  if (first.family !== last.family) fail('both ends must be of one family');
  if (compareBytes(first.bytes, last.bytes) > 0) fail('the first address is above the last');
  return {
    first,
    count: valueOf(last) - valueOf(first) + 1n,
    text: `${formatAddress(first)}-${formatAddress(last)}`,
  };
}

/** An address, a range "a-b" or a prefix. @throws TransitError BAD_ADDRESS */
export function parsePoolEntry(text: string): PoolEntry {
  if (text.includes('-')) return parseRange(text);
  if (!text.includes('/')) {
    const first = parseAddress(text);
    return { first, count: 1n, text: formatAddress(first) };
  }
  const prefix = parsePrefix(text);
  const bits = (prefix.address.family === 4 ? 32 : 128) - prefix.length;
  return { first: prefix.address, count: 1n << BigInt(bits), text: formatPrefix(prefix) };
}

/** An entry's addresses, canonical. */
export function* entryAddresses({ first, count }: PoolEntry): Generator<string> {
  const network = { address: first, length: first.family === 4 ? 32 : 128 };
  for (let i = 0n; i < count; i++) yield formatAddress(addressAt(network, i));
}

/** All addresses of a pool, in the order in which they are written. */
export function expandPool(addresses: readonly string[]): string[] {
  return addresses.flatMap((text) => [...entryAddresses(parsePoolEntry(text))]);
}

/** The endpoint's address behind a public one; undefined: it has none of that family. */
export function insideAddress(
  spec: Pick<PublicIpSpec | PortForwardSpec, 'address' | 'endpointAddress'>,
  endpoint: Pick<EndpointSpec, 'addresses'>,
): string | undefined {
  if (spec.endpointAddress !== undefined) return spec.endpointAddress;
  const isV6 = spec.address.includes(':');
  return endpoint.addresses.find((address) => address.includes(':') === isV6);
}
