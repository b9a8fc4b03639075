// SPDX-License-Identifier: Apache-2.0
/** VPC 0 for a rig: a router outside, public addresses, a pool, and who may use it. */
import { mappedLength, parseAddress, parseMac, parsePrefix } from '../../src/base/net.js';
import { fixedBlocks, fixedPlace, type FixedPlan } from '../../src/model/index.js';
import type { Rig } from './rig.js';

export interface OutsideSpec {
  readonly router: { readonly mac: string; readonly address: string };
  /** Of the droplet: source of errors. */
  readonly addresses: readonly [string, string];
  readonly mac: string;
  readonly mtu?: number;
  /** VNIs whose default routes lead outside here. */
  readonly vnis: readonly number[];
  readonly pool: readonly string[];
  readonly blockSize?: number;
  readonly maxBlocks?: number;
  /** enum nat_algs */
  readonly algs?: number;
  readonly filtering?: 'endpoint' | 'address' | 'address-port';
  /** Addresses (VNI/address) that use the pool; addresses of one endpoint share a name. */
  readonly users: Readonly<Record<string, readonly string[]>>;
  /** Public to VNI/inside. */
  readonly statics?: Readonly<Record<string, string>>;
  readonly forwards?: readonly {
    readonly address: string;
    readonly protocol: 6 | 17;
    readonly port: number;
    readonly to: string;
    readonly toPort: number;
  }[];
  readonly exempt?: readonly string[];
  /** Ports by arithmetic, for users of a VPC of the plan; their first addresses count. */
  readonly fixed?: { readonly plan: FixedPlan; readonly vpc: string };
  /** Prefix under which the VNIs' IPv6 packets find IPv4. */
  readonly nat64?: string;
}

const KIND = { public: 5, route: { outside: 5, nexthop: 6 } };
const FILTERING = { endpoint: 0, address: 1, 'address-port': 2 };
const NH = 60;
const MAPPED_PREFIX = 32;
/** NAT_OTHER_FAMILY */
const OTHER_FAMILY = 1 << 28;

const bytes = (address: string): Uint8Array => parseAddress(address).bytes;

function split(text: string): { vni: number; address: string } {
  const at = text.indexOf('/');
  return { vni: Number(text.slice(0, at)), address: text.slice(at + 1) };
}

/** An address's own blocks, of a pool of one family. */
function fixedBlocksOf({ fixed: by }: OutsideSpec, address: string): Record<string, number> {
  const place = by && fixedPlace(by.plan, by.vpc, address);
  if (place === undefined) return {};
  return { fixed: 1 + place.position * 1024 + place.block, fixed_count: by?.plan.blocks ?? 0 };
}

/** Writes what the daemon would. */
export function addOutside(rig: Rig, spec: OutsideSpec): void {
  const droplet = rig.index.devices.get('droplet') ?? 0;
  const mtu = spec.mtu ?? 1500;
  const addr = (
    vni: number,
    address: string,
  ): { struct: string; value: { vni: number; addr: { b: Uint8Array } } } => ({
    struct: 'addr_key',
    value: { vni, addr: { b: bytes(address) } },
  });
  const route = (
    vni: number,
    prefix: string,
    kind: number,
    more: Record<string, number> = {},
  ): void => {
    const { address } = parsePrefix(prefix);
    const key = {
      struct: 'route_key',
      value: {
        prefixlen: MAPPED_PREFIX + mappedLength(parsePrefix(prefix)),
        vni: Uint8Array.of(vni >> 16, vni >> 8, vni),
        family: address.family,
        addr: address.bytes,
      },
    };
    rig.write({ map: 'route', key, struct: 'route_val', value: { kind, ...more } });
  };
  const [gw4, gw6] = spec.addresses;
  rig.write({
    map: 'vpc',
    key: 0,
    struct: 'vpc_val',
    value: { vpc: 0, icmp_rate: 1000, icmp_burst: 1000, gw4: bytes(gw4), gw6: bytes(gw6) },
  });
  rig.map('vpc_gen').update(rig.key(0), rig.key(1));
  rig.write({
    map: 'outside',
    key: droplet,
    struct: 'outside_val',
    value: { mac: parseMac(spec.mac), mtu, gw4: bytes(gw4), gw6: bytes(gw6) },
  });
  rig.write({
    map: 'nh',
    key: NH,
    struct: 'nh_val',
    value: {
      dmac: parseMac(spec.router.mac),
      smac: parseMac(spec.mac),
      ifindex: droplet,
      dst: bytes(spec.router.address),
      mtu,
      flags: 1 | 8,
    },
  });
  for (const prefix of ['0.0.0.0/0', '::/0']) {
    route(0, prefix, KIND.route.nexthop, { nh: NH });
    for (const vni of spec.vnis) route(vni, prefix, KIND.route.outside);
  }
  for (const prefix of spec.exempt ?? [])
    for (const vni of spec.vnis) route(vni, prefix, KIND.route.outside, { flags: 4 });
  const other = spec.nat64 === undefined ? undefined : parsePrefix(spec.nat64);
  for (const vni of other ? spec.vnis : []) {
    const value = { prefix: { b: other!.address.bytes }, length: other!.length };
    rig.write({ map: 'nat64', key: vni, struct: 'nat64_val', value });
  }
  const isPublic = [
    ...spec.pool,
    ...Object.keys(spec.statics ?? {}),
    ...(spec.forwards ?? []).map((f) => f.address),
  ];
  for (const address of isPublic)
    rig.write({
      map: 'addr',
      key: addr(0, address),
      struct: 'addr_val',
      value: { kind: KIND.public },
    });

  const pools = [4, 6].map((family) => spec.pool.filter((a) => a.includes(':') === (family === 6)));
  const [v4 = [], v6 = []] = pools;
  rig.write({
    map: 'nat_gw',
    key: 1,
    struct: 'nat_gw_val',
    value: {
      algs: spec.algs ?? 0,
      filtering: FILTERING[spec.filtering ?? 'endpoint'],
      block_size: spec.blockSize ?? 64,
      max_blocks: spec.maxBlocks ?? 2,
      quarantine: 120,
      ext4: 0,
      ext4_count: v4.length,
      ext6: v4.length,
      ext6_count: v6.length,
      fixed_blocks: spec.fixed ? fixedBlocks(spec.fixed.plan) : 0,
      owner: 1,
    },
  });
  [...v4, ...v6].forEach((address, i) => {
    rig.write({ map: 'nat_ext_of', key: i, struct: 'nat_ext_of_val', value: { ext: i + 1 } });
    rig.write({
      map: 'nat_ext',
      key: i + 1,
      struct: 'nat_ext_val',
      value: { addr: bytes(address), gw: 1 },
    });
  });
  Object.values(spec.users).forEach((addresses, i) => {
    const own = fixedBlocksOf(spec, split(addresses[0] ?? '').address);
    rig.write({
      map: 'nat_sub',
      key: i + 1,
      struct: 'nat_sub_val',
      value: { gw: 1, ...own },
    });
    for (const text of addresses) {
      const { vni, address } = split(text);
      const key = rig.key(addr(vni, address));
      const value = rig.layouts.decode('addr_val', rig.map('addr').lookup(key)!);
      rig.write({
        map: 'addr',
        key: addr(vni, address),
        struct: 'addr_val',
        value: { ...value, sub: i + 1 },
      });
    }
  });
  for (const [outside, text] of Object.entries(spec.statics ?? {})) {
    const { vni, address } = split(text);
    rig.write({
      map: 'nat_static',
      key: addr(0, outside),
      struct: 'nat_static_val',
      value: { vni, addr: bytes(address) },
    });
    const isOther = address.includes(':') && !outside.includes(':');
    rig.write({
      map: 'nat_static',
      key: addr(isOther ? vni + OTHER_FAMILY : vni, address),
      struct: 'nat_static_val',
      value: { vni: 0, addr: bytes(outside) },
    });
  }
  for (const f of spec.forwards ?? []) {
    const { vni, address } = split(f.to);
    rig.write({
      map: 'port_fwd',
      key: {
        struct: 'port_fwd_key',
        value: {
          prefixlen: 160,
          addr: bytes(f.address),
          proto: f.protocol,
          port: f.port,
        },
      },
      struct: 'port_fwd_val',
      value: { vni, addr: bytes(address), from: f.port, to: f.toPort },
    });
  }
}
