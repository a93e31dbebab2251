// @ts-check
// The game as one client sees it: where the player stands, what is sent, and when to look again.
//
// Pure: no wx, no DOM, no clock, no timer, no network. Time is an argument, in milliseconds of one clock that never goes
// back; effects are values to take with `poll`; `deadline` answers when `elapse` is due. The page and the Mini Program use
// this very file. What goes over the wire is the game's protocol: hello, hi, join, room, start, choice, ...

const { settle } = require('./rules.js');
const { readLines, readSeats } = require('./wire.js');

/** How long `hi` may take after `hello`, in ms. */
const HELLO_TIMEOUT = 8000;
/** The same, where the connection is in doubt: a phone has slept, or another answer is overdue. */
const DOUBT_TIMEOUT = 4000;
/** How often a client asks whether the server is there, and how many people are near. */
const PROBE_INTERVAL = 25000;
/** How long `room` may take after `join`. */
const ROOM_TIMEOUT = 3000;
/** How long to hold back after "too fast" or "about to restart". */
const RETRY_DELAY = 1500;
/** How long `result` may be late. */
const RESULT_GRACE = 4000;
/** Back on a new connection: how long the server may take to say that the round is still ours. */
const RESUME_TIMEOUT = 2500;
/** A deadline that is noticed so much too late was slept through: what has come meanwhile is not read yet. */
const OVERSLEPT = 1000;
/** How often somebody who has a seat makes sure of it. */
const SEAT_INTERVAL = 15000;
/** How long a face stays. */
const FACE_TIME = 2600;
/** The shortest time between two faces of ours. */
const FACE_INTERVAL = 400;
/** After the screen has changed, a tap was meant for what stood there before: so long the next step waits. */
const SETTLING = 350;
/** The last seconds of a round are counted aloud. */
const COUNTED = 3;

/**
 * @typedef {{uid: string, name: string, picture: string}} Person who somebody says it is
 * @typedef {{lat: number, lng: number}} Place degrees
 * @typedef {{total: number, streak: number}} Standing
 * @typedef {import('./wire.js').Seat} Seat
 * @typedef {import('./wire.js').Line} Line
 *
 * @typedef {'connecting' | 'greeting' | 'online' | 'lost' | 'replaced'} Link
 *   connecting: the first try is under way; greeting: open, `hi` not yet here; lost: gone, and tried again;
 *   replaced: another window speaks for this player, and this one stays silent until told otherwise.
 *
 * @typedef {{name: 'ready'}} Ready
 * @typedef {{name: 'waiting', seated: boolean, others: Seat[], retryAt: number | null}} Waiting
 * @typedef {{name: 'playing', seats: Seat[], startedAt: number, endsAt: number, hand: number | null,
 *   moves: Record<string, number>, left: Record<string, true>, counted: number,
 *   resultBy: number, resendAt: number | null, resumeBy: number | null}} Playing
 * @typedef {{name: 'result', seats: Seat[], lines: Line[], outcome: import('./rules.js').Outcome,
 *   before: Standing, losses: number, unheard: boolean}} Result
 *   losses: how many there have been, with this one; unheard: nobody sees a face any more
 * @typedef {Ready | Waiting | Playing | Result} Stage
 *
 * @typedef {'round_lost' | 'no_result' | 'name_refused' | 'restarting'} Note something to tell the player in words
 * @typedef {'start' | 'choose' | 'move' | 'face' | 'count' | 'win' | 'lose' | 'draw'} Cue something to hear or feel
 *
 * @typedef {{kind: 'send', event: string, data?: object}} Send
 * @typedef {{kind: 'redial'} | {kind: 'hurry'} | {kind: 'stop'}} Dial
 *   redial: this connection is no good, open another now; hurry: if a pause between two tries is running, end it;
 *   stop: close, and do not come back.
 * @typedef {{kind: 'keep', person: Person, token: string | null}} Keep what must outlive this client
 * @typedef {{kind: 'cue', cue: Cue}} Cued
 * @typedef {Send | Dial | Keep | Cued} Effect
 */

class Game {
  /**
   * @param {{person: Person, token?: string | null, place?: Place | null, freshUid: () => string, guestName: () => string}} who
   *   `token` proves the uid if an earlier `hi` brought one; `freshUid` is asked when the uid is somebody else's,
   *   `guestName` when the name is refused.
   */
  constructor({ person, token = null, place = null, freshUid, guestName }) {
    /** @type {Person} */
    this.person = person;
    /** @type {string | null} */
    this.token = token;
    /** @type {Place | null} */
    this.place = place;
    /** @type {Link} */
    this.link = 'connecting';
    /** @type {Stage} */
    this.stage = { name: 'ready' };
    /** Whether there has been a connection yet. */
    this.met = false;
    /** Whether the connection is the slower one, without a WebSocket. */
    this.slower = false;
    /** How many others are online, or near where a place was given. @type {number | null} */
    this.nearby = null;
    /** @type {Standing | null} */
    this.standing = null;
    /** @type {Note | null} */
    this.note = null;
    /** @type {Record<string, {face: number, until: number}>} */
    this.faces = byUid();

    this._freshUid = freshUid;
    this._guestName = guestName;
    /** @type {Effect[]} */
    this._effects = [];
    /** `hello`s without an answer. What arrives before the last answer was said before the server read our last words. */
    this._unanswered = 0;
    /** Whether a seat was given up of which the server may still speak. */
    this._leaving = false;
    /** Whether it was given up while the server could not hear it. */
    this._quit = false;
    /** @type {number | null} */
    this._answerBy = null;
    /** @type {number | null} */
    this._probeAt = null;
    this._facedAt = -Infinity;
    /** @type {number | null} */
    this._settledAt = null;
    this._losses = 0;
  }

  /** Whether the stage is no longer so new that a tap may have been meant for the one before. */
  get settled() {
    return this._settledAt === null;
  }

  /** Whether anybody would see a face. */
  get audience() {
    const stage = this.stage;
    if (stage.name === 'waiting') return stage.others.length > 0;
    if (stage.name === 'playing') return true;
    return stage.name === 'result' && !stage.unheard && stage.seats.some(({ uid, robot }) => (
      !robot && uid !== this.person.uid && stage.lines.some((line) => line.uid === uid && !line.left)));
  }

  // What the player does.

  /** Asks for a round. @param {number} now */
  play(now) {
    if (this.link === 'replaced') this.comeBack(now);
    if (this.stage.name === 'waiting' || this.stage.name === 'playing') return;
    this._enter(unseated(), now);
    this.note = null;
    this._quit = false;
    if (this.link === 'online' && !this._leaving) this._join(now);
    else this._effects.push({ kind: 'hurry' });
  }

  /** Shows a hand, or another one: the last counts. @param {number} hand 1 scissors, 2 rock, 3 paper @param {number} now */
  choose(hand, now) {
    const round = this.stage;
    if (round.name !== 'playing' || now >= round.endsAt) return;
    round.hand = hand;
    this._cue('choose');
    if (this.link === 'online') this._send('choice', { choice: hand });
  }

  /** Pulls a face at the others. @param {number} face 1 laughing, 2 crying, 3 angry, 4 smirking @param {number} now */
  pull(face, now) {
    if (!this.audience || this.link !== 'online' || now - this._facedAt < FACE_INTERVAL) return;
    this._facedAt = now;
    this.faces[this.person.uid] = { face, until: now + FACE_TIME };
    this._send('face', { face });
  }

  /** No longer waits, gives a seat up, or puts a result away. @param {number} now */
  leave(now) {
    const { name } = this.stage;
    this._enter({ name: 'ready' }, now);
    this.note = null;
    if (name !== 'waiting' && name !== 'playing') return;
    if (this.link === 'online') this._giveUpSeat(now);
    else this._quit = true;
  }

  /** Another name, picture or place. @param {{name?: string, picture?: string, place?: Place | null}} change @param {number} now */
  introduce({ name = this.person.name, picture = this.person.picture, place = this.place }, now) {
    this.person = { uid: this.person.uid, name, picture };
    this.place = place;
    this.note = null;
    this._keep();
    if (this.link === 'online' || this.link === 'greeting') this._hello(now, HELLO_TIMEOUT);
  }

  /** Takes the player back from the window that took over. @param {number} now */
  comeBack(now) {
    if (this.link !== 'replaced') return;
    this.link = 'connecting';
    this._effects.push({ kind: 'redial' });
    this.elapse(now);
  }

  /**
   * Another window has changed who this player is: this one follows while it is silent.
   * @param {Person} person @param {string | null} token
   */
  follow(person, token) {
    if (this.link !== 'replaced') return;
    if (person.uid !== this.person.uid) this.standing = null;
    this.person = person;
    this.token = token;
  }

  /** The screen is looked at again, or the network has changed: whether the connection still lives is no longer certain. @param {number} now */
  wake(now) {
    if (this.link === 'online') this._hello(now, DOUBT_TIMEOUT);
    else if (this.link === 'lost' || this.link === 'connecting') this._effects.push({ kind: 'hurry' });
  }

  // What the connection does.

  /** A connection is open. @param {number} now @param {boolean} [slower] without a WebSocket */
  opened(now, slower = false) {
    if (this.link === 'replaced') return;
    this.slower = slower;
    this.link = 'greeting';
    this._unanswered = 0;
    this._leaving = false;
    this._hello(now, HELLO_TIMEOUT);
  }

  /** The connection is gone; another one will be tried. */
  closed() {
    if (this.link === 'replaced') return;
    this.link = 'lost';
    this._answerBy = null;
    this._probeAt = null;
    if (this._leaving) this._quit = true;
    if (this.stage.name === 'waiting') this.stage = unseated();
    if (this.stage.name === 'playing') this.stage.resumeBy = null;
  }

  /**
   * The server says something. What is not understood is ignored.
   * @param {string} event @param {any} data @param {number} now
   */
  receive(event, data, now) {
    if (this.link !== 'greeting' && this.link !== 'online') return;
    if (typeof data !== 'object' || data === null) return;
    switch (event) {
      case 'hi': return this._welcomed(data, now);
      case 'fault': return this._refused(data, now);
    }
    if (this._leaving) return;
    switch (event) {
      case 'room': return this._roomChanged(data, now);
      case 'start': return this._roundStarted(data, now);
      case 'movement': return this._moved(data, now);
      case 'leave': return this._left(data);
      case 'result': return this._roundEnded(data, now);
    }
  }

  // What the time does.

  /** When `elapse` is due, in ms of the caller's clock; null: not before something else happens. @returns {number | null} */
  deadline() {
    const due = [this._answerBy, this._probeAt, this._settledAt];
    for (const { until } of Object.values(this.faces)) due.push(until);
    const stage = this.stage;
    if (stage.name === 'waiting') due.push(stage.retryAt);
    if (stage.name === 'playing') due.push(stage.resumeBy, stage.resendAt, nextCount(stage), stage.resultBy);
    const times = due.filter((time) => time !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** Does what is due. @param {number} now */
  elapse(now) {
    const due = this.deadline();
    if (due !== null && now - due > OVERSLEPT) this._wakeUp(now);
    for (const uid of Object.keys(this.faces)) if (this.faces[uid].until <= now) delete this.faces[uid];
    if (isDue(this._settledAt, now)) this._settledAt = null;
    if (isDue(this._answerBy, now)) this._redial();
    if (isDue(this._probeAt, now)) this._hello(now, HELLO_TIMEOUT);
    const stage = this.stage;
    if (stage.name === 'waiting' && isDue(stage.retryAt, now)) {
      this._join(now);
      this._hello(now, DOUBT_TIMEOUT);
    }
    if (stage.name === 'playing') this._elapseRound(stage, now);
  }

  /** The next thing to do, in order; null when there is nothing left. @returns {Effect | null} */
  poll() {
    return this._effects.shift() || null;
  }

  // Details.

  /** What the server owed us while the device slept may be here already: it gets the time to be read. @param {number} now */
  _wakeUp(now) {
    const by = now + DOUBT_TIMEOUT;
    if (this._answerBy !== null) this._answerBy = by;
    if (this._probeAt !== null) this._probeAt = now + PROBE_INTERVAL;
    const stage = this.stage;
    if (stage.name === 'playing') {
      stage.resultBy = Math.max(stage.resultBy, by);
      if (stage.resumeBy !== null) stage.resumeBy = by;
    }
    if (this.link === 'online') this._hello(now, DOUBT_TIMEOUT);
  }

  /** @param {Playing} round @param {number} now */
  _elapseRound(round, now) {
    for (let at = nextCount(round); isDue(at, now); at = nextCount(round)) {
      round.counted -= 1;
      if (round.counted > 0 && round.counted <= COUNTED) this._cue('count');
    }
    if (isDue(round.resendAt, now)) {
      round.resendAt = null;
      if (round.hand !== null && this.link === 'online') this._send('choice', { choice: round.hand });
    }
    if (isDue(round.resumeBy, now)) return this._endRound('round_lost', now);
    if (now < round.resultBy) return;
    // An online server owes us a result: something on this connection is stuck.
    if (this.link === 'online') this._redial();
    this._endRound('no_result', now);
  }

  /** @param {Note} note @param {number} now */
  _endRound(note, now) {
    this._enter({ name: 'ready' }, now);
    this.note = note;
  }

  /** @param {Stage} stage @param {number} now */
  _enter(stage, now) {
    if (stage.name !== this.stage.name) this._settledAt = now + SETTLING;
    this.stage = stage;
  }

  _redial() {
    this.closed();
    this._effects.push({ kind: 'redial' });
  }

  /** @param {number} now @param {number} timeout */
  _hello(now, timeout) {
    const { uid, name, picture } = this.person;
    /** @type {Record<string, unknown>} */
    const hello = { user: { uid, uname: name, uavatar: picture } };
    if (this.place) hello.cordinate = this.place;
    if (this.token) hello.token = this.token;
    this._unanswered += 1;
    const by = now + timeout;
    this._answerBy = this._answerBy === null ? by : Math.min(this._answerBy, by);
    this._probeAt = now + PROBE_INTERVAL;
    this._send('hello', hello);
  }

  /** @param {number} now */
  _join(now) {
    if (this.stage.name !== 'waiting') return;
    this.stage.retryAt = now + ROOM_TIMEOUT;
    this._send('join');
  }

  /** `hi` to a `hello` behind the `leave` is the sign that nothing of the old seat can follow. @param {number} now */
  _giveUpSeat(now) {
    this._quit = false;
    this._leaving = true;
    this._send('leave');
    this._hello(now, HELLO_TIMEOUT);
  }

  /** @returns {boolean} whether every hello has its answer */
  _answered() {
    this._unanswered = Math.max(0, this._unanswered - 1);
    if (this._unanswered > 0) return false;
    this._answerBy = null;
    return true;
  }

  /** @param {{nearby?: unknown, token?: unknown, totalScore?: unknown, winStreak?: unknown}} hi @param {number} now */
  _welcomed({ nearby, token, totalScore, winStreak }, now) {
    this.nearby = typeof nearby === 'number' ? nearby : null;
    if (typeof token === 'string' && token !== this.token) {
      this.token = token;
      this._keep();
    }
    if (typeof totalScore === 'number' && typeof winStreak === 'number') {
      this.standing = { total: totalScore, streak: winStreak };
    }
    if (!this._answered()) return;
    const back = this.link === 'greeting';
    this.link = 'online';
    this.met = true;
    this._leaving = false;
    if (back && this.note === 'restarting') this.note = null;
    if (this._quit) return this._giveUpSeat(now);
    if (this.stage.name === 'waiting' && this.stage.retryAt === null && !this.stage.seated) this._join(now);
    if (this.stage.name === 'playing' && back) this.stage.resumeBy = now + RESUME_TIMEOUT;
  }

  /** @param {{event?: unknown, code?: unknown}} fault @param {number} now */
  _refused({ event, code }, now) {
    if (code === 'replaced') {
      this.closed();
      this.link = 'replaced';
      if (this.stage.name !== 'result') this._enter({ name: 'ready' }, now);
      this._effects.push({ kind: 'stop' });
      return;
    }
    if (code === 'hello_first') return this._hello(now, HELLO_TIMEOUT);
    if (event === 'hello') return this._helloRefused(code, now);
    const stage = this.stage;
    if (event === 'join' && stage.name === 'waiting') {
      if (code === 'closing') this.note = 'restarting';
      // On a new connection an old seat may be ours still: `room` has said so by now.
      if (!stage.seated) stage.retryAt = now + RETRY_DELAY;
    }
    if (event === 'leave' && code === 'too_fast') this._quit = true;
    if (event === 'face' && stage.name === 'result' && code !== 'too_fast') {
      stage.unheard = true;
      delete this.faces[this.person.uid];
    }
    if (event === 'choice' && stage.name === 'playing' && code === 'too_fast') stage.resendAt = now + RETRY_DELAY / 4;
  }

  /** @param {unknown} code @param {number} now */
  _helloRefused(code, now) {
    this._answered();
    switch (code) {
      case 'uid_taken': case 'uid_reserved': case 'bad_uid':
        this._becomeSomebodyElse(now);
        break;
      case 'uid_fixed':
        return this._redial();
      case 'name_reserved': case 'bad_name':
        this.person = Object.assign({}, this.person, { name: this._guestName() });
        this.note = 'name_refused';
        break;
      case 'bad_picture':
        this.person = Object.assign({}, this.person, { picture: '' });
        break;
      case 'bad_place':
        this.place = null;
        break;
      case 'bad_token':
        this.token = null;
        break;
      default:
        // Too fast, or something newer than this client: ask again, but not at once.
        this._probeAt = now + RETRY_DELAY;
        return;
    }
    this._keep();
    this._hello(now, HELLO_TIMEOUT);
  }

  /** Nothing of the one before is ours: neither score nor seat nor result. @param {number} now */
  _becomeSomebodyElse(now) {
    this.person = Object.assign({}, this.person, { uid: this._freshUid() });
    this.token = null;
    this.standing = null;
    const { name } = this.stage;
    if (name === 'waiting') this.stage = unseated();
    if (name === 'result') this._enter({ name: 'ready' }, now);
    if (name === 'playing') this._endRound('round_lost', now);
  }

  /** @param {{users?: unknown, full?: unknown}} room @param {number} now */
  _roomChanged({ users, full }, now) {
    const seats = readSeats(users);
    if (this.stage.name === 'playing' || !this._isAmong(seats)) return;
    // A full room starts at once: there is nothing to say of who else waits.
    const others = full === true ? [] : seats.filter((seat) => seat.uid !== this.person.uid);
    this._enter({ name: 'waiting', seated: true, others, retryAt: now + SEAT_INTERVAL }, now);
  }

  /** @param {{gameTime?: unknown, roomUsers?: unknown}} start @param {number} now */
  _roundStarted({ gameTime, roomUsers }, now) {
    const seats = readSeats(roomUsers);
    if (typeof gameTime !== 'number' || seats.length < 2 || !this._isAmong(seats)) return;
    const endsAt = now + gameTime * 1000;
    const old = this.stage;
    const same = old.name === 'playing' && endsAt <= old.endsAt + OVERSLEPT;
    if (same && seats.every(({ uid }) => old.seats.some((seat) => seat.uid === uid))) {
      // The same round, on a new connection: what was chosen meanwhile is said now.
      Object.assign(old, { seats, endsAt, counted: Math.ceil(gameTime), resultBy: endsAt + RESULT_GRACE, resumeBy: null, resendAt: null });
      if (old.hand !== null) this._send('choice', { choice: old.hand });
      return;
    }
    const { total, streak } = seats.filter(({ uid }) => uid === this.person.uid)[0];
    this.standing = { total, streak };
    this.note = null;
    this._enter({
      name: 'playing', seats, startedAt: now, endsAt, hand: null, moves: byUid(), left: byUid(),
      counted: Math.ceil(gameTime), resultBy: endsAt + RESULT_GRACE, resendAt: null, resumeBy: null,
    }, now);
    this._cue('start');
  }

  /** @param {{uid?: unknown, movement?: unknown, face?: unknown}} movement @param {number} now */
  _moved({ uid, movement, face }, now) {
    if (typeof uid !== 'string' || uid === this.person.uid) return;
    if (movement === 'face' && typeof face === 'number') {
      this.faces[uid] = { face, until: now + FACE_TIME };
      this._cue('face');
    }
    if (movement === 'choice' && this.stage.name === 'playing') {
      this.stage.moves[uid] = (this.stage.moves[uid] || 0) + 1;
      this._cue('move');
    }
  }

  /** @param {{uid?: unknown}} leave */
  _left({ uid }) {
    const stage = this.stage;
    if (typeof uid !== 'string') return;
    if (stage.name === 'waiting') stage.others = stage.others.filter((seat) => seat.uid !== uid);
    if (stage.name === 'playing') stage.left[uid] = true;
  }

  /** @param {{result?: unknown}} result @param {number} now */
  _roundEnded({ result }, now) {
    const round = this.stage;
    if (round.name !== 'playing') return;
    const lines = readLines(result, round.left);
    const mine = lines.filter(({ uid }) => uid === this.person.uid)[0];
    if (!mine) return;
    const before = this.standing || { total: mine.total, streak: mine.streak };
    this.standing = { total: mine.total, streak: mine.streak };
    const outcome = settle(mine, lines);
    if (outcome === 'lose') this._losses += 1;
    this._enter({ name: 'result', seats: round.seats, lines, outcome, before, losses: this._losses, unheard: false }, now);
    this._cue(outcome);
  }

  /** @param {Seat[]} seats */
  _isAmong(seats) {
    return seats.some(({ uid }) => uid === this.person.uid);
  }

  /** @param {string} event @param {object} [data] */
  _send(event, data) {
    this._effects.push(data ? { kind: 'send', event, data } : { kind: 'send', event });
  }

  /** @param {Cue} cue */
  _cue(cue) {
    this._effects.push({ kind: 'cue', cue });
  }

  _keep() {
    this._effects.push({ kind: 'keep', person: this.person, token: this.token });
  }
}

/** A uid may be any string, `constructor` too: nothing is there before it is put there. @returns {any} */
function byUid() {
  return Object.create(null);
}

/** @returns {Waiting} */
function unseated() {
  return { name: 'waiting', seated: false, others: [], retryAt: null };
}

/** @param {number | null} due @param {number} now */
function isDue(due, now) {
  return due !== null && due <= now;
}

/** When the next second of a round begins to be its last but n. @param {Playing} round */
function nextCount({ counted, endsAt }) {
  return counted > 0 ? endsAt - (counted - 1) * 1000 : null;
}

module.exports = { Game, RESULT_GRACE };
