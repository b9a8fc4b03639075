// SPDX-License-Identifier: Apache-2.0
/** What becomes of single packets: lines, numbers, options, and all that is not to be trusted. */
import fc from 'fast-check';
import { test, type Test } from 'tap';
import { AlgEngine, MAX_CONNECTIONS } from '../../../src/daemon/slowpath/alg-engine.js';
import { ALG_COUNTS, bytesOf, SharedCounts } from '../../../src/daemon/slowpath/counts.js';
import {
  isSound,
  optionsOf,
  payloadOf,
  readPacket,
  tcpFields,
} from '../../../src/daemon/slowpath/packet.js';
import * as p from '../../support/packet/index.js';
import {
  bytes,
  CLIENT,
  CLIENT_PORT,
  FakeKernel,
  FWD,
  NO_DELTAS,
  NODE,
  PUBLIC,
  publicPort,
  REPLY,
  segment,
  SERVER,
  tagged,
  type Segment,
} from './frames.js';

class Scene {
  readonly kernel = new FakeKernel();
  readonly counts = new SharedCounts(new ArrayBuffer(bytesOf(ALG_COUNTS)), ALG_COUNTS);
  readonly engine = new AlgEngine({ kernel: this.kernel, counts: this.counts });
  now = 0;

  constructor(readonly t: Test) {}

  frames(frame: Uint8Array): Uint8Array[] {
    return this.engine.take(frame, (this.now += 0.01)).map((out) => Uint8Array.from(out));
  }

  /** What becomes of it; every frame's checksums are right. */
  send(s: Segment) {
    return this.frames(segment(s)).map((frame) => {
      const packet = readPacket(frame)!;
      this.t.ok(isSound(packet), 'its checksum is right');
      const { seq, ack, flags } = tcpFields(packet);
      const payload = Buffer.from(payloadOf(packet)).toString('latin1');
      return { reply: packet.tag.reply, seq, ack, flags, payload, packet };
    });
  }

  /** The handshake; then both ends' next numbers are 1000 and 5000. */
  open(): this {
    this.send({ reply: false, seq: 999, flags: 'S' });
    this.send({ reply: true, seq: 4999, ack: 1000, flags: 'SA' });
    this.send({ reply: false, seq: 1000, ack: 5000 });
    return this;
  }
}

const PORT = 'PORT 10,0,1,11,195,80\r\n';
const REWRITTEN = `PORT 203,0,113,1,${publicPort(50_000) >> 8},${publicPort(50_000) & 255}\r\n`;
const GROWN = REWRITTEN.length - PORT.length;

test('a line is rewritten, and both ends keep their own numbers', (t) => {
  const scene = new Scene(t).open();
  t.match(scene.send({ reply: false, seq: 1000, ack: 5000, flags: 'PA', payload: PORT }), [
    { seq: 1000, ack: 5000, payload: REWRITTEN },
  ]);
  t.match(scene.kernel.expected, [
    { vni: 100, proto: 6, family: 4, port: 50_000, publicFamily: 4 },
  ]);
  t.same(scene.kernel.expected[0]?.remote, bytes(SERVER), 'the server may come');
  const end = 1000 + REWRITTEN.length;
  t.match(scene.send({ reply: true, seq: 5000, ack: end, payload: '200 ok\r\n' }), [
    { seq: 5000, ack: 1000 + PORT.length, payload: '200 ok\r\n' },
  ]);
  t.match(scene.send({ reply: false, seq: 1000 + PORT.length, ack: 5008, payload: 'LIST\r\n' }), [
    { seq: end, payload: 'LIST\r\n' },
  ]);
  t.match(scene.send({ reply: false, seq: 1000, ack: 5000, payload: PORT }), [
    { seq: 1000, payload: REWRITTEN },
  ]);
  t.equal(scene.kernel.expected.length, 1, 'repeated: nothing is asked for again');
  t.equal(GROWN, REWRITTEN.length - PORT.length);
  t.end();
});

test('a line in pieces: held, acknowledged from here, sent whole', (t) => {
  const scene = new Scene(t).open();
  const out = scene.send({ reply: false, seq: 1000, ack: 5000, payload: PORT.slice(0, 7) });
  t.match(out, [
    { reply: false, seq: 1000, payload: '' },
    { reply: true, seq: 5000, ack: 1007, flags: 16, payload: '' },
  ]);
  t.match(scene.send({ reply: false, seq: 1007, ack: 5000, payload: PORT.slice(7) }), [
    { reply: false, seq: 1000, payload: REWRITTEN },
  ]);
  t.match(
    scene.send({ reply: false, seq: 1007, ack: 5000, payload: PORT.slice(7) }),
    [{ seq: 1000, payload: REWRITTEN }],
    'what its sender repeats brings the whole line',
  );
  t.match(scene.send({ reply: true, seq: 5000, ack: 1000 }), [{ ack: 1007 }], 'never back');
  t.end();
});

test('SACK names what the sender knows', (t) => {
  const scene = new Scene(t).open();
  scene.send({ reply: false, seq: 1000, ack: 5000, payload: PORT });
  scene.send({ reply: false, seq: 1000 + PORT.length, ack: 5000, payload: 'LIST\r\n' });
  const options = p.concat(
    p.u8(1, 1, 5, 18),
    p.u32(1000 + REWRITTEN.length, 1006 + REWRITTEN.length, 1002, 1004),
  );
  const [ack] = scene.send({ reply: true, seq: 5000, ack: 1000, options });
  t.same(
    optionsOf(ack!.packet),
    p.concat(
      p.u8(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 10),
      p.u32(1000 + PORT.length, 1006 + PORT.length),
    ),
    'a block within the line is left out',
  );
  t.end();
});

test('what is early waits', (t) => {
  const scene = new Scene(t).open();
  t.same(scene.send({ reply: false, seq: 1000 + PORT.length, payload: 'LIST\r\n' }), []);
  t.match(scene.send({ reply: false, seq: 1000, payload: PORT }), [
    { seq: 1000, payload: REWRITTEN },
    { seq: 1000 + REWRITTEN.length, payload: 'LIST\r\n' },
  ]);
  t.end();
});

test('a long segment that grows is cut in two', (t) => {
  const scene = new Scene(t).open();
  const filler = `${'X'.repeat(510)}\r\n`;
  const out = scene.send({ reply: false, seq: 1000, payload: `${filler}${PORT}` });
  t.equal(out.length, 2);
  t.ok(out.every(({ packet }) => packet.frame.length <= 14 + 576));
  t.equal(out.map(({ payload }) => payload).join(''), `${filler}${REWRITTEN}`);
  t.end();
});

test('only what is the own is announced', (t) => {
  // @rfc 5382 REQ-6
  const scene = new Scene(t).open();
  let seq = 1000;
  for (const line of [
    'PORT 10,0,1,12,195,80\r\n',
    'PORT 10,0,1,11,3,255\r\n',
    'PORT 8,8,8,8,9,9\r\n',
  ]) {
    t.match(scene.send({ reply: false, seq, payload: line }), [{ payload: line }], line);
    seq += line.length;
  }
  t.same(scene.kernel.expected, []);
  t.equal(scene.counts.read().foreign, 3);
  t.match(
    scene.send({ reply: true, seq: 5000, ack: seq, payload: '227 (198,51,100,7,9,9)\r\n' }),
    [{ payload: '227 (198,51,100,7,9,9)\r\n' }],
    'the server outside is where it says',
  );
  scene.kernel.refuse = 'NAT_QUOTA';
  t.match(scene.send({ reply: false, seq, payload: PORT }), [{ payload: PORT }]);
  t.match(scene.counts.read(), { refused: 1, rewritten: 0 });
  t.end();
});

test('after TLS begins nothing is read', (t) => {
  const server = { ...REPLY, outSource: bytes('203.0.113.9') };
  const scene = new Scene(t);
  scene.kernel.known.set(NODE, { id: 1n, proto: 6, fwd: FWD, reply: server, deltas: NO_DELTAS });
  scene.open();
  scene.send({ reply: true, seq: 5000, ack: 1000, payload: '234 go on\r\n' });
  t.match(scene.send({ reply: false, seq: 1000, payload: PORT }), [{ payload: PORT }]);
  t.same(scene.kernel.expected, []);
  t.end();
});

test('a new connection of the same ports begins anew', (t) => {
  const scene = new Scene(t).open();
  scene.send({ reply: false, seq: 1000, ack: 5000, payload: PORT });
  scene.send({ reply: false, seq: 77_000, flags: 'S' });
  scene.send({ reply: true, seq: 88_000, ack: 77_001, flags: 'SA' });
  t.match(scene.send({ reply: false, seq: 77_001, ack: 88_001, payload: 'NOOP\r\n' }), [
    { seq: 77_001, ack: 88_001, payload: 'NOOP\r\n' },
  ]);
  t.end();
});

test('a restart goes on where it was', (t) => {
  const scene = new Scene(t).open();
  scene.send({ reply: false, seq: 1000, ack: 5000, payload: PORT });
  const end = 1000 + REWRITTEN.length;
  scene.send({ reply: true, seq: 5000, ack: end, payload: '200 ok\r\n' });
  const engine = new AlgEngine({ kernel: scene.kernel, counts: scene.counts });
  const next = segment({ reply: false, seq: 1000 + PORT.length, ack: 5008, payload: 'LIST\r\n' });
  const [out] = engine.take(next, 1);
  t.match(tcpFields(readPacket(out!)!), { seq: end, ack: 5008 });
  const [back] = engine.take(segment({ reply: true, seq: 5008, ack: end + 6 }), 1);
  t.match(tcpFields(readPacket(back!)!), { seq: 5008, ack: 1006 + PORT.length });
  scene.kernel.known.delete(NODE);
  engine.sweep();
  t.equal(scene.counts.read().connections, 0, 'forgotten with its record');
  t.end();
});

test('TFTP: a request lets the server in, and is not changed', (t) => {
  const scene = new Scene(t);
  const fwd = { ...FWD, dport: 69 };
  scene.kernel.known.set(NODE, {
    id: 1n,
    proto: 17,
    fwd,
    reply: { ...REPLY, sport: 69 },
    deltas: NO_DELTAS,
  });
  const request = (payload: Uint8Array): Uint8Array =>
    p.packet(
      tagged(false),
      p.ip4({ src: CLIENT, dst: SERVER }),
      p.udp({ sport: CLIENT_PORT, dport: 69 }),
      p.raw(payload),
    );
  const frame = request(Buffer.from('\0\x01name\0octet\0', 'latin1'));
  t.same(scene.frames(frame), [frame]);
  t.match(scene.kernel.expected, [{ proto: 17, port: CLIENT_PORT, publicFamily: 4 }]);
  t.same(scene.kernel.expected[0]?.publicAddress, bytes(PUBLIC));
  const data = request(Buffer.from('\0\x04\0\x01', 'latin1'));
  t.same(scene.frames(data), [data], 'anything else passes');
  t.equal(scene.kernel.expected.length, 1);
  t.end();
});

test('what cannot be placed is dropped, and counted', (t) => {
  const scene = new Scene(t).open();
  const good = segment({ reply: false, seq: 1000, payload: 'NOOP\r\n' });
  t.same(scene.frames(good.slice(0, 40)), [], 'cut off');
  t.same(scene.frames(p.patch(good, 58, [1])), [], 'a wrong checksum');
  t.same(scene.frames(p.patch(good, 0, [3])), [], 'not from the data path');
  t.equal(scene.counts.read().dropBroken, 3);
  t.same(scene.frames(p.patch(good, 7, [9])), [], 'of no connection');
  scene.kernel.known.set(9, {
    id: 2n,
    proto: 6,
    fwd: { ...FWD, sport: 1 },
    reply: REPLY,
    deltas: NO_DELTAS,
  });
  t.same(scene.frames(p.patch(good, 7, [9])), [], 'of another connection than it says');
  t.equal(scene.counts.read().dropUnknown, 2);
  t.end();
});

test('there are bounds', (t) => {
  const scene = new Scene(t);
  for (let node = 1; node <= MAX_CONNECTIONS + 1; node++)
    scene.kernel.known.set(node, {
      id: BigInt(node),
      proto: 6,
      fwd: FWD,
      reply: REPLY,
      deltas: NO_DELTAS,
    });
  const frame = segment({ reply: false, seq: 1000, payload: 'NOOP\r\n' });
  const of = (node: number): Uint8Array => p.patch(frame, 6, [node >> 8, node & 255]);
  for (let node = 1; node <= MAX_CONNECTIONS; node++) scene.frames(of(node));
  t.equal(scene.counts.read().connections, MAX_CONNECTIONS);
  t.same(scene.frames(of(MAX_CONNECTIONS + 1)), []);
  t.equal(scene.counts.read().dropFull, 1);
  scene.kernel.known.delete(1);
  t.equal(scene.frames(of(MAX_CONNECTIONS + 1)).length, 1, 'one that has gone makes room');

  scene.now = 1000;
  let passed = 0;
  for (let i = 0; i < 3000; i++) passed += scene.engine.take(of(7), 1000).length;
  t.ok(passed > 900 && passed < 1100, `${passed} of 3000 packets at once pass`);
  t.equal(scene.counts.read().dropRate, 3000 - passed);

  const lines = new Scene(t).open();
  for (let i = 0; i < 60; i++)
    lines.send({ reply: false, seq: 1000 + i * PORT.length, ack: 5000, payload: PORT });
  t.ok(lines.kernel.expected.length <= 16, 'nor more lines than the receiver keeps up with');
  t.end();
});

test('garbage does no harm', (t) => {
  const scene = new Scene(t).open();
  const part = fc.oneof(
    fc.constantFrom(PORT, '227 (198,51,100,7,9,9)\r\n', '\n', 'P', '22', '234 \r\n', 'EPRT |'),
    fc.string({ unit: 'binary', maxLength: 600 }),
  );
  const some: fc.Arbitrary<Segment> = fc.record({
    reply: fc.boolean(),
    seq: fc.oneof(fc.integer({ min: 900, max: 1400 }), fc.nat(2 ** 32 - 1)),
    ack: fc.oneof(fc.integer({ min: 900, max: 1400 }), fc.nat(2 ** 32 - 1)),
    flags: fc.constantFrom('A', 'PA', 'FA', 'R', 'S', 'SA', 'UA', '', 'FSRPAU'),
    payload: part,
    options: fc.uint8Array({ minLength: 0, maxLength: 40 }).map((o) => o.slice(0, o.length & ~3)),
  });
  fc.assert(
    fc.property(fc.array(some, { maxLength: 30 }), fc.array(fc.nat(255)), (segments, damage) => {
      for (const s of segments) {
        scene.send(s);
        const broken = segment(s);
        for (const [i, byte] of damage.entries()) broken[(i * 7 + byte) % broken.length] = byte;
        scene.frames(broken);
        scene.now += 1;
      }
    }),
    { numRuns: 300 },
  );
  scene.engine.sweep();
  t.end();
});
