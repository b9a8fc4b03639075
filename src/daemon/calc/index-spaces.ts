// SPDX-License-Identifier: Apache-2.0
/** What has numbers in the data path. */

/** Small integers the data path uses. The same key gets the same index while it is held; 0 is never given. */
export interface Indexes {
  /** key: the VNI in decimal. */
  vpc(key: string): number;
  /** key: "VNI/first address". */
  endpoint(key: string): number;
  /** key: VTEP address; of a next hop outside "outside/ifindex/address/MTU"; of a server "server/address". */
  nexthop(key: string): number;
  /** key: sorted next hop indexes joined by ",". */
  group(key: string): number;
  /** key: name of the NatGateway; of a Peering's pool "VNI that sees it/VNI it is of/destination/prefix". */
  natGateway(key: string): number;
  /** key: public address; of a Peering's pool "VNI that sees it/address". */
  ext(key: string): number;
  /** First of consecutive positions; key: their indexes of public addresses joined by ",". */
  extRow(key: string): number;
  /** key: "VNI/first address" of an endpoint; of a Peering's pool "VNI/peer's VNI/first address" in it. */
  sub(key: string): number;
  /** key: name of the VirtualService. */
  service(key: string): number;
  /** key: name of the block, which its content says. */
  polBlock(key: string): number;
  /** key: hash of its blocks and VNI. */
  polProgram(key: string): number;
  /** key: "VNI|set|set…". */
  polClass(key: string): number;
  /** key: the rule's identity. */
  rule(key: string): number;
}

/** Every space of indexes. */
export const INDEX_SPACES = [
  'vpc',
  'endpoint',
  'nexthop',
  'group',
  'natGateway',
  'ext',
  'extRow',
  'sub',
  'service',
  'polBlock',
  'polProgram',
  'polClass',
  'rule',
] as const satisfies readonly (keyof Indexes)[];
