// SPDX-License-Identifier: Apache-2.0
/** A counterexample as a test case to read: objects, then packets with what they are, then the difference. */
import { stringify } from 'yaml';
import { classify } from '../support/model/classify.js';
import { readFrame } from '../support/model/parse.js';
import type { History, Step } from './history.js';
import type { Packet } from './packets.js';
import type { Difference, Seen } from './play.js';
import type { Change } from './scene.js';

const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp6',
  132: 'sctp',
};

function mac(hex: string): string {
  return hex.replace(/(..)(?=.)/g, '$1:');
}

function address(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return words.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}

function frameLine(bytes: Uint8Array, before: number): string {
  const frame = readFrame(bytes, before);
  if (typeof frame === 'string') return `${frame}, ${bytes.length} bytes`;
  const macs = `${mac(frame.src)} > ${mac(frame.dst)}`;
  const { ip } = frame;
  if (!ip) return `${macs} type 0x${frame.etherType.toString(16)}, ${bytes.length} bytes`;
  const protocol = PROTOCOLS[ip.protocol] ?? `protocol ${ip.protocol}`;
  const isIcmp = ip.protocol === 1 || ip.protocol === 58;
  const detail = isIcmp ? ` type ${ip.icmpType} code ${ip.icmpCode}` : ` ${ip.sport} > ${ip.dport}`;
  const fragment = ip.fragment
    ? `, ${ip.fragment.first ? 'first' : 'later'} fragment of ${ip.fragment.id}`
    : '';
  const fields = `ttl ${ip.ttl} tos ${ip.tos} length ${ip.length}${fragment}`;
  return `${macs} ${address(ip.src)} > ${address(ip.dst)} ${protocol}${detail}, ${fields}`;
}

/** One line about a frame, tunnel included. */
export function line(bytes: Uint8Array): string {
  const { tunnelled: outer, bytes: untagged } = classify(bytes, () => true);
  if (!outer) return frameLine(untagged, 0);
  const ends = `${address(outer.src)} > ${address(outer.dst)} tos ${outer.tos}`;
  const head = `${ends} vxlan ${outer.vni}${outer.bad ? ` (${outer.bad})` : ''}`;
  return `${head} | ${frameLine(outer.inner, untagged.length - outer.inner.length)}`;
}

function changeText(change: Change): string {
  const documents = change.objects.map(({ kind, name, object }) =>
    object
      ? `{kind: ${kind}, metadata: {name: ${name}}, spec: ${flow(object.spec)}}`
      : `# delete ${kind}/${name}`,
  );
  const facts = [
    ...Object.entries(change.devices).map(
      ([name, device]) => `# device of ${name}: ${json(device)}`,
    ),
    ...Object.entries(change.ways).map(([vtep, way]) => `# way to ${vtep}: ${json(way)}`),
    ...Object.entries(change.outsideRoutes ?? {}).map(
      ([prefix, route]) => `# route outside ${prefix}: ${json(route)}`,
    ),
    ...Object.entries(change.neighbours ?? {}).map(
      ([address, mac]) => `# neighbour outside ${address}: ${json(mac)}`,
    ),
  ];
  return [documents.join('\n---\n'), ...facts].filter((text) => text !== '').join('\n');
}

/** On one line. */
function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function json(value: unknown): string {
  return value === undefined ? 'gone' : JSON.stringify(value);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function stepText(step: Step, number: number, packet: Packet | undefined): string {
  if (step.kind === 'change') return `## ${number}. change\n${changeText(step.change)}`;
  if (!packet) return `## ${number}. nothing to answer`;
  const { from, frame, note } = packet;
  const where =
    from === 'wire' ? 'from the wire' : from === 'wan' ? 'from outside' : `from device d${from}`;
  return `## ${number}. packet ${where} (${note})\n# ${line(frame)}\n${hex(frame)}`;
}

function seenText(what: string, seen: Seen): string {
  const data = seen.data ? `\n# ${line(seen.data)}\n${hex(seen.data)}` : '';
  const where = seen.out === '' ? '' : ` to ${seen.out}`;
  return `### ${what}: ${seen.verdict}${where} [${seen.counted}]${data}`;
}

export function printed(history: History, difference: Difference): string {
  const { step, hook, expected, got, packets } = difference;
  const played = history.steps.slice(0, step === undefined ? undefined : step + 1);
  const where = step === undefined ? 'at the end' : `at step ${step + 1}`;
  return [
    `# configuration of host h1`,
    changeText(history.start),
    ...played.map((s, i) => stepText(s, i + 1, packets[i])),
    `## difference ${where}, ${hook}`,
    seenText('expected', expected),
    seenText('got', got),
  ].join('\n');
}
