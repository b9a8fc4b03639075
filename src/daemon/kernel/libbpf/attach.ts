// SPDX-License-Identifier: Apache-2.0
/**
 * Programs on devices. A link is pinned, so that it outlives the process, and replaced through
 * its pin, so that no packet meets an empty hook. Devices are those of the caller's network
 * namespace.
 */
import { closeSync, existsSync, mkdirSync, unlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import type { AttachKind, BpfAttachment } from '../../ports/bpf.js';
import { check, takeLog } from './check.js';
import { attach as native } from './native.js';
import { openPin, pinFd } from './pins.js';
import type { KernelProgram } from './program.js';

const { EINVAL, ENODEV, ENOENT } = constants.errno;
// linux/bpf.h, linux/if_link.h
const BPF_XDP = 37;
const BPF_TCX_INGRESS = 46;
const LINK_TYPE_XDP = 6;
const LINK_TYPE_TCX = 11;
const XDP_FLAGS_SKB_MODE = 1 << 1;
const XDP_FLAGS_DRV_MODE = 1 << 2;
const MODE_NATIVE = 1; // transit_bpf_xdp_modes

type LinkKind = Exclude<AttachKind, 'clsact'>;

const LINK: Record<LinkKind, { readonly type: number; readonly flags: number }> = {
  'xdp-native': { type: BPF_XDP, flags: XDP_FLAGS_DRV_MODE },
  'xdp-generic': { type: BPF_XDP, flags: XDP_FLAGS_SKB_MODE },
  tcx: { type: BPF_TCX_INGRESS, flags: 0 },
};

function xdpKind(ifindex: number): LinkKind {
  const modes = new Uint32Array(1);
  check(native.xdpModes(ifindex, modes), 'bpf_xdp_query', `device ${ifindex}`);
  return ((modes[0] ?? 0) & MODE_NATIVE) !== 0 ? 'xdp-native' : 'xdp-generic';
}

/** What a link says of itself; undefined when its device is gone. */
function readLink(fd: number, path: string): BpfAttachment | undefined {
  const info = new Uint32Array(4);
  check(native.linkInfo(fd, info), 'bpf_obj_get_info_by_fd', `link ${path}`);
  const [linkId = 0, type = 0, programId = 0, ifindex = 0] = info;
  if (ifindex === 0) return undefined;
  if (type !== LINK_TYPE_XDP && type !== LINK_TYPE_TCX) return undefined;
  const kind = type === LINK_TYPE_TCX ? 'tcx' : xdpKind(ifindex);
  return { kind, ifindex, programId, linkId };
}

function withLink<T>(path: string, use: (fd: number) => T): T | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openPin(path);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** Ends the link now: after unlink alone it would go when the kernel finds time. */
function removeLink(path: string): void {
  withLink(path, (fd) => {
    const err = native.linkDetach(fd);
    // a link whose device went is detached already
    if (err !== -EINVAL && err !== -ENODEV && err !== -ENOENT) {
      check(err, 'bpf_link_detach', `link ${path}`);
    }
    unlinkSync(path);
  });
}

function queryFilter(ifindex: number): BpfAttachment | undefined {
  const id = new Uint32Array(1);
  const err = native.tcQuery(ifindex, id);
  if (err === -ENOENT || err === -EINVAL || err === -ENODEV) {
    takeLog(); // libbpf complains about what is an answer here
    return undefined;
  }
  check(err, 'bpf_tc_query', `device ${ifindex}`);
  return { kind: 'clsact', ifindex, programId: id[0] ?? 0, linkId: undefined };
}

function attachLink(
  program: KernelProgram,
  ifindex: number,
  kind: LinkKind,
  path: string,
): BpfAttachment {
  const what = `program ${program.name}, device ${ifindex}`;
  const replaced = withLink(path, (fd) => {
    const now = readLink(fd, path);
    if (now?.ifindex !== ifindex || now.kind !== kind) return undefined;
    check(native.linkUpdate(fd, program.fd, null), 'bpf_link_update', what);
    return { ...now, programId: program.id };
  });
  if (replaced) return replaced;
  removeLink(path); // of another kind, or of a device that is gone
  mkdirSync(dirname(path), { recursive: true });
  const { type, flags } = LINK[kind];
  const fd = check(native.linkCreate(program.fd, ifindex, type, flags), 'bpf_link_create', what);
  try {
    pinFd(fd, path);
    const info = new Uint32Array(4);
    check(native.linkInfo(fd, info), 'bpf_obj_get_info_by_fd', `link ${path}`);
    return { kind, ifindex, programId: program.id, linkId: info[0] };
  } finally {
    closeSync(fd);
  }
}

/** See BpfLoader.attach. */
export function attachProgram(
  program: KernelProgram,
  ifindex: number,
  kind: AttachKind,
  path: string,
): BpfAttachment {
  if (kind !== 'clsact') return attachLink(program, ifindex, kind, path);
  const what = `program ${program.name}, device ${ifindex}`;
  check(native.tcAttach(program.fd, ifindex), 'bpf_tc_attach', what);
  takeLog(); // "exclusivity": the clsact qdisc was there
  return { kind, ifindex, programId: program.id, linkId: undefined };
}

/** See BpfLoader.attached. The kind is the real one, also when another was asked for. */
export function attachedProgram(
  ifindex: number,
  kind: AttachKind,
  path: string,
): BpfAttachment | undefined {
  if (kind === 'clsact') return queryFilter(ifindex);
  const found = withLink(path, (fd) => readLink(fd, path));
  return found?.ifindex === ifindex ? found : undefined;
}

/** See BpfLoader.detach. What is not there is detached. */
export function detachProgram(ifindex: number, kind: AttachKind, path: string): void {
  if (kind !== 'clsact') {
    removeLink(path);
    return;
  }
  if (queryFilter(ifindex)) check(native.tcDetach(ifindex), 'bpf_tc_detach', `device ${ifindex}`);
}
