// SPDX-License-Identifier: Apache-2.0
/**
 * What became of each object: whether it was accepted by the calculation, and whether the data
 * path has it. Made when asked for, from what the parts of the pipeline have told.
 */
import type { Clock } from '../../base/time.js';
import { timestamp } from '../../base/time.js';
import type { Condition, Kind, Status, StoredObject } from '../../model/index.js';
import type { Finding } from '../calc/output.js';
import {
  TUNNEL_GRO_PENDING,
  type DeviceState,
  type DropletState,
  type TunnelGroState,
} from '../interfaces/index.js';
import type { Store } from '../ports/store.js';
import type { AttachState, Attachments } from './attachments.js';
import type { LimitStatus } from './limit-status.js';
import { PolicyStatus } from './policy-status.js';

/** Findings that are about this host, not about the object. */
const LOCAL_FINDINGS = new Set([
  'DeviceMissing',
  'ServerUnreachable',
  'NoOutsideDroplet',
  'GatewayUnreachable',
]);

interface Verdict {
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

const ACCEPTED: Verdict = { status: 'True', reason: 'Accepted', message: '' };
const PROGRAMMED: Verdict = { status: 'True', reason: 'Programmed', message: '' };
const WITHIN_LIMITS: Verdict = { status: 'True', reason: 'WithinLimits', message: '' };
const RULES_REACHABLE: Verdict = { status: 'True', reason: 'RulesReachable', message: '' };
const NOT_YET: Verdict = {
  status: 'Unknown',
  reason: 'Pending',
  message: 'the daemon has not come to it yet',
};

function no(reason: string, message: string): Verdict {
  return { status: 'False', reason, message };
}

export interface StatusBoardDeps {
  readonly store: Pick<Store, 'get'>;
  readonly attachments: Pick<Attachments, 'get'>;
  readonly clock: Clock;
  /** What quotas and pools have refused. */
  readonly limits?: Pick<LimitStatus, 'of'>;
}

interface Memory {
  /** When something was last heard of it. */
  heard: string;
  /** As they were shown last: most are never asked for. */
  conditions: Map<Condition['type'], Condition> | undefined;
}

export class StatusBoard {
  readonly #findings = new Map<string, NonNullable<Finding['problem']>>();
  readonly #applied = new Map<string, number>();
  readonly #devices = new Map<string, DeviceState>();
  readonly #droplets = new Map<string, DropletState>();
  #tunnelGro: TunnelGroState = TUNNEL_GRO_PENDING;
  #missing: ReadonlyMap<string, string> = new Map();
  #outside: DropletState['problem'];
  readonly #policies = new PolicyStatus();
  readonly #memory = new Map<string, Memory>();

  constructor(
    private readonly deps: StatusBoardDeps,
    private readonly opts: { readonly host: string },
  ) {}

  finding({ kind, name, problem }: Finding): void {
    const id = `${kind}/${name}`;
    if (problem === undefined) this.#findings.delete(id);
    else this.#findings.set(id, problem);
    this.#heard(id);
  }

  /** The maps hold this generation of the object; undefined: the object is gone. */
  applied(kind: string, name: string, generation: number | undefined): void {
    const id = `${kind}/${name}`;
    if (generation === undefined) {
      this.#applied.delete(id);
      this.#memory.delete(id);
      this.#policies.forget(id);
      return;
    }
    this.#applied.set(id, generation);
    this.#heard(id);
  }

  device(endpoint: string, state: DeviceState | undefined): void {
    if (state === undefined) this.#devices.delete(endpoint);
    else this.#devices.set(endpoint, state);
    this.#heard(`Endpoint/${endpoint}`);
  }

  droplet(droplet: string, state: DropletState | undefined): void {
    if (state === undefined) this.#droplets.delete(droplet);
    else this.#droplets.set(droplet, state);
    this.#heard(`Droplet/${droplet}`);
  }

  /** Whether tunnel packets are merged in front of the programs on tc. */
  tunnelGro(state: TunnelGroState): void {
    this.#tunnelGro = state;
    for (const droplet of this.#droplets.keys()) this.#heard(`Droplet/${droplet}`);
  }

  /** What of the kernel's routes outside is not followed; undefined: all is. */
  outside(problem: DropletState['problem']): void {
    this.#outside = problem;
    for (const [droplet, { desired }] of this.#droplets)
      if (desired.outside) this.#heard(`Droplet/${droplet}`);
  }

  /** Objects with entries that are not in the maps, and why, by "Kind/name". */
  missing(reasons: ReadonlyMap<string, string>): void {
    for (const id of [...reasons.keys(), ...this.#missing.keys()]) this.#heard(id);
    this.#missing = reasons;
  }

  get(kind: Kind, name: string): Status | undefined {
    const object = this.deps.store.get(kind, name);
    if (object === undefined) return undefined;
    const id = `${kind}/${name}`;
    const generation = this.#applied.get(id);
    const facts = this.#facts(object);
    return {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      conditions: [
        this.#condition(id, 'Accepted', this.#accepted(object)),
        this.#condition(id, 'Programmed', this.#programmed(object)),
        ...(this.#onTc(name, kind) ? [this.#condition(id, 'Merging', this.#merging())] : []),
        ...this.#withinLimits(id, object),
        ...this.#rulesReachable(id, object),
      ],
      ...(Object.keys(facts).length === 0 ? {} : { facts }),
    };
  }

  #heard(id: string): void {
    const heard = timestamp(this.deps.clock);
    const known = this.#memory.get(id);
    if (known === undefined) this.#memory.set(id, { heard, conditions: undefined });
    else known.heard = heard;
  }

  #condition(id: string, type: Condition['type'], verdict: Verdict): Condition {
    const memory = this.#memory.get(id);
    const before = memory?.conditions?.get(type);
    const same =
      before?.status === verdict.status &&
      before.reason === verdict.reason &&
      before.message === verdict.message;
    if (same) return before;
    const time =
      before?.status === verdict.status
        ? before.lastTransitionTime
        : (memory?.heard ?? timestamp(this.deps.clock));
    const condition = { type, ...verdict, lastTransitionTime: time };
    if (memory !== undefined) (memory.conditions ??= new Map()).set(type, condition);
    return condition;
  }

  #accepted(object: StoredObject): Verdict {
    const id = `${object.kind}/${object.metadata.name}`;
    const finding = this.#findings.get(id);
    if (finding !== undefined && !LOCAL_FINDINGS.has(finding.reason)) {
      return no(finding.reason, `${finding.field}: ${finding.message}`);
    }
    return this.#applied.get(id) === undefined ? NOT_YET : ACCEPTED;
  }

  #programmed(object: StoredObject): Verdict {
    const { kind, metadata } = object;
    const id = `${kind}/${metadata.name}`;
    if (this.#accepted(object).status === 'False') {
      return no('NotAccepted', 'see the condition Accepted');
    }
    if (kind === 'Endpoint' && object.spec.host === this.opts.host) {
      const verdict = this.#endpoint(metadata.name);
      if (verdict !== undefined) return verdict;
    }
    if (kind === 'Droplet' && object.spec.host === this.opts.host) {
      const verdict = this.#droplet(metadata.name);
      if (verdict !== undefined) return verdict;
    }
    const finding = this.#findings.get(id);
    if (finding !== undefined) return no(finding.reason, finding.message);
    const missing = this.#missing.get(id);
    if (missing !== undefined) return no('MapFull', missing);
    return this.#applied.get(id) === metadata.generation ? PROGRAMMED : NOT_YET;
  }

  #endpoint(name: string): Verdict | undefined {
    const device = this.#devices.get(name);
    if (device === undefined) return NOT_YET;
    if (device.state === 'waiting') return no(device.reason, device.message);
    return this.#attached(this.deps.attachments.get(`Endpoint/${name}`));
  }

  #droplet(name: string): Verdict | undefined {
    const droplet = this.#droplets.get(name);
    if (droplet === undefined) return NOT_YET;
    if (droplet.link === undefined && droplet.problem !== undefined) {
      return no(droplet.problem.reason, droplet.problem.message);
    }
    const attached = this.#attached(this.deps.attachments.get(`Droplet/${name}`));
    if (attached !== undefined) return attached;
    const problem = droplet.problem ?? (droplet.desired.outside ? this.#outside : undefined);
    return problem && no(problem.reason, problem.message);
  }

  #withinLimits(id: string, object: StoredObject): Condition[] {
    const verdict = this.deps.limits?.of(object);
    if (verdict === undefined) return [];
    const { refusal } = verdict;
    const before = this.#memory.get(id)?.conditions?.get('WithinLimits')?.status;
    // Nobody tells when it changes: it is found out now.
    if ((before ?? 'True') !== (refusal === undefined ? 'True' : 'False')) this.#heard(id);
    const now = refusal ? no(refusal.reason, refusal.message) : WITHIN_LIMITS;
    return [this.#condition(id, 'WithinLimits', now)];
  }

  #rulesReachable(id: string, object: StoredObject): Condition[] {
    const message = this.#policies.unreachable(object);
    if (message === null) return [];
    const verdict = message === undefined ? RULES_REACHABLE : no('UnreachableRules', message);
    return [this.#condition(id, 'RulesReachable', verdict)];
  }

  #onTc(name: string, kind: Kind): boolean {
    return kind === 'Droplet' && this.#droplets.get(name)?.desired.hook === 'tc';
  }

  #merging(): Verdict {
    const problem = this.#tunnelGro;
    if (problem !== undefined) return no(problem.reason, problem.message);
    return { status: 'True', reason: 'Merging', message: '' };
  }

  #attached(state: AttachState | undefined): Verdict | undefined {
    if (state === undefined) return NOT_YET;
    return state.error === undefined ? undefined : no('AttachFailed', state.error);
  }

  #facts(object: StoredObject): Record<string, string | number | boolean> {
    const { name } = object.metadata;
    if (object.kind === 'Endpoint') {
      const device = this.#devices.get(name);
      if (device?.state !== 'ready') return {};
      const { link, spec } = device;
      return {
        device: link.name,
        ifindex: link.ifindex,
        mtu: link.mtu,
        mac: spec.mac,
        hook: spec.hook,
        ...this.#attachFact(`Endpoint/${name}`),
      };
    }
    const droplet = object.kind === 'Droplet' ? this.#droplets.get(name) : undefined;
    if (droplet?.link === undefined) return {};
    const { link, desired } = droplet;
    return {
      device: link.name,
      ifindex: link.ifindex,
      mtu: link.mtu,
      mac: link.mac,
      hook: desired.hook,
      ...this.#attachFact(`Droplet/${name}`),
    };
  }

  #attachFact(owner: string): { attach?: string } {
    const kind = this.deps.attachments.get(owner)?.attachment?.kind;
    return kind === undefined ? {} : { attach: kind };
  }
}
