// SPDX-License-Identifier: Apache-2.0
/** RTM_*NEIGH messages: ARP and neighbour discovery entries. */
import * as rt from 'netlink/dist/rt/gen_structs.js';
import { formatMac } from '../../../base/net.js';
import type { Neighbour } from '../../ports/netlink.js';
import { addressFromWire, addressToWire } from './address-bytes.js';
import { attributeU32, encode, keepAttributes } from './attributes.js';
import { AF_INET, AF_INET6 } from './libc.js';

/** include/uapi/linux/neighbour.h */
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_FLAGS_EXT = 15;
const NTF_EXT_MANAGED = 1;
const READ = new Set([NDA_DST, NDA_LLADDR]);

/** A neighbour as the port has it, and what only the adapter needs. */
export interface NeighbourRecord extends Neighbour {
  /** Set by an administrator, for ever. */
  readonly permanent: boolean;
  /** Put there by a program (NTF_EXT_LEARNED), not by traffic. */
  readonly external: boolean;
}

/** @returns undefined for what is not IP: bridges report their forwarding tables as neighbours. */
export function parseNeighbour(payload: Buffer): NeighbourRecord | undefined {
  const data = rt.parseNeighbor(payload.subarray(0, rt.__LENGTH_Neighbor));
  if (data.family !== AF_INET && data.family !== AF_INET6) return undefined;
  const attrs = rt.parseNeighborAttrs(keepAttributes(payload.subarray(rt.__LENGTH_Neighbor), READ));
  const address = attrs.dst && addressFromWire(attrs.dst);
  if (address === undefined) return undefined;
  const state = data.state ?? {};
  return {
    ifindex: data.ifindex ?? 0,
    address,
    mac: attrs.lladdr?.length === 6 ? formatMac(attrs.lladdr) : undefined,
    valid:
      (state.reachable ??
        state.stale ??
        state.delay ??
        state.probe ??
        state.permanent ??
        state.noarp) === true,
    permanent: state.permanent === true,
    external: data.flags?.extLearned === true,
  };
}

/** Without what the adapter alone needs. */
export function publicNeighbour(neighbour: NeighbourRecord): Neighbour {
  const { ifindex, address, mac, valid } = neighbour;
  return { ifindex, address, mac, valid };
}

/** Body of a request about one entry. @throws TransitError BAD_ADDRESS */
export function formatNeighbourQuery(ifindex: number, address: string): Buffer {
  const { family, bytes } = addressToWire(address);
  return encode(rt.formatNeighbor({ family, ifindex }), rt.formatNeighborAttrs({ dst: bytes }));
}

/**
 * Body of the RTM_NEWNEIGH that has the kernel resolve an address by itself, now and whenever it
 * falls due. EXT_LEARNED keeps the garbage collector off it.
 */
export function formatManagedNeighbour(ifindex: number, address: string): Buffer {
  const { family, bytes } = addressToWire(address);
  return Buffer.concat([
    encode(
      rt.formatNeighbor({ family, ifindex, flags: { extLearned: true } }),
      rt.formatNeighborAttrs({ dst: bytes }),
    ),
    attributeU32(NDA_FLAGS_EXT, NTF_EXT_MANAGED),
  ]);
}

/** Body of the RTM_NEWNEIGH that has the kernel resolve an address once. */
export function formatProbedNeighbour(ifindex: number, address: string): Buffer {
  const { family, bytes } = addressToWire(address);
  return encode(
    rt.formatNeighbor({ family, ifindex, flags: { use: true } }),
    rt.formatNeighborAttrs({ dst: bytes }),
  );
}
