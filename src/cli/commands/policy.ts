// SPDX-License-Identifier: Apache-2.0
/** `policy check`: whether policies let a connection through, and which rule says so. */
import type { Command } from 'commander';
import type { PolicyCheckResponse, RouteArguments, Routes } from '../../api/index.js';
import { EXIT, ExitStatus, UsageError } from '../exit.js';
import { documentText, formatOption, type Format } from '../output/format.js';
import { tableText } from '../output/table.js';
import type { Session } from '../session.js';

type Check = PolicyCheckResponse['checks'][number];
type Verdict = Check['from'];
type Protocol = RouteArguments<Routes['policyCheck']>['query']['protocol'];

const ENDS = ['from', 'to'] as const;
const PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp', 'icmpv6'] as const;

interface CheckOptions {
  readonly sourcePort?: string;
  readonly icmp?: string;
  readonly vpc?: string;
  readonly output: Format;
}

function numberOf(text: string, what: string, max: number): number {
  const number = /^[0-9]{1,5}$/.test(text) ? Number(text) : Infinity;
  if (number <= max) return number;
  throw new UsageError(`"${text}" is not ${what}: 0 to ${max}`);
}

function protocolOf(text: string): Protocol {
  const named = PROTOCOLS.find((name) => name === text.toLowerCase());
  if (named !== undefined) return named;
  if (/^[0-9]+$/.test(text)) return numberOf(text, 'a protocol number', 255);
  throw new UsageError(`"${text}" is not a protocol: ${PROTOCOLS.join(', ')} or a number`);
}

/** "8" or "3/4". */
function icmpOf(text: string): { icmpType: number; icmpCode?: number } {
  const [type = '', code, ...rest] = text.split('/');
  if (rest.length > 0) throw new UsageError(`"${text}" is not TYPE or TYPE/CODE`);
  return {
    icmpType: numberOf(type, 'an ICMP type', 255),
    ...(code === undefined ? {} : { icmpCode: numberOf(code, 'an ICMP code', 255) }),
  };
}

function verdictText({ verdict, host }: Verdict): string {
  return verdict === 'elsewhere' ? `judged on host ${host ?? ''}` : verdict.replace('-', ' ');
}

function matchText({ verdict, decidedBy, problem, endpoint }: Verdict): string {
  if (problem !== undefined) return problem;
  if (decidedBy !== undefined) return decidedBy.match;
  if (endpoint === undefined) return 'no endpoint has the address';
  return verdict === 'allowed' ? 'open: nothing applies' : '';
}

function kernelText({ kernel }: Verdict): string {
  if (kernel === undefined) return '';
  return kernel.agrees ? 'agrees' : `DISAGREES: ${kernel.verdict}`;
}

function row(check: Check, end: 'from' | 'to'): string[] {
  const side = check[end];
  const { tier = '', by = '', rule } = side.decidedBy ?? {};
  return [
    `IPv${check.family}`,
    end,
    side.endpoint ?? '',
    side.address,
    side.direction,
    verdictText(side),
    tier,
    by,
    rule === undefined ? '' : String(rule),
    matchText(side),
    kernelText(side),
  ];
}

function tableOf({ checks }: PolicyCheckResponse): string {
  const head = ['FAMILY', 'END', 'ENDPOINT', 'ADDRESS', 'DIRECTION', 'VERDICT'];
  return tableText(
    [...head, 'TIER', 'BY', 'RULE', 'MATCH', 'DATA-PATH'],
    checks.flatMap((check) => ENDS.map((end) => row(check, end))),
  );
}

const SUMMARY = {
  allowed: 'allowed',
  denied: 'denied',
  unknown: 'not known here: the other end has a say',
} as const;

function summary({ checks }: PolicyCheckResponse): string {
  return checks
    .map(({ family, from, to, verdict }) => {
      const logged = [...(from.logged ?? []), ...(to.logged ?? [])];
      const log = logged.map(({ by, rule }) => `${by} ${rule ?? ''}`.trim()).join(', ');
      return `IPv${family}: ${SUMMARY[verdict]}${log === '' ? '' : `; logged by ${log}`}\n`;
    })
    .join('');
}

/** "the default tier's…": a rule with its owner. */
function ruleOf(by: Verdict['decidedBy']): string {
  if (by === undefined) return '';
  return ` by ${by.by}${by.rule === undefined ? '' : ` rule ${by.rule}`}`;
}

function disagreements({ checks }: PolicyCheckResponse): string[] {
  return checks.flatMap(({ family, from, to }) =>
    [from, to].flatMap((side) =>
      side.kernel === undefined || side.kernel.agrees
        ? []
        : [
            `${side.endpoint ?? side.address}, IPv${family} ${side.direction}: the rules say ` +
              `${side.verdict}${ruleOf(side.decidedBy)}, the data path ${side.kernel.verdict}` +
              ruleOf(side.kernel.decidedBy),
          ],
    ),
  );
}

/** `transit policy check FROM TO PROTOCOL [PORT]`. */
export function registerPolicy(program: Command, session: Session): void {
  program
    .command('policy')
    .description('ask about policies')
    .command('check')
    .description('whether policies let a connection through, and which rule says so')
    .argument('<from>', 'who opens it: an endpoint, or an address')
    .argument('<to>', 'whom it is opened to: an endpoint, or an address')
    .argument('<protocol>', `${PROTOCOLS.join(', ')} or a number`)
    .argument('[port]', 'destination port, of tcp, udp and sctp')
    .option('--source-port <port>', 'source port (default: 49152)')
    .option('--icmp <type/code>', 'ICMP type, and code (default: an echo request)')
    .option('--vpc <name>', 'VPC, when both ends are addresses')
    .addOption(formatOption())
    .addHelpText(
      'after',
      '\nEnds on this host are judged; both ends are asked for to be certain. Exit status 1: the\n' +
        'data path does something else than the rules say. Denied is an answer, with status 0.',
    )
    .action(
      async (
        from: string,
        to: string,
        protocol: string,
        port: string | undefined,
        { sourcePort, icmp, vpc, output }: CheckOptions,
      ) => {
        const query = {
          from,
          to,
          protocol: protocolOf(protocol),
          vpc,
          ...(port === undefined ? {} : { port: numberOf(port, 'a port', 65535) }),
          ...(sourcePort === undefined
            ? {}
            : { sourcePort: numberOf(sourcePort, 'a port', 65535) }),
          ...(icmp === undefined ? {} : icmpOf(icmp)),
        };
        const value = await session.client().call('policyCheck', { query });
        if (output === 'json' || output === 'yaml') session.print(documentText(value, output));
        else session.print(`${tableOf(value)}\n${summary(value)}`);
        if (value.agrees) return;
        session.note('THE DATA PATH DOES NOT DO WHAT THE RULES SAY');
        for (const line of disagreements(value)) session.note(line);
        throw new ExitStatus(EXIT.failed);
      },
    );
}
