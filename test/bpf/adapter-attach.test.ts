// SPDX-License-Identifier: Apache-2.0
/** Attaching to devices: replaced in place, kept by the pin, gone with the device. */
import { compile, load, loader, PINS, run } from './fixtures/adapter.js';
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import type { AttachKind, BpfAttachment } from '../../src/daemon/ports/bpf.js';

const object = load(compile('adapter'), 'attach');
const xdp = [object.programs.get('xdp_pass')!, object.programs.get('xdp_stage')!] as const;
const tc = [object.programs.get('tc_entry')!, object.programs.get('tc_event')!] as const;

function veth(name: string): number {
  run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`);
  const [link] = JSON.parse(run('ip', '-j', 'link', 'show', 'dev', name)) as [{ ifindex: number }];
  return link.ifindex;
}

/** Where the kernel says XDP programs run: their modes by number (linux/if_link.h). */
function xdpMode(name: string): number | undefined {
  const [link] = JSON.parse(run('ip', '-j', 'link', 'show', 'dev', name)) as [
    { xdp?: { mode: number } },
  ];
  return link.xdp?.mode;
}

function idOf(attachment: BpfAttachment | undefined): number | undefined {
  return attachment?.programId;
}

const linkKinds: readonly AttachKind[] = ['xdp-native', 'xdp-generic', 'tcx'];
for (const kind of linkKinds) {
  test(`${kind}: attach, replace, adopt, detach`, (t) => {
    if (kind === 'tcx' && !loader.hasTcx()) {
      t.comment('skipped: the kernel has no tcx (6.6)');
      t.end();
      return;
    }
    const [one, two] = kind === 'tcx' ? tc : xdp;
    const ifindex = veth('d0');
    const pin = `${PINS}/links/${ifindex}-${kind}`;
    t.equal(loader.attached(ifindex, kind, pin), undefined);
    loader.detach(ifindex, kind, pin);

    const first = loader.attach(one, ifindex, kind, pin);
    t.match(first, { kind, ifindex, programId: one.id });
    t.ok(first.linkId! > 0);
    t.same(loader.attached(ifindex, kind, pin), first);
    if (kind !== 'tcx') t.equal(xdpMode('d0'), kind === 'xdp-native' ? 1 : 2);

    const second = loader.attach(two, ifindex, kind, pin);
    t.same(second, { ...first, programId: two.id }, 'the same link runs another program');
    t.same(loader.attached(ifindex, kind, pin), second);
    t.equal(loader.attached(ifindex + 100, kind, pin), undefined, 'another device');

    loader.detach(ifindex, kind, pin);
    t.equal(loader.attached(ifindex, kind, pin), undefined);
    t.notOk(existsSync(pin));
    t.equal(xdpMode('d0'), undefined);
    loader.detach(ifindex, kind, pin);

    loader.attach(one, ifindex, kind, pin);
    run('ip', 'link', 'del', 'd0');
    t.equal(loader.attached(ifindex, kind, pin), undefined, 'the device is gone');
    t.ok(existsSync(pin));
    const next = veth('d1');
    t.equal(idOf(loader.attach(two, next, kind, pin)), two.id, 'a dead link is replaced');
    t.equal(idOf(loader.attached(next, kind, pin)), two.id);
    run('ip', 'link', 'del', 'd1');
    loader.detach(next, kind, pin);
    t.notOk(existsSync(pin));
    t.end();
  });
}

test('changing the XDP mode makes a new link', (t) => {
  const ifindex = veth('m0');
  const pin = `${PINS}/links/mode`;
  const generic = loader.attach(xdp[0], ifindex, 'xdp-generic', pin);
  const native = loader.attach(xdp[0], ifindex, 'xdp-native', pin);
  t.not(native.linkId, generic.linkId);
  t.equal(xdpMode('m0'), 1);
  t.equal(loader.attached(ifindex, 'xdp-generic', pin)?.kind, 'xdp-native', 'the truth');
  run('ip', 'link', 'del', 'm0');
  loader.detach(ifindex, 'xdp-native', pin);
  t.end();
});

test('clsact: attach, replace, detach', (t) => {
  const ifindex = veth('c0');
  const pin = `${PINS}/links/unused`;
  const [one, two] = tc;
  t.equal(loader.attached(ifindex, 'clsact', pin), undefined);
  loader.detach(ifindex, 'clsact', pin);
  t.same(loader.attach(one, ifindex, 'clsact', pin), {
    kind: 'clsact',
    ifindex,
    programId: one.id,
    linkId: undefined,
  });
  loader.attach(two, ifindex, 'clsact', pin);
  t.equal(idOf(loader.attached(ifindex, 'clsact', pin)), two.id);
  const filters = run('tc', 'filter', 'show', 'dev', 'c0', 'ingress');
  t.match(filters, /pref 49152 bpf.*handle 0x1/);
  t.equal(filters.split('handle 0x').length, 2, 'one filter');
  loader.detach(ifindex, 'clsact', pin);
  t.equal(loader.attached(ifindex, 'clsact', pin), undefined);
  loader.attach(one, ifindex, 'clsact', pin);
  run('ip', 'link', 'del', 'c0');
  t.equal(loader.attached(ifindex, 'clsact', pin), undefined, 'the device is gone');
  t.end();
});

test('a device that does not exist', (t) => {
  for (const kind of ['xdp-native', 'tcx', 'clsact'] as const) {
    if (kind === 'tcx' && !loader.hasTcx()) continue;
    const program = kind === 'xdp-native' ? xdp[0] : tc[0];
    t.throws(() => loader.attach(program, 123456, kind, `${PINS}/links/none`), {
      code: 'BPF_CALL',
      errno: /^E/,
    });
    t.notOk(existsSync(`${PINS}/links/none`));
  }
  t.end();
});

test('XDP where frames have several buffers: as far as the kernel forwards them', (t) => {
  const path = fileURLToPath(new URL('../../build/bpf/transit_xdp.o', import.meta.url));
  const privateMaps = ['stages', 'scratch', 'scratch_walk'];
  const jumbo = loader.load({ path, pinDir: `${PINS}/jumbo`, privateMaps });
  const program = jumbo.programs.get('xdp_transit')!;
  const ifindex = veth('j0');
  for (const end of ['j0', 'j0p']) run('ip', 'link', 'set', end, 'mtu', '9000');
  const pin = `${PINS}/links/jumbo`;
  const attach = (): BpfAttachment => loader.attach(program, ifindex, 'xdp-native', pin);
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major > 6 || (major === 6 && minor >= 3)) {
    t.equal(attach().kind, 'xdp-native');
    loader.detach(ifindex, 'xdp-native', pin);
  } else {
    t.throws(attach, { code: 'BPF_CALL', errno: 'ERANGE' });
    for (const end of ['j0', 'j0p']) run('ip', 'link', 'set', end, 'mtu', '3498');
    t.equal(attach().kind, 'xdp-native');
    loader.detach(ifindex, 'xdp-native', pin);
  }
  run('ip', 'link', 'del', 'j0');
  jumbo.close();
  t.end();
});
