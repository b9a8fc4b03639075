// SPDX-License-Identifier: Apache-2.0
/** What we encode by hand reads back as it was, and nothing that comes in can throw or hang. */
import fc from 'fast-check';
import { test } from 'tap';
import { formatMac } from '../../../src/base/net.js';
import {
  addressFromWire,
  addressToWire,
  interfaceAddress,
} from '../../../src/daemon/kernel/netlink/address-bytes.js';
import {
  formatInterfaceAddress,
  parseAddressRecord,
} from '../../../src/daemon/kernel/netlink/address-codec.js';
import {
  attribute,
  eachAttribute,
  findAttribute,
  keepAttributes,
} from '../../../src/daemon/kernel/netlink/attributes.js';
import {
  formatLinkChange,
  formatVethPair,
  parseLink,
} from '../../../src/daemon/kernel/netlink/link-codec.js';
import {
  formatMessage,
  NLMSG_DONE,
  NLMSG_ERROR,
  parseMessages,
  parseVerdict,
} from '../../../src/daemon/kernel/netlink/message.js';
import { parseEvents } from '../../../src/daemon/kernel/netlink/monitor-events.js';
import {
  formatManagedNeighbour,
  parseNeighbour,
} from '../../../src/daemon/kernel/netlink/neighbour-codec.js';
import {
  formatDefaultRoute,
  parseOurDefaultRoute,
  parseRouteLookup,
} from '../../../src/daemon/kernel/netlink/route-codec.js';

const bytes = fc.uint8Array({ maxLength: 40 });
const address = fc
  .oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  // The mapped prefix is IPv4's own form inside: as IPv6 text it is refused.
  .map((b) => addressFromWire(b) ?? '')
  .filter((text) => !text.startsWith('::ffff:'));
const ifindex = fc.integer({ min: 1, max: 0x7fffffff });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,14}$/);

test('attributes', (t) => {
  const list = fc.array(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), bytes));
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 0x3fff }), (attributes, pick) => {
      const encoded = Buffer.concat(attributes.map(([type, value]) => attribute(type, value)));
      const read: [number, number[]][] = [];
      eachAttribute(encoded, (type, value) => read.push([type, [...value]]));
      t.strictSame(
        read,
        attributes.map(([type, value]) => [type, [...value]]),
      );
      const types = new Set([pick, attributes[0]?.[0] ?? 0]);
      const kept: number[] = [];
      eachAttribute(keepAttributes(encoded, types), (type) => kept.push(type));
      t.strictSame(
        kept,
        attributes.map(([type]) => type).filter((type) => types.has(type)),
      );
    }),
  );
  t.end();
});

test('messages', (t) => {
  const message = fc.record({
    type: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    sequence: fc.nat(0xffffffff),
    payload: bytes,
  });
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const wire = messages.map((m) => formatMessage(m.type, m.flags, m.sequence, m.payload));
      const read = [...parseMessages(Buffer.concat(wire))];
      t.strictSame(
        read.map((m) => ({ ...m, payload: [...m.payload] })),
        messages.map((m) => ({ ...m, payload: [...m.payload] })),
      );
    }),
  );
  t.end();
});

test('verdicts', (t) => {
  const ACK_TLVS = 0x200;
  const CAPPED = 0x100;
  const errno = Buffer.alloc(4);
  errno.writeInt32LE(-22, 0);
  const request = formatMessage(16, 5, 7, Buffer.from('whatever'));
  const text = attribute(1, Buffer.from('Invalid MTU.\0'));
  const verdict = (type: number, flags: number, ...parts: Buffer[]) =>
    parseVerdict({ type, flags, sequence: 7, payload: Buffer.concat(parts) });
  const invalid = { errno: 22, text: 'Invalid MTU' };
  const header = request.subarray(0, 16);
  t.strictSame(verdict(NLMSG_ERROR, ACK_TLVS | CAPPED, errno, header, text), invalid);
  t.strictSame(verdict(NLMSG_ERROR, ACK_TLVS, errno, request, text), invalid);
  t.strictSame(verdict(NLMSG_ERROR, CAPPED, errno, header), { errno: 22, text: undefined });
  t.strictSame(verdict(NLMSG_DONE, ACK_TLVS, errno, text), invalid);
  t.strictSame(verdict(NLMSG_DONE, 0, Buffer.alloc(4)), { errno: 0, text: undefined });
  t.end();
});

test('addresses', (t) => {
  fc.assert(
    fc.property(address, ifindex, fc.nat(32), (text, index, prefixLength) => {
      t.equal(addressFromWire(addressToWire(text).bytes), text);
      const payload = formatInterfaceAddress(index, interfaceAddress(`${text}/${prefixLength}`));
      const expected = { ifindex: index, address: text, prefixLength, ours: true };
      t.strictSame(parseAddressRecord(payload), expected);
    }),
  );
  for (const bad of ['10.0.0.1', '10.0.0.1/33', '10.0.0.1/', 'fd00::1/129', '/8', '10.0.0.1/-1']) {
    t.throws(() => interfaceAddress(bad), { code: 'BAD_ADDRESS' }, bad);
  }
  t.end();
});

test('default routes and neighbours', (t) => {
  fc.assert(
    fc.property(address, ifindex, (text, index) => {
      const route = { ifindex: index, gateway: text };
      t.strictSame(parseOurDefaultRoute(formatDefaultRoute(route)), route);
      t.match(parseNeighbour(formatManagedNeighbour(index, text)), {
        ifindex: index,
        address: text,
        mac: undefined,
        valid: false,
        external: true,
      });
    }),
  );
  t.end();
});

test('a route by several next hops, and by one of the other family', (t) => {
  const hop = (index: number, attributes: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt16LE(8 + attributes.length, 0);
    head.writeInt32LE(index, 4);
    return Buffer.concat([head, attributes]);
  };
  const header = Buffer.from([2, 32, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0]);
  const via = Buffer.concat([Buffer.from([10, 0]), addressToWire('fd00::9').bytes]);
  const multipath = Buffer.concat([
    hop(7, attribute(5, addressToWire('10.0.0.1').bytes)),
    hop(8, attribute(18, via)),
  ]);
  t.match(parseRouteLookup(Buffer.concat([header, attribute(9, multipath)]), '10.9.9.9'), {
    ifindex: 7,
    gateway: '10.0.0.1',
  });
  const second = attribute(9, multipath.subarray(16));
  t.match(parseRouteLookup(Buffer.concat([header, second]), '10.9.9.9'), {
    ifindex: 8,
    gateway: 'fd00::9',
  });
  t.end();
});

test('links', (t) => {
  fc.assert(
    fc.property(
      ifindex,
      name,
      fc.nat(65535),
      fc.string(),
      fc.uint8Array({ minLength: 6, maxLength: 6 }),
      fc.boolean(),
      (index, ifname, mtu, text, mac, up) => {
        const alias = text.replaceAll('\0', '');
        const payload = formatLinkChange(index, {
          name: ifname,
          mtu,
          alias,
          mac: formatMac(mac),
          up,
        });
        t.match(parseLink(payload), {
          ifindex: index,
          name: ifname,
          mtu,
          alias,
          mac: formatMac(mac),
          up,
        });
        const pair = formatVethPair({
          name: ifname,
          mtu,
          peerName: 'eth0',
          peerMac: formatMac(mac),
          peerNetnsFd: 5,
        });
        t.match(parseLink(pair), { name: ifname, kind: 'veth', mtu });
        const info = findAttribute(pair.subarray(16), 18)!;
        const peer = findAttribute(findAttribute(info, 2)!, 1)!;
        t.match(parseLink(peer), { name: 'eth0', mac: formatMac(mac), mtu });
        t.equal(findAttribute(peer.subarray(16), 28)?.readUInt32LE(0), 5);
      },
    ),
  );
  const port = formatLinkChange(3, { name: 'x' });
  port[0] = 7; // AF_BRIDGE
  t.equal(parseLink(port), undefined, "a bridge's port is no link of its own");
  t.end();
});

test('addresses and routes are said once a chunk', (t) => {
  const route = formatMessage(24, 0, 0, formatDefaultRoute({ ifindex: 1, gateway: '10.0.0.1' }));
  const link = formatMessage(17, 0, 0, formatLinkChange(3, { name: 'x' }));
  t.strictSame(parseEvents(Buffer.concat([route, link, route])), [
    { type: 'route' },
    { type: 'link-gone', ifindex: 3, name: 'x' },
  ]);
  t.end();
});

test('what is cut short or made up ends quietly', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const buffer = Buffer.from(noise);
      eachAttribute(buffer, () => undefined);
      for (const message of parseMessages(buffer)) parseVerdict(message);
    }),
  );
  t.pass('no noise is too loud');
  t.end();
});
