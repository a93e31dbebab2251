// A wire between client and server that the tests can cut, hold and slow down.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export async function startRelay(url) {
  const target = new URL(url);
  const wires = new Set();
  let whole = true;
  let held = false;
  let lag = 0;

  /** What one end says reaches the other: later, where the wire is slow, and never once it is dead. */
  const carry = (wire, from, to) => {
    let free = 0;
    const pass = (act) => {
      const later = () => wire.dead || act();
      const now = Date.now();
      // Nothing overtakes what was said before it, when the wire was slower.
      free = Math.max(free, now + lag);
      if (free > now) setTimeout(later, free - now);
      else later();
    };
    from.on('data', (bytes) => pass(() => to.writable && to.write(bytes)));
    from.on('end', () => pass(() => to.end()));
    from.on('error', () => {});
    from.on('close', () => wire.dead || to.destroy());
  };

  const relay = createServer({ allowHalfOpen: true }, (near) => {
    if (!whole) return near.destroy();
    const far = connect({ port: target.port || 443, host: target.hostname, allowHalfOpen: true });
    const wire = { near, far, dead: held };
    wires.add(wire);
    carry(wire, near, far);
    carry(wire, far, near);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');

  /** Stays cut until it is mended: who polls may have no connection at this very moment. */
  const cut = () => {
    whole = false;
    for (const { near, far } of wires) {
      near.destroy();
      far.destroy();
    }
    wires.clear();
  };
  return {
    url: `https://${target.hostname}:${relay.address().port}`,
    cut,
    mend: () => (whole = true),
    /** A phone that lost its network: neither end of what is open hears of the other again, nor that it cannot. */
    hold() {
      held = true;
      for (const wire of wires) wire.dead = true;
    },
    release: () => (held = false),
    /** Everything takes so many ms more from now on. */
    slow: (milliseconds) => (lag = milliseconds),
    close() {
      relay.close();
      cut();
    },
  };
}
