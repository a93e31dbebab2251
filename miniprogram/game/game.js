// @ts-check
// The game as one client sees it: where the player stands, what is sent, and when to look again.
//
// Pure: no wx, no DOM, no clock, no timer, no network. Time is an argument, in milliseconds of one clock that never goes
// back; effects are values to take with `poll`; `deadline` answers when `elapse` is due. The page and the Mini Program use
// this very file. What goes over the wire is the game's protocol: hello, hi, join, room, start, choice, ...

const { count, nothing } = require('./memory.js');
const { RESULT_GRACE, begun, concluded, goOn, isSame, nextCount } = require('./round.js');
const { readLines, readSeats, readStanding, stranger } = require('./wire.js');

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
 * @typedef {import('./wire.js').Standing} Standing
 * @typedef {import('./wire.js').Seat} Seat
 * @typedef {import('./memory.js').Memory} Memory
 * @typedef {import('./wire.js').Line} Line
 *
 * @typedef {'connecting' | 'greeting' | 'online' | 'lost' | 'replaced'} Link
 *   connecting: the first try is under way; greeting: open, `hi` not yet here; lost: gone, and tried again;
 *   replaced: another window speaks for this player, and this one stays silent until told otherwise.
 *
 * @typedef {{name: 'ready'}} Ready
 * @typedef {{name: 'waiting', seated: boolean, others: Seat[], retryAt: number | null} & Wish} Waiting
 * @typedef {{friends: Seat[], anybody: boolean, robot: boolean}} Wish
 *   friends: with whom the last round was, and who are waited for first; anybody: not only them; robot: nobody else
 * @typedef {{name: 'playing', seats: Seat[], startedAt: number, endsAt: number, hand: number | null, locked: boolean,
 *   moves: Record<string, number>, left: Record<string, true>, counted: number,
 *   resultBy: number, resendAt: number | null}} Playing
 * @typedef {{name: 'result', seats: Seat[], lines: Line[], outcome: import('./rules.js').Outcome,
 *   before: Standing, losses: number, unheard: boolean, missed: boolean}} Result
 *   losses: how many there have been, with this one; unheard: nobody sees a face any more; missed: it ended while we were away
 * @typedef {Ready | Waiting | Playing | Result} Stage
 *
 * @typedef {'round_lost' | 'round_over' | 'no_result' | 'name_refused' | 'restarting'} Note something to tell the player in words
 * @typedef {'start' | 'choose' | 'move' | 'face' | 'count' | 'win' | 'lose' | 'draw'} Cue something to hear or feel
 *
 * @typedef {{kind: 'send', event: string, data?: object}} Send
 * @typedef {{kind: 'redial'} | {kind: 'hurry'} | {kind: 'stop'}} Dial
 *   redial: this connection is no good, open another now; hurry: if a pause between two tries is running, end it;
 *   stop: close, and do not come back.
 * @typedef {{kind: 'keep', person: Person, token: string | null}} Keep what must outlive this client
 * @typedef {{kind: 'remember', memory: Memory}} Remember the same, of its rounds
 * @typedef {{kind: 'cue', cue: Cue}} Cued
 * @typedef {Send | Dial | Keep | Remember | Cued} Effect
 */

class Game {
  /**
   * @param {{person: Person, token?: string | null, place?: Place | null, memory?: Memory, freshUid: () => string, guestName: () => string}} who
   *   `token` proves the uid if an earlier `hi` brought one; `freshUid` is asked when the uid is somebody else's,
   *   `guestName` when the name is refused.
   */
  constructor({ person, token = null, place = null, memory = nothing(), freshUid, guestName }) {
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
    /** What outlives this client, of its rounds. @type {Memory} */
    this.memory = memory;
    /** The people of the last round who stayed to its end. @type {Seat[]} */
    this.friends = [];
    /** Who of them wants to meet us again, and waits. @type {Seat | null} */
    this.invitation = null;

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
    /** When a round whose end was not seen is given up, unless the server says that it still runs. @type {number | null} */
    this._resumeBy = null;
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
    const friends = this.invitation && this.friends.length === 0 ? [this.invitation] : this.friends;
    this._wait({ friends, anybody: false, robot: false }, now);
  }

  /** Asks for a round with a robot, now. @param {number} now */
  robot(now) {
    const { stage } = this;
    if (this.link === 'replaced') this.comeBack(now);
    if (stage.name === 'playing' || (stage.name === 'waiting' && stage.robot)) return;
    this._wait({ friends: [], anybody: false, robot: true }, now);
  }

  /** Waits for those of the last round no longer alone. @param {number} now */
  anybody(now) {
    const { stage } = this;
    if (stage.name !== 'waiting' || stage.friends.length === 0) return;
    Object.assign(stage, { friends: [], anybody: true });
    // To ask once more is to ask for anybody; where nothing has been asked yet, it is asked twice.
    if (this.link === 'online' && !this._leaving) this._send('join');
  }

  /** @param {Wish} wish @param {number} now */
  _wait(wish, now) {
    this._enter(unseated(wish), now);
    this.note = null;
    this.invitation = null;
    this._quit = false;
    if (this.link === 'online' && !this._leaving) this._join(now);
    else this._effects.push({ kind: 'hurry' });
  }

  /** Shows a hand, or another one: the last counts. The same once more is locked. @param {number} hand 1 scissors, 2 rock, 3 paper @param {number} now */
  choose(hand, now) {
    const round = this.stage;
    if (round.name !== 'playing' || now >= round.endsAt || round.locked) return;
    round.locked = hand === round.hand;
    round.hand = hand;
    this._cue('choose');
    if (this.link === 'online') this._show(round);
  }

  /** The hand that was chosen stays. @param {number} now */
  lock(now) {
    if (this.stage.name === 'playing' && this.stage.hand !== null) this.choose(this.stage.hand, now);
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
    const { stage } = this;
    // Who was in the last round, and might wait for us, is told that there is nothing to wait for.
    const declines = this.invitation !== null || (stage.name === 'result' && this.friends.length > 0);
    if (stage.name === 'playing') {
      if (this.link === 'online') this._count(stage.seats, 'lose');
      this._roundDone();
    }
    this._enter({ name: 'ready' }, now);
    this.note = null;
    this.friends = [];
    this.invitation = null;
    if (stage.name !== 'waiting' && stage.name !== 'playing' && !declines) return;
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
   * @param {Person} person @param {string | null} token @param {Memory} [memory]
   */
  follow(person, token, memory = this.memory) {
    if (this.link !== 'replaced') return;
    this.memory = memory;
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
    // What is asked for stays; whether the seat does, the server says.
    if (this.stage.name === 'waiting') this.stage = unseated(this.stage);
    this.invitation = null;
    this._resumeBy = null;
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
      case 'nearby': return this._crowdChanged(data);
    }
    if (this._leaving) return;
    switch (event) {
      case 'room': return this._roomChanged(data, now);
      case 'start': return this._roundStarted(data, now);
      case 'movement': return this._moved(data, now);
      case 'leave': return this._left(data);
      case 'away': return this._strayed(data, true);
      case 'back': return this._strayed(data, false);
      case 'result': return this._roundEnded(data, now);
    }
  }

  // What the time does.

  /** When `elapse` is due, in ms of the caller's clock; null: not before something else happens. @returns {number | null} */
  deadline() {
    const due = [this._answerBy, this._probeAt, this._settledAt, this._resumeBy];
    for (const { until } of Object.values(this.faces)) due.push(until);
    const stage = this.stage;
    if (stage.name === 'waiting') due.push(stage.retryAt);
    if (stage.name === 'playing') due.push(stage.resendAt, nextCount(stage), stage.resultBy);
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
    if (isDue(this._resumeBy, now)) this._giveUpRound(now);
    const stage = this.stage;
    if (stage.name === 'waiting' && isDue(stage.retryAt, now)) this._askAgain(stage, now);
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
    if (stage.name === 'playing') stage.resultBy = Math.max(stage.resultBy, by);
    if (this._resumeBy !== null) this._resumeBy = by;
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
      if (this.link === 'online') this._show(round);
    }
    if (now < round.resultBy) return;
    // An online server owes us a result: something on this connection is stuck. The next one tells how it ended.
    if (this.link === 'online') this._redial();
    this._endRound('no_result', now);
  }

  /** The server, online, knows nothing of the round we came out of. @param {number} now */
  _giveUpRound(now) {
    this._resumeBy = null;
    const { round } = this.memory;
    const counted = round && round.rounds !== null && this.standing && this.standing.rounds !== null && this.standing.rounds > round.rounds;
    this._roundDone();
    if (this.stage.name === 'playing') this._enter({ name: 'ready' }, now);
    this.note = counted ? 'round_over' : 'round_lost';
  }

  /** There is nothing more to be learned of the last round. @param {string} [seen] its result */
  _roundDone(seen = this.memory.seen) {
    this._resumeBy = null;
    this.memory.round = null;
    this.memory.seen = seen;
    this._effects.push({ kind: 'remember', memory: this.memory });
  }

  /** Counts against the one other person, where there is one. @param {Seat[]} seats @param {import('./rules.js').Outcome} outcome */
  _count(seats, outcome) {
    const others = seats.filter(({ uid }) => uid !== this.person.uid);
    if (others.length === 1 && !others[0].robot) count(this.memory, others[0].uid, outcome);
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
    const { stage } = this;
    if (stage.name !== 'waiting') return;
    stage.retryAt = now + ROOM_TIMEOUT;
    if (stage.robot) return this._send('join', { robot: true });
    this._send('join');
    if (stage.anybody) this._send('join');
  }

  /** No word of a seat for long. @param {Waiting} stage @param {number} now */
  _askAgain(stage, now) {
    // To ask once more would be to ask for anybody: the connection is asked instead, and the seat when it has answered.
    if (stage.friends.length > 0) stage.retryAt = stage.seated ? now + SEAT_INTERVAL : null;
    else this._join(now);
    this._hello(now, DOUBT_TIMEOUT);
  }

  /** Says which hand it is. @param {Playing} round */
  _show({ hand, locked }) {
    if (hand !== null) this._send('choice', locked ? { choice: hand, lock: true } : { choice: hand });
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

  /** @param {{nearby?: unknown, token?: unknown, missed?: unknown}} hi @param {number} now */
  _welcomed(hi, now) {
    const { nearby, token, missed } = hi;
    this.nearby = typeof nearby === 'number' ? nearby : null;
    if (typeof token === 'string' && token !== this.token) {
      this.token = token;
      this._keep();
    }
    this.standing = readStanding(hi) || this.standing;
    if (typeof missed === 'object' && missed !== null) this._missed(missed, now);
    if (!this._answered()) return;
    const back = this.link === 'greeting';
    this.link = 'online';
    this.met = true;
    this._leaving = false;
    if (back && this.note === 'restarting') this.note = null;
    if (this._quit) return this._giveUpSeat(now);
    if (this.stage.name === 'waiting' && this.stage.retryAt === null && !this.stage.seated) this._join(now);
    if (back && this.memory.round) this._resumeBy = now + RESUME_TIMEOUT;
  }

  /** @param {{nearby?: unknown}} crowd */
  _crowdChanged({ nearby }) {
    if (typeof nearby === 'number') this.nearby = nearby;
  }

  /** @param {{event?: unknown, code?: unknown}} fault @param {number} now */
  _refused({ event, code }, now) {
    if (code === 'replaced') {
      this.closed();
      this.link = 'replaced';
      if (this.stage.name !== 'result') this._enter({ name: 'ready' }, now);
      this.memory = Object.assign({}, this.memory, { round: null });
      this._effects.push({ kind: 'stop' });
      return;
    }
    if (code === 'hello_first') return this._hello(now, HELLO_TIMEOUT);
    if (event === 'hello') return this._helloRefused(code, now);
    const stage = this.stage;
    if (event === 'join' && stage.name === 'waiting') {
      if (code === 'closing') this.note = 'restarting';
      // A server that has no robot to give has anybody.
      if (code === 'bad_join') stage.robot = false;
      // On a new connection an old seat may be ours still: `room` has said so by now.
      if (!stage.seated) stage.retryAt = now + RETRY_DELAY;
    }
    if (event === 'leave' && code === 'too_fast') this._quit = true;
    if (event === 'face' && stage.name === 'result' && code !== 'too_fast') {
      stage.unheard = true;
      delete this.faces[this.person.uid];
    }
    if (event === 'choice' && stage.name === 'playing') {
      if (code === 'too_fast') stage.resendAt = now + RETRY_DELAY / 4;
      // Locked elsewhere: which one it is, the server tells whoever comes back.
      if (code === 'hand_locked') this._redial();
    }
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
    const { stage } = this;
    const unfinished = stage.name === 'playing' || this.memory.round !== null;
    if (unfinished) this._roundDone();
    this.friends = [];
    if (stage.name === 'waiting') this.stage = unseated({ friends: [], anybody: false, robot: stage.robot });
    if (stage.name === 'result' || stage.name === 'playing') this._enter({ name: 'ready' }, now);
    if (unfinished) this.note = 'round_lost';
  }

  /** @param {{users?: unknown, full?: unknown, rematch?: unknown}} room @param {number} now */
  _roomChanged({ users, full, rematch }, now) {
    const seats = readSeats(users);
    const { stage } = this;
    if (stage.name === 'playing') return;
    if (!this._isAmong(seats)) {
      // Not our table: somebody waits there for us, or does so no longer.
      if (stage.name !== 'waiting') this.invitation = seats.filter(({ uid }) => uid === rematch)[0] || null;
      return;
    }
    // A full room starts at once: there is nothing to say of who else waits.
    const others = full === true ? [] : seats.filter((seat) => seat.uid !== this.person.uid);
    const { friends, anybody, robot } = stage.name === 'waiting' ? stage : unseated();
    this._enter({ name: 'waiting', seated: true, others, retryAt: now + SEAT_INTERVAL, friends, anybody, robot }, now);
  }

  /** @param {object} start @param {number} now */
  _roundStarted(start, now) {
    const round = begun(start, this.person.uid, now);
    if (!round) return;
    const old = this.stage;
    this._resumeBy = null;
    if (old.name === 'playing' && isSame(old, round)) {
      // What was chosen meanwhile is said now.
      if (goOn(old, round)) this._show(old);
      return;
    }
    const { total, streak } = round.seats.filter(({ uid }) => uid === this.person.uid)[0];
    const { best = streak, rounds = null, wins = 0 } = this.standing || {};
    this.standing = { total, streak, best, rounds, wins };
    this.memory.round = { seats: round.seats, rounds };
    this._effects.push({ kind: 'remember', memory: this.memory });
    this.note = null;
    this.friends = [];
    this.invitation = null;
    this._enter(round, now);
    this._cue('start');
  }

  /** @param {{uid?: unknown, movement?: unknown, face?: unknown, locked?: unknown}} movement @param {number} now */
  _moved({ uid, movement, face, locked }, now) {
    if (typeof uid !== 'string' || uid === this.person.uid) return;
    if (movement === 'face' && typeof face === 'number') {
      this.faces[uid] = { face, until: now + FACE_TIME };
      this._cue('face');
    }
    if (movement === 'choice' && this.stage.name === 'playing') {
      this.stage.moves[uid] = (this.stage.moves[uid] || 0) + 1;
      for (const seat of this.stage.seats) if (seat.uid === uid && locked === true) seat.locked = true;
      this._cue('move');
    }
  }

  /** @param {{uid?: unknown}} leave */
  _left({ uid }) {
    const stage = this.stage;
    if (typeof uid !== 'string') return;
    if (stage.name === 'waiting') stage.others = stage.others.filter((seat) => seat.uid !== uid);
    if (stage.name === 'playing') stage.left[uid] = true;
    if (this.invitation && this.invitation.uid === uid) this.invitation = null;
  }

  /** Somebody's connection is lost, or there again. @param {{uid?: unknown}} somebody @param {boolean} away */
  _strayed({ uid }, away) {
    const { stage } = this;
    const seats = stage.name === 'playing' ? stage.seats : stage.name === 'waiting' ? stage.others : [];
    for (const seat of seats) if (seat.uid === uid) seat.away = away;
  }

  /** @param {{result?: unknown}} result @param {number} now */
  _roundEnded({ result }, now) {
    if (this.stage.name === 'playing') this._settle(readLines(result, this.stage.left), this.stage.seats, false, now);
  }

  /** What ended while we were away is shown as if we had been there; what was seen already, is not. @param {{result?: unknown}} missed @param {number} now */
  _missed({ result }, now) {
    const { stage, memory } = this;
    const lines = readLines(result, stage.name === 'playing' ? stage.left : byUid());
    const kept = stage.name === 'playing' ? stage.seats : memory.round ? memory.round.seats : [];
    if (kept.length === 0 && JSON.stringify(lines) === memory.seen) return;
    const isKnown = kept.length === lines.length && lines.every(({ uid }) => kept.some((seat) => seat.uid === uid));
    this._settle(lines, isKnown ? kept : lines.map(stranger), true, now);
  }

  /** @param {Line[]} lines @param {Seat[]} seats as they were at the start @param {boolean} missed @param {number} now */
  _settle(lines, seats, missed, now) {
    const mine = lines.filter(({ uid }) => uid === this.person.uid)[0];
    if (!mine) return;
    const { outcome, before, standing, friends } = concluded(lines, seats, mine, this.standing, missed);
    this.standing = standing;
    if (outcome === 'lose') this._losses += 1;
    this._count(seats, outcome);
    this._roundDone(JSON.stringify(lines));
    this.friends = friends;
    this.note = null;
    this._enter({ name: 'result', seats, lines, outcome, before, losses: this._losses, unheard: false, missed }, now);
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

/** @param {Wish} [wish] @returns {Waiting} */
function unseated({ friends, anybody, robot } = { friends: [], anybody: false, robot: false }) {
  return { name: 'waiting', seated: false, others: [], retryAt: null, friends, anybody, robot };
}

/** @param {number | null} due @param {number} now */
function isDue(due, now) {
  return due !== null && due <= now;
}

module.exports = { Game, RESULT_GRACE };
