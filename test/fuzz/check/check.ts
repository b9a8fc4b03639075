// SPDX-License-Identifier: Apache-2.0
/**
 * The invariants, asked of one packet and what became of it. Everything is concluded from
 * the bytes that went in and came out and the device they leave by; nothing from the product.
 */
import type { Hook, ProgramName, Verdict } from '../../support/rig.js';
import { isGroupMac, isMartian, isMulticast, isZero } from './addresses.js';
import { ecnAfterTunnel, outerTos, packetProblem, readTunnel, segmentLength } from './forward.js';
import { advertisementProblem, arpProblem, echoProblem, errorProblem } from './replies.js';
import type { EndpointFacts, Topology, VpcFacts } from './topology.js';
import { get16, get32, headerResidue, hex, read, same, TYPE, type Frame } from './wire.js';

export interface Input {
  readonly program: ProgramName;
  /** An endpoint's name, or 'droplet'. */
  readonly from: string;
  readonly frame: Uint8Array;
  /** tc: payload bytes of one segment, when the frame stands for several. */
  readonly gsoSize?: number;
}

export interface Output {
  readonly verdict: Verdict;
  readonly data: Uint8Array;
  /** Where it is redirected to: an endpoint's name, 'droplet', or '' for nowhere. */
  readonly device: string;
}

/** What the packet became, for the balance of counters. */
export type Kind = 'dropped' | 'passed' | 'forwarded' | 'answered' | 'error';

export interface Judgement {
  readonly kind: Kind;
  /** The invariant that does not hold; empty when all do. */
  readonly problem: string;
}

const bad = (kind: Kind, problem: string): Judgement => ({ kind, problem });
const good = (kind: Kind): Judgement => ({ kind, problem: '' });

/** A frame handed to an endpoint, by its own device. */
function deliveryProblem(
  input: Frame,
  out: Frame,
  to: EndpointFacts,
  vpc: VpcFacts,
  tos: number,
  gsoSize: number,
): string {
  if (to.vpc !== vpc) return `a packet of ${vpc.name} is delivered to ${to.name}`;
  const routed = same(input.dmac, vpc.gatewayMac);
  if (!same(out.dmac, to.mac)) return `delivered to ${to.name} with MAC ${hex(out.dmac)}`;
  if (!same(out.smac, routed ? vpc.gatewayMac : input.smac)) return 'source MAC of the delivery';
  if (out.ethertype !== input.ethertype || out.tags.length) return 'ethertype of the delivery';
  const length = segmentLength(input.ip!, input.bytes, gsoSize);
  if (length > to.mtu) return `${length} bytes to ${to.name}, whose MTU is ${to.mtu}`;
  return packetProblem(input, out.bytes, out.l3, routed, tos);
}

/** What may be forwarded at all. */
function forwardable(input: Frame): string {
  const { ip } = input;
  if (!ip || input.problem) return `forwarded although not well formed: ${input.problem}`;
  if (isGroupMac(input.dmac) || isMulticast(ip.dst)) return 'forwarded although to a group';
  if (isGroupMac(input.smac) || isZero(input.smac)) return 'forwarded from a MAC that is nobody';
  if (isMartian(ip.src) || isMartian(ip.dst)) return 'forwarded with a martian address';
  return '';
}

function judgeAgent(
  input: Input,
  frame: Frame,
  output: Output,
  tc: boolean,
  topo: Topology,
): Judgement {
  const me = topo.endpoints.get(input.from);
  if (!me) return bad('forwarded', 'sent from a device that is no endpoint');
  const { vpc } = me;
  const out = read(output.data);
  if (!same(frame.smac, me.mac)) return bad('forwarded', 'sent with a forged source MAC');
  if (frame.tags.some((t) => t.tci & 0xfff) || frame.tags.length > 1) {
    return bad('forwarded', 'a tagged frame was sent');
  }
  if (output.device === 'droplet') {
    const tunnel = readTunnel(out, vpc, topo);
    if (typeof tunnel === 'string') return bad('forwarded', tunnel);
    const inner = read(output.data, tunnel.inner);
    const not = forwardable(frame);
    if (not) return bad('forwarded', not);
    const routed = same(frame.dmac, vpc.gatewayMac);
    const ip = frame.ip!;
    const macs = routed
      ? same(inner.smac, vpc.gatewayMac)
      : same(inner.smac, frame.smac) && same(inner.dmac, frame.dmac);
    if (!macs || isGroupMac(inner.dmac)) return bad('forwarded', 'MACs of the inner frame');
    if (inner.ethertype !== frame.ethertype) return bad('forwarded', 'inner ethertype');
    if (tunnel.outerTos !== outerTos(tunnel.vtep, ip.tos))
      return bad('forwarded', `outer TOS ${tunnel.outerTos}`);
    const length = segmentLength(ip, frame.bytes, input.gsoSize ?? 0);
    if (length > tunnel.vtep.mtu)
      return bad('forwarded', `${length} bytes into a tunnel for ${tunnel.vtep.mtu}`);
    return bad('forwarded', packetProblem(frame, output.data, inner.l3, routed, ip.tos));
  }
  const to = topo.endpoints.get(output.device);
  if (!to) return bad('forwarded', `sent to ${output.device || 'no device'}`);
  if (output.device === input.from) {
    if (frame.ethertype === TYPE.arp) return bad('answered', arpProblem(frame, output.data, vpc));
    const oip = out.ip;
    const ip = frame.ip;
    if (!ip || !oip) return bad('answered', 'an answer to what is not IP');
    if (
      oip.version === 6 &&
      oip.protocol === 58 &&
      output.data[oip.l4] === 136 &&
      ip.protocol === 58 &&
      frame.bytes[ip.l4] === 135
    ) {
      return bad('answered', advertisementProblem(frame, out, vpc));
    }
    if (vpc.gateways.has(hex(ip.dst)) && same(oip.src, ip.dst) && !same(ip.src, ip.dst)) {
      return bad('answered', frame.problem || out.problem || echoProblem(frame, out, vpc));
    }
    if (vpc.gateways.has(hex(oip.src))) {
      return bad('error', out.problem || errorProblem(frame, out, vpc, tc));
    }
  }
  const problem =
    forwardable(frame) || deliveryProblem(frame, out, to, vpc, frame.ip!.tos, input.gsoSize ?? 0);
  return bad('forwarded', problem);
}

/** Whether a frame on the droplet is a tunnel packet to us, the host's own, or too broken to tell. */
export function addressedToUs(frame: Frame, topo: Topology): 'yes' | 'no' | 'unclear' {
  const { ip, bytes: b, tags } = frame;
  if (tags.length > 1 || tags.some((t) => t.tpid !== TYPE.vlan || t.tci & 0xfff)) return 'no';
  if (!ip) return frame.ethertype === TYPE.ip4 || frame.ethertype === TYPE.ip6 ? 'unclear' : 'no';
  if (!topo.dropletAddresses.has(hex(ip.dst))) return 'no';
  const direct = ip.version === 4 || b[ip.off + 6] === 17;
  if (!direct || ip.protocol !== 17 || ip.fragment === 'later') return 'no';
  if (ip.l4 + 8 > b.length || frame.problem) return 'unclear';
  return get16(b, ip.l4 + 2) === 4789 ? 'yes' : 'no';
}

function judgeTransit(frame: Frame, output: Output, tc: boolean, topo: Topology): Judgement {
  const { ip, bytes: b } = frame;
  if (addressedToUs(frame, topo) !== 'yes')
    return bad('forwarded', 'sent although not addressed to us');
  if (!ip || frame.problem) return bad('forwarded', `sent, outer: ${frame.problem}`);
  if (ip.end !== b.length) return bad('forwarded', 'sent with bytes behind the outer packet');
  if (ip.fragment !== 'whole' || get16(b, ip.l4 + 4) !== ip.end - ip.l4)
    return bad('forwarded', 'sent, outer UDP length');
  if (ip.version === 4 && (b[ip.off] !== 0x45 || headerResidue(b, ip) !== 0xffff)) {
    return bad('forwarded', 'sent, outer IPv4 header');
  }
  if (!topo.vteps.has(hex(ip.src)))
    return bad('forwarded', `sent, from unknown VTEP ${hex(ip.src)}`);
  if (ip.end - ip.l4 < 16 || !(b[ip.l4 + 8]! & 8))
    return bad('forwarded', 'sent without a valid VNI');
  const vpc = topo.vnis.get(get32(b, ip.l4 + 12) >>> 8);
  if (!vpc) return bad('forwarded', 'sent for a VNI of no VPC');
  const inner = read(b, ip.l4 + 16);
  if (inner.tags.length) return bad('forwarded', 'sent with an inner tag');
  const out = read(output.data);
  if (output.device === 'droplet') {
    const tunnel = readTunnel(out, vpc, topo);
    if (typeof tunnel === 'string') return bad('error', tunnel);
    if (!same(tunnel.outerDst, ip.src)) return bad('error', 'an error to another VTEP');
    const error = read(output.data, tunnel.inner);
    if (!inner.ip || !error.ip) return bad('error', 'an answer through the tunnel to no IP packet');
    if (error.ip.end - error.ip.off > tunnel.vtep.mtu)
      return bad('error', 'an error too big for the tunnel');
    return bad('error', error.problem || errorProblem(inner, error, vpc, tc));
  }
  const to = topo.endpoints.get(output.device);
  if (!to) return bad('forwarded', `sent to ${output.device || 'no device'}`);
  const not = forwardable(inner);
  if (not) return bad('forwarded', not);
  const ecn = ecnAfterTunnel(inner.ip!.tos, ip.tos);
  if (ecn === undefined) return bad('forwarded', 'congestion was marked and is lost');
  const tos = (inner.ip!.tos & 0xfc) | ecn;
  return bad('forwarded', deliveryProblem(inner, out, to, vpc, tos, 0));
}

/** Judges what one program did on one hook. */
export function judge(input: Input, output: Output, hook: Hook, topo: Topology): Judgement {
  const { verdict, data, device } = output;
  if (verdict !== 'sent' && device !== '') return bad(verdict, `${verdict}, and sent to ${device}`);
  if (verdict === 'dropped') {
    if (input.program === 'agent') return good('dropped');
    const frame = read(input.frame);
    const theirs = addressedToUs(frame, topo) === 'no';
    return bad('dropped', theirs ? "the host's own packet was dropped" : '');
  }
  if (verdict === 'passed') {
    if (input.program === 'agent')
      return bad('passed', "a workload's packet is passed to the host");
    const frame = read(input.frame);
    if (addressedToUs(frame, topo) === 'yes') return bad('passed', 'a packet for us is passed');
    return bad('passed', same(data, input.frame) ? '' : "the host's own packet was changed");
  }
  const frame = read(input.frame);
  return input.program === 'agent'
    ? judgeAgent(input, frame, output, hook === 'tc', topo)
    : judgeTransit(frame, output, hook === 'tc', topo);
}
