// @ts-check
// What a screen shows of a game: every word and every state of a control, so that the page and the Mini Program cannot
// disagree. Pure, and made anew each time; the clients only bind it.

const { FACES, HANDS, compare } = require('./rules.js');
const { tallyOf } = require('./memory.js');
const { avatarOf } = require('./person.js');

/**
 * From this best streak or this total on, somebody has the rank of the same position in `words.ranks`. Neither ever falls, so that
 * no round takes a rank. Against robots the last takes some 800 rounds.
 */
const RANKS = [{ best: 1, total: 1 }, { best: 3, total: 10 }, { best: 4, total: 40 }, { best: 5, total: 120 }, { best: 7, total: 400 }];

/**
 * @typedef {InstanceType<typeof import('./game.js').Game>} Game
 * @typedef {import('./game.js').Seat} Seat
 * @typedef {import('./game.js').Result} Result
 * @typedef {import('./words.js').Words} Words
 *
 * @typedef {{name: string, label: string}} Picture a drawing by its file's name, and what it shows
 * @typedef {{id: number, name: string, label: string, chosen: boolean, locked: boolean, enabled: boolean}} Choice
 * @typedef {{action: Action, label: string, enabled: boolean}} Step a tap that comes before it is enabled was meant for another
 * @typedef {'play' | 'robot' | 'anybody' | 'leave' | 'comeBack'} Action
 * @typedef {{title: string, detail: string, yes: string, no: string}} Question
 * @typedef {'connecting' | 'ready' | 'waiting' | 'playing' | 'result' | 'replaced'} Phase
 *
 * @typedef {object} Card one player
 * @property {string} uid
 * @property {string} name
 * @property {string} avatar
 * @property {string} robot what a robot is marked with; empty for a person
 * @property {string} rank
 * @property {number} streak
 * @property {string} score empty where it is not known
 * @property {string} streakText
 * @property {string} status what the player is doing, in words
 * @property {number} moves how often it has moved: each time it does, the picture moves
 * @property {Picture | null} face
 * @property {Picture | null} hand what lies on the table: a hand, or `secret` while it is not open
 * @property {string} gained
 * @property {'' | 'win' | 'lose' | 'draw'} outcome against me, or mine against all
 * @property {boolean} away has left, or is cut off
 * @property {boolean} left
 * @property {boolean} locked
 * @property {boolean} invites wants a rematch
 *
 * @typedef {object} Scene
 * @property {Phase} phase
 * @property {string} link a quiet word when the connection is not there; else empty
 * @property {string} online how many people are there; empty where `link` is not
 * @property {string} headline
 * @property {string} detail
 * @property {string} note
 * @property {Card} me
 * @property {Card[]} others
 * @property {{seconds: number, total: number, left: number} | null} countdown total and left in ms
 * @property {Choice[]} hands
 * @property {{id: number, name: string, label: string}[]} faces
 * @property {boolean} facesOpen whether anybody would see one
 * @property {Step | null} primary the one next step
 * @property {Step | null} secondary
 * @property {Step | null} third
 * @property {{text: string, label: string} | null} tally the rounds against this opponent so far
 * @property {Question | null} asked what to ask before a round is left, and what that costs
 * @property {'' | 'win' | 'lose' | 'draw'} outcome
 * @property {string} announcement for those who do not see the screen: changes only when there is something to say
 */

/**
 * @param {Game} game @param {Words} words @param {number} now as the game counts it
 * @returns {Scene}
 */
function scene(game, words, now) {
  const { stage } = game;
  const phase = phaseOf(game);
  const playing = stage.name === 'playing' ? stage : null;
  const open = playing !== null && now < playing.endsAt;
  const hand = playing ? playing.hand : null;
  const locked = playing !== null && playing.locked;
  const { headline, detail } = spoken(game, words, phase, open);
  const me = myCard(game, words);
  const others = otherCards(game, words);
  /** @type {Scene} */
  const shown = {
    phase,
    link: linkText(game, words),
    online: onlineText(game, words, others),
    headline,
    detail,
    note: noteText(game, words),
    me,
    others,
    countdown: playing ? countdown(playing, now) : null,
    hands: numbered(HANDS).map(({ id, name }) => (
      { id, name, label: words.hands[name], chosen: id === hand, locked: id === hand && locked, enabled: open && !locked })),
    faces: numbered(FACES).map(({ id, name }) => ({ id, name, label: words.faces[name] })),
    facesOpen: stage.name === 'playing' ? open : game.audience && game.link === 'online',
    primary: primary(phase, game, words),
    secondary: secondary(phase, game, words),
    third: third(phase, game, words),
    tally: stage.name === 'result' ? tally(game, stage, words) : null,
    asked: playing ? question(me.streak, words) : null,
    outcome: stage.name === 'result' ? stage.outcome : '',
    announcement: '',
  };
  shown.announcement = announcement(shown, words);
  return shown;
}

/** @param {number} streak @param {Words} words @returns {Question} */
function question(streak, words) {
  return { title: words.leaveAsk, detail: words.leaveCost(streak), yes: words.leave, no: words.stay };
}

/** @param {Game} game @param {Words} words */
function noteText({ note, invitation, stage }, words) {
  if (note !== null) return words.notes[note];
  return invitation && stage.name === 'ready' ? words.wantsRematchFrom(called(invitation, words)) : '';
}

/** @param {Game} game @param {Result} result @param {Words} words */
function tally({ memory, person }, { seats }, words) {
  const others = seats.filter(({ uid }) => uid !== person.uid);
  if (others.length !== 1 || others[0].robot) return null;
  const [mine, theirs] = tallyOf(memory, others[0].uid);
  if (mine + theirs === 0) return null;
  return { text: words.tally(mine, theirs), label: words.tallyIs(called(others[0], words), mine, theirs) };
}

/** @param {Game} game @returns {Phase} */
function phaseOf({ link, stage, met }) {
  if (link === 'replaced' && stage.name !== 'result') return 'replaced';
  if (stage.name === 'ready' && !met) return 'connecting';
  return stage.name;
}

/** @param {Game} game @param {Words} words */
function linkText({ link, met, stage }, words) {
  if (link === 'replaced') return stage.name === 'result' ? words.replaced : '';
  if (link === 'online') return '';
  if (met) return words.reconnecting;
  return link === 'lost' ? words.unreachable : words.connecting;
}

/**
 * Without a connection nobody knows. Who sits opposite may have come after the last count, and is online all the same.
 * @param {Game} game @param {Words} words @param {Card[]} others
 */
function onlineText({ nearby, place, link, slower }, words, others) {
  if (nearby === null || link !== 'online') return '';
  const opposite = others.filter(({ robot, away }) => !robot && !away).length;
  const people = place ? words.nearby(nearby) : words.online(Math.max(nearby, opposite));
  return slower ? `${people} · ${words.slower}` : people;
}

/** @param {Game} game @param {Words} words @param {Phase} phase @param {boolean} open */
function spoken(game, words, phase, open) {
  const { stage, link } = game;
  const online = link === 'online';
  if (phase === 'replaced') return { headline: words.replaced, detail: words.replacedDetail };
  if (stage.name === 'waiting') {
    const awaited = stage.others.length === 0 && online ? friendsText(stage, words) : '';
    return { headline: awaited ? words.rematchWith(awaited) : words.waiting, detail: waitingDetail(stage, words, link) };
  }
  if (stage.name === 'playing') {
    if (!open) return online ? { headline: words.timeUp, detail: '' } : { headline: words.timeUpOffline, detail: words.resultOffline };
    if (stage.hand === null) return { headline: words.choose, detail: online ? words.chooseDetail : words.chooseOffline };
    const name = nameOf(HANDS, stage.hand);
    const detail = !online ? words.chosenOffline : stage.locked ? words.lockedDetail : words.chosenDetail;
    return { headline: words.chosen(words.hands[name]), detail };
  }
  if (stage.name === 'result') return { headline: words[stage.outcome], detail: resultDetail(game, stage, words) };
  return { headline: words.tagline, detail: words.rules };
}

/** @param {import('./game.js').Waiting} waiting @param {Words} words @param {import('./game.js').Link} link */
function waitingDetail(waiting, words, link) {
  const { others, robot } = waiting;
  if (link !== 'online') return words.waitingOffline;
  if (others.length > 0) return words.seatedWith(others.map((seat) => called(seat, words)).join(words.comma));
  const awaited = friendsText(waiting, words);
  if (awaited) return words.rematchDetail(awaited);
  return robot ? '' : words.waitingDetail;
}

/** Who is waited for before anybody else. @param {import('./game.js').Waiting} waiting @param {Words} words */
function friendsText({ friends }, words) {
  return friends.map((seat) => called(seat, words)).join(words.comma);
}

/** Why it ended so, and what it means for the streak. @param {Game} game @param {Result} result @param {Words} words */
function resultDetail({ person, standing }, { lines, outcome, before, losses, missed }, words) {
  const mine = lines.filter(({ uid }) => uid === person.uid)[0];
  const others = lines.filter(({ uid }) => uid !== person.uid);
  const parts = [missed ? words.whileAway : ''];
  if (others.length === 1) parts.push(pairText(mine, others[0], outcome, words));
  if (outcome === 'win') {
    parts.push(mine.streak > 1 ? words.streakNow(mine.streak) : words.oneWin);
    const rank = rankOf(standing || before);
    // That of the first win is on the card: there is a streak to be talked of.
    if (rank > 1 && rank > rankOf(before)) parts.push(words.rankNow(words.ranks[rank - 1]));
  } else if (before.streak > 1) {
    parts.push(words.streakOver(before.streak));
  } else {
    parts.push(outcome === 'draw' ? words.drawDetail : words.consolations[losses % words.consolations.length]);
  }
  return parts.filter((part) => part !== '').join(words.language === 'en' ? ' ' : '');
}

/**
 * @param {import('./game.js').Line} mine @param {import('./game.js').Line} other
 * @param {import('./rules.js').Outcome} outcome @param {Words} words
 */
function pairText(mine, other, outcome, words) {
  if (outcome === 'draw') return '';
  if (other.left) return words.otherLeft;
  const [winner, loser] = outcome === 'win' ? [mine, other] : [other, mine];
  return loser.hand === null ? words.noHandLoses : words.beats[`${winner.hand}-${loser.hand}`] || '';
}

/** @param {Game} game @param {Words} words @returns {Card} */
function myCard({ person, standing, stage, faces }, words) {
  const line = stage.name === 'result' ? stage.lines.filter(({ uid }) => uid === person.uid)[0] : null;
  const { total, streak, best, rounds, wins } = standing || { total: 0, streak: 0, best: 0, rounds: null, wins: 0 };
  const card = blankCard({ uid: person.uid, name: person.name, picture: person.picture, robot: false, total, streak, locked: false, away: false }, words, faces, best);
  if (standing === null) card.score = '';
  if (stage.name === 'ready' && rounds) card.status = words.record(wins, rounds);
  if (stage.name === 'playing') card.locked = stage.locked;
  if (stage.name === 'playing') card.hand = stage.hand === null ? secret() : openHand(stage.hand, words);
  if (line && stage.name === 'result') {
    card.hand = openHand(line.hand, words);
    card.gained = line.score > 0 ? words.gained(line.score) : '';
    card.outcome = stage.outcome;
  }
  return card;
}

/** @param {Game} game @param {Words} words @returns {Card[]} */
function otherCards({ person, stage, faces, invitation }, words) {
  if (stage.name === 'waiting') return stage.others.map((seat) => blankCard(seat, words, faces));
  if (stage.name === 'ready') return [];
  const seats = stage.seats.filter(({ uid }) => uid !== person.uid);
  if (stage.name === 'playing') {
    return seats.map((seat) => {
      const card = blankCard(seat, words, faces);
      card.moves = stage.moves[seat.uid] || 0;
      card.left = stage.left[seat.uid] === true;
      card.away = card.left || seat.away;
      card.locked = seat.locked;
      card.hand = secret();
      if (card.left) card.status = words.left;
      else if (card.away) card.status = words.away;
      else if (card.locked) card.status = words.locked;
      else card.status = card.moves > 0 ? words.moved(card.moves) : words.thinking;
      return card;
    });
  }
  const { lines } = stage;
  const mine = lines.filter(({ uid }) => uid === person.uid)[0];
  return seats.map((seat) => {
    const line = lines.filter(({ uid }) => uid === seat.uid)[0];
    if (!line) return blankCard(seat, words, faces);
    const card = blankCard(Object.assign({}, seat, { total: line.total, streak: line.streak }), words, faces);
    // Of two, one has won what the other has lost, whatever is known of who left.
    const against = lines.length === 2 ? { win: -1, lose: 1, draw: 0 }[stage.outcome] : compare(line, mine);
    card.hand = openHand(line.hand, words);
    card.gained = line.score > 0 ? words.gained(line.score) : '';
    card.outcome = against > 0 ? 'win' : against < 0 ? 'lose' : 'draw';
    card.away = line.left;
    card.left = line.left;
    card.invites = invitation !== null && invitation.uid === seat.uid;
    if (line.left) card.status = words.left;
    if (card.invites) card.status = words.wantsRematch;
    return card;
  });
}

/** How many of the ranks somebody has earned. @param {{best: number, total: number}} standing */
function rankOf({ best, total }) {
  return RANKS.filter((least) => best >= least.best || total >= least.total).length;
}

/** @param {Seat} seat @param {Words} words @param {Game['faces']} faces @param {number} [best] streak, as far as it is known @returns {Card} */
function blankCard(seat, words, faces, best = seat.streak) {
  const pulled = faces[seat.uid];
  const face = pulled ? nameOf(FACES, pulled.face) : '';
  const rank = rankOf({ best: Math.max(best, seat.streak), total: seat.total });
  return {
    uid: seat.uid,
    name: called(seat, words),
    avatar: avatarOf(seat),
    robot: seat.robot ? words.robot : '',
    rank: rank > 0 ? words.ranks[rank - 1] : '',
    streak: seat.streak,
    score: words.scoreIs(seat.total),
    streakText: words.streakIs(seat.streak),
    status: '',
    moves: 0,
    face: face ? { name: face, label: words.faces[face] } : null,
    hand: null,
    gained: '',
    outcome: '',
    away: seat.away,
    left: false,
    locked: false,
    invites: false,
  };
}

/** @param {Seat} seat @param {Words} words */
function called({ name, robot }, words) {
  return (robot ? words.robotName(name) : name) || words.noName;
}

/** @param {number | null} hand @param {Words} words @returns {Picture} */
function openHand(hand, words) {
  const name = (hand !== null && nameOf(HANDS, hand)) || 'none';
  return { name, label: words.hands[name] };
}

/** Hands stay secret until the result. @returns {Picture} */
function secret() {
  return { name: 'secret', label: '' };
}

/** @param {import('./game.js').Playing} round @param {number} now */
function countdown({ startedAt, endsAt }, now) {
  const left = Math.max(0, endsAt - now);
  const seconds = Math.ceil(left / 1000);
  return { seconds, total: endsAt - startedAt, left };
}

/** @param {Phase} phase @param {Game} game @param {Words} words @returns {Step | null} */
function primary(phase, { invitation, settled: enabled }, words) {
  switch (phase) {
    case 'connecting': case 'ready': return { action: 'play', label: invitation ? words.rematch : words.play, enabled };
    case 'waiting': return { action: 'leave', label: words.cancel, enabled };
    case 'playing': return null;
    case 'result': return { action: 'play', label: invitation ? words.rematch : words.again, enabled };
    case 'replaced': return { action: 'comeBack', label: words.comeBack, enabled };
  }
}

/** @param {Phase} phase @param {Game} game @param {Words} words @returns {Step | null} */
function secondary(phase, { invitation, stage, settled: enabled }, words) {
  if (phase === 'playing') return { action: 'leave', label: words.leave, enabled };
  if (phase === 'result') return { action: 'leave', label: invitation ? words.decline : words.done, enabled };
  if (phase === 'ready' && invitation) return { action: 'leave', label: words.decline, enabled };
  if (phase === 'waiting' && stage.name === 'waiting' && !stage.robot) return { action: 'robot', label: words.robotNow, enabled };
  return null;
}

/** @param {Phase} phase @param {Game} game @param {Words} words @returns {Step | null} */
function third(phase, { stage, friends, settled: enabled }, words) {
  if (phase === 'result' && friends.length > 0) return { action: 'robot', label: words.robotNow, enabled };
  if (phase === 'waiting' && stage.name === 'waiting' && stage.friends.length > 0) return { action: 'anybody', label: words.anybodyNow, enabled };
  return null;
}

/** @param {Scene} shown @param {Words} words */
function announcement({ phase, headline, detail, note, link, me, others, tally: count, countdown: clock }, words) {
  /** @param {Card} card */
  const named = ({ name, robot }) => (robot ? `${name} (${robot})` : name);
  const opponents = others.map(named).join(words.comma);
  const parts = [];
  switch (phase) {
    case 'connecting': break;
    case 'ready': parts.push(note); break;
    case 'waiting': parts.push(headline, detail, note); break;
    case 'playing':
      parts.push(opponents);
      if (clock && clock.seconds > 0) parts.push(words.choose, words.seconds(Math.round(clock.total / 1000)));
      else parts.push(words.timeUp);
      for (const other of others) if (other.away || other.locked) parts.push(`${named(other)}: ${other.status}`);
      break;
    case 'result':
      // Whoever has heard how it ended need not hear it again.
      if (others.some(({ invites }) => invites)) {
        for (const other of others) if (other.invites) parts.push(words.wantsRematchFrom(named(other)));
        break;
      }
      parts.push(headline, `${words.me}: ${label(me)}`);
      for (const other of others) parts.push(`${named(other)}: ${label(other)}`);
      parts.push(me.gained, detail, count ? count.label : '');
      break;
    case 'replaced': parts.push(headline, detail); break;
  }
  parts.push(link);
  return parts.filter((part) => part !== '').map((part) => (/[.!?。！？…]$/.test(part) ? part : `${part}${words.stop}`)).join(' ');
}

/** @param {Card} card */
function label({ hand, status }) {
  return hand ? hand.label : status;
}

/** @param {Readonly<Record<number, string>>} names */
function numbered(names) {
  return Object.keys(names).map((id) => ({ id: Number(id), name: names[Number(id)] }));
}

/** @param {Readonly<Record<number, string>>} names @param {number} id */
function nameOf(names, id) {
  return names[id] || '';
}

module.exports = { scene, RANKS };
