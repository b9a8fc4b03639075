// SPDX-License-Identifier: Apache-2.0
/**
 * What services of the underlay are to packets, from their description (docs/design/services.md):
 * who may have a connection, which source ports it may get, who may answer. Source ports are
 * chosen by the program; the model says whether the choice was allowed.
 */
export type Protocol = 'tcp' | 'udp';

export interface Service {
  readonly name: string;
  readonly vnis: readonly number[];
  readonly address: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly server: string;
  readonly serverPort: number;
  readonly source: string;
  readonly first: number;
  readonly count: number;
  readonly limit: number;
}

/** A packet's addresses and ports. */
export interface Tuple {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly protocol: Protocol;
}

interface Connection {
  readonly endpoint: string;
  readonly vni: number;
  readonly inside: Tuple;
  readonly outside: Tuple;
  readonly service: string;
}

export type Verdict =
  | { readonly kind: 'dropped'; readonly reason: string }
  | { readonly kind: 'passed' }
  /** Leaves with a port that allowed() accepts. */
  | { readonly kind: 'out'; readonly kept: Tuple | undefined }
  | { readonly kind: 'delivered'; readonly endpoint: string; readonly tuple: Tuple };

const dropped = (reason: string): Verdict => ({ kind: 'dropped', reason });

function key({ src, sport, dst, dport, protocol }: Tuple): string {
  return [src, sport, dst, dport, protocol].join(' ');
}

function turned({ src, sport, dst, dport, protocol }: Tuple): Tuple {
  return { src: dst, sport: dport, dst: src, dport: sport, protocol };
}

export class ServiceModel {
  readonly services = new Map<string, Service>();
  readonly #connections = new Map<string, Connection>();

  constructor(
    private readonly setAside: ReadonlySet<string>,
    private readonly vxlanPort: number,
  ) {}

  /** Connections of a service, of everybody or of one endpoint. */
  count(service: string, protocol: Protocol, endpoint?: string): number {
    return [...this.#connections.values()].filter(
      (c) =>
        c.service === service &&
        c.inside.protocol === protocol &&
        (endpoint === undefined || c.endpoint === endpoint),
    ).length;
  }

  /** What becomes of an endpoint's packet. */
  out(endpoint: string, vni: number, tuple: Tuple): Verdict {
    const service = this.#service(vni, tuple);
    if (!service) return dropped('SERVICE_PORT');
    const known = this.#connections.get(`${endpoint} ${key(tuple)}`);
    if (known && this.#isTo(known, service)) return { kind: 'out', kept: known.outside };
    if (this.count(service.name, tuple.protocol, endpoint) >= service.limit)
      return dropped('SERVICE_QUOTA');
    const free = Array.from({ length: service.count }, (_, i) => service.first + i).some((port) =>
      this.allowed(service, tuple.protocol, port),
    );
    const room = this.count(service.name, tuple.protocol) < service.count;
    return free && room ? { kind: 'out', kept: undefined } : dropped('SERVICE_EXHAUSTED');
  }

  /** Whether a new connection may have a source port: nobody has it towards the server. */
  allowed(service: Service, protocol: Protocol, port: number): boolean {
    if (port < service.first || port >= service.first + service.count) return false;
    if (protocol === 'udp' && port === this.vxlanPort) return false;
    const outside = key(this.#outside(service, protocol, port));
    return ![...this.#connections.values()].some((c) => key(c.outside) === outside);
  }

  /** A packet left from a port. @returns false when it may not have */
  left(endpoint: string, vni: number, tuple: Tuple, port: number): boolean {
    const service = this.#service(vni, tuple);
    if (!service) return false;
    const id = `${endpoint} ${key(tuple)}`;
    const known = this.#connections.get(id);
    const kept = known && this.#isTo(known, service);
    if (kept) return known.outside.sport === port;
    if (!this.allowed(service, tuple.protocol, port)) return false;
    const outside = this.#outside(service, tuple.protocol, port);
    this.#connections.set(id, { endpoint, vni, inside: tuple, outside, service: service.name });
    return true;
  }

  /** What becomes of a packet that comes without a tunnel. */
  in(tuple: Tuple): Verdict {
    const outside = key(turned(tuple));
    const found = [...this.#connections.values()].find((c) => key(c.outside) === outside);
    if (!found) return this.setAside.has(tuple.dst) ? dropped('NO_MAPPING') : { kind: 'passed' };
    const service = this.#service(found.vni, found.inside);
    if (!service || !this.#isTo(found, service)) return dropped('NO_MAPPING');
    return { kind: 'delivered', endpoint: found.endpoint, tuple: turned(found.inside) };
  }

  /** Replies that connections wait for. */
  replies(): Tuple[] {
    return [...this.#connections.values()].map(({ outside }) => turned(outside));
  }

  #service(vni: number, { dst, dport, protocol }: Tuple): Service | undefined {
    return [...this.services.values()].find(
      (s) =>
        s.vnis.includes(vni) && s.address === dst && s.port === dport && s.protocol === protocol,
    );
  }

  /** Whether a connection still goes where a new one would. */
  #isTo({ outside }: Connection, service: Service): boolean {
    return key(outside) === key(this.#outside(service, outside.protocol, outside.sport));
  }

  #outside({ source, server, serverPort }: Service, protocol: Protocol, port: number): Tuple {
    return { src: source, sport: port, dst: server, dport: serverPort, protocol };
  }
}
