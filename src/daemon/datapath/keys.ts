// SPDX-License-Identifier: Apache-2.0
/** Keys of the calculation's tables (text) as the maps carry them (bytes), and back again. */
import {
  addressFromBytes,
  formatAddress,
  mappedLength,
  parseAddress,
  parsePrefix,
} from '../../base/net.js';
import { ABI, decode, encode, MAPS, NAT_PREFIX_END } from '../../maps/index.js';
import type { TableName } from '../calc/output.js';
import { decodePolicyKey, encodePolicyKey } from './keys-policy.js';

/** prefixlen of a route covers VNI (24) and family (8). */
const ROUTE_KEY_BITS = 32;
const V4_MAPPED_BITS = 96;
/** prefixlen of a translated prefix covers both VNIs (64), end (8), family (8) and pad (16). */
const PREFIX_KEY_BITS = 96;
/** prefixlen of a port forward covers address (128), protocol (8) and pad (8). */
const PORT_KEY_BITS = 144;

function split(key: string): [number, string] {
  const slash = key.indexOf('/');
  return [Number(key.slice(0, slash)), key.slice(slash + 1)];
}

/** Key of a table as bytes. */
export function encodeKey(table: TableName, key: string): Uint8Array {
  switch (table) {
    case 'vpc':
    case 'timeout':
    case 'limit':
    case 'ep':
    case 'nh':
    case 'nh_group':
    case 'outside':
    case 'nat_ext':
    case 'nat_ext_of':
    case 'nat_gw':
    case 'nat_sub':
    case 'service_timeout':
    case 'nat64':
      return encode(MAPS[table].key, Number(key));
    case 'vtep':
    case 'local':
      return encode(MAPS[table].key, parseAddress(key).bytes);
    case 'addr': {
      const [vni, addr] = split(key);
      return encode(MAPS.addr.key, { vni, addr: parseAddress(addr).bytes });
    }
    case 'nat_static': {
      const [vni, addr = '', other] = key.split('/');
      return encode(MAPS.nat_static.key, {
        vni: Number(vni) + (other === undefined ? 0 : ABI.NAT_OTHER_FAMILY),
        addr: parseAddress(addr).bytes,
      });
    }
    case 'route': {
      const [vni, text] = split(key);
      const prefix = parsePrefix(text);
      const { family, bytes } = prefix.address;
      return encode(MAPS.route.key, {
        prefixlen: ROUTE_KEY_BITS + prefix.length + (family === 4 ? V4_MAPPED_BITS : 0),
        vni: Uint8Array.of(vni >> 16, vni >> 8, vni),
        family,
        addr: bytes,
      });
    }
    case 'nat_prefix': {
      const [vni, peer, end, ...text] = key.split('/');
      const prefix = parsePrefix(text.join('/'));
      return encode(MAPS.nat_prefix.key, {
        prefixlen: PREFIX_KEY_BITS + mappedLength(prefix),
        vni: Number(vni),
        peer: Number(peer),
        end: end === 'source' ? NAT_PREFIX_END.SOURCE : NAT_PREFIX_END.DESTINATION,
        family: prefix.address.family,
        addr: prefix.address.bytes,
      });
    }
    case 'port_fwd': {
      const [addr = '', proto, port, bits] = key.split('/');
      return encode(MAPS.port_fwd.key, {
        prefixlen: PORT_KEY_BITS + Number(bits),
        addr: parseAddress(addr).bytes,
        proto: Number(proto),
        port: Number(port),
      });
    }
    case 'service': {
      const [vni, addr = '', proto, port] = key.split('/');
      return encode(MAPS.service.key, {
        vni: Number(vni),
        addr: parseAddress(addr).bytes,
        proto: Number(proto),
        port: Number(port),
      });
    }
    default:
      return encodePolicyKey(table, key);
  }
}

/** The text of a key, as in calc/output.ts. */
export function decodeKey(table: TableName, bytes: Uint8Array): string {
  switch (table) {
    case 'vpc':
    case 'timeout':
    case 'limit':
    case 'ep':
    case 'nh':
    case 'nh_group':
    case 'outside':
    case 'nat_ext':
    case 'nat_ext_of':
    case 'nat_gw':
    case 'nat_sub':
    case 'service_timeout':
    case 'nat64':
      return String(decode(MAPS[table].key, bytes));
    case 'vtep':
    case 'local':
      return addressText(decode(MAPS[table].key, bytes));
    case 'addr': {
      const { vni, addr } = decode(MAPS.addr.key, bytes);
      return `${vni}/${addressText(addr)}`;
    }
    case 'nat_static': {
      const { vni, addr } = decode(MAPS.nat_static.key, bytes);
      return vni < ABI.NAT_OTHER_FAMILY
        ? `${vni}/${addressText(addr)}`
        : `${vni - ABI.NAT_OTHER_FAMILY}/${addressText(addr)}/4`;
    }
    case 'route': {
      const { prefixlen, vni, family, addr } = decode(MAPS.route.key, bytes);
      const [a = 0, b = 0, c = 0] = vni;
      const length = prefixlen - ROUTE_KEY_BITS - (family === 4 ? V4_MAPPED_BITS : 0);
      // The family is the key's, not the bytes': ::/0 and 0.0.0.0/0 differ by it.
      const text = formatAddress({ family: family === 4 ? 4 : 6, bytes: addr });
      return `${(a << 16) | (b << 8) | c}/${text}/${length}`;
    }
    case 'nat_prefix': {
      const { prefixlen, vni, peer, end, family, addr } = decode(MAPS.nat_prefix.key, bytes);
      const text = formatAddress({ family: family === 4 ? 4 : 6, bytes: addr });
      const length = prefixlen - PREFIX_KEY_BITS - (family === 4 ? V4_MAPPED_BITS : 0);
      const name = end === NAT_PREFIX_END.SOURCE ? 'source' : 'destination';
      return `${vni}/${peer}/${name}/${text}/${length}`;
    }
    case 'port_fwd': {
      const { prefixlen, addr, proto, port } = decode(MAPS.port_fwd.key, bytes);
      return `${addressText(addr)}/${proto}/${port}/${prefixlen - PORT_KEY_BITS}`;
    }
    case 'service': {
      const { vni, addr, proto, port } = decode(MAPS.service.key, bytes);
      return `${vni}/${addressText(addr)}/${proto}/${port}`;
    }
    default:
      return decodePolicyKey(table, bytes);
  }
}

/** VNI of a key that begins with it, in decimal. */
export function vniOfKey(table: TableName, bytes: Uint8Array): string {
  return String(split(decodeKey(table, bytes))[0]);
}

function addressText(bytes: Uint8Array): string {
  return formatAddress(addressFromBytes(bytes));
}
