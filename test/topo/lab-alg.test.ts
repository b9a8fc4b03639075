// SPDX-License-Identifier: Apache-2.0
/** Files by FTP and TFTP through gateways that let nobody in who was not sent to. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { t as suite, test, type Test } from 'tap';
import { Lab, ROOT, until } from '../support/traffic/lab.js';

const LIMIT = { timeout: 400_000 };
suite.setTimeout(800_000);

const HOST = '198.51.100.7';
const HOST6 = '2001:db8:5::7';
/** Seconds until a client gives up. */
const PATIENCE = '8';

const directory = mkdtempSync(join(tmpdir(), 'transit-alg-'));
suite.teardown(() => {
  rmSync(directory, { recursive: true });
});

function place(name: string): string {
  return join(directory, name);
}

function sumOf(path: string): string {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'none';
}

/** A file of some bytes. @returns its sum */
function make(name: string, bytes: number): string {
  writeFileSync(place(name), randomBytes(bytes));
  return sumOf(place(name));
}

let files = 0;

/** Fetches a file. @returns its sum */
async function fetch(lab: Lab, who: string, url: string, ...options: string[]): Promise<string> {
  const to = place(`got-${++files}`);
  await lab.inNs(who, 'curl', '-gsS', '--max-time', PATIENCE, ...options, '-o', to, url);
  const sum = sumOf(to);
  rmSync(to, { force: true });
  return sum;
}

/** Stores a file of its own. @returns whether the server has it, whole */
async function store(lab: Lab, who: string, host: string, ...options: string[]): Promise<boolean> {
  const name = `put-${++files}`;
  const sum = make(`${name}-here`, 100_000);
  const to = `ftp://${host}/${name}`;
  const from = place(`${name}-here`);
  await lab.inNs(who, 'curl', '-gsS', '--max-time', PATIENCE, ...options, '-T', from, to);
  return sumOf(place(name)) === sum;
}

const ACTIVE = ['-P', '-', '--disable-eprt'];
const EXTENDED_ACTIVE = ['-P', '-'];
const PASSIVE = ['--disable-epsv'];

interface Metric {
  readonly [name: string]: number;
}

/** The ALGs' metrics of a host. */
async function metrics(lab: Lab, host: string): Promise<Metric> {
  const text = await lab.text(host, '/metrics');
  return Object.fromEntries(
    [...text.matchAll(/^(transit_alg_\S+) (\S+)$/gm)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]),
  );
}

async function start(lab: Lab): Promise<void> {
  for (const ns of ['o', 'red-a1', 'red-b1'])
    lab.background(ns, '/usr/bin/python3', `${ROOT}/test/support/ftp/server.py`, directory);
  lab.background(
    'o',
    'dnsmasq',
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--pid-file='],
    ...['--user=root', '--enable-tftp', `--tftp-root=${directory}`],
  );
  await until('the way out', 30, async () => await lab.ping('red-a1', HOST, 1));
  for (const [who, host] of [
    ['o', HOST],
    ['red-a1', '10.0.1.21'],
    ['red-b1', '10.0.1.11'],
  ] as const)
    await until(`the server ${host}`, 30, async () => {
      return (await lab.inNs(who, 'curl', '-s', '--max-time', '1', `ftp://${host}/`)).status === 0;
    });
}

async function clientsInside(t: Test, lab: Lab): Promise<void> {
  const sum = make('big', 3_000_000);
  for (const who of ['red-a1', 'red-b1']) {
    const url = `ftp://${HOST}/big`;
    // @rfc 4787 REQ-10
    t.equal(await fetch(lab, who, url, ...ACTIVE), sum, `${who}: PORT`);
    t.equal(await fetch(lab, who, url, ...EXTENDED_ACTIVE), sum, `${who}: EPRT`);
    t.equal(await fetch(lab, who, url, ...PASSIVE), sum, `${who}: PASV`);
    t.equal(await fetch(lab, who, url), sum, `${who}: EPSV`);
    const url6 = `ftp://[${HOST6}]/big`;
    t.equal(await fetch(lab, who, url6, ...EXTENDED_ACTIVE), sum, `${who}: EPRT over IPv6`);
    t.equal(await fetch(lab, who, url6), sum, `${who}: EPSV over IPv6`);
    t.ok(await store(lab, who, HOST, ...ACTIVE), `${who}: stored, PORT`);
    t.ok(await store(lab, who, HOST), `${who}: stored, EPSV`);
    t.equal(await fetch(lab, who, `tftp://${HOST}/big`), sum, `${who}: TFTP`);
  }
}

/** Another client: several transfers over one control connection. */
async function lftp(t: Test, lab: Lab): Promise<void> {
  const sums = [1, 2, 3].map((n) => make(`many-${n}`, 50_000 * n));
  const script = [
    'set ftp:passive-mode no',
    'set net:max-retries 1',
    `set net:timeout ${PATIENCE}`,
    `open ${HOST}`,
    ...[1, 2, 3].map((n) => `get many-${n} -o ${place(`lftp-${n}`)}`),
    `put ${place('many-3')} -o lftp-put`,
  ].join('; ');
  const { status, stderr } = await lab.inNs('red-a1', 'lftp', '-c', script);
  t.equal(status, 0, `lftp: ${stderr}`);
  t.same(
    [1, 2, 3].map((n) => sumOf(place(`lftp-${n}`))),
    sums,
    'lftp: active, one after another',
  );
  t.equal(sumOf(place('lftp-put')), sums[2], 'lftp: stored');
}

async function serversInside(t: Test, lab: Lab): Promise<void> {
  const sum = sumOf(place('big'));
  for (const [server, what] of [
    ['203.0.113.1', 'at an address of the pool'],
    ['203.0.113.5:2121', 'at an address of its own'],
  ] as const) {
    for (const who of ['o', 'blue-a1']) {
      const url = `ftp://${server}/big`;
      t.equal(await fetch(lab, who, url, ...PASSIVE), sum, `a server ${what}, ${who}: PASV`);
      t.equal(await fetch(lab, who, url), sum, `a server ${what}, ${who}: EPSV`);
    }
    t.ok(await store(lab, 'o', server), `a server ${what}: stored`);
    t.equal(await fetch(lab, 'o', `ftp://${server}/big`, ...ACTIVE), sum, `${what}: PORT`);
  }
}

async function without(t: Test, lab: Lab): Promise<void> {
  const sum = sumOf(place('big'));
  const url = `ftp://${HOST}/big`;
  t.equal(await fetch(lab, 'blue-a1', url, ...ACTIVE), 'none', 'without the ALG: PORT fails');
  t.equal(await fetch(lab, 'blue-a1', url, ...EXTENDED_ACTIVE), 'none', 'EPRT fails');
  t.equal(await fetch(lab, 'blue-a1', url, ...PASSIVE), sum, 'PASV works');
  t.equal(await fetch(lab, 'blue-a1', url), sum, 'EPSV works');
  t.equal(await fetch(lab, 'blue-a1', `tftp://${HOST}/big`), 'none', 'TFTP fails');
}

/** A control connection that stays: asks for the file, and again, with what is in between. */
async function restarted(t: Test, lab: Lab): Promise<void> {
  const sum = sumOf(place('big'));
  const script = `${ROOT}/test/support/ftp/session.py`;
  const enter = [`--net=/run/netns/${lab.netns('red-a1')}`, '--', '/usr/bin/python3', script];
  const session = spawn('nsenter', [...enter, HOST, 'big'], { stdio: ['pipe', 'pipe', 'inherit'] });
  lab.onDown(() => session.kill('SIGKILL'));
  const lines = createInterface({ input: session.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<unknown> => (await lines.next()).value;
  t.equal(await line(), 'ready');
  session.stdin.write('1\n');
  t.equal(await line(), sum, 'before');
  await lab.kill('h2');
  const passive = await fetch(lab, 'blue-a1', `ftp://${HOST}/big`);
  t.equal(passive, sum, 'while no daemon runs, connections without an ALG work');
  session.stdin.write('2\n');
  await until('the reason ALG', 20, async () => (await lab.dropped('h2', 'ALG')) > 0);
  await lab.start('h2');
  t.equal(await line(), sum, 'after a kill the same control connection goes on');
  session.stdin.write('3\n');
  t.equal(await line(), sum);
  session.stdin.end();
}

test('FTP and TFTP, with the ALGs and without', LIMIT, async (t) => {
  const lab = await Lab.up('alg', {}, 'alg');
  t.teardown(() => lab.down());
  await start(lab);
  await clientsInside(t, lab);
  await lftp(t, lab);
  await serversInside(t, lab);
  await without(t, lab);
  await restarted(t, lab);
  const { transit_alg_lines_rewritten_total: rewritten = 0 } = await metrics(lab, 'h2');
  t.ok(rewritten >= 2, `${rewritten} lines rewritten since the start`);
});
