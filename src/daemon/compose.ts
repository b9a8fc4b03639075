// SPDX-License-Identifier: Apache-2.0
/** The composition root: builds the adapters and the parts, and says in which order they start. */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { dirname, join } from 'node:path';
import type { NamedComponent } from '../base/lifecycle.js';
import { childLogger, type Logger } from '../base/log.js';
import { systemClock } from '../base/time.js';
import { StateIndex } from '../model/index.js';
import { Calculator, IndexAllocator } from './calc/index.js';
import type { Settings } from './config/index.js';
import {
  askKernel,
  Attachments,
  Driver,
  driverMaps,
  DropSamples,
  FlushMarkFile,
  closedProgram,
  indexLimits,
  IndexReuse,
  KernelView,
  Names,
  PolicyCheck,
  PolicyView,
  Programs,
  RuleHits,
  LimitStatus,
  StatusBoard,
} from './datapath/index.js';
import { EventReader } from './event-reader.js';
import {
  DropletFollower,
  InterfaceManager,
  OutsideFollower,
  RestoreBook,
  SharedNeighbours,
  TunnelGro,
  UnderlayFollower,
} from './interfaces/index.js';
import { grace, LibbpfLoader, mountBpffs } from './kernel/libbpf/index.js';
import { KernelNetlink } from './kernel/netlink/index.js';
import { Metrics } from './metrics/index.js';
import { blockEvents, BlockEvents, BlockLog, whoAt } from './nat-log/index.js';
import { Pipeline } from './pipeline.js';
import { createHandlers, RestServer, StoreBackend, type Probe } from './rest/index.js';
import { SlowPath } from './slowpath/index.js';
import { openLmdbStore } from './store/index.js';
import { VERSION } from './version.js';

/** While a change is on its way into the maps. */
const POLICY_CHECK_PAUSE_MS = 100;

/** With the store, as it must outlive a stop of the daemon. */
export function restoreBookPath(settings: Settings): string {
  return join(settings.dataDir, 'changed-devices.json');
}

export interface Composition {
  readonly components: readonly NamedComponent[];
  /** Gives back what the components share; after they have stopped. */
  close(): Promise<void>;
}

/** @throws what the adapters throw when they cannot be had */
export async function compose(settings: Settings, log: Logger): Promise<Composition> {
  const clock = systemClock;
  const pause = (): Promise<void> => turn();
  const { host, instance, datapath } = settings;
  const module = (name: string): Logger => childLogger(log, name);
  mountBpffs(bpffsOf(datapath.pinDir));
  const store = await openLmdbStore({ log: module('store') }, { dataDir: settings.dataDir });
  const netlink = new KernelNetlink({ log: module('netlink') });
  const loader = new LibbpfLoader();
  const programs = new Programs({ loader, log: module('programs') }, datapath);
  // Maps are there once programs are loaded; the driver needs them at once.
  programs.load();
  const attachments = new Attachments(
    { loader, programs, log: module('programs') },
    { pinDir: datapath.pinDir },
  );
  const indexes = new IndexAllocator({ limits: indexLimits(datapath) });
  const hits = new RuleHits({ map: programs.map('pol_hit') });
  hits.clearAll();
  const reuse = new IndexReuse({
    indexes,
    maps: {
      nat_lease: programs.map('nat_lease'),
      nat_block: programs.map('nat_block'),
      limit_use: programs.map('limit_use'),
      service_use: programs.map('service_use'),
      pol_hit: programs.map('pol_hit'),
    },
  });
  const calculator = new Calculator(
    { indexes },
    {
      host,
      vxlanPort: datapath.vxlanPort,
      limits: datapath.limits,
      closed: closedProgram(datapath),
    },
  );
  const driver = new Driver({
    maps: driverMaps((name) => programs.map(name)),
    log: module('driver'),
    pause,
    grace,
    mark: new FlushMarkFile({ path: join(settings.dataDir, 'flush-under-way') }),
  });
  const names = new Names({ store });
  const status = new StatusBoard(
    {
      store,
      attachments,
      clock,
      limits: new LimitStatus({ map: (name) => programs.map(name), objects: store, clock }),
    },
    { host },
  );
  const book = new RestoreBook({ path: restoreBookPath(settings) });
  const droplets = new DropletFollower({
    netlink,
    clock,
    log: module('droplets'),
    book,
    onFact: (fact) => {
      calculator.droplet(fact);
      pipeline.wake();
    },
    onState: (droplet, state) => {
      pipeline.onDroplet(droplet, state);
    },
  });
  const interfaces = new InterfaceManager(
    {
      netlink,
      clock,
      log: module('interfaces'),
      book,
      onFact: (fact) => {
        calculator.device(fact);
        pipeline.wake();
      },
      onState: (endpoint, state) => {
        pipeline.onDevice(endpoint, state);
      },
    },
    { instance },
  );
  const tunnelGro = new TunnelGro(
    {
      netlink,
      clock,
      log: module('tunnel-gro'),
      onState: (state) => {
        status.tunnelGro(state);
      },
    },
    { instance, vxlanPort: datapath.vxlanPort, enabled: datapath.tunnelGro },
  );
  const neighbours = new SharedNeighbours({ netlink });
  const underlay = new UnderlayFollower({
    netlink,
    neighbours: neighbours.of('underlay'),
    clock,
    log: module('underlay'),
    dropletAddresses: (ifindex) => droplets.byIfindex(ifindex)?.desired.addresses,
    onFact: (fact) => {
      calculator.underlay(fact);
      pipeline.wake();
    },
  });
  const outside = new OutsideFollower({
    netlink,
    neighbours: neighbours.of('outside'),
    clock,
    log: module('outside'),
    devices: () => droplets.outside(),
    onFact: (fact) => {
      calculator.outside(fact);
      pipeline.wake();
    },
    onProblem: (problem) => {
      status.outside(problem);
    },
  });
  const pipeline = new Pipeline(
    {
      store,
      netlink,
      calculator,
      indexes,
      reuse,
      programs,
      driver,
      attachments,
      interfaces,
      droplets,
      tunnelGro,
      underlay,
      outside,
      book,
      status,
      names,
      clock,
      pause,
      log: module('pipeline'),
    },
    { host },
  );
  const samples = new DropSamples({
    clock,
    names,
    monotonicNs: () => process.hrtime.bigint(),
  });
  const events = new EventReader({
    loader,
    programs,
    samples,
    log: module('events'),
    onPunt: (address) => {
      outside.punt(address);
    },
  });
  const slowPath = new SlowPath(
    { store, programs, attachments, clock, log: module('slow-path') },
    { instance, host, pinDir: datapath.pinDir },
  );
  const blockLog = new BlockLog(
    { clock },
    {
      dir: join(settings.dataDir, 'port-blocks'),
      days: datapath.nat.blockLog.days,
      maxBytes: datapath.nat.blockLog.megabytes * 2 ** 20,
      segmentBytes: Math.min(8, datapath.nat.blockLog.megabytes / 8) * 2 ** 20,
    },
  );
  const portBlocks = new BlockEvents(
    {
      loader,
      programs,
      objects: store,
      blocks: blockLog,
      clock,
      log: module('port-blocks'),
      monotonicNs: () => process.hrtime.bigint(),
    },
    { host },
  );
  const view = new KernelView({
    programs,
    attachments,
    driver,
    names,
    samples,
    policies: new PolicyView({ calculator, indexes, hits, driver, objects: store }, { host }),
    policyCheck: new PolicyCheck(
      {
        calculator,
        indexes,
        objects: store,
        ask: (...of) => askKernel(programs.build.judge(), ...of),
        pause: () => sleep(POLICY_CHECK_PAUSE_MS),
      },
      { host },
    ),
    natLog: {
      whoAt: (tables, query, at) => whoAt(tables, blockLog, query, at),
      events: (query) => blockEvents(blockLog, query),
    },
    appliedRevision: () => pipeline.appliedRevision,
    algs: () => slowPath.algs(),
    fragments: () => slowPath.fragments(),
    reload: async () => {
      await pipeline.reload();
      slowPath.reloaded();
    },
  });
  const metrics = new Metrics({ view, store, log: module('metrics') }, { version: VERSION });
  const backend = new StoreBackend({
    store,
    rules: new StateIndex(store.list()),
    status,
    clock,
    pause,
  });
  const probes: Probe[] = [{ name: 'data-path', check: () => pipeline.problem }];
  const rest = new RestServer(
    {
      handlers: createHandlers(
        { backend, view, metrics, store, clock },
        { version: VERSION, instance, host, probes },
      ),
      log: module('rest'),
      clock,
      onRequest: (facts) => {
        metrics.countRequest(facts);
      },
    },
    settings.rest,
  );
  return {
    components: [
      { name: 'events', component: events },
      { name: 'pipeline', component: pipeline },
      { name: 'slow-path', component: slowPath },
      { name: 'port-blocks', component: portBlocks },
      { name: 'rest', component: rest },
    ],
    close: async () => {
      await netlink.close();
      programs.close();
      await store.close();
    },
  };
}

/** Where the BPF file system belongs: /sys/fs/bpf, unless pins are kept elsewhere. */
function bpffsOf(pinDir: string): string {
  return pinDir.startsWith('/sys/fs/bpf/') ? '/sys/fs/bpf' : dirname(pinDir);
}
