// SPDX-License-Identifier: Apache-2.0
/** No program's calls take more stack than kernel 6.1 has, whatever the settings. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test, type Test } from 'tap';
import { objectPath, OBJECTS } from '../support/rig.js';
import { complaints, stackDepths, type Depth } from './stack.js';

for (const object of OBJECTS)
  test(`${object}: within the stack of 6.1`, (t) => {
    const depths = stackDepths(readFileSync(objectPath(object)));
    t.ok(depths.length > 0, `${depths.length} programs`);
    for (const depth of depths) {
      t.same(complaints(depth), [], `${depth.program}: ${depth.bytes} bytes`);
      t.ok(depth.bytes >= 32, 'at least its own frame');
    }
    t.end();
  });

/** Functions with frames of our choice: who hears of bytes keeps them from being optimised away. */
function compiled(t: Test, body: string): readonly Depth[] {
  const source = `
    #define SEC(name) __attribute__((section(name), used))
    #define never_inline __attribute__((noinline))
    static long (*loop)(unsigned, void *, void *, unsigned long) = (void *)181;
    static long (*tail_call)(void *, void *, unsigned) = (void *)12;
    static void (*trace)(const char *, unsigned) = (void *)6;
    #define USE(n) char bytes[n]; trace(bytes, n)
    ${body}`;
  const out = `${t.testdir()}/some.o`;
  execFileSync('clang', ['-O2', '-target', 'bpf', '-mcpu=v3', '-x', 'c', '-', '-c', '-o', out], {
    input: source,
  });
  return stackDepths(readFileSync(out));
}

test('each frame is rounded up, and the deepest way counts', (t) => {
  const [depth] = compiled(
    t,
    `static never_inline int leaf(int n) { USE(40); return n; }
     static never_inline int flat(int n) { return n * n; }
     static never_inline int middle(int n) { USE(24); return flat(n) + leaf(n); }
     SEC("tc") int entry(int *ctx) { USE(8); return middle(*ctx) + flat(*ctx); }`,
  );
  t.match(depth, { program: 'entry', bytes: 32 + 32 + 64, frames: 3, tailCallers: 0 });
  t.same(
    depth?.chain.map(({ name, used, bytes }) => [name, used, bytes]),
    [
      ['entry', 8, 32],
      ['middle', 24, 32],
      ['leaf', 40, 64],
    ],
  );
  t.same(depth && complaints(depth), []);
  t.end();
});

test('a chain that is too deep is named', (t) => {
  const [depth] = compiled(
    t,
    `static never_inline int leaf(int n) { USE(264); return n; }
     SEC("tc") int entry(int *ctx) { USE(232); return leaf(*ctx); }`,
  );
  t.same(depth && complaints(depth), [
    'entry: 544 bytes of stack: entry 256 (232) > leaf 288 (264)',
  ]);
  t.end();
});

test('callbacks, and functions that do not sit in .text', (t) => {
  const [depth] = compiled(
    t,
    `static never_inline int step(unsigned i, void *data) { USE(96); return 0; }
     SEC("tc") int entry(int *ctx) { USE(320); return loop(4, step, bytes, 0); }`,
  );
  t.equal(depth?.bytes, 320 + 96);
  t.end();
});

test('tail calls in functions that are called, and too many calls', (t) => {
  const [tail] = compiled(
    t,
    `struct { int type; } stages SEC(".maps");
     static never_inline int go(void *ctx) { tail_call(ctx, &stages, 1); return 0; }
     SEC("tc") int entry(int *ctx) { USE(248); return go(ctx); }`,
  );
  t.same(tail && complaints(tail), ['entry: 256 bytes of callers above a tail call']);
  const chain = Array.from(
    { length: 8 },
    (_, i) => `static never_inline int f${i + 1}(int n) { USE(8); return f${i}(n) + n; }`,
  );
  const [many] = compiled(
    t,
    `static never_inline int f0(int n) { USE(8); return n; }
     ${chain.join('\n')}
     SEC("tc") int entry(int *ctx) { return f8(*ctx); }`,
  );
  t.same(many && complaints(many), ['entry: 10 frames']);
  t.end();
});
