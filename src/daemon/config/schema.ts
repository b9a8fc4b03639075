// SPDX-License-Identifier: Apache-2.0
/**
 * transitd's settings file: every field, its rule and what it is for. Paths that depend on the
 * instance have no default here; settings.ts fills them in.
 */
import { z } from 'zod';
import { LOG_LEVELS } from '../../base/log.js';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, TIMEOUT_FLOORS } from '../../model/index.js';

const absolutePath = (): z.ZodString =>
  z
    .string()
    .regex(/^\/[^\0]*$/, 'is not an absolute path')
    .max(4095);

/** sun_path is 108 bytes with its NUL (unix(7)). */
const SOCKET_PATH_MAX = 107;

const socketPath = (): z.ZodString =>
  absolutePath().max(
    SOCKET_PATH_MAX,
    `is longer than the ${SOCKET_PATH_MAX} bytes the kernel takes as a socket path`,
  );

/** A map's max_entries. Bounded so that a typing error does not ask for all memory. */
const entries = (fallback: number, what: string): z.ZodDefault<z.ZodInt> =>
  z
    .int()
    .min(16)
    .max(2 ** 24)
    .default(fallback)
    .describe(what);

const seconds = (fallback: number, what: string): z.ZodDefault<z.ZodInt> =>
  z.int().min(1).max(86_400).default(fallback).describe(what);

const port = (): z.ZodInt => z.int().min(1).max(65_535);

const tcpSchema = z
  .strictObject({
    address: z
      .union([z.ipv4(), z.ipv6()], 'is not an IP address')
      .default('127.0.0.1')
      .describe('Address to listen on.'),
    port: port().describe('TCP port to listen on.'),
    tokenFile: absolutePath()
      .optional()
      .describe('File with the bearer token clients must send; required with TCP.'),
  })
  .superRefine((tcp, context) => {
    if (tcp.tokenFile !== undefined) return;
    context.addIssue({
      code: 'custom',
      path: ['tokenFile'],
      message:
        'is required: whoever reaches a TCP port could change the network. Put a token into a ' +
        'file that only this daemon reads and name it here, or leave rest.tcp out',
    });
  });

const restSchema = z.strictObject({
  socket: socketPath()
    .optional()
    .describe('Unix socket of the API, mode 0600. Default: api.sock in runDir.'),
  tcp: tcpSchema.optional().describe('Also listen on TCP, with a bearer token.'),
});

const logSchema = z.strictObject({
  level: z.enum(LOG_LEVELS).default('info').describe('Least severe level that is logged.'),
});

const timeoutsSchema = z.strictObject({
  tcp: seconds(300, 'Idle seconds until the flow records of a TCP connection go.'),
  udp: seconds(120, 'The same for UDP.'),
  other: seconds(60, 'The same for ICMP, SCTP and the rest.'),
  opening: seconds(60, 'The same for TCP that was not answered yet.'),
  closing: seconds(2, 'Seconds a TCP connection is remembered after FIN or RST.'),
  fragment: seconds(30, 'Seconds a first fragment is remembered (RFC 791 s3.2).'),
});

const dropEventsSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Report samples of dropped packets.'),
  perSecond: z
    .int()
    .min(1)
    .max(100_000)
    .default(20)
    .describe('Samples per second, for each reason and CPU.'),
});

/** Idle seconds of translated connections of VPCs that say nothing else; floors: see the model. */
const natTimeout = (name: keyof typeof TIMEOUT_FLOORS, what: string): z.ZodDefault<z.ZodInt> => {
  const { seconds: floor, rfc } = TIMEOUT_FLOORS[name];
  return z
    .int()
    .min(floor, `is less than the ${floor} seconds of ${rfc}`)
    .max(604_800)
    .default(DEFAULT_TIMEOUTS[name])
    .describe(what);
};

const natSchema = z.strictObject({
  maxGateways: z.int().min(1).max(65_535).default(255).describe('NatGateways on this host.'),
  maxAddresses: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe("Public addresses of this host's NatGateways."),
  maxEndpoints: entries(16_384, 'Endpoints that reach the outside by way of this host.'),
  maxMappings: entries(
    131_072,
    'Entries for mappings: two for each, and one for each address that may send to it.',
  ),
  maxPublicIps: entries(8192, 'PublicIps on this host.'),
  maxPortForwards: entries(65_536, 'Prefixes of ports of this host: a range takes up to 30.'),
  maxServices: z.int().min(1).max(16_384).default(1024).describe('VirtualServices.'),
  maxServicePorts: entries(65_536, 'Ports of VirtualServices: one for each VPC and protocol.'),
  maxPrefixes: entries(8192, 'Prefixes of NatGateways on this host, and of all Peerings.'),
  timeouts: z
    .strictObject({
      tcpEstablished: natTimeout('tcpEstablished', 'Idle seconds of established TCP.'),
      tcpTransitory: natTimeout('tcpTransitory', 'The same while it opens or closes.'),
      udp: natTimeout('udp', 'The same for UDP.'),
      icmp: natTimeout('icmp', 'The same for ICMP echo.'),
      other: natTimeout('other', 'The same for other protocols.'),
    })
    .prefault({})
    .describe('When idle translated connections go, where Vpc.spec.timeouts says nothing.'),
  blockLog: z
    .strictObject({
      days: z.int().min(1).max(3650).default(180).describe('Days that are kept.'),
      megabytes: z
        .int()
        .min(16)
        .max(1_048_576)
        .default(1024)
        .describe('Most megabytes on disk: the oldest go first.'),
    })
    .prefault({})
    .describe('The log of who had which port blocks, in dataDir.'),
});

const policySchema = z.strictObject({
  maxPrograms: entries(4096, 'Distinct lists of rules that endpoints of this host have.'),
  maxBlocks: entries(8192, 'Distinct parts of these, of about 256 rules: old and new in a change.'),
  maxRows: entries(262_144, "Values that matter to a block's rules; as many prefixes of ports."),
  maxRules: entries(131_072, 'Rules of all blocks.'),
  maxAddresses: entries(1_048_576, 'Addresses that rules of this host mean one by one.'),
  maxNets: entries(131_072, 'Nets that rules of this host mean, of each VPC.'),
  maxNamedPorts: entries(131_072, 'Named ports of endpoints that rules of this host mean.'),
});

const limit = (name: keyof typeof DEFAULT_LIMITS, what: string): z.ZodDefault<z.ZodInt> =>
  z.int().min(0).max(16_777_216).default(DEFAULT_LIMITS[name]).describe(what);

const limitsSchema = z.strictObject({
  connections: limit('connections', 'Connections it has opened, and as many opened to it.'),
  halfOpen: limit('halfOpen', 'TCP connections among these that were not answered yet.'),
  newPerSecond: limit('newPerSecond', 'Connections it opens per second.'),
  burst: limit('burst', 'Connections it opens at once after a pause; at least newPerSecond.'),
});

const datapathSchema = z.strictObject({
  bpfDir: absolutePath()
    .optional()
    .describe(
      'Directory of the compiled BPF programs. Default: build/bpf of the source tree the daemon ' +
        'runs from, else /usr/lib/transit/bpf.',
    ),
  pinDir: absolutePath()
    .optional()
    .describe('Where maps, links and programs are pinned. Default: /sys/fs/bpf/transit/INSTANCE.'),
  vxlanPort: port().default(4789).describe('UDP port of VXLAN (RFC 7348).'),
  tunnelGro: z
    .boolean()
    .default(true)
    .describe(
      'While a droplet is on tc, keep a VXLAN device that takes nothing, so that the kernel merges ' +
        'TCP inside the tunnel before the program. It holds the UDP port of VXLAN.',
    ),
  maxFlows: entries(262_144, 'Flow records: two for each connection.'),
  maxVpcs: entries(4096, 'VPCs.'),
  maxEndpoints: entries(16_384, 'Endpoints on this host.'),
  maxAddresses: entries(262_144, "Addresses of all VPCs' endpoints and gateways."),
  maxRoutes: entries(131_072, 'Routes of all VPCs.'),
  maxVteps: entries(4096, 'Other hosts and gateways.'),
  maxGroups: entries(1024, 'Distinct ECMP groups.'),
  timeouts: timeoutsSchema.prefault({}).describe('When idle state goes.'),
  nat: natSchema.prefault({}).describe('Translation.'),
  policy: policySchema.prefault({}).describe('Policies.'),
  limits: limitsSchema
    .prefault({})
    .describe('Quotas of each endpoint, where neither it nor its VPC say anything; 0: no limit.'),
  dropEvents: dropEventsSchema.prefault({}).describe('Samples of dropped packets.'),
});

export const settingsSchema = z.strictObject({
  instance: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, 'is not 1 to 32 characters of a-z, 0-9 and "-"')
    .default('default')
    .describe('Separates daemons on one machine: part of default paths and of pins.'),
  host: z
    .string()
    .regex(
      /^[A-Za-z0-9]([-.A-Za-z0-9]{0,251}[A-Za-z0-9])?$/,
      'is not a host name (RFC 1123): 1 to 253 letters, digits, hyphens and dots',
    )
    .optional()
    .describe("This host's name, as objects refer to it. Default: the system's host name."),
  dataDir: absolutePath()
    .optional()
    .describe('Directory of the store. Default: /var/lib/transit/INSTANCE.'),
  runDir: absolutePath()
    .optional()
    .describe('Directory of sockets. Default: /run/transit/INSTANCE.'),
  rest: restSchema.prefault({}).describe('The API.'),
  log: logSchema.prefault({}).describe('Logging, as JSON lines on standard output.'),
  datapath: datapathSchema.prefault({}).describe('The BPF programs and their maps.'),
});

/** The file's contents with the schema's defaults. */
export type SettingsFile = z.output<typeof settingsSchema>;

/** JSON Schema of the settings file, for documentation and editors. */
export function settingsJsonSchema(): unknown {
  return z.toJSONSchema(settingsSchema, { io: 'input' });
}
