// @ts-check
// Drives a game: the only code where it meets a connection, a clock and a screen. The page and the Mini Program both use it.

/**
 * @typedef {InstanceType<typeof import('./game.js').Game>} Game
 * @typedef {import('./game.js').Cue} Cue
 * @typedef {import('./game.js').Person} Person
 *
 * @typedef {object} Link a connection that comes back by itself. It tells what happens later, never from within a call
 * @property {(listener: Listener) => void} listen
 * @property {(event: string, data?: object) => void} send while it is open; otherwise dropped
 * @property {() => void} dial opens it, now and whenever it breaks
 * @property {() => void} redial drops what is open and opens another
 * @property {() => void} hurry ends the pause between two tries, if there is one
 * @property {() => void} stop closes it for good
 *
 * @typedef {object} Listener
 * @property {(slower?: boolean) => void} opened slower: without a WebSocket
 * @property {() => void} closed
 * @property {(event: string, data: unknown) => void} received
 *
 * @typedef {object} Screen
 * @property {() => void} changed something is to be drawn
 * @property {(cue: Cue) => void} cue something is to be heard or felt
 * @property {(person: Person, token: string | null) => void} keep something is to be remembered on this device
 * @property {(memory: import('./memory.js').Memory) => void} remember so is this
 */

/**
 * @param {Game} game @param {Link} link @param {Screen} screen
 * @param {() => number} clock ms, never going back
 */
function drive(game, link, screen, clock) {
  let timer = /** @type {ReturnType<typeof setTimeout>} */ (0);

  function settle() {
    for (let effect = game.poll(); effect !== null; effect = game.poll()) {
      switch (effect.kind) {
        case 'send': link.send(effect.event, effect.data); break;
        case 'redial': link.redial(); break;
        case 'hurry': link.hurry(); break;
        case 'stop': link.stop(); break;
        case 'keep': screen.keep(effect.person, effect.token); break;
        case 'remember': screen.remember(effect.memory); break;
        case 'cue': perform(effect.cue); break;
      }
    }
    clearTimeout(timer);
    const due = game.deadline();
    // A timer may fire a little early by our clock; one more millisecond and it is not asked for twice.
    if (due !== null) timer = setTimeout(elapse, Math.max(0, due - clock()) + 1);
    screen.changed();
  }

  /** A sound that cannot be made must not stop the game. @param {Cue} cue */
  function perform(cue) {
    try {
      screen.cue(cue);
    } catch (error) {
      console.warn(error);
    }
  }

  function elapse() {
    game.elapse(clock());
    settle();
  }

  link.listen({
    opened(slower) { game.opened(clock(), slower); settle(); },
    closed() { game.closed(); settle(); },
    received(event, data) { game.receive(event, data, clock()); settle(); },
  });
  link.dial();
  settle();

  return {
    play() { game.play(clock()); settle(); },
    robot() { game.robot(clock()); settle(); },
    anybody() { game.anybody(clock()); settle(); },
    leave() { game.leave(clock()); settle(); },
    comeBack() { game.comeBack(clock()); settle(); },
    /** @param {number} hand */
    choose(hand) { game.choose(hand, clock()); settle(); },
    lock() { game.lock(clock()); settle(); },
    /** @param {number} face */
    pull(face) { game.pull(face, clock()); settle(); },
    /** @param {Parameters<Game['introduce']>[0]} change */
    introduce(change) { game.introduce(change, clock()); settle(); },
    /** The screen is looked at again, or the network has changed. */
    wake() { game.wake(clock()); settle(); },
    /** @param {Parameters<Game['follow']>} whom */
    follow(...whom) { game.follow(...whom); settle(); },
  };
}

module.exports = { drive };
