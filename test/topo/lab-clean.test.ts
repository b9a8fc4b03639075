// SPDX-License-Identifier: Apache-2.0
/** A lab leaves nothing behind, however it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { t as suite, test, type Test } from 'tap';
import { Lab, must, ROOT, run, until, type Ids } from '../support/traffic/lab.js';

// The default of 30 s is for tests without a lab.
const LIMIT = { timeout: 180_000 };
suite.setTimeout(600_000);

const HOSTS = ['h1', 'h2'] as const;
const PINS = '/sys/fs/bpf/transit';

async function netns(lab: string): Promise<string[]> {
  const all = await must('ip', ['netns', 'list']);
  return all.split('\n').filter((line) => line.startsWith(`tl-${lab}-`));
}

/** Processes that name the lab's directory or namespaces, but not those that remove it. */
function processes(lab: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it has ended meanwhile
      }
    })
    .filter((line) => line.includes(`build/lab/${lab}/`) || line.includes(`tl-${lab}-`));
}

async function left(lab: string, ids: readonly Ids[] = []): Promise<string[]> {
  const found = [...(await netns(lab)), ...processes(lab)];
  if (existsSync(`${ROOT}/build/lab/${lab}`)) found.push(`build/lab/${lab}`);
  if (existsSync(PINS)) {
    found.push(...readdirSync(PINS).filter((name) => name.startsWith(`tl-${lab}-`)));
  }
  for (const { maps, links, programs } of ids) {
    for (const [type, table] of [
      ['map', maps] as const,
      ['link', links] as const,
      ['prog', programs] as const,
    ]) {
      for (const [name, id] of Object.entries(table)) {
        const shown = await run('bpftool', ['-j', type, 'show', 'id', String(id)]);
        if (shown.status === 0) found.push(`${type} ${id} ${name}`);
      }
    }
  }
  return found;
}

/** The kernel frees namespaces and BPF objects after a grace period. */
async function nothingLeft(t: Test, lab: string, ids: readonly Ids[] = []): Promise<void> {
  let found: string[] = [];
  await until('removal', 20, async () => {
    found = await left(lab, ids);
    return found.length === 0;
  }).catch(() => undefined);
  t.same(found, [], 'nothing is left');
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else
      child.once('exit', () => {
        resolve();
      });
  });
}

test('a lab that is taken down', LIMIT, async (t) => {
  const lab = await Lab.up('clean');
  t.teardown(() => lab.down());
  const ids = [await lab.ids('h1'), await lab.ids('h2')];
  t.ok(Object.keys(ids[0]!.maps).length > 0, 'there was something');
  await lab.down();
  await nothingLeft(t, 'clean', ids);
  await lab.down();
  t.pass('again is no error');
});

test('a lab whose daemons were killed', LIMIT, async (t) => {
  const lab = await Lab.up('clean');
  t.teardown(() => lab.down());
  const ids = [await lab.ids('h1'), await lab.ids('h2')];
  for (const host of HOSTS) await lab.kill(host);
  await must('ip', ['netns', 'del', lab.netns('red-a1')]);
  await lab.down();
  await nothingLeft(t, 'clean', ids);
});

test('a lab whose owner was killed', LIMIT, async (t) => {
  t.teardown(() => run('lab/down.sh', ['clean']));
  const owner = spawn('sleep', ['600'], { stdio: 'ignore' });
  t.teardown(() => owner.kill('SIGKILL'));
  const lab = await Lab.up('clean', { LAB_OWNER: String(owner.pid) });
  const ids = [await lab.ids('h1'), await lab.ids('h2')];
  owner.kill('SIGKILL');
  await nothingLeft(t, 'clean', ids);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} while the lab is built`, LIMIT, async (t) => {
    t.teardown(() => run('lab/down.sh', ['clean']));
    // a process group of its own, as a terminal's Ctrl-C meets it
    const up = spawn('lab/up.sh', ['clean'], { cwd: ROOT, stdio: 'ignore', detached: true });
    await until('a daemon', 30, () => existsSync(`${ROOT}/build/lab/clean/h1/pid`));
    process.kill(-up.pid!, signal);
    await ended(up);
    t.not(up.exitCode, 0, 'it did not succeed');
    await nothingLeft(t, 'clean');
  });

  test(`${signal} during the demo`, LIMIT, async (t) => {
    t.teardown(() => run('lab/down.sh', ['clean']));
    const demo = spawn('lab/demo.sh', ['clean'], { cwd: ROOT, stdio: 'ignore', detached: true });
    await until('a transfer', 60, () => existsSync(`${ROOT}/build/lab/clean/payload`));
    process.kill(-demo.pid!, signal);
    await ended(demo);
    t.not(demo.exitCode, 0, 'it did not succeed');
    await nothingLeft(t, 'clean');
  });
}
