// SPDX-License-Identifier: Apache-2.0
/** Addresses, nets and named ports of a VNI, and the sets they are in, looked up the plain way. */
import { parseAddress, parsePrefix } from '../../src/base/net.js';
import type { PacketEnd } from '../support/interpret.js';

export const FAMILIES = [4, 6] as const;
export type Family = (typeof FAMILIES)[number];

export const ADDRESSES: Readonly<Record<Family, readonly string[]>> = {
  4: [0, 1, 2, 3].flatMap((net) => [1, 2, 130].map((host) => `10.0.${net}.${host}`)),
  6: [0, 1, 2, 3].flatMap((net) =>
    ['0:0:0:1', '0:0:0:2', '8000:0:0:1'].map((host) => `fd00:0:0:${net}:${host}`),
  ),
};
export const NETS: Readonly<Record<Family, readonly string[]>> = {
  4: ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/23', '10.0.1.0/24', '10.0.2.128/25', '10.0.3.1/32'],
  6: [
    '::/0',
    'fd00::/8',
    'fd00::/63',
    'fd00:0:0:1::/64',
    'fd00:0:0:2:8000::/65',
    'fd00:0:0:3::1/128',
  ],
};

function isIn(address: string, net: string): boolean {
  const { address: start, length } = parsePrefix(net);
  const value = ({ bytes }: { readonly bytes: Uint8Array }): bigint =>
    bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const rest = BigInt((start.family === 4 ? 32 : 128) - length);
  return value(parseAddress(address)) >> rest === value(start) >> rest;
}

/** By address: the nets it is in, longest first. */
const AROUND: ReadonlyMap<string, readonly string[]> = new Map(
  FAMILIES.flatMap((family) =>
    ADDRESSES[family].map((address): [string, string[]] => [
      address,
      NETS[family]
        .filter((net) => isIn(address, net))
        .sort((a, b) => parsePrefix(b).length - parsePrefix(a).length),
    ]),
  ),
);

/** What is in no set has no entry. */
export class PolicyPlaces {
  /** By address, by prefix, by "ADDRESS/PROTOCOL/PORT". */
  readonly host = new Map<string, readonly string[]>();
  readonly net = new Map<string, readonly string[]>();
  readonly named = new Map<string, readonly string[]>();

  end(address: string, protocol: number, port: number | undefined): PacketEnd {
    const net = AROUND.get(address)?.find((one) => this.net.has(one)) ?? '';
    return {
      port,
      sets: this.host.get(address) ?? this.net.get(net) ?? [],
      named: port === undefined ? [] : (this.named.get(`${address}/${protocol}/${port}`) ?? []),
    };
  }
}
