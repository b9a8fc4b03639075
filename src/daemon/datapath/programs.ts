// SPDX-License-Identifier: Apache-2.0
/**
 * The programs of one build: all object files with the settings they were loaded with. A build
 * is pinned under progs/<id>, and its id is a hash of what went into it: a restarted daemon that
 * finds its own build pinned takes it over, and nothing in the kernel changes.
 *
 * The verifier takes seconds for all of it, so on a host that runs nothing yet an object is loaded
 * when it is first attached. What takes another build's place is loaded whole before: it comes
 * altogether or not at all.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText, TransitError } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { BpfLoader, BpfMap, BpfObject, BpfProgram } from '../ports/bpf.js';
import { DataPathError } from './errors.js';
import { mapSizes, programConstants, SETTING_OF_MAP, type DataPathSettings } from './settings.js';

export type Role = 'transit' | 'agent' | 'alg';
export type Hook = 'xdp' | 'tc';

/** Every build has these; they bring all shared maps. */
const ALWAYS = ['age', 'alg'] as const;
const FORWARDERS = ['transit_xdp', 'transit_tc', 'agent_xdp', 'agent_tc'] as const;
type Forwarder = (typeof FORWARDERS)[number];
/** Loaded when it is first asked something. */
const ASKED = ['judge'] as const;
const OBJECTS = [...ALWAYS, ...FORWARDERS, ...ASKED] as const;
type ObjectName = (typeof OBJECTS)[number];

/** Maps that belong to one load of an object. */
const WALK = ['scratch', 'scratch_walk', 'scratch_pol'];
const FORWARDING = ['stages', ...WALK, 'scratch_nat', 'scratch_plan'];
const PRIVATE_MAPS: Readonly<Partial<Record<ObjectName, readonly string[]>>> = {
  transit_xdp: FORWARDING,
  transit_tc: FORWARDING,
  agent_xdp: FORWARDING,
  agent_tc: FORWARDING,
  alg: [...FORWARDING, 'scratch_expect'],
  judge: WALK,
};

/** Any frame will do to run a program that does not read it. */
const SOME_FRAME = new Uint8Array(64);

export interface ProgramsDeps {
  readonly loader: BpfLoader;
  readonly log: Logger;
}

/** A build that is loaded and pinned. */
export interface Build {
  readonly id: string;
  /**
   * The program to attach; its object is loaded now if it was not needed before.
   * @throws DataPathError PROGRAM_MISSING, MAP_INCOMPATIBLE; BpfError VERIFIER_REJECTED, BPF_CALL
   */
  program(role: Role, hook: Hook): BpfProgram;
  /**
   * Run by hand: judges a struct pol_judge (bpf/programs/judge.bpf.c); loaded now if it was not.
   * @throws as program()
   */
  judge(): BpfProgram;
  /** Run by hand: lets a data connection in (bpf/programs/alg.bpf.c). Its directory of pins. */
  readonly algDir: string;
  close(): void;
}

export class Programs {
  #build: Build | undefined;
  readonly #maps = new Map<string, BpfMap>();

  constructor(
    private readonly deps: ProgramsDeps,
    private readonly settings: DataPathSettings,
  ) {}

  /** @throws DataPathError PROGRAM_MISSING before start() */
  get build(): Build {
    if (this.#build !== undefined) return this.#build;
    throw new DataPathError('PROGRAM_MISSING', 'no programs are loaded');
  }

  /** A shared map, by name. */
  map(name: string): BpfMap {
    const known = this.#maps.get(name);
    if (known !== undefined) return known;
    const map = this.deps.loader.openPinnedMap(join(this.settings.pinDir, 'maps', name));
    this.#maps.set(name, map);
    return map;
  }

  /**
   * Takes over the pinned build when it is the one on disk, else loads that. Attachments are
   * not touched. @returns whether programs were loaded
   */
  load(): boolean {
    const files = this.#readFiles();
    const id = this.#idOf(files);
    const before = this.#build;
    if (before?.id === id) return false;
    const pinned = ALWAYS.every((name) => this.deps.loader.isPinned(this.#dir(id, name)));
    const replaces = this.builds().some((other) => other !== id);
    this.#build = this.#open(id, pinned, replaces ? OBJECTS : ALWAYS);
    before?.close();
    this.deps.log.info({ build: id }, pinned ? 'programs taken over' : 'programs loaded');
    return !pinned;
  }

  /** Unpins other builds: to be called when no link runs their programs any more. */
  sweep(): void {
    for (const id of this.builds()) {
      if (id === this.build.id) continue;
      this.deps.loader.unpin(join(this.settings.pinDir, 'progs', id));
      this.deps.log.info({ build: id }, 'programs of another build unpinned');
    }
  }

  /** Ids of pinned builds, incomplete ones included. */
  builds(): string[] {
    return entriesOf(join(this.settings.pinDir, 'progs'));
  }

  /** Kernel ids of every program of every pinned build. */
  programIds(): Set<number> {
    const ids = new Set<number>();
    for (const id of this.builds()) {
      for (const name of entriesOf(join(this.settings.pinDir, 'progs', id))) {
        const object = this.deps.loader.loadPinned(this.#dir(id, name));
        for (const program of object.programs.values()) ids.add(program.id);
        object.close();
      }
    }
    return ids;
  }

  close(): void {
    this.#build?.close();
    this.#build = undefined;
    for (const map of this.#maps.values()) map.close();
    this.#maps.clear();
  }

  #dir(id: string, object: string): string {
    return join(this.settings.pinDir, 'progs', id, object);
  }

  #path(name: ObjectName): string {
    return join(this.settings.bpfDir, `${name}.o`);
  }

  #readFiles(): Map<ObjectName, Buffer> {
    return new Map(
      OBJECTS.map((name) => {
        const path = this.#path(name);
        try {
          return [name, readFileSync(path)];
        } catch (error) {
          throw new DataPathError(
            'PROGRAM_MISSING',
            `${path} cannot be read (datapath.bpfDir): ${errorText(error)}`,
            { object: path },
            error,
          );
        }
      }),
    );
  }

  #idOf(files: ReadonlyMap<ObjectName, Buffer>): string {
    const hash = createHash('sha256');
    for (const [name, content] of files) hash.update(`${name} ${content.length}\n`).update(content);
    const settings = [programConstants(this.settings), mapSizes(this.settings)];
    return hash.update(JSON.stringify(settings)).digest('hex').slice(0, 12);
  }

  /** Takes over or loads at least the objects named. What fails leaves no pins that it made. */
  #open(id: string, pinned: boolean, names: readonly ObjectName[]): Build {
    // Of a run that was cut short.
    if (!pinned) this.deps.loader.unpin(join(this.settings.pinDir, 'progs', id));
    const objects = new Map<ObjectName, BpfObject>();
    const made: string[] = [];
    try {
      for (const name of names) {
        const dir = this.#dir(id, name);
        if (!this.deps.loader.isPinned(dir)) made.push(dir);
        objects.set(name, this.#openObject(id, name));
      }
      return this.#finish(id, objects);
    } catch (error) {
      for (const object of objects.values()) object.close();
      for (const dir of made) this.deps.loader.unpin(dir);
      if (!pinned) this.deps.loader.unpin(join(this.settings.pinDir, 'progs', id));
      throw error;
    }
  }

  /** An object of a build: as it is pinned, else loaded and pinned. */
  #openObject(id: string, name: ObjectName): BpfObject {
    const dir = this.#dir(id, name);
    if (this.deps.loader.isPinned(dir)) return this.deps.loader.loadPinned(dir);
    const object = this.#loadObject(name);
    try {
      object.pin(dir);
      return object;
    } catch (error) {
      object.close();
      throw error;
    }
  }

  #loadObject(name: ObjectName): BpfObject {
    try {
      return this.deps.loader.load({
        path: this.#path(name),
        pinDir: join(this.settings.pinDir, 'maps'),
        rodata: programConstants(this.settings),
        maxEntries: mapSizes(this.settings),
        privateMaps: PRIVATE_MAPS[name] ?? [],
      });
    } catch (error) {
      throw explain(error, this.settings.pinDir);
    }
  }

  /** Objects loaded or opened become the build that runs. */
  #finish(id: string, objects: Map<ObjectName, BpfObject>): Build {
    const program = (object: ObjectName, name: string): BpfProgram => {
      const found = objects.get(object)?.programs.get(name);
      if (found !== undefined) return found;
      throw new DataPathError('PROGRAM_MISSING', `${object}.o has no program "${name}"`);
    };
    const entry = (name: Forwarder): BpfProgram => {
      const [role, hook] = name.split('_');
      return program(name, `${hook}_${role}`);
    };
    // All of them now: a build that lacks one must not take the place of one that works.
    for (const name of FORWARDERS) if (objects.has(name)) entry(name);
    for (const name of ['alg', 'alg_expect']) program('alg', name);
    if (objects.has('judge')) program('judge', 'judge');
    // Also when taken over: the run that loaded it may have ended before it came to this.
    const start = program('age', 'age_start').testRun({ data: SOME_FRAME });
    if (start.verdict !== 0) {
      throw new DataPathError(
        'AGEING_FAILED',
        `the ageing timer does not start: age_start answers ${start.verdict | 0}`,
      );
    }
    const need = (name: ObjectName): void => {
      if (objects.has(name)) return;
      objects.set(name, this.#openObject(id, name));
      this.deps.log.info({ build: id, object: name }, 'object loaded');
    };
    return {
      id,
      program: (role, hook) => {
        if (role === 'alg') return program('alg', 'alg');
        const name = `${role}_${hook}` as const;
        need(name);
        return entry(name);
      },
      judge: () => {
        need('judge');
        return program('judge', 'judge');
      },
      algDir: this.#dir(id, 'alg'),
      close: () => {
        for (const object of objects.values()) object.close();
      },
    };
  }
}

function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** An incompatible map is the operator's decision: say what there is to decide. */
function explain(error: unknown, pinDir: string): unknown {
  if (!(error instanceof TransitError) || error.code !== 'MAP_INCOMPATIBLE') return error;
  const { field, pinned, wanted, object } = error.details;
  const name = (object ?? '').replace(/^map /, '');
  const setting = field === 'maxEntries' ? SETTING_OF_MAP[name] : undefined;
  const change =
    setting === undefined ? 'install the programs it was made with' : `set ${setting} back`;
  return new DataPathError(
    'MAP_INCOMPATIBLE',
    `map ${name}: ${field ?? 'layout'} is ${String(pinned)} in the pinned map, but ` +
      `${String(wanted)} is needed. Nothing was changed. Either ${change}, or drain this host ` +
      `and run transitd --purge with this configuration, which forgets all flows and maps ` +
      `under ${pinDir}`,
    error.details,
    error,
  );
}
