// SPDX-License-Identifier: Apache-2.0
/** What the graph of policies is told. Plain values; undefined in the place of one: it is not there. */
import type { NetworkSetSpec } from '../../../model/index.js';

export type Labels = Readonly<Record<string, string>>;

export interface EndpointPort {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
}

export interface EndpointInput {
  /** Name of the Vpc. */
  readonly vpc: string;
  /** Its own, without those of its profiles. */
  readonly labels: Labels;
  /** Names, in the order of the spec. */
  readonly profiles: readonly string[];
  readonly addresses: readonly string[];
  readonly ports: readonly EndpointPort[];
  /** Its device is on this host. */
  readonly local: boolean;
}

export interface NetworkSetInput extends NetworkSetSpec {
  readonly labels: Labels;
}
