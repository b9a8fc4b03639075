// SPDX-License-Identifier: Apache-2.0
/** What the daemon reports of itself and of the data path. */
import { z } from 'zod';
import { doc } from '../fields.js';

const count = () => z.number().int().min(0);
const port = (whose: string) =>
  doc(z.int().min(0).max(65535), `${whose} port; for ICMP the identifier, otherwise 0.`);
const hook = doc(
  z.string(),
  'Program and hook: transit-xdp, transit-tc, agent-xdp, agent-tc, or alg for what comes back from the daemon.',
);

export const programSchema = z.object({
  hook,
  device: doc(z.string(), 'Device it is attached to.'),
  ifindex: doc(z.int(), 'Index of the device.'),
  kind: doc(z.enum(['xdp-native', 'xdp-generic', 'tcx', 'clsact']), 'How it is attached.'),
  programId: doc(z.int(), 'Id of the program, as bpftool shows it.'),
  programTag: doc(z.string(), "The kernel's hash of the program."),
  linkId: doc(z.int().nullable(), 'Id of the BPF link; null for clsact, which has none.'),
});

export const mapSchema = z.object({
  name: doc(z.string(), 'Name of the map.'),
  type: doc(z.string(), 'Type of the map, as bpftool names it.'),
  entries: doc(count().nullable(), 'Entries in use; null where counting means nothing (arrays).'),
  maxEntries: doc(count(), 'Room.'),
  memoryBytes: doc(count(), 'Memory the kernel accounts for the map, bytes.').optional(),
});

export const statusResponse = z
  .object({
    version: doc(z.string(), 'Version of the daemon.'),
    instance: doc(z.string(), 'Instance of the daemon.'),
    host: doc(z.string(), 'Name of the host, as objects use it.'),
    uptimeSeconds: doc(z.number(), 'Time since start, seconds.'),
    revision: doc(count(), 'Revision of the store.'),
    appliedRevision: doc(count(), 'Revision that the data path has.'),
    programs: doc(z.array(programSchema), 'Attached programs.'),
    maps: doc(z.array(mapSchema), 'Maps.'),
  })
  .meta({ id: 'DaemonStatus', description: 'State of the daemon.' });

export const flowSchema = z
  .object({
    vpc: doc(z.string(), 'Name of the Vpc; empty when it is not known any more.'),
    vni: doc(z.int(), 'VNI.'),
    scope: doc(z.string(), 'Where packets of the flow enter: name of the endpoint, or tunnel.'),
    family: doc(z.union([z.literal(4), z.literal(6)]), 'IP version.'),
    proto: doc(z.string(), 'Protocol: tcp, udp, icmp, icmpv6 or a number.'),
    source: doc(z.string(), 'Source address.'),
    sourcePort: port('Source'),
    destination: doc(z.string(), 'Destination address.'),
    destinationPort: port('Destination'),
    translated: doc(
      z.object({
        source: doc(z.string(), 'Source address.'),
        sourcePort: port('Source'),
        destination: doc(z.string(), 'Destination address.'),
        destinationPort: port('Destination'),
      }),
      'Addresses and ports as packets leave, when they are translated.',
    ).optional(),
    alg: doc(
      z.enum(['ftp', 'tftp']),
      'Application layer gateway that its packets go through, in the daemon.',
    ).optional(),
    action: doc(z.enum(['deliver', 'encap', 'forward']), 'What is done with its packets.'),
    target: doc(
      z.string(),
      'Name of the endpoint it is delivered to, or address of the VTEP or of the router outside.',
    ),
    reply: doc(z.boolean(), 'True of the answers: the connection was opened the other way.'),
    generation: doc(count(), "Generation of the VPC at the record's walk."),
    current: doc(z.boolean(), 'False when the VPC changed since: the next packet walks again.'),
    idleSeconds: doc(z.number(), 'Time since the last packet, seconds.'),
    routed: doc(z.boolean(), 'Between subnets: the TTL is decremented.'),
    mtu: doc(z.int(), 'Largest packet, L3 bytes.').optional(),
  })
  .meta({ id: 'Flow', description: 'The flow record of one direction of one connection.' });

export const flowsResponse = z.object({
  flows: doc(z.array(flowSchema), 'Flow records.'),
  truncated: doc(z.boolean(), 'True when limit left some out.'),
});

export const dropCountSchema = z.object({
  hook,
  reason: doc(z.string(), 'Reason, as in the list of drop reasons.'),
  description: doc(z.string(), 'What the reason means.'),
  packets: doc(count(), 'Packets dropped since the maps were made.'),
});

export const dropSampleSchema = z.object({
  time: doc(z.string(), 'When (RFC 3339).'),
  hook,
  reason: doc(z.string(), 'Reason.'),
  node: doc(z.string(), 'Node that dropped it.').optional(),
  device: doc(z.string(), 'Device it came in by.').optional(),
  ifindex: doc(z.int(), 'Index of that device.'),
  vni: doc(z.int(), 'VNI, when known.').optional(),
  vpc: doc(z.string(), 'Name of the Vpc, when known.').optional(),
  endpoint: doc(z.string(), 'Name of the endpoint that sent it.').optional(),
  length: doc(count(), 'Length of the frame, bytes.'),
  summary: doc(z.string(), 'The packet in one line, as tcpdump would print it.'),
  data: doc(z.string(), 'Start of the frame, hexadecimal.').optional(),
});

export const dropsResponse = z
  .object({
    counts: doc(z.array(dropCountSchema), 'Counters that are not 0.'),
    samples: doc(z.array(dropSampleSchema), 'Recent dropped packets, newest first.'),
  })
  .meta({ id: 'Drops', description: 'What was dropped and why.' });

export const nodesResponse = z
  .object({
    nodes: doc(
      z.array(
        z.object({
          hook,
          node: doc(z.string(), 'Name of the node.'),
          description: doc(z.string(), 'What the node does.'),
          visits: doc(count(), 'Packets that visited it.'),
        }),
      ),
      'Counters that are not 0.',
    ),
  })
  .meta({ id: 'Nodes', description: 'How often packets visited each node of the graph.' });

export const mapsResponse = z
  .object({ maps: doc(z.array(mapSchema), 'Maps.') })
  .meta({ id: 'Maps', description: 'The maps of the data path.' });

export const countersResponse = z
  .object({
    hooks: doc(
      z.array(
        z.object({
          hook,
          received: doc(count(), 'Packets received.'),
          receivedBytes: doc(count(), 'Bytes received.'),
          sent: doc(count(), 'Packets sent on.'),
          passed: doc(count(), 'Packets left to the host.'),
          punted: doc(count(), 'Packets handed to the daemon.'),
          dropped: doc(count(), 'Packets dropped, all reasons.'),
          generated: doc(count(), 'Packets made here: ICMP errors and answers.'),
        }),
      ),
      'received = sent + passed + punted + dropped, for each hook.',
    ),
  })
  .meta({ id: 'Counters', description: 'The balance of packets by hook.' });

export const reloadResponse = z
  .object({
    replaced: doc(z.array(programSchema), 'The attachments, with the programs they have now.'),
  })
  .meta({ id: 'Reload', description: 'Result of replacing programs.' });

export const healthResponse = z
  .object({
    status: doc(z.enum(['ok', 'unavailable']), 'The verdict.'),
    checks: doc(
      z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string().optional() })),
      'What was checked.',
    ).optional(),
  })
  .meta({ id: 'Health', description: 'Answer of a health probe.' });
