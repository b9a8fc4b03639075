// SPDX-License-Identifier: Apache-2.0
/**
 * Programs on devices, by pinned links that outlive the daemon. What is attached already is left
 * alone; another build's program is replaced through its link, so that no packet finds the hook
 * empty.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { AttachKind, BpfAttachment, BpfLoader, BpfProgram } from '../ports/bpf.js';
import type { Hook, Programs, Role } from './programs.js';

/** Where a program should run. */
export interface Wanted {
  readonly role: Role;
  readonly hook: Hook;
  readonly ifindex: number;
  /** Name of the device. */
  readonly device: string;
  readonly mtu: number;
  readonly allowGeneric: boolean;
}

/** What became of it. */
export type AttachState =
  | { readonly wanted: Wanted; readonly attachment: BpfAttachment; readonly error: undefined }
  | { readonly wanted: Wanted; readonly attachment: undefined; readonly error: string };

export interface AttachmentsDeps {
  readonly loader: BpfLoader;
  readonly programs: Programs;
  readonly log: Logger;
}

/** Up to this MTU a frame, and what the kernel adds before and behind it, fits one page of 4 KiB. */
const ONE_PAGE_MTU = 3498;

/** What the operator can do when a program is not attached. */
function hint({ role, hook, device, mtu, allowGeneric }: Wanted): string {
  if (hook === 'tc') return '';
  if (mtu > ONE_PAGE_MTU) {
    return (
      ` (${device} has MTU ${mtu}: above ${ONE_PAGE_MTU} XDP needs a driver that takes frames of` +
      ' several buffers, and kernel 6.3; lower the MTU, of a veth at both ends, or set spec.hook to tc)'
    );
  }
  return role === 'transit' && !allowGeneric
    ? ' (its driver may not support XDP: spec.allowGeneric permits the slower generic mode)'
    : '';
}

export class Attachments {
  /** By owner: "Endpoint/web-1". */
  readonly #states = new Map<string, AttachState>();

  constructor(
    private readonly deps: AttachmentsDeps,
    private readonly opts: { readonly pinDir: string },
  ) {}

  get(owner: string): AttachState | undefined {
    return this.#states.get(owner);
  }

  all(): AttachState[] {
    return [...this.#states.values()];
  }

  /** Attaches now. undefined: the owner has gone, its program goes, too. */
  want(owner: string, wanted: Wanted | undefined): AttachState | undefined {
    const before = this.#states.get(owner);
    const moved =
      before !== undefined &&
      (before.wanted.ifindex !== wanted?.ifindex || before.wanted.hook !== wanted.hook);
    if (moved) this.#detach(before);
    if (wanted === undefined) {
      this.#states.delete(owner);
      return undefined;
    }
    const state = this.#attach(wanted);
    this.#states.set(owner, state);
    if (state.error !== undefined && before?.error !== state.error) {
      this.deps.log.error({ owner, device: wanted.device, reason: state.error }, 'not attached');
    } else if (state.attachment !== undefined && (moved || before?.attachment === undefined)) {
      const { kind, linkId, programId } = state.attachment;
      this.deps.log.info({ owner, device: wanted.device, kind, linkId, programId }, 'attached');
    }
    return state;
  }

  /** Puts the current build's programs everywhere, and tries again what failed. @returns whether all is well */
  refresh(): boolean {
    let well = true;
    for (const [owner, { wanted }] of [...this.#states]) {
      well = this.want(owner, wanted)?.error === undefined && well;
    }
    return well;
  }

  /** Removes links that nobody wants, as they are left when a device goes while no daemon runs. */
  sweep(devices: Iterable<number>): void {
    const pins = new Set<string>();
    const clsact = new Set<number>();
    for (const { wanted, attachment } of this.#states.values()) {
      pins.add(this.#pin(wanted));
      if (attachment?.kind === 'clsact') clsact.add(wanted.ifindex);
    }
    this.#removeLinks((pin) => !pins.has(pin));
    if (!this.deps.loader.hasTcx()) this.#removeFilters(devices, (ifindex) => !clsact.has(ifindex));
  }

  /** Detaches everything of this instance. */
  purge(devices: Iterable<number>): void {
    this.#removeLinks(() => true);
    this.#removeFilters(devices, () => true);
    this.#states.clear();
  }

  #removeLinks(stale: (pin: string) => boolean): void {
    let names: string[];
    try {
      names = readdirSync(join(this.opts.pinDir, 'links'));
    } catch {
      return; // never attached anything
    }
    for (const name of names) {
      const pin = join(this.opts.pinDir, 'links', name);
      const [ifindex, hook] = name.split('_');
      if (!stale(pin)) continue;
      this.deps.log.info({ link: name }, 'removing a stale link');
      this.deps.loader.detach(Number(ifindex), hook === 'tc' ? 'tcx' : 'xdp-native', pin);
    }
  }

  /** Filters have no pins; a program of ours in one tells whose it is. */
  #removeFilters(devices: Iterable<number>, stale: (ifindex: number) => boolean): void {
    const ours = this.deps.programs.programIds();
    for (const ifindex of devices) {
      if (!stale(ifindex)) continue;
      const found = this.deps.loader.attached(ifindex, 'clsact', '');
      if (found === undefined || !ours.has(found.programId)) continue;
      this.deps.loader.detach(ifindex, 'clsact', '');
    }
  }

  /** The BPF file system takes no names with dots. */
  #pin({ ifindex, hook }: Wanted): string {
    return join(this.opts.pinDir, 'links', `${ifindex}_${hook}`);
  }

  #detach({ wanted, attachment }: AttachState): void {
    const kind = attachment?.kind ?? this.#kinds(wanted)[0];
    try {
      this.deps.loader.detach(wanted.ifindex, kind, this.#pin(wanted));
    } catch (error) {
      this.deps.log.error({ device: wanted.device, err: error }, 'program not detached');
    }
  }

  #kinds({ hook, allowGeneric }: Wanted): [AttachKind, ...AttachKind[]] {
    if (hook === 'tc') return [this.deps.loader.hasTcx() ? 'tcx' : 'clsact'];
    return allowGeneric ? ['xdp-native', 'xdp-generic'] : ['xdp-native'];
  }

  #attach(wanted: Wanted): AttachState {
    try {
      const program = this.deps.programs.build.program(wanted.role, wanted.hook);
      return { wanted, attachment: this.#attachAny(wanted, program), error: undefined };
    } catch (error) {
      return { wanted, attachment: undefined, error: `${errorText(error)}${hint(wanted)}` };
    }
  }

  #attachAny(wanted: Wanted, program: BpfProgram): BpfAttachment {
    const { loader } = this.deps;
    const pin = this.#pin(wanted);
    const kinds = this.#kinds(wanted);
    const there = loader.attached(wanted.ifindex, kinds[0], pin);
    if (there !== undefined && kinds.includes(there.kind)) {
      if (there.programId === program.id) return there;
      return loader.attach(program, wanted.ifindex, there.kind, pin);
    }
    const [first, ...others] = kinds;
    try {
      return loader.attach(program, wanted.ifindex, first, pin);
    } catch (error) {
      const [other] = others;
      if (other === undefined) throw error;
      return loader.attach(program, wanted.ifindex, other, pin);
    }
  }
}
