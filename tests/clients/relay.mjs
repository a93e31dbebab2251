// A wire between client and server that the tests can cut.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export async function startRelay(url) {
  const target = new URL(url);
  const wires = new Set();
  let whole = true;
  const relay = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(target.port || 443, target.hostname);
    near.pipe(far);
    far.pipe(near);
    for (const [end, other] of [[near, far], [far, near]]) {
      wires.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        wires.delete(end);
        other.destroy();
      });
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');

  /** Stays cut until it is mended: who polls may have no connection at this very moment. */
  const cut = () => {
    whole = false;
    wires.forEach((end) => end.destroy());
  };
  return {
    url: `https://${target.hostname}:${relay.address().port}`,
    cut,
    mend: () => (whole = true),
    close() {
      relay.close();
      cut();
    },
  };
}
