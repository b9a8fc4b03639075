// SPDX-License-Identifier: Apache-2.0
/** What the daemon reports of translation on its host. */
import { z } from 'zod';
import { doc } from '../fields.js';

const count = () => z.number().int().min(0);
const port = () => z.int().min(0).max(65535);

const refusedFields = {
  refusedQuota: doc(count(), 'Packets refused as the endpoint had used up its blocks.'),
  refusedPool: doc(count(), 'Packets refused as the address had no free block.'),
  refusedTable: doc(count(), 'Packets refused as there was no room for a mapping.'),
  refusedLimits: doc(count(), 'Packets refused by quotas of connections, see limits.'),
};

const poolAddress = z.object({
  address: doc(z.string(), 'Public address.'),
  blocks: doc(count(), 'Port blocks it has.'),
  blocksUsed: doc(count(), 'Blocks that an endpoint holds.'),
  ports: doc(count(), 'Ports it has, of each protocol.'),
  tcpPorts: doc(count(), 'TCP ports in use or in quarantine.'),
  udpPorts: doc(count(), 'UDP ports in use or in quarantine.'),
  icmpIds: doc(count(), 'ICMP identifiers in use or in quarantine.'),
  endpoints: doc(count(), 'Endpoints that hold blocks.'),
});

const natBlock = z.object({
  first: doc(port(), 'First port.'),
  last: doc(port(), 'Last port.'),
  mappings: doc(count(), 'Mappings with a port of the block.'),
});

export const natResponse = z
  .object({
    gateways: doc(
      z.array(
        z.object({
          gateway: doc(
            z.string(),
            'Name of the NatGateway, or Peering/NAME of a pool in a peered VPC; empty when it is not known any more.',
          ),
          blockSize: doc(count(), 'Ports of a block.'),
          ...refusedFields,
          addresses: doc(z.array(poolAddress), 'The pool.'),
        }),
      ),
      'Pools of this host: of NatGateways, and of Peerings whose connections it keeps.',
    ),
    endpoints: doc(
      z.array(
        z.object({
          endpoint: doc(z.string(), 'Name of the Endpoint; empty when it is not known any more.'),
          vpc: doc(z.string(), 'Name of its Vpc.'),
          gateway: doc(z.string(), 'Name of the NatGateway that serves it, or Peering/NAME.'),
          address: doc(z.string(), 'Public address it is bound to; empty when none yet.'),
          blocks: doc(z.array(natBlock), 'Blocks it holds.'),
          mappings: doc(count(), 'Mappings, those in quarantine included.'),
          connections: doc(
            count(),
            'Connections it has opened, also those that are not translated.',
          ),
          ...refusedFields,
        }),
      ),
      'Endpoints that have used a pool, by family.',
    ),
    prefixes: doc(
      z.array(
        z.object({
          by: doc(z.string(), 'NatGateway/NAME (NPTv6) or Peering/NAME.'),
          vpc: doc(z.string(), 'Name of the Vpc that has the prefix.'),
          prefix: doc(z.string(), 'As it is there.'),
          as: doc(z.string(), 'As it is seen.'),
          seenBy: doc(z.string(), 'Name of the Vpc that sees it; empty: the outside.'),
        }),
      ),
      'Prefixes that stand for others, address by address, on this host.',
    ),
    services: doc(
      z.array(
        z.object({
          service: doc(z.string(), 'Name of the VirtualService.'),
          source: doc(
            z.string(),
            "Address that this host's packets to the server have; empty while there is no way.",
          ),
          firstPort: doc(port(), 'First source port.'),
          ports: doc(count(), 'Source ports it has, of each protocol.'),
          tcp: doc(count(), 'TCP connections, each with a port.'),
          udp: doc(count(), 'UDP connections, each with a port.'),
          refusedQuota: doc(
            count(),
            'Packets refused as the endpoint had as many connections as it may.',
          ),
          refusedPool: doc(count(), 'Packets refused as no port was free.'),
          endpoints: doc(
            z.array(
              z.object({
                endpoint: doc(
                  z.string(),
                  'Name of the Endpoint; empty when it is not known any more.',
                ),
                vpc: doc(z.string(), 'Name of its Vpc.'),
                tcp: doc(count(), 'Its TCP connections.'),
                udp: doc(count(), 'Its UDP connections.'),
              }),
            ),
            'Who uses it.',
          ),
        }),
      ),
      'VirtualServices of the VPCs of this host.',
    ),
  })
  .meta({
    id: 'Nat',
    description: 'Pools, port blocks and who holds them; ports of services and who uses them.',
  });

export const natWhoResponse = z
  .object({
    holders: doc(
      z.array(
        z.object({
          protocol: doc(z.string(), 'Protocol; any for all of them.'),
          via: doc(z.string(), 'Object that says so.', { examples: ['NatGateway/blue'] }),
          state: doc(
            z.enum(['static', 'forwarded', 'mapped', 'quarantined', 'fixed', 'block', 'held']),
            'static: a PublicIp. forwarded: a PortForward. mapped: connections use it. quarantined: the last one went. fixed: of the ports that the address inside has by arithmetic, not used. held: of a block that the endpoint held at that time. block: of a block that the endpoint holds, not used.',
          ),
          vpc: doc(z.string(), 'Name of the Vpc; empty when it is not known any more.'),
          endpoint: doc(z.string(), 'Name of the Endpoint; empty when it is not known any more.'),
          address: doc(z.string(), 'Address inside; empty for a block.'),
          port: doc(port(), 'Port inside; 0 for a port that is not used.'),
          connections: doc(count(), 'Connections of the mapping.').optional(),
          idleSeconds: doc(z.number(), 'Time in quarantine, seconds.').optional(),
          first: doc(port(), 'First port of the block or range.').optional(),
          last: doc(port(), 'Last port of it.').optional(),
          owner: doc(z.string(), 'Host that gave the block out.').optional(),
          since: doc(z.string(), 'When the block was taken, RFC 3339.').optional(),
          after: doc(
            z.string(),
            'The block was found held at `since`: it was taken at some time between this and then.',
          ).optional(),
        }),
      ),
      'Who has the public address and port; empty: nobody.',
    ),
    logFrom: doc(
      z.string(),
      'With `at`: when the log begins, RFC 3339. Of blocks before nothing is known.',
    ).optional(),
  })
  .meta({ id: 'NatWho', description: 'Who is behind a public address and port.' });

export const natEventsResponse = z
  .object({
    events: doc(
      z.array(
        z.object({
          time: doc(z.string(), 'RFC 3339.'),
          after: doc(
            z.string(),
            'It was found later: it happened at some time between this and `time`.',
          ).optional(),
          event: doc(
            z.enum(['taken', 'given-back', 'plan', 'lost']),
            'taken: an endpoint has the block from then on. given-back: not any more. plan: the arithmetic of a deterministic NatGateway changed. lost: events found no room; what was so was read from the maps.',
          ),
          vpc: doc(z.string(), 'Name of the Vpc.').optional(),
          endpoint: doc(z.string(), 'Name of the Endpoint.').optional(),
          inside: doc(z.string(), 'Source of the packet for which it was taken.').optional(),
          gateway: doc(z.string(), 'Name of the NatGateway.').optional(),
          owner: doc(z.string(), 'Host that gave the block out.').optional(),
          address: doc(z.string(), 'Public address.').optional(),
          first: doc(port(), 'First port.').optional(),
          last: doc(port(), 'Last port.').optional(),
          addresses: doc(
            z.array(z.string()),
            'plan: public addresses; none: no arithmetic.',
          ).optional(),
          count: doc(count(), 'lost: how many.').optional(),
        }),
      ),
      'Events of port blocks, the newest first. Ports by arithmetic have none.',
    ),
    truncated: doc(z.boolean(), 'There are more.'),
  })
  .meta({ id: 'NatEvents', description: 'Port blocks that changed hands.' });
