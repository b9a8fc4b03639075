// SPDX-License-Identifier: Apache-2.0
/** Keys of the tables of policies (text) as the maps carry them (bytes), and back again. */
import {
  addressFromBytes,
  formatAddress,
  mappedLength,
  parseAddress,
  parsePrefix,
} from '../../base/net.js';
import { decode, encode, MAPS } from '../../maps/index.js';
import type { PolicyTable } from '../calc/policy/entries.js';

/** prefixlen of a net covers VNI (24) and family (8). */
const NET_KEY_BITS = 32;
const V4_MAPPED_BITS = 96;
/** prefixlen of a port covers block (32), dimension (8) and pad (8). */
const PORT_KEY_BITS = 48;

function numbers(key: string): number[] {
  return key.split('/').map(Number);
}

/** Key of a table as bytes. */
export function encodePolicyKey(table: PolicyTable, key: string): Uint8Array {
  switch (table) {
    case 'pol_block':
    case 'pol_prog':
    case 'pol_ep':
      return encode(MAPS[table].key, Number(key));
    case 'pol_row': {
      const [block = 0, dim = 0, family = 0, value = 0] = numbers(key);
      return encode(MAPS.pol_row.key, { block, dim, family, value });
    }
    case 'pol_port': {
      const [block = 0, dim = 0, port = 0, bits = 0] = numbers(key);
      return encode(MAPS.pol_port.key, { prefixlen: PORT_KEY_BITS + bits, block, dim, port });
    }
    case 'pol_rule': {
      const [block = 0, place = 0] = numbers(key);
      return encode(MAPS.pol_rule.key, { block, place });
    }
    case 'pol_host': {
      const [vni, addr = ''] = key.split('/');
      return encode(MAPS.pol_host.key, { vni: Number(vni), addr: parseAddress(addr).bytes });
    }
    case 'pol_net': {
      const slash = key.indexOf('/');
      const vni = Number(key.slice(0, slash));
      const prefix = parsePrefix(key.slice(slash + 1));
      return encode(MAPS.pol_net.key, {
        prefixlen: NET_KEY_BITS + mappedLength(prefix),
        vni: Uint8Array.of(vni >> 16, vni >> 8, vni),
        family: prefix.address.family,
        addr: prefix.address.bytes,
      });
    }
    case 'pol_named': {
      const [vni, addr = '', proto, port] = key.split('/');
      return encode(MAPS.pol_named.key, {
        vni: Number(vni),
        addr: parseAddress(addr).bytes,
        proto: Number(proto),
        port: Number(port),
      });
    }
  }
}

/** The text of a key, as in calc/policy/entries.ts. */
export function decodePolicyKey(table: PolicyTable, bytes: Uint8Array): string {
  switch (table) {
    case 'pol_block':
    case 'pol_prog':
    case 'pol_ep':
      return String(decode(MAPS[table].key, bytes));
    case 'pol_row': {
      const { block, dim, family, value } = decode(MAPS.pol_row.key, bytes);
      return `${block}/${dim}/${family}/${value}`;
    }
    case 'pol_port': {
      const { prefixlen, block, dim, port } = decode(MAPS.pol_port.key, bytes);
      return `${block}/${dim}/${port}/${prefixlen - PORT_KEY_BITS}`;
    }
    case 'pol_rule': {
      const { block, place } = decode(MAPS.pol_rule.key, bytes);
      return `${block}/${place}`;
    }
    case 'pol_host': {
      const { vni, addr } = decode(MAPS.pol_host.key, bytes);
      return `${vni}/${addressText(addr)}`;
    }
    case 'pol_net': {
      const { prefixlen, vni, family, addr } = decode(MAPS.pol_net.key, bytes);
      const [a = 0, b = 0, c = 0] = vni;
      const length = prefixlen - NET_KEY_BITS - (family === 4 ? V4_MAPPED_BITS : 0);
      // The family is the key's, not the bytes': ::/0 and 0.0.0.0/0 differ by it.
      const text = formatAddress({ family: family === 4 ? 4 : 6, bytes: addr });
      return `${(a << 16) | (b << 8) | c}/${text}/${length}`;
    }
    case 'pol_named': {
      const { vni, addr, proto, port } = decode(MAPS.pol_named.key, bytes);
      return `${vni}/${addressText(addr)}/${proto}/${port}`;
    }
  }
}

function addressText(bytes: Uint8Array): string {
  return formatAddress(addressFromBytes(bytes));
}
