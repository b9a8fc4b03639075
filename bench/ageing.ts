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

isolate();
const opts = options(5);
const RECORDS = opts.quick ? 100_000 : 1_000_000;
/** The longest of the default timeouts: TCP's. The frames are UDP, which is given the same. */
const TIMEOUT_S = 300;
const YOUNG_S = 60;
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
  /** Of one record's expiry, ns. */
  readonly expiry: number;
  /** The longest run of the timer, µs. */
  readonly longest: number;
}

function live(): Life {
  const loops = new Loops(Math.ceil(RECORDS * 1.05), { rodata: { cfg_timeout_udp_s: TIMEOUT_S } });
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
  loops.learn(path, RECORDS / 2);
  const born = loops.clock;
  if (age().used !== RECORDS) throw new Error(`${age().used} records, not ${RECORDS}`);
  let [idle, young, s] = [0, 0, 0];
  // the wheel's slot of a second is looked at when that second is over
  while (s < TIMEOUT_S - 1) {
    idle += second(born + ++s);
    if (s === YOUNG_S) young = idle;
  }
  const { rescheduled, expired } = age();
  if (expired > 0) throw new Error(`${expired} records expired too early`);
  let expiry = 0;
  for (let late = 0; late < 8 && age().expired < RECORDS; late++) expiry += second(born + ++s);
  const gone = age().expired;
  if (gone !== RECORDS) throw new Error(`${gone} of ${RECORDS} records expired in time`);
  loops.close();
  const percent = (ns: number, seconds: number): number => (ns / seconds / 1e9) * 100;
  return {
    idle: percent(idle, TIMEOUT_S - 1),
    young: percent(young, YOUNG_S),
    empty: percent(empty, 10),
    look: idle / rescheduled,
    expiry: expiry / RECORDS,
    longest,
  };
}

const FIGURES: readonly { id: string; unit: string; of: (life: Life) => number }[] = [
  { id: `idle/${RECORDS}`, unit: '% of a core', of: (l) => l.idle },
  { id: `young/${RECORDS}`, unit: '% of a core', of: (l) => l.young },
  { id: 'idle/0', unit: '% of a core', of: (l) => l.empty },
  { id: `look/${RECORDS}`, unit: 'ns', of: (l) => l.look },
  { id: `expiry/${RECORDS}`, unit: 'ns', of: (l) => l.expiry },
  { id: `longest-run/${RECORDS}`, unit: 'µs', of: (l) => l.longest },
];
const wanted = FIGURES.filter((f) => opts.wants(`ageing/${f.id}`));
if (wanted.length > 0) {
  const journal = new Journal('ageing');
  live(); // warms up
  const lives = Array.from({ length: opts.rounds }, live);
  for (const { id, unit, of } of wanted) {
    const series = { own: lives.map(of) };
    journal.write({ id: `ageing/${id}`, unit, better: 'smaller', series, compare: [] });
  }
}
process.exit(0);
