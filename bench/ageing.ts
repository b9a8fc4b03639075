// SPDX-License-Identifier: Apache-2.0
/**
 * What ageing costs while records are idle and when they expire: the timer's own code, turned by
 * hand through a connection's life in a time that the bench sets (bench/bpf/loop_age.bpf.c), and
 * timed by BPF_PROG_TEST_RUN. The share of a core is the sum of these times over the life.
 *
 * usage: ageing.ts [--rounds N] [--filter RE] [--quick]
 */
import { isolate } from '../test/support/rig.js';
import { Journal } from './lib/journal.js';
import { Loops, PATHS } from './lib/loops.js';
import { options } from './lib/options.js';
import { addOutside, addSources, outgoing, outside, WORLD_HOST } from './lib/translated.js';
import { A } from './lib/world.js';

isolate();
const opts = options(5);
const RECORDS = opts.quick ? 100_000 : 1_000_000;
/** The longest of the default timeouts: TCP's. The frames are UDP, which is given the same. */
const TIMEOUT_S = 300;
const YOUNG_S = 60;
/** From the end of a connection to the next use of its node, and to that of its mapping's. */
const LEAVE_S = 4;
const QUARANTINE_S = 130;
/** Turns of the wheel for one second, at most: then something is wrong. */
const TURNS_MAX = 10_000;
const path = PATHS[0]!;

interface Life {
  /** Share of a core until the records expire, %. */
  readonly idle: number;
  /** The same in the first minute, when looks are frequent. */
  readonly young: number;
  /** The same of a wheel that has nothing on it. */
  readonly empty: number;
  /** Of one look at a living record, ns. */
  readonly look: number;
  /** Of one record's expiry, ns; translated: of a connection's and its mapping's. */
  readonly expiry: number;
  /** The longest run of the timer, µs. */
  readonly longest: number;
}

/** Records, as they are when their life begins. */
interface Population {
  readonly loops: Loops;
  /** Makes them all, in one second of the loops' clock. */
  readonly make: () => void;
  readonly nodes: number;
  readonly records: number;
  /** What expiry is a share of. */
  readonly members: number;
  /** From the end of the records to that of all nodes, seconds. */
  readonly leave: number;
}

/** Both directions of half as many connections. */
function plain(): Population {
  const loops = new Loops(Math.ceil(RECORDS * 1.05), { rodata: { cfg_timeout_udp_s: TIMEOUT_S } });
  const make = (): void => {
    loops.learn(path, RECORDS / 2);
  };
  return { loops, make, nodes: RECORDS / 2, records: RECORDS, members: RECORDS, leave: LEAVE_S };
}

/** As many connections with a mapping each, of 256 inside addresses behind 32. */
function translated(): Population {
  const entries = Math.ceil(RECORDS * 2 * 1.05);
  const loops = new Loops(entries, {
    hooks: ['xdp'],
    objects: ['yardstick', 'fresh_agent'],
    maxEntries: { nat_map: entries, addr: 16_384 },
    rodata: { cfg_nat_udp_s: TIMEOUT_S },
  });
  addOutside(loops.rig, outside(32));
  const { base } = addSources(loops, 4, 256);
  const frame = outgoing(4, A, WORLD_HOST[4]);
  const make = (): void => {
    loops.targets(base, 1, 256);
    loops.startAt(0);
    loops.slice('xdp_fresh_new_04', frame, loops.device('a'), RECORDS, 'new');
  };
  return {
    loops,
    make,
    nodes: 2 * RECORDS,
    records: 2 * RECORDS,
    members: RECORDS,
    leave: QUARANTINE_S,
  };
}

function live({ loops, make, nodes, records, members, leave }: Population): Life {
  loops.rig.programs.load('build/bench/bpf/loop_age.o', loops.settings);
  const program = loops.program('bench_tick');
  const frame = new Uint8Array(64);
  let longest = 0;
  /** ns of all that the timer does in that second. */
  const second = (now: number): number => {
    const time = new Uint8Array(8);
    new DataView(time.buffer).setBigUint64(0, BigInt(now) * 1_000_000_000n, true);
    loops.rig.map('bench_time').update(new Uint8Array(4), time);
    let sum = 0;
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const { verdict, durationNs } = program.run(frame, 0);
      sum += durationNs;
      longest = Math.max(longest, durationNs / 1000);
      if (verdict === 0) return sum;
      if (verdict !== 1) throw new Error(`bench_tick: ${verdict}`);
    }
    throw new Error('the wheel does not come to an end');
  };
  const age = (): { used: number; rescheduled: number; expired: number } => {
    const value = loops.rig.layouts.decode(
      'age_val',
      loops.rig.map('age').lookup(new Uint8Array(4))!,
    );
    return {
      used: Number(value.used),
      rescheduled: Number(value.rescheduled),
      expired: Number(value.expired_flows),
    };
  };
  const begin = loops.clock;
  let empty = 0;
  for (let s = 1; s <= 10; s++) empty += second(begin + s);
  longest = 0;
  for (let s = 0; s < 10; s++) loops.tick(); // the loops' clock is the wheel's
  make();
  const born = loops.clock;
  if (age().used !== nodes) throw new Error(`${age().used} nodes, not ${nodes}`);
  let [idle, young, s] = [0, 0, 0];
  // the wheel's slot of a second is looked at when that second is over
  while (s < TIMEOUT_S - 1) {
    idle += second(born + ++s);
    if (s === YOUNG_S) young = idle;
  }
  const { rescheduled, expired } = age();
  if (expired > 0) throw new Error(`${expired} records expired too early`);
  let expiry = 0;
  for (let late = 0; late < 8 && age().expired < records; late++) expiry += second(born + ++s);
  const gone = age().expired;
  if (gone !== records) throw new Error(`${gone} of ${records} records expired in time`);
  for (let late = 0; late < leave; late++) expiry += second(born + ++s);
  if (loops.rig.map('nat_map').keys().length > 0) throw new Error('mappings are left');
  loops.close();
  const percent = (ns: number, seconds: number): number => (ns / seconds / 1e9) * 100;
  return {
    idle: percent(idle, TIMEOUT_S - 1),
    young: percent(young, YOUNG_S),
    empty: percent(empty, 10),
    look: idle / rescheduled,
    expiry: expiry / members,
    longest,
  };
}

const FIGURES: readonly { name: string; unit: string; of: (life: Life) => number }[] = [
  { name: 'idle', unit: '% of a core', of: (l) => l.idle },
  { name: 'young', unit: '% of a core', of: (l) => l.young },
  { name: 'empty', unit: '% of a core', of: (l) => l.empty },
  { name: 'look', unit: 'ns', of: (l) => l.look },
  { name: 'expiry', unit: 'ns', of: (l) => l.expiry },
  { name: 'longest-run', unit: 'µs', of: (l) => l.longest },
];
const POPULATIONS = [
  { prefix: 'ageing', make: plain, figures: FIGURES },
  { prefix: 'ageing/nat', make: translated, figures: FIGURES.filter((f) => f.name !== 'empty') },
];
let journal: Journal | undefined;
for (const { prefix, make, figures } of POPULATIONS) {
  const id = (name: string): string =>
    name === 'empty' ? `${prefix}/idle/0` : `${prefix}/${name}/${RECORDS}`;
  const wanted = figures.filter(({ name }) => opts.wants(id(name)));
  if (wanted.length === 0) continue;
  journal ??= new Journal('ageing');
  live(make()); // warms up
  const lives = Array.from({ length: opts.rounds }, () => live(make()));
  for (const { name, unit, of } of wanted) {
    const series = { own: lives.map(of) };
    journal.write({ id: id(name), unit, better: 'smaller', series, compare: [] });
  }
}
process.exit(0);
