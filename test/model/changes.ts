// SPDX-License-Identifier: Apache-2.0
/** Arbitrary changes of a configuration, as an operator or the kernel may make them. */
import type { Kind } from '../../src/model/index.js';
import type { Choose } from './choose.js';
import {
  dropletSpec,
  endpointChange,
  NOTHING,
  one,
  routeChange,
  subnetSpec,
  VPC_NAMES,
  vpcSpec,
  VTEPS,
  wayChoice,
} from './configuration.js';
import { outsideChange } from './outside.js';
import { policyChange } from './policies.js';
import { HOST, type Change, type Scene } from './scene.js';

function remove(kind: Kind, name: string): Change {
  return { ...NOTHING, objects: [{ kind, name, object: undefined }] };
}

function removal(c: Choose, scene: Scene): Change | undefined {
  const kind = c.pick(['Route', 'Route', 'Endpoint', 'Endpoint', 'Subnet', 'Droplet'] as const);
  const target = c.maybe(scene.all(kind))?.metadata.name;
  if (target === undefined) return undefined;
  if (kind !== 'Endpoint') return remove(kind, target);
  const routes = scene.all('Route').filter((r) => r.spec.endpoint === target);
  const objects = [...routes.map((r) => remove('Route', r.metadata.name)), remove(kind, target)];
  return {
    objects: objects.flatMap((change) => change.objects),
    devices: { [target]: undefined },
    ways: {},
  };
}

/** A VPC goes, with everything in it. */
function vpcRemoval(c: Choose, scene: Scene): Change | undefined {
  const vpc = c.maybe(scene.all('Vpc'))?.metadata.name;
  if (vpc === undefined) return undefined;
  const inside = (['Route', 'Endpoint', 'Subnet'] as const).flatMap((kind) =>
    scene.all(kind).filter((o) => o.spec.vpc === vpc),
  );
  const endpoints = inside.filter((o) => o.kind === 'Endpoint').map((o) => o.metadata.name);
  return {
    objects: [
      ...inside.map((o) => ({ kind: o.kind, name: o.metadata.name, object: undefined })),
      { kind: 'Vpc', name: vpc, object: undefined },
    ],
    devices: Object.fromEntries(endpoints.map((name) => [name, undefined])),
    ways: {},
  };
}

function fact(c: Choose, scene: Scene): Change | undefined {
  if (c.chance(60)) {
    const vtep = c.pick(VTEPS);
    return { ...NOTHING, ways: { [vtep]: wayChoice(c, scene, vtep) } };
  }
  const [name, device] = c.maybe([...scene.devices]) ?? [];
  if (name === undefined || !device) return undefined;
  const now = c.chance(30) ? undefined : { ...device, mtu: c.pick([1450, 1500, 1280]) };
  return { ...NOTHING, devices: { [name]: now } };
}

/** One attempt; it may turn out not to be legal. */
export function proposeChange(c: Choose, scene: Scene): Change | undefined {
  if (scene.leadsOutside && c.chance(50)) return outsideChange(c, scene);
  if (scene.hasPolicies && c.chance(40)) return policyChange(c, scene);
  const kind = c.below(20);
  const vpc = c.pick(VPC_NAMES);
  if (kind < 5) return routeChange(c, scene, `r${c.below(9)}`);
  if (kind < 10) return endpointChange(c, scene, `e${c.below(11)}`);
  if (kind < 14) return removal(c, scene);
  if (kind < 17) return fact(c, scene);
  switch (kind) {
    case 17:
      return one('Vpc', vpc, {
        ...vpcSpec(c, vpc),
        ...(scene.get('Vpc', vpc)?.spec.outside ? { outside: { host: HOST } } : {}),
      });
    case 18: {
      const which = c.below(3);
      return one('Subnet', `${vpc}-${which}`, subnetSpec(c, vpc, which));
    }
    default: {
      if (c.chance(30)) return vpcRemoval(c, scene);
      const host = c.pick([HOST, 'h2', 'h3', 'h4']);
      return one('Droplet', host, dropletSpec(c, host));
    }
  }
}
