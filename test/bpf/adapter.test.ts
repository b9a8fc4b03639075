// SPDX-License-Identifier: Apache-2.0
/** The libbpf adapter against the running kernel: loading, settings, pins, test runs. */
import { compile, failure, load, loader, PINS, PRIVATE, run, words } from './fixtures/adapter.js';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { test } from 'tap';
import { BpfError, isBpffs, mountBpffs } from '../../src/daemon/kernel/libbpf/index.js';

const object = compile('adapter');
const rejected = compile('rejected');
const frame = new Uint8Array(64).fill(0xab);

test('mounts a BPF file system once', (t) => {
  const path = `/run/transit-bpffs-${process.pid}`;
  mountBpffs(path);
  mountBpffs(path);
  t.ok(isBpffs(path));
  t.equal(run('findmnt', '-n', '-o', 'FSTYPE', path).trim(), 'bpf');
  run('umount', path);
  rmSync(path, { recursive: true });
  t.notOk(isBpffs(path));
  t.end();
});

test('loads, sets .rodata by name and size, runs through a program array', (t) => {
  const rodata = { cfg_small: 65535, cfg_verdict: 3, cfg_flag: 0 };
  const o = load(object, 'rodata', { rodata });
  const xdp = o.programs.get('xdp_entry_long_name')!;
  t.equal(xdp.name, 'xdp_entry_long_name');
  t.ok(xdp.id > 0);
  t.match(xdp.tag, /^[0-9a-f]{16}$/);
  t.ok(xdp.verifiedInsns! > 10);
  const result = xdp.testRun({ data: frame, ifindex: 1, repeat: 1 });
  t.equal(result.verdict, 3);
  t.equal(result.data.length, 72, 'grown by 8');
  t.same(result.data.subarray(8), frame);
  const value = o.maps.get('t_hash')!.lookup(words(1, 0))!;
  t.same(value, words(1, 0, 65535, 0), 'ingress device and setting');
  o.close();
  t.end();
});

test('refuses settings that do not exist or do not fit', (t) => {
  for (const [rodata, expected] of [
    [{ cfg_nothing: 1 }, /cfg_nothing: there is no such variable/],
    [{ cfg_small: 65536 }, /cfg_small: 65536 does not fit/],
    [{ cfg_small: -1 }, /does not fit/],
    [{ cfg_flag: 2 }, /does not fit/],
    [{ cfg_signed: 2 ** 31 }, /does not fit/],
    [{ cfg_signed: 0.5 }, /cannot be set to 0.5/],
  ] as const) {
    const error = failure(() => load(object, 'bad', { rodata: { ...rodata } }));
    t.ok(error instanceof BpfError && error.code === 'BAD_BPF_ARGUMENT');
    t.match((error as Error).message, expected);
  }
  t.match(
    failure(() => load(object, 'bad', { maxEntries: { nope: 1 } })),
    { code: 'BAD_BPF_ARGUMENT', message: /no map "nope"/ },
  );
  t.match(
    failure(() => load('/nonexistent.o', 'bad')),
    { code: 'BPF_CALL', errno: 'ENOENT', message: /bpf_object__open_file.*ENOENT/ },
  );
  t.notOk(existsSync(`${PINS}/bad/t_hash`), 'a failed load pins nothing');
  t.end();
});

test('signed settings and the tc context', (t) => {
  const o = load(object, 'tc', { rodata: { cfg_signed: -5 } });
  const tc = o.programs.get('tc_entry')!;
  run('ip', 'link', 'add', 'tc0', 'type', 'veth', 'peer', 'name', 'tc1');
  const ifindex = ifindexOf('tc0');
  const result = tc.testRun({ data: frame, ifindex, gsoSize: 1000, gsoSegs: 3 });
  t.equal(result.verdict, 0);
  t.same(result.data, frame);
  t.same(o.maps.get('t_array')!.lookup(words(0)), words(1000, 3, ifindex, ifindex));
  t.equal(tc.testRun({ data: frame }).verdict, 0);
  t.ok(tc.testRun({ data: frame, repeat: 100 }).durationNs < 100_000);
  o.close();
  t.end();
});

test('the frame must be one', (t) => {
  const o = load(object, 'frame');
  const xdp = o.programs.get('xdp_pass')!;
  t.match(
    failure(() => xdp.testRun({ data: new Uint8Array(3) })),
    { code: 'BPF_CALL', errno: 'EINVAL', message: /bpf_prog_test_run_opts\(program xdp_pass\)/ },
  );
  o.close();
  t.end();
});

test('maps are pinned, taken from their pins, and sized', (t) => {
  const first = load(object, 'reuse', { maxEntries: { t_hash: 10 } });
  t.equal(first.maps.get('t_hash')!.maxEntries, 10);
  t.notOk(existsSync(`${PINS}/reuse/t_stages`), 'private');
  first.maps.get('t_hash')!.update(words(7, 0), words(1, 2, 3, 4));
  const second = load(object, 'reuse', { maxEntries: { t_hash: 10 } });
  t.equal(second.maps.get('t_hash')!.id, first.maps.get('t_hash')!.id);
  t.not(second.maps.get('t_stages')!.id, first.maps.get('t_stages')!.id);
  first.close();
  first.close();
  t.same(second.maps.get('t_hash')!.lookup(words(7, 0)), words(1, 2, 3, 4));
  second.close();
  const pinned = loader.openPinnedMap(`${PINS}/reuse/t_hash`);
  t.same([pinned.name, pinned.keySize, pinned.valueSize, pinned.count()], ['t_hash', 8, 16, 1]);
  pinned.close();
  t.ok(loader.isPinned(`${PINS}/reuse/t_hash`));
  loader.unpin(`${PINS}/reuse`);
  t.notOk(loader.isPinned(`${PINS}/reuse/t_hash`));
  t.end();
});

test('an incompatible pinned map is named, with what differs', (t) => {
  load(object, 'differs', { maxEntries: { t_hash: 10 } }).close();
  const error = failure(() => load(object, 'differs', { maxEntries: { t_hash: 11 } }));
  t.match(error, {
    code: 'MAP_INCOMPATIBLE',
    details: { object: 'map t_hash', field: 'maxEntries', pinned: 10, wanted: 11 },
    message: /map t_hash: the pinned map has maxEntries 10, the program needs 11/,
  });
  t.end();
});

test('pinned programs and program arrays are adopted as they are', (t) => {
  const first = load(object, 'adopt', { rodata: { cfg_verdict: 1 } });
  const { id } = first.programs.get('xdp_entry_long_name')!;
  const dir = `${PINS}/progs/one`;
  first.pin(dir);
  t.match(
    failure(() => {
      first.pin(dir);
    }),
    { code: 'BPF_CALL', errno: 'EEXIST' },
  );
  first.close();
  const again = loader.loadPinned(dir);
  const xdp = again.programs.get('xdp_entry_long_name')!;
  t.equal(xdp.id, id);
  t.equal(again.programs.size, 5);
  t.same([...again.maps.keys()], PRIVATE);
  t.equal(xdp.testRun({ data: frame }).verdict, 1, 'the program array is still filled');
  again.close();
  loader.unpin(dir);
  t.notOk(existsSync(dir));
  t.end();
});

test('pin names with dots are refused with the reason', (t) => {
  const o = load(object, 'dots');
  t.match(
    failure(() => {
      o.pin(`${PINS}/a.b`);
    }),
    { code: 'BAD_BPF_ARGUMENT', message: /dots/ },
  );
  o.close();
  t.end();
});

test("a rejected program brings the verifier's log", (t) => {
  mkdirSync(PINS, { recursive: true });
  const error = failure(() =>
    loader.load({ path: rejected, pinDir: `${PINS}/rejected` }),
  ) as BpfError;
  t.equal(error.code, 'VERIFIER_REJECTED');
  t.equal(error.errno, 'EACCES');
  t.match(error.log, /invalid access to packet/);
  t.match(error.message, /xdp_rejected: the verifier answers EACCES:[^]*invalid access to packet/);
  t.end();
});

function ifindexOf(device: string): number {
  return (JSON.parse(run('ip', '-j', 'link', 'show', 'dev', device)) as [{ ifindex: number }])[0]
    .ifindex;
}
