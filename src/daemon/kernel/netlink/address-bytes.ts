// SPDX-License-Identifier: Apache-2.0
/** Addresses as the kernel carries them (4 or 16 bytes, a family number) and as text. */
import { formatAddress, parseAddress, type IpAddress } from '../../../base/net.js';
import { TransitError } from '../../../base/errors.js';
import { AF_INET, AF_INET6 } from './libc.js';

export interface WireAddress {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  readonly bytes: Buffer;
}

/** @throws TransitError BAD_ADDRESS */
export function addressToWire(text: string): WireAddress {
  return toWire(parseAddress(text));
}

/** Text of 4 or 16 bytes; undefined for other lengths. */
export function addressFromWire(bytes: Uint8Array): string | undefined {
  if (bytes.length === 16) return formatAddress({ family: 6, bytes: Uint8Array.from(bytes) });
  if (bytes.length !== 4) return undefined;
  return Array.from(bytes).join('.');
}

/** "10.0.0.5/24": an address with the length of its prefix; host bits are wanted. */
export function interfaceAddress(text: string): WireAddress & { readonly prefixLength: number } {
  const [address = '', length = ''] = text.split('/', 2);
  const wire = addressToWire(address);
  const prefixLength = /^[0-9]{1,3}$/.test(length) ? Number(length) : NaN;
  if (!(prefixLength <= wire.bytes.length * 8)) {
    throw new TransitError('BAD_ADDRESS', `"${text}" is not ADDRESS/LENGTH`);
  }
  return { ...wire, prefixLength };
}

function toWire(address: IpAddress): WireAddress {
  return address.family === 4
    ? { family: AF_INET, bytes: Buffer.from(address.bytes.subarray(12, 16)) }
    : { family: AF_INET6, bytes: Buffer.from(address.bytes) };
}
