// SPDX-License-Identifier: Apache-2.0
/** Runs tshark over many frames at once and reads the tree of protocols it prints (PDML). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One protocol of one frame, with the first value of each of its fields. */
export interface Protocol {
  readonly name: string;
  readonly offset: number;
  readonly fields: Map<string, string>;
  /** What this protocol quotes, as an ICMP error does. */
  readonly quotes: Protocol[];
}

const PREFERENCES = [
  'ip.check_checksum:TRUE',
  'udp.check_checksum:TRUE',
  'tcp.check_checksum:TRUE',
  'sctp.checksum:CRC 32c',
  'ip.defragment:FALSE',
  'ipv6.defragment:FALSE',
  'tcp.desegment_tcp_streams:FALSE',
  'tcp.analyze_sequence_numbers:FALSE',
  'ip.tso_support:FALSE',
];

/** A capture of Ethernet frames: little-endian pcap 2.4. */
export function pcap(frames: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(0x40000, 16);
  head.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(i, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, Buffer.from(frame)];
  });
  return Buffer.concat([head, ...records]);
}

const TAG = /<(\/?)(packet|proto|field)\b([^>]*?)(\/?)>/g;
const ATTRIBUTE = /([a-z]+)="([^"]*)"/g;

function attributes(source: string): Map<string, string> {
  return new Map([...source.matchAll(ATTRIBUTE)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

/** The protocols of each frame, outermost first, without tshark's own pseudo protocols. */
export function readPdml(source: string): Protocol[][] {
  const frames: Protocol[][] = [];
  const open: Protocol[] = [];
  for (const [, closing, tag, rest, empty] of source.matchAll(TAG)) {
    if (tag === 'packet') {
      if (!closing) frames.push([]);
    } else if (tag === 'proto') {
      if (closing) {
        open.pop();
        continue;
      }
      const a = attributes(rest ?? '');
      const protocol: Protocol = {
        name: a.get('name') ?? '',
        offset: Number(a.get('pos') ?? 0),
        fields: new Map(),
        quotes: [],
      };
      const holder = open.at(-1)?.quotes ?? frames.at(-1);
      if (!/^(geninfo|frame)$/.test(protocol.name)) holder?.push(protocol);
      if (!empty) open.push(protocol);
    } else if (!closing) {
      const a = attributes(rest ?? '');
      const name = a.get('name') ?? '';
      const fields = open.at(-1)?.fields;
      if (fields && !fields.has(name)) fields.set(name, a.get('show') ?? a.get('value') ?? '');
    }
  }
  return frames;
}

/** One run of tshark for all frames: its start takes longer than a thousand of them. */
export function dissect(frames: readonly Uint8Array[]): Protocol[][] {
  if (frames.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), 'transit-decode-'));
  try {
    const path = join(folder, 'frames.pcap');
    writeFileSync(path, pcap(frames));
    const options = PREFERENCES.flatMap((preference) => ['-o', preference]);
    const out = execFileSync('tshark', ['-n', '-r', path, '-T', 'pdml', ...options], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const decoded = readPdml(out);
    if (decoded.length !== frames.length) {
      throw new Error(`tshark read ${decoded.length} of ${frames.length} frames`);
    }
    return decoded;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
