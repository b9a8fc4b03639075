// SPDX-License-Identifier: Apache-2.0
/** Metrics of fragments that come before their first one. */
import type { DataPathView } from '../ports/datapath-view.js';
import type { MetricMakers } from './nat.js';
import type { Source } from './source.js';

export function fragmentSource(view: DataPathView, { counter, gauge }: MetricMakers): Source {
  const held = gauge(
    'fragments_held',
    'Fragments that wait in the daemon for the first one of their datagram.',
    [],
  );
  const bytes = gauge('fragments_held_bytes', 'What these take, bytes.', []);
  const taken = counter(
    'fragments_early_total',
    'Fragments that came before the first one of their datagram, and went to the daemon.',
    [],
  );
  const ended = counter(
    'fragments_held_total',
    'What became of them: released, as the first one came; timed-out; or refused for lack of room, of their datagram, their source or all.',
    ['result'],
  );
  return {
    name: 'fragments',
    metrics: [held, bytes, taken, ended],
    read: async () => {
      const counts = await view.fragments();
      held.set(counts.held);
      bytes.set(counts.heldBytes);
      taken.inc({}, counts.taken);
      ended.inc({ result: 'released' }, counts.released);
      ended.inc({ result: 'timed-out' }, counts.timedOut);
      ended.inc({ result: 'refused-datagram' }, counts.refusedDatagram);
      ended.inc({ result: 'refused-source' }, counts.refusedSource);
      ended.inc({ result: 'refused-room' }, counts.refusedRoom);
    },
  };
}
