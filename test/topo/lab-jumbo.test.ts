// SPDX-License-Identifier: Apache-2.0
/** MTU 9000 with XDP everywhere: frames of several buffers, through real devices. */
import { createHash } from 'node:crypto';
import { t as suite, test } from 'tap';
import { Lab } from '../support/traffic/lab.js';

suite.setTimeout(300_000);

const MEGABYTES = 64;
/** Bytes that differ wherever two packets might be exchanged, and what they come to. */
const SOURCE = `const b=Buffer.alloc(1<<20);for(let m=0;m<${MEGABYTES};m++)`;
const FILL = 'for(let i=0;i<b.length;i+=4)b.writeUInt32LE(m*1e6+i,i);';
const expected = ((): string => {
  const hash = createHash('sha256');
  const bytes = Buffer.alloc(1 << 20);
  for (let m = 0; m < MEGABYTES; m++) {
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(m * 1e6 + i, i);
    hash.update(bytes);
  }
  return hash.digest('hex');
})();

/** Sends a stream from one workload to the other. @returns the digest of what arrives */
async function stream(lab: Lab, from: string, to: string, address: string): Promise<string> {
  const receive =
    "const h=require('crypto').createHash('sha256');" +
    "const s=require('net').createServer((c)=>{c.on('data',(d)=>h.update(d));" +
    "c.on('end',()=>{console.log(h.digest('hex'));process.exit()})});s.listen(5001,'::');" +
    'setTimeout(()=>process.exit(1),60000)';
  const send =
    `const c=require('net').connect(5001,'${address}',async()=>{${SOURCE}{${FILL}` +
    "if(!c.write(Buffer.from(b)))await new Promise((r)=>c.once('drain',r))}c.end()});" +
    "c.on('error',()=>process.exit(1))";
  const received = lab.inNs(to, 'node', '-e', receive);
  for (let tries = 0; tries < 50; tries++) {
    const { status } = await lab.inNs(from, 'node', '-e', send);
    if (status === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100)); // nobody listens yet
  }
  return (await received).stdout.trim();
}

test('jumbo frames on XDP', async (t) => {
  const lab = await Lab.up('jumbo', {}, 'bench9000xdp');
  t.teardown(() => lab.down());
  const ping = async (size: number, to: string): Promise<boolean> => {
    const words = ['-c', '3', '-i', '0.2', '-W', '2', '-M', 'do', '-s', String(size)];
    return (await lab.inNs('a1', 'ping', ...words, to)).status === 0;
  };
  for (const to of [
    '10.0.1.21',
    'fd00:1::21',
    '10.0.1.12',
    'fd00:1::12',
    '10.0.1.1',
    'fd00:1::1',
  ]) {
    t.ok(await ping(3400, to), `one buffer to ${to}`);
    t.ok(await ping(8000, to), `several to ${to}`);
  }
  t.ok(await ping(8950 - 28, '10.0.1.21'), 'as long as the tunnel carries');
  t.equal(await stream(lab, 'a1', 'b1', '10.0.1.21'), expected, 'a stream across hosts');
  t.equal(await stream(lab, 'b1', 'a1', 'fd00:1::11'), expected, 'and back, by IPv6');
  t.equal(await stream(lab, 'a1', 'a2', '10.0.1.12'), expected, 'within a host');
});
