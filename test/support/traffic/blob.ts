// SPDX-License-Identifier: Apache-2.0
/**
 * Much data by curl, both ways, with a digest at either end: a byte that a translator changed or a
 * merged frame that it lost shows.
 */
import { until, type Lab } from './lab.js';

export const BLOB_PORT = 8000;

/**
 * GET /N: N bytes, their digest in the header x-digest, no two blocks the same. PUT: the digest of
 * what came.
 */
const SERVER = `
const { createCipheriv, createHash, randomBytes } = require('node:crypto');
const noise = (length) =>
  createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16)).update(Buffer.alloc(length));
require('node:http').createServer((q, r) => {
  if (q.method === 'GET') {
    const bytes = noise(Number(q.url.slice(1)));
    r.setHeader('x-digest', createHash('sha256').update(bytes).digest('hex'));
    return r.end(bytes);
  }
  const hash = createHash('sha256');
  q.on('data', (part) => hash.update(part));
  q.on('end', () => r.end(hash.digest('hex')));
}).listen(${BLOB_PORT}, '::');
`;

export async function serveBlobs(lab: Lab, ns: string): Promise<void> {
  lab.background(ns, process.execPath, '-e', SERVER);
  await until(`the blob server of ${ns}`, 30, async () => {
    return (await lab.inNs(ns, 'ss', '-Hltn', `sport = :${BLOB_PORT}`)).stdout !== '';
  });
}

export interface Transferred {
  /** Of what came and of what was sent; whole: they are the same. */
  readonly received: string;
  readonly sent: string;
  readonly whole: boolean;
  readonly mibPerSecond: number;
}

function transferred(received = '', sent = '', bytes: number, seconds = NaN): Transferred {
  const whole = received !== '' && received === sent;
  return { received, sent, whole, mibPerSecond: bytes / seconds / (1 << 20) };
}

const quoted = (address: string): string => (address.includes(':') ? `[${address}]` : address);

export interface TransferSettings {
  /** Default: BLOB_PORT. */
  readonly port?: number;
  /** Largest rate, bytes per second. */
  readonly rate?: number;
}

function curl(settings: TransferSettings): string {
  return `curl -gsS --max-time 60 ${settings.rate ? `--limit-rate ${settings.rate}` : ''}`;
}

/** Bytes from a server. */
export async function download(
  lab: Lab,
  from: string,
  address: string,
  bytes: number,
  settings: TransferSettings = {},
): Promise<Transferred> {
  const url = `http://${quoted(address)}:${settings.port ?? BLOB_PORT}/${bytes}`;
  const said = '%{stderr}%header{x-digest} %{time_total}';
  const script = `${curl(settings)} -w '${said}' '${url}' | sha256sum`;
  const { stdout, stderr } = await lab.inNs(from, 'sh', '-c', script);
  const [sent, seconds] = stderr.trim().split(' ');
  return transferred(stdout.slice(0, 64), sent, bytes, Number(seconds));
}

/** Bytes to a server. */
export async function upload(
  lab: Lab,
  from: string,
  address: string,
  bytes: number,
  settings: TransferSettings = {},
): Promise<Transferred> {
  const url = `http://${quoted(address)}:${settings.port ?? BLOB_PORT}/`;
  // the same noise twice: once for its digest
  const noise = `openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c ${bytes}`;
  const said = '%{stderr}%{time_total}';
  const script = `${noise} | sha256sum; ${noise} | ${curl(settings)} -w '${said}' -T - -H 'Expect:' '${url}'`;
  const { stdout, stderr } = await lab.inNs(from, 'sh', '-c', script);
  const [sent, received] = [stdout.slice(0, 64), stdout.slice(-64)];
  return transferred(received, sent, bytes, Number(stderr.trim()));
}
