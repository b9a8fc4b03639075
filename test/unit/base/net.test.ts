// SPDX-License-Identifier: Apache-2.0
/** Addresses against ipaddr.js, which was written by others, and against themselves. */
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import t from 'tap';
import {
  addressAt,
  addressFromBytes,
  canonicalAddress,
  formatAddress,
  formatMac,
  formatPrefix,
  lastAddress,
  networkOf,
  parseAddress,
  parseMac,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  unusableReason,
} from '../../../src/base/net.js';

const v4Bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
const v6Bytes = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.array(fc.nat(15), { maxLength: 16 }))
  .map(([bytes, zeros]) => {
    // Runs of zeros are where "::" is decided.
    for (const i of zeros) bytes[i] = 0;
    return bytes;
  })
  .filter((bytes) => !(bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff));
const anyAddress = fc.oneof(
  v4Bytes.map((bytes) => ipaddr.fromByteArray([...bytes])),
  v6Bytes.map((bytes) => ipaddr.fromByteArray([...bytes])),
);
const anyPrefix = fc
  .tuple(anyAddress, fc.nat(128))
  .map(([address, length]) => ({
    address,
    length: address.kind() === 'ipv4' ? length % 33 : length,
  }))
  .map(({ address, length }) => {
    const parsed = parseAddress(address.toString());
    return { address: networkOf({ address: parsed, length }), length };
  });

void t.test('prints every address as ipaddr.js does (RFC 5952)', (t) => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      const expected =
        address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString();
      return canonicalAddress(address.toNormalizedString()) === expected;
    }),
  );
  t.end();
});

void t.test('reads what it prints', (t) => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      const parsed = parseAddress(address.toNormalizedString());
      const again = parseAddress(formatAddress(parsed));
      const raw = addressFromBytes(parsed.bytes);
      return (
        Buffer.compare(again.bytes, parsed.bytes) === 0 &&
        again.family === parsed.family &&
        raw.family === parsed.family
      );
    }),
  );
  t.end();
});

void t.test('knows what a prefix contains as ipaddr.js does', (t) => {
  fc.assert(
    fc.property(anyPrefix, anyAddress, (prefix, other) => {
      const network = ipaddr.parse(formatAddress(prefix.address));
      const expected =
        network.kind() === other.kind() &&
        (network as ipaddr.IPv6).match([ipaddr.parse(other.toString()), prefix.length]);
      return prefixContains(prefix, parseAddress(other.toString())) === expected;
    }),
  );
  t.end();
});

void t.test('a prefix contains its first and last address and no more', (t) => {
  fc.assert(
    fc.property(anyPrefix, (prefix) => {
      const last = lastAddress(prefix);
      const size = 1n << BigInt((prefix.address.family === 4 ? 32 : 128) - prefix.length);
      const after = addressAt(prefix, size);
      // Past the end of the family's space the count starts anew or leaves the mapped range.
      const wraps = prefixContains({ ...prefix, length: 0 }, last) && prefix.length === 0;
      const full =
        formatAddress(last) ===
        (prefix.address.family === 4
          ? '255.255.255.255'
          : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff');
      return (
        prefixContains(prefix, prefix.address) &&
        prefixContains(prefix, last) &&
        (wraps || full || !prefixContains(prefix, after)) &&
        formatPrefix(parsePrefix(formatPrefix(prefix))) === formatPrefix(prefix)
      );
    }),
  );
  t.end();
});

void t.test('overlap is symmetric and means that one contains the other', (t) => {
  fc.assert(
    fc.property(anyPrefix, anyPrefix, (a, b) => {
      const nested =
        a.address.family === b.address.family &&
        (prefixContains(a, b.address) || prefixContains(b, a.address));
      return prefixesOverlap(a, b) === nested && prefixesOverlap(b, a) === nested;
    }),
  );
  t.end();
});

void t.test('MACs survive', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const text = formatMac(bytes);
      return (
        Buffer.compare(parseMac(text.toUpperCase()), bytes) === 0 && /^[0-9a-f:]{17}$/.test(text)
      );
    }),
  );
  t.end();
});

for (const bad of [
  '',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '1.2.3.256',
  '1.2.3.-4',
  ' 1.2.3.4',
  '0x1.2.3.4',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  'fe80::1%eth0',
  '::12345',
  '::ffff:1.2.3.4',
  '1:2:3:4:5:6:7:8::',
  'g::',
]) {
  t.throws(() => parseAddress(bad), { code: 'BAD_ADDRESS' }, `refuses "${bad}"`);
}
for (const bad of [
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0.1/24',
  '10.0.0.0/08',
  '::/129',
  '/8',
  '::1/64',
]) {
  t.throws(() => parsePrefix(bad), { code: 'BAD_ADDRESS' }, `refuses prefix "${bad}"`);
}
for (const bad of ['', '02:00:00:00:00', '02-00-00-00-00-01', '02:00:00:00:00:0g', '2:0:0:0:0:1']) {
  t.throws(() => parseMac(bad), { code: 'BAD_ADDRESS' }, `refuses MAC "${bad}"`);
}
for (const text of [
  '0.1.2.3',
  '127.0.0.1',
  '169.254.1.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'ff02::1',
]) {
  t.match(unusableReason(parseAddress(text)), text, `${text} is unusable`);
}
for (const text of ['10.0.0.1', '100.64.0.1', '192.0.2.1', '2001:db8::1', 'fd00::1']) {
  t.equal(unusableReason(parseAddress(text)), undefined, `${text} is usable`);
}
