// SPDX-License-Identifier: Apache-2.0
/** Prefixes that stand for others: of NatGateways (RFC 6296), and what Peerings expose. */
import { networkOf, parsePrefix, type IpPrefix } from '../base/net.js';
import type { ExposedPrefix, NatGatewaySpec, NatPrefix } from './objects.js';

/** Lengths of prefixes that a NatGateway translates: RFC 6296 s3.5 leaves the rest to hosts. */
export const NAT_PREFIX_LENGTHS = { min: 16, max: 64 } as const;

/** As what the other side of a Peering sees a prefix. */
export function visiblePrefix({ prefix, as }: ExposedPrefix): string {
  return as ?? prefix;
}

/** Whether endpoints of an exposed prefix share addresses at the other side. */
export function isMasqueraded({ nat }: ExposedPrefix): boolean {
  return nat === 'masquerade';
}

/** The Vpc that has an inside prefix; undefined: it is not said, and there are several. */
export function vpcOfPrefix(spec: NatGatewaySpec, { vpc }: NatPrefix): string | undefined {
  if (vpc !== undefined) return vpc;
  return spec.sources.length === 1 ? spec.sources[0]?.vpc : undefined;
}

/** Sum of the prefix in ones' complement, 0..0xfffe (RFC 1071). */
function sumOf(prefix: IpPrefix): number {
  const { bytes } = networkOf(prefix);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  return sum % 0xffff;
}

/** What is added to a word of an address so that its new prefix changes no sum: RFC 6296 s3.1. */
export function prefixAdjustment(from: string, to: string): number {
  return (sumOf(parsePrefix(from)) - sumOf(parsePrefix(to)) + 0xffff) % 0xffff;
}
