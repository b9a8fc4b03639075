// SPDX-License-Identifier: Apache-2.0
/**
 * Whether policies let a connection through, for each end that is on this host: computed from the
 * ordered rules, and asked of the data path. The two must agree.
 */
import type { PolicyCheckResponse } from '../../api/index.js';
import {
  judge,
  type Calculator,
  type Direction,
  type IndexAllocator,
  type JudgedPacket,
  type Judgement,
  type LocalPolicy,
  type Membership,
  type ResolvedProgram,
} from '../calc/index.js';
import type { PolicyCheckQuery } from '../ports/datapath-view.js';
import type { Objects } from './nat-tables.js';
import type { KernelVerdict } from './policy-judge.js';
import { questionsOf, type End, type Question } from './policy-question.js';
import { listedRules, type ListedRule } from './policy-rules.js';

export interface PolicyCheckDeps {
  readonly calculator: Pick<Calculator, 'localPolicy' | 'policyMembership'>;
  readonly indexes: Pick<IndexAllocator, 'peek'>;
  readonly objects: Objects;
  /** What the data path says: index of the endpoint, whether it sends, the packet. */
  readonly ask: (endpoint: number, sends: boolean, packet: JudgedPacket) => KernelVerdict;
  /** Time passes. */
  readonly pause: () => Promise<void>;
}

type Check = PolicyCheckResponse['checks'][number];
type Verdict = Check['from'];
type DecidedBy = NonNullable<Verdict['decidedBy']>;

/** A change is in the calculation before it is in the maps: so often it is waited for. */
const TRIES = 6;
const NO_SETS: ReadonlySet<string> = new Set();
const NO_MEMBERS: Membership = { address: () => NO_SETS, port: () => NO_SETS };

export class PolicyCheck {
  constructor(
    private readonly deps: PolicyCheckDeps,
    private readonly opts: { readonly host: string },
  ) {}

  /** @throws ApiError BAD_REQUEST, NOT_FOUND */
  async check(query: PolicyCheckQuery): Promise<PolicyCheckResponse> {
    let answer = this.#answer(query);
    for (let i = 1; i < TRIES && !answer.agrees; i++) {
      await this.deps.pause();
      answer = this.#answer(query);
    }
    return answer;
  }

  #answer(query: PolicyCheckQuery): PolicyCheckResponse {
    const { vpc, questions } = questionsOf(query, this.deps.objects);
    const checks = questions.map((question): Check => {
      const from = this.#end(vpc, question, 'egress');
      const to = this.#end(vpc, question, 'ingress');
      return { family: question.packet.family, from, to, verdict: together(from, to) };
    });
    const agrees = checks.every(({ from, to }) => isAgreed(from) && isAgreed(to));
    return { vpc, checks, agrees };
  }

  #end(vpc: string, question: Question, direction: Direction): Verdict {
    const { address, endpoint }: End = direction === 'egress' ? question.from : question.to;
    const about = { address, direction };
    if (endpoint === undefined) return { ...about, verdict: 'not-judged' };
    const { name } = endpoint.metadata;
    const { host } = endpoint.spec;
    const whose = { ...about, endpoint: name, host };
    if (host !== this.opts.host) return { ...whose, verdict: 'elsewhere' };
    const local = this.deps.calculator.localPolicy(name);
    if (local === undefined) return { ...whose, verdict: 'unknown', problem: NOT_COMPUTED };
    return { ...whose, ...this.#here(vpc, local, question.packet, direction) };
  }

  #here(
    vpc: string,
    { has, place, problem }: LocalPolicy,
    packet: JudgedPacket,
    direction: Direction,
  ): Pick<Verdict, 'verdict' | 'decidedBy' | 'logged' | 'kernel' | 'problem'> {
    const program = has[direction];
    const members = this.deps.calculator.policyMembership(vpc) ?? NO_MEMBERS;
    const said = judge(program, packet, members);
    const rules = program ? listedRules(this.deps.objects, program, direction) : [];
    const named = (identity: string): DecidedBy | undefined => decidedBy(rules, identity);
    const rule = said.rule && named(said.rule.identity);
    const logged = said.logged.flatMap(({ identity }) => named(identity) ?? []);
    const own = {
      verdict: verdictOf(said.allowed),
      ...(rule && { decidedBy: rule }),
      ...(logged.length > 0 && { logged }),
    };
    if (place === undefined) return { ...own, problem: NOT_PROGRAMMED };
    const asked = this.deps.ask(place.index, direction === 'egress', packet);
    const agrees = asked.allowed === said.allowed && asked.hit === this.#hit(said);
    const other = this.#byHit(program, asked.hit);
    const kernel = {
      verdict: verdictOf(asked.allowed),
      agrees,
      ...(agrees || other === undefined ? {} : { decidedBy: named(other) }),
    };
    // It is closed where its rules do not fit, and open or judged where they do: the kernel knows.
    if (problem !== undefined && !agrees)
      return { ...kernelOnly(asked), problem: `it is closed: ${problem.message}` };
    return { ...own, kernel };
  }

  /** Index that the kernel must name. */
  #hit({ rule }: Judgement): number | undefined {
    return rule === undefined ? 0 : this.deps.indexes.peek('rule', rule.identity);
  }

  #byHit(program: ResolvedProgram | undefined, hit: number): string | undefined {
    const rules = program?.flat() ?? [];
    return rules.find(({ identity }) => this.deps.indexes.peek('rule', identity) === hit)?.identity;
  }
}

const NOT_COMPUTED = 'it was not computed yet, or its Vpc has a problem: see the status of both';
const NOT_PROGRAMMED = 'it is not in the data path, which was not asked: see its status';

function verdictOf(allowed: boolean): 'allowed' | 'denied' {
  return allowed ? 'allowed' : 'denied';
}

function kernelOnly({ allowed }: KernelVerdict): Pick<Verdict, 'verdict' | 'kernel'> {
  const verdict = verdictOf(allowed);
  return { verdict, kernel: { verdict, agrees: true } };
}

function decidedBy(rules: readonly ListedRule[], identity: string): DecidedBy | undefined {
  const found = rules.find((rule) => rule.identity === identity);
  if (found === undefined) return undefined;
  const { identity: _, ...rule } = found;
  return rule;
}

function isAgreed({ kernel }: Verdict): boolean {
  return kernel?.agrees !== false;
}

/** A connection gets through when both ends let it. What this host cannot say is unknown. */
function together(from: Verdict, to: Verdict): Check['verdict'] {
  const both = [from.kernel?.verdict ?? from.verdict, to.kernel?.verdict ?? to.verdict];
  if (both.includes('denied')) return 'denied';
  return both.every((one) => one === 'allowed' || one === 'not-judged') ? 'allowed' : 'unknown';
}
