// SPDX-License-Identifier: Apache-2.0
/** A lab with topology policy: six endpoints with labels, who talks to whom, changes on both hosts. */
import { type Test } from 'tap';
import { Lab, until } from '../support/traffic/lab.js';
import { Talker } from '../support/traffic/talker.js';

export const HOSTS = ['h1', 'h2'] as const;
export const FAMILIES = [4, 6] as const;

/** On h1 those with -a, on h2 those with -b; clients are in the other subnet. */
export const ENDPOINTS = {
  'web-a': { 4: '10.0.1.11', 6: 'fd00:1::11' },
  'db-a': { 4: '10.0.1.12', 6: 'fd00:1::12' },
  'client-a': { 4: '10.0.2.13', 6: 'fd00:2::13' },
  'web-b': { 4: '10.0.1.21', 6: 'fd00:1::21' },
  'db-b': { 4: '10.0.1.22', 6: 'fd00:1::22' },
  'client-b': { 4: '10.0.2.23', 6: 'fd00:2::23' },
} as const;
export type Name = keyof typeof ENDPOINTS;
export const NAMES = Object.keys(ENDPOINTS) as Name[];

/** From, to, how: "tcp 80", "udp 53", "ping". */
export type Way = readonly [from: Name, to: Name, how: string];

/** What is denied says nothing: so long an answer may take, ms. */
const SILENCE_MS = 500;
const LIMIT_S = 20;

export interface Stored {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: object;
}

interface Shown {
  readonly status?: { readonly conditions: { readonly type: string; readonly status: string }[] };
}

export const object = (kind: string, name: string, spec: object): Stored => ({
  kind,
  metadata: { name },
  spec,
});

/** Of tenant shop. */
export const policy = (name: string, spec: object): Stored =>
  object('Policy', name, { vpc: 'shop', ...spec });

/** Paths of the API say kinds in plural. */
function pathOf({ kind, metadata: { name } }: Stored): string {
  const plural = kind === 'Policy' ? 'policies' : `${kind.toLowerCase()}s`;
  return `/v1/${plural}/${name}`;
}

export class PolicyLab {
  private constructor(
    readonly lab: Lab,
    readonly talkers: Readonly<Record<Name, Talker>>,
  ) {}

  static async up(name: string, env: Readonly<Record<string, string>> = {}): Promise<PolicyLab> {
    const lab = await Lab.up(name, env, 'policy');
    try {
      const talkers = await Promise.all(
        NAMES.map(async (one): Promise<[Name, Talker]> => [one, await Talker.in(lab, one)]),
      );
      return new PolicyLab(lab, Object.fromEntries(talkers) as Record<Name, Talker>);
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  /** On both hosts. @returns when these have programmed all: Date.now() */
  async apply(...objects: readonly Stored[]): Promise<number> {
    await Promise.all(HOSTS.map((host) => this.lab.call(host, 'POST', '/v1/apply', { objects })));
    for (const host of HOSTS) await this.programmed(host, objects);
    return Date.now();
  }

  /** Returns when a host has programmed all. */
  async programmed(host: string, objects: readonly Stored[]): Promise<void> {
    await until(`objects on ${host}`, LIMIT_S, async () => {
      const shown = await Promise.all(
        objects.map((one) => this.lab.call(host, 'GET', pathOf(one)) as Promise<Shown>),
      );
      return shown.every(({ status }) =>
        status?.conditions.some((one) => one.type === 'Programmed' && one.status === 'True'),
      );
    });
  }

  async remove(...objects: readonly Stored[]): Promise<void> {
    const names = objects.map(({ kind, metadata: { name } }) => ({ kind, name }));
    for (const host of HOSTS) await this.lab.call(host, 'POST', '/v1/delete', { objects: names });
  }

  /** Whether a new connection is answered. */
  async works([from, to, how]: Way, family: 4 | 6): Promise<boolean> {
    const address = ENDPOINTS[to][family];
    const [kind, port] = how.split(' ');
    if (kind === 'tcp') return this.talkers[from].tcp(address, Number(port), SILENCE_MS);
    if (kind === 'udp') return this.talkers[from].udp(address, Number(port), SILENCE_MS);
    const args = ['ping', '-c', '1', '-W', String(SILENCE_MS / 1000), address];
    return (await this.lab.inNs(from, ...args)).stdout.includes(' 1 received');
  }

  /** Of both families: those become true in time, those are not once they are. */
  async expect(
    t: Test,
    about: string,
    { open, closed }: { readonly open: readonly Way[]; readonly closed: readonly Way[] },
  ): Promise<void> {
    const wrong: string[] = [];
    const all = async (ways: readonly Way[], expected: boolean): Promise<void> => {
      const checks = ways.flatMap((way) => FAMILIES.map((family) => ({ way, family })));
      await Promise.all(
        checks.map(async ({ way, family }) => {
          const what = `${way.join(' ')} IPv${family} ${expected ? 'works' : 'does not'}`;
          await until(
            what,
            LIMIT_S,
            async () => (await this.works(way, family)) === expected,
          ).catch((error: unknown) => wrong.push(String(error)));
        }),
      );
    };
    await all(open, true);
    await all(closed, false);
    // not only while the change was made
    await all(closed, false);
    t.same(wrong, [], `${about}: ${open.length} ways are open, ${closed.length} are closed`);
  }
}

/** All pairs, but for those with themselves. */
export function ways(
  from: readonly Name[],
  to: readonly Name[],
  ...hows: readonly string[]
): Way[] {
  return from.flatMap((one) =>
    to
      .filter((other) => other !== one)
      .flatMap((other) => hows.map((how): Way => [one, other, how])),
  );
}
