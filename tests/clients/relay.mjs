// A wire between client and server that the tests can cut, hold and slow down.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export async function startRelay(url) {
  const target = new URL(url);
  const wires = new Set();
  const waiting = [];
  let whole = true;
  let held = false;
  let lag = 0;

  /** What one end says reaches the other: later, where the wire is slow, and not at all as long as it is held. */
  const carry = (from, to) => {
    const pass = (act) => {
      const later = () => (held ? waiting.push(act) : act());
      if (lag > 0) setTimeout(later, lag);
      else later();
    };
    from.on('data', (bytes) => pass(() => to.writable && to.write(bytes)));
    from.on('end', () => pass(() => to.end()));
  };

  const relay = createServer({ allowHalfOpen: true }, (near) => {
    if (!whole) return near.destroy();
    const far = connect({ port: target.port || 443, host: target.hostname, allowHalfOpen: true });
    carry(near, far);
    carry(far, near);
    for (const [end, other] of [[near, far], [far, near]]) {
      wires.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        wires.delete(end);
        if (!held) other.destroy();
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
    /** Neither end hears anything of the other any more, nor that it cannot: a phone that lost its network. */
    hold: () => (held = true),
    release() {
      held = false;
      for (const act of waiting.splice(0)) act();
    },
    /** Everything takes so many ms more from now on. */
    slow: (milliseconds) => (lag = milliseconds),
    close() {
      relay.close();
      cut();
    },
  };
}
