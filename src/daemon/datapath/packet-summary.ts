// SPDX-License-Identifier: Apache-2.0
/** The start of a frame in one line, as tcpdump would print it. For people; never throws. */
import { addressFromBytes, formatAddress, formatMac } from '../../base/net.js';

// https://www.iana.org/assignments/ieee-802-numbers
const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const;
// https://www.iana.org/assignments/protocol-numbers
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  50: 'esp',
  58: 'icmpv6',
  132: 'sctp',
};
const WITH_PORTS = new Set([6, 17, 132]);
const TCP_FLAGS: readonly [number, string][] = [
  [0x02, 'S'],
  [0x01, 'F'],
  [0x04, 'R'],
  [0x08, 'P'],
  [0x10, '.'],
];

/** "tcp"; the number in decimal when it has no name here. */
export function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? String(protocol);
}

function v4(bytes: Uint8Array): string {
  return Array.from(bytes).join('.');
}

function v6(bytes: Uint8Array): string {
  return formatAddress({ ...addressFromBytes(bytes), family: 6 });
}

function transport(view: DataView, at: number, protocol: number, from: string, to: string): string {
  const name = protocolName(protocol);
  if (WITH_PORTS.has(protocol) && view.byteLength >= at + 4) {
    const ports = `${from}.${view.getUint16(at)} > ${to}.${view.getUint16(at + 2)}: ${name}`;
    if (protocol !== 6 || view.byteLength < at + 14) return ports;
    const flags = view.getUint8(at + 13);
    const text = TCP_FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, letter]) => letter);
    return `${ports} [${text.join('')}]`;
  }
  if ((protocol === 1 || protocol === 58) && view.byteLength >= at + 2) {
    return `${from} > ${to}: ${name} type ${view.getUint8(at)} code ${view.getUint8(at + 1)}`;
  }
  return `${from} > ${to}: ${/^\d/.test(name) ? `protocol ${name}` : name}`;
}

function ipv4(frame: Uint8Array, view: DataView, at: number): string {
  if (view.byteLength < at + 20) return 'IPv4, truncated';
  const from = v4(frame.subarray(at + 12, at + 16));
  const to = v4(frame.subarray(at + 16, at + 20));
  const protocol = view.getUint8(at + 9);
  const offset = (view.getUint16(at + 6) & 0x1fff) * 8;
  if (offset > 0) return `IPv4 ${from} > ${to}: ${protocolName(protocol)} fragment at ${offset}`;
  return `IPv4 ${transport(view, at + (view.getUint8(at) & 15) * 4, protocol, from, to)}`;
}

function ipv6(frame: Uint8Array, view: DataView, at: number): string {
  if (view.byteLength < at + 40) return 'IPv6, truncated';
  const from = v6(frame.subarray(at + 8, at + 24));
  const to = v6(frame.subarray(at + 24, at + 40));
  return `IPv6 ${transport(view, at + 40, view.getUint8(at + 6), from, to)}`;
}

function arp(frame: Uint8Array, view: DataView, at: number): string {
  if (view.byteLength < at + 28) return 'ARP, truncated';
  const sender = v4(frame.subarray(at + 14, at + 18));
  const target = v4(frame.subarray(at + 24, at + 28));
  if (view.getUint16(at + 6) === 1) return `ARP who-has ${target} tell ${sender}`;
  return `ARP ${sender} is-at ${formatMac(frame.subarray(at + 8, at + 14))}`;
}

/** @param frame from its Ethernet header; may be cut short */
export function summarise(frame: Uint8Array): string {
  if (frame.length < 14) return 'truncated frame';
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  let at = 14;
  let type = view.getUint16(12);
  let prefix = '';
  if (type === ETHERTYPE.vlan && frame.length >= 18) {
    prefix = `vlan ${view.getUint16(14) & 0xfff} `;
    type = view.getUint16(16);
    at = 18;
  }
  if (type === ETHERTYPE.ipv4) return prefix + ipv4(frame, view, at);
  if (type === ETHERTYPE.ipv6) return prefix + ipv6(frame, view, at);
  if (type === ETHERTYPE.arp) return prefix + arp(frame, view, at);
  const macs = `${formatMac(frame.subarray(6, 12))} > ${formatMac(frame.subarray(0, 6))}`;
  return `${prefix}${macs}: ethertype 0x${type.toString(16).padStart(4, '0')}`;
}
