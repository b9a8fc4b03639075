// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoint to endpoint across two hosts and within one, on the same wire with the same offload
 * settings: Transit, the kernel's own bridge and VXLAN (lab/kernel-twin.sh), and plain routing
 * without any overlay (bench/plain-network.sh); to the outside, the kernel's masquerade and plain
 * routing. All are up at the same time and measured in turn,
 * so that a ratio compares neighbours in time.
 *
 * usage: e2e.ts [--rounds N] [--filter RE] [--quick]
 */
import { execFileSync } from 'node:child_process';
import { inTurn, type Comparison } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { options } from './lib/options.js';
import { METRICS, reaches, type Metric, type Where } from './lib/traffic.js';

const opts = options(7);
const SECONDS = opts.quick ? 0.3 : 0.7;
/** Room for what new flows a second leave until they expire. */
const ENVIRONMENT = { LAB_MAX_FLOWS: '1048576', LAB_UDP_TIMEOUT: '3' };

const WHERE: Readonly<Record<'across' | 'same' | 'out', Where>> = {
  across: { from: 'a1', to: 'b1', address: '10.0.1.21' },
  same: { from: 'a1', to: 'a2', address: '10.0.1.12' },
  out: { from: 'b1', to: 'o', address: '198.51.100.7' },
};

interface Scenario {
  readonly name: string;
  /** The wire carries MTU-sized frames with complete checksums; else 64 KiB frames cross it. */
  readonly wire: boolean;
  /** Topologies of lab/topologies: ours, by what its figures are called, and the others'. */
  readonly ours: Readonly<Record<string, string>>;
  readonly others: string;
  readonly metrics: Readonly<Partial<Record<keyof typeof WHERE, readonly string[]>>>;
  /** Records of a host; absent: ENVIRONMENT's. */
  readonly flows?: number;
}

/** Ports a workload connects from: as many as its blocks of a public address have. */
const PORTS = '20000 27999';
const SOME = ['tcp1', 'tcp4', 'udp18', 'rtt'];
const SCENARIOS: readonly Scenario[] = [
  {
    name: 'wire1500',
    wire: true,
    // agents by tc and the NIC by XDP; XDP everywhere; tc everywhere
    ours: { wire1500: 'bench', 'wire1500-xdp': 'benchxdp', 'wire1500-tc': 'bench1500tc' },
    others: 'bench',
    metrics: {
      across: [...SOME, 'udp64', 'connections', 'new-flows'],
      same: [...SOME, 'connections', 'new-flows'],
    },
  },
  {
    name: 'wire9000',
    wire: true,
    ours: { wire9000: 'bench9000', 'wire9000-xdp': 'bench9000xdp', 'wire9000-tc': 'bench9000tc' },
    others: 'bench9000',
    metrics: { across: SOME },
  },
  {
    name: 'gso',
    wire: false,
    ours: { gso: 'benchgso' },
    others: 'benchgso',
    metrics: { across: SOME },
  },
  {
    name: 'nat',
    wire: false,
    ours: { nat: 'benchnat' },
    others: 'benchnat',
    metrics: { out: [...SOME, 'always-new', 'new-flows'] },
    // a translated connection stays for two minutes at least
    flows: 3 << 20,
  },
];
const compare = (where: keyof typeof WHERE): readonly Comparison[] => [
  { name: where === 'out' ? 'to routing' : 'to routing without a tunnel', to: 'plain' },
  { name: where === 'out' ? 'to nftables masquerade' : 'to the kernel', to: 'kernel' },
];

/** The rest is still worth measuring. */
function fail(text: string): void {
  console.error(`bench: e2e: ${text}`);
  process.exitCode = 1;
}

const prefixOf = (lab: string): string => `tl-${lab}-`;

function script(path: string, args: readonly string[], flows?: number): void {
  const more = flows === undefined ? {} : { LAB_MAX_FLOWS: String(flows) };
  execFileSync(path, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...ENVIRONMENT, ...more },
  });
}

/** The offloads of the cable between the hosts, or of the one to the outside, at both ends. */
function setWire(lab: string, wire: boolean, outside: boolean): void {
  const state = wire ? 'off' : 'on';
  const ends = [
    ['h1', 'ul0'],
    ['h2', 'ul0'],
    ...(outside
      ? [
          ['h2', 'out0'],
          ['o', 'o0'],
        ]
      : []),
  ] as const;
  for (const [ns, device] of ends) {
    const features = ['tx', state, 'tso', state, 'gso', state];
    execFileSync(
      'nsenter',
      [`--net=/run/netns/${prefixOf(lab)}${ns}`, 'ethtool', '-K', device, ...features],
      { stdio: 'ignore' },
    );
  }
  if (!outside) return;
  const ports = ['sysctl', '-qw', `net.ipv4.ip_local_port_range=${PORTS}`];
  execFileSync('nsenter', [`--net=/run/netns/${prefixOf(lab)}${WHERE.out.from}`, ...ports]);
}

async function measure(
  labs: Readonly<Record<string, string>>,
  ours: readonly string[],
  where: keyof typeof WHERE,
  metric: Metric,
  journal: Journal,
): Promise<void> {
  const id = (ours: string, value: string): string => `e2e/${ours}/${where}/${value}`;
  const wanted = ours.filter((o) => metric.values.some((v) => opts.wants(id(o, v.name))));
  if (wanted.length === 0) return;
  const names = [...wanted, 'kernel', 'plain'];
  const rounds = await inTurn(
    opts.rounds,
    Object.fromEntries(
      names.map((n) => [n, () => metric.run(prefixOf(labs[n]!), WHERE[where], SECONDS)]),
    ),
  );
  for (const own of wanted) {
    metric.values.forEach(({ name, unit, better }, i) => {
      const of = (network: string): number[] => rounds[network]!.map((round) => round[i] ?? NaN);
      const series = { own: of(own), kernel: of('kernel'), plain: of('plain') };
      journal.write({ id: id(own, name), unit, better, series, compare: compare(where) });
    });
  }
}

async function play(scenario: Scenario, journal: Journal): Promise<void> {
  const ours = Object.entries(scenario.ours);
  // a lab's name is known to the whole machine: another run must not take ours down
  const lab = (what: string): string => `b${what}${process.pid.toString(36)}`;
  const labs: Record<string, string> = { kernel: lab('k'), plain: lab('p') };
  ours.forEach(([name], i) => (labs[name] = lab(String(i))));
  const [kernel, plain] = [labs.kernel!, labs.plain!];
  const outside = scenario.metrics.out !== undefined;
  try {
    for (const [name, topology] of ours)
      script('lab/up.sh', [labs[name]!, topology], scenario.flows);
    if (outside) script('bench/plain-network.sh', ['masquerade', kernel, scenario.others]);
    else script('lab/kernel-twin.sh', ['up', kernel, scenario.others]);
    script('bench/plain-network.sh', ['up', plain, scenario.others]);
    for (const lab of Object.values(labs)) setWire(lab, scenario.wire, outside);
    const alive: string[] = [];
    for (const [name] of ours) {
      if (await reaches(prefixOf(labs[name]!), outside ? WHERE.out : WHERE.across))
        alive.push(name);
      else fail(`${name}: nothing gets across; left out`);
    }
    for (const where of ['across', 'same', 'out'] as const) {
      for (const name of scenario.metrics[where] ?? []) {
        await measure(labs, alive, where, METRICS[name]!, journal);
      }
    }
  } finally {
    for (const [name] of ours) script('lab/down.sh', [labs[name]!]);
    script('lab/kernel-twin.sh', ['down', kernel, scenario.others]);
    script('bench/plain-network.sh', ['down', plain, scenario.others]);
  }
}

const journal = new Journal('e2e');
for (const scenario of SCENARIOS) {
  const ids = Object.keys(scenario.ours).flatMap((own) =>
    Object.entries(scenario.metrics).flatMap(([where, names]) =>
      names.flatMap((n) => METRICS[n]!.values.map((v) => `e2e/${own}/${where}/${v.name}`)),
    ),
  );
  if (!ids.some((id) => opts.wants(id))) continue;
  try {
    await play(scenario, journal);
  } catch (error) {
    fail(`${scenario.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
