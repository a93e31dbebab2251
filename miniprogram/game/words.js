// @ts-check
// Every word a player reads, in Chinese and English, for the page and the Mini Program alike.

/** @typedef {'zh' | 'en'} Language */
/** @typedef {typeof zh} Words */

const zh = {
  language: 'zh-CN',
  stop: '。',
  comma: '、',
  title: '武林',
  tagline: '剪刀石头布，谁是武林盟主？',
  rules: '剪刀剪布，布包石头，石头砸剪刀。连胜越多，得分越高。',

  play: '开战',
  again: '再战一局',
  rematch: '应战',
  decline: '不打了',
  robotNow: '和木人打',
  anybodyNow: '谁都行',
  cancel: '不等了',
  leave: '离开',
  leaveAsk: '要离开这一局吗？',
  leaveCost: (/** @type {number} */ streak) => (streak > 1 ? `这一局算输，${streak} 连胜也到此为止。` : '这一局算输。'),
  stay: '接着打',
  done: '歇一会儿',
  comeBack: '在这里继续',

  connecting: '正在进入武林…',
  reconnecting: '正在重连…',
  unreachable: '没有回应，正在重试…',
  /** Said beside how many are online, while there is no WebSocket. */
  slower: '轮询，较慢',
  replaced: '你在别处打开了武林',
  replacedDetail: '同一个人只能在一处比试，这一处先停下了。',

  online: (/** @type {number} */ n) => (n > 0 ? `另有 ${n} 人在线` : '暂无他人在线'),
  nearby: (/** @type {number} */ n) => (n > 0 ? `附近有 ${n} 人` : '附近暂无他人'),

  waiting: '正在找对手…',
  waitingDetail: '没有人来，就由木人陪练。',
  rematchWith: (/** @type {string} */ names) => `和${names}再战？`,
  rematchDetail: (/** @type {string} */ names) => `先等${names}，等不到就找别人。`,
  wantsRematch: '想再战一局',
  wantsRematchFrom: (/** @type {string} */ name) => `${name}想再战一局。`,
  waitingOffline: '一连上就替你找对手。',
  seatedWith: (/** @type {string} */ names) => `已入座：${names}。还在等人…`,
  noName: '无名氏',

  choose: '出招！',
  chooseDetail: '时间到之前都可以改。',
  chosen: (/** @type {string} */ hand) => `你出${hand}`,
  chosenDetail: '还可以改；再点一次就定下来。',
  lockedDetail: '已经定下，不能再改。',
  chosenOffline: '连接断了。及时连上，这一招就算数。',
  chooseOffline: '连接断了，座位还是你的。',
  timeUp: '亮招！',
  timeUpOffline: '时间到',
  resultOffline: '连上之后再看结果。',
  counts: ['一！', '二！', '三！'],
  seconds: (/** @type {number} */ n) => `限时 ${n} 秒`,
  thinking: '正在想',
  moved: (/** @type {number} */ n) => (n > 1 ? `改了 ${n - 1} 次主意` : '已出招'),
  left: '走了',
  locked: '已定招',
  away: '断线了，座位还在',

  win: '你赢了！',
  lose: '你输了',
  draw: '平手',
  gained: (/** @type {number} */ n) => `+${n} 分`,
  streakNow: (/** @type {number} */ n) => `${n} 连胜！`,
  streakOver: (/** @type {number} */ n) => `${n} 连胜到此为止。`,
  rankNow: (/** @type {string} */ rank) => `江湖人称“${rank}”。`,
  oneWin: '先下一城，再赢一局就是连胜。',
  /** What comforts who has lost, one after the other. */
  consolations: [
    '胜败乃兵家常事。', '留得青山在。', '失之东隅，收之桑榆。', '这一局让他三分。', '大侠请重新来过。', '下一局见真章。', '高手也是这么过来的。',
  ],
  drawDetail: '英雄所见略同。',
  otherLeft: '对手走了，算你赢。',

  /** @type {Record<string, string>} */
  beats: { '1-3': '剪刀剪布。', '2-1': '石头砸剪刀。', '3-2': '布包石头。' },
  noHandLoses: '没出手的算输。',

  scoreIs: (/** @type {number} */ n) => `${n} 分`,
  /** One win is no streak. */
  streakIs: (/** @type {number} */ n) => (n > 1 ? `${n} 连胜` : ''),
  record: (/** @type {number} */ wins, /** @type {number} */ rounds) => `${rounds} 局 ${wins} 胜`,
  tally: (/** @type {number} */ mine, /** @type {number} */ theirs) => `${mine} : ${theirs}`,
  tallyIs: (/** @type {string} */ name, /** @type {number} */ mine, /** @type {number} */ theirs) => `与${name}的比分：${mine} 比 ${theirs}`,
  whileAway: '你不在的时候：',
  robot: '机器人',
  /** What a robot goes by; the server gives it a Chinese name. */
  robotName: (/** @type {string} */ name) => name,
  me: '我',

  /** @type {Record<string, string>} */
  hands: { scissors: '剪刀', rock: '石头', paper: '布', none: '没出手' },
  handGroup: '选一招',
  /** @type {Record<string, string>} */
  faces: { laughing: '大笑', crying: '大哭', angry: '生气', smirking: '坏笑' },
  faceGroup: '做个鬼脸',
  makesFace: (/** @type {string} */ name, /** @type {string} */ face) => `${name}：${face}`,
  ranks: ['初出茅庐', '小有名气', '一代大侠', '武学宗师', '武林盟主'],

  /** @type {Record<string, string>} */
  notes: {
    round_lost: '上一局没了：服务器已经不记得它，不算输赢。',
    round_over: '上一局在你离开时打完了。',
    no_result: '上一局的结果，连上之后再看。',
    name_refused: '这个名字不能用，先给你换了一个。',
    restarting: '服务器正在重启，马上就好…',
  },

  settings: '设置',
  close: '完成',
  name: '名字',
  nameHint: '别人看到的名字，最多 12 个字',
  avatar: '头像',
  /** @type {Record<string, string>} */
  avatars: { tiger: '虎', crane: '鹤', monkey: '猴', snake: '蛇', panda: '熊猫', fox: '狐', ox: '牛', cat: '猫', robot: '木人' },
  sound: '声音',
  vibration: '震动',
  near: '优先匹配附近的人',
  nearDetail: '打开时才读取位置，只用来找附近的对手。只发送大约 1\u00a0公里精度的位置，关掉就不再发送。',
  nearDenied: '没有拿到位置。请在系统或浏览器的设置里允许，再打开一次。',
  nearUnknown: '暂时定位不到，过一会儿再试。',
  openSettings: '去授权设置',
  ownPicture: '用我的微信头像',
  ownPictureDetail: '微信头像只在这台手机上显示，别人看到的是上面选的那个。',
  privacy: {
    title: '用之前先问你',
    detail: '微信头像、昵称和位置只在你主动使用时读取，用途写在隐私保护指引里。不同意也能玩。',
    contract: '看《隐私保护指引》',
    agree: '同意',
    refuse: '不同意',
  },
  share: '来武林和我比一局剪刀石头布',
  keys: '键盘：1 剪刀，2 石头，3 布，回车定招或继续',
  guests: ['青衫客', '白袍客', '采药人', '夜行人', '卖酒翁', '铁匠', '渡船人', '说书人', '守塔人', '牧羊人', '放鹤人', '听雨人'],
};

/** @type {Words} */
const en = {
  language: 'en',
  stop: '.',
  comma: ', ',
  title: 'Wulin',
  tagline: 'Rock, paper, scissors. Who will be the master?',
  rules: 'Scissors cut paper, paper wraps rock, rock breaks scissors. The longer the streak, the more a win scores.',

  play: 'Play',
  again: 'Play again',
  rematch: 'Rematch',
  decline: 'No, thanks',
  robotNow: 'Play a robot',
  anybodyNow: 'Play anybody',
  cancel: 'Cancel',
  leave: 'Leave',
  leaveAsk: 'Leave this round?',
  leaveCost: (streak) => (streak > 1 ? `It counts as a loss, and your streak of ${streak} ends.` : 'It counts as a loss.'),
  stay: 'Stay',
  done: 'Enough for now',
  comeBack: 'Play here',

  connecting: 'Connecting…',
  reconnecting: 'Reconnecting…',
  unreachable: 'No answer, trying again…',
  slower: 'polling, slower',
  replaced: 'You have opened Wulin somewhere else',
  replacedDetail: 'One person plays in one place. This one has stopped.',

  online: (n) => (n > 1 ? `${n} others online` : n === 1 ? '1 other online' : 'Nobody else online'),
  nearby: (n) => (n > 1 ? `${n} people near you` : n === 1 ? '1 person near you' : 'Nobody near you yet'),

  waiting: 'Finding an opponent…',
  waitingDetail: 'If nobody comes, a robot steps in.',
  rematchWith: (names) => `A rematch with ${names}?`,
  rematchDetail: (names) => `${names} comes first, then anybody.`,
  wantsRematch: 'wants a rematch',
  wantsRematchFrom: (name) => `${name} wants a rematch.`,
  waitingOffline: 'You get a seat as soon as the connection is back.',
  seatedWith: (names) => `Here already: ${names}. Waiting for more…`,
  noName: 'Somebody',

  choose: 'Choose!',
  chooseDetail: 'You can switch until time runs out.',
  chosen: (hand) => `You picked ${hand}`,
  chosenDetail: 'You can still switch. Tap it again to lock it.',
  lockedDetail: 'Locked: it stays.',
  chosenOffline: 'The connection is lost. Back in time, this hand counts.',
  chooseOffline: 'The connection is lost. Your seat is kept.',
  timeUp: 'Reveal!',
  timeUpOffline: 'Time is up',
  resultOffline: 'You see how it ended when the connection is back.',
  counts: ['One…', 'Two…', 'Three!'],
  seconds: (n) => (n === 1 ? 'You have 1 second' : `You have ${n} seconds`),
  thinking: 'is thinking',
  moved: (n) => (n > 1 ? `changed ${n === 2 ? 'once' : `${n - 1} times`}` : 'has chosen'),
  left: 'has left',
  locked: 'has locked',
  away: 'is cut off, seat kept',

  win: 'You win!',
  lose: 'You lose',
  draw: 'A draw',
  gained: (n) => `+${n}`,
  streakNow: (n) => `${n} wins in a row!`,
  streakOver: (n) => `A streak of ${n} ends.`,
  rankNow: (rank) => `They call you “${rank}” now.`,
  oneWin: 'Win the next one and it is a streak.',
  consolations: [
    'Masters have lost more often than you.', 'So close. Next one.', 'Shake it off.', 'Even a master slips.', 'Now you know how they play.',
    'Luck turns.', 'One more, and mean it.',
  ],
  drawDetail: 'Great minds think alike.',
  otherLeft: 'Your opponent left: you win.',

  beats: { '1-3': 'Scissors cut paper.', '2-1': 'Rock breaks scissors.', '3-2': 'Paper wraps rock.' },
  noHandLoses: 'No pick loses.',

  scoreIs: (n) => `Score ${n}`,
  streakIs: (n) => (n > 1 ? `${n} in a row` : ''),
  record: (wins, rounds) => `${wins} of ${rounds} ${rounds === 1 ? 'round' : 'rounds'} won`,
  tally: (mine, theirs) => `${mine} : ${theirs}`,
  tallyIs: (name, mine, theirs) => `Against ${name}: ${mine} to ${theirs}`,
  whileAway: 'While you were away:',
  robot: 'Robot',
  robotName: (name) => {
    const [, made = '', which = ''] = /^([木铜])人·([甲乙丙丁])$/.exec(name) || [];
    return made ? `${made === '木' ? 'Wooden' : 'Bronze'} Man ${'甲乙丙丁'.indexOf(which) + 1}` : name;
  },
  me: 'You',

  hands: { scissors: 'scissors', rock: 'rock', paper: 'paper', none: 'no hand' },
  handGroup: 'Your pick',
  faces: { laughing: 'laughing', crying: 'crying', angry: 'angry', smirking: 'smirking' },
  faceGroup: 'Pull a face',
  makesFace: (name, face) => `${name}: ${face}`,
  ranks: ['Newcomer', 'Known Blade', 'Hero', 'Grandmaster', 'Master of Wulin'],

  notes: {
    round_lost: 'That round is lost: the server no longer knows of it. It counts for nobody.',
    round_over: 'That round ended while you were away.',
    no_result: 'You see how that round ended when the connection is back.',
    name_refused: 'That name cannot be used, so you got another.',
    restarting: 'The server is restarting; just a moment…',
  },

  settings: 'Settings',
  close: 'Done',
  name: 'Name',
  nameHint: 'What others see, up to 12 characters',
  avatar: 'Avatar',
  avatars: {
    tiger: 'Tiger', crane: 'Crane', monkey: 'Monkey', snake: 'Snake', panda: 'Panda', fox: 'Fox', ox: 'Ox', cat: 'Cat', robot: 'Robot',
  },
  sound: 'Sound',
  vibration: 'Vibration',
  near: 'People nearby first',
  nearDetail:
    'Your location is read only while this is on, and only to find opponents near you. What is sent is rounded to about 1 km.',
  nearDenied: 'No location. Allow it in the settings of your device or browser and switch this on again.',
  nearUnknown: 'Your location cannot be found right now. Try again later.',
  openSettings: 'Open the permissions',
  ownPicture: 'Use my WeChat picture',
  ownPictureDetail: 'Your WeChat picture is shown on this phone only. Others see the one chosen above.',
  privacy: {
    title: 'Your privacy',
    detail: 'Your WeChat picture, nickname and location are read only when you use them; the privacy guide says what for. You can play without.',
    contract: 'Read the privacy guide',
    agree: 'Agree',
    refuse: 'No',
  },
  share: 'Rock, paper, scissors with me in Wulin',
  keys: 'Keys: 1 scissors, 2 rock, 3 paper, Enter to lock or go on',
  guests: [
    'Blue Robe', 'White Robe', 'Herbalist', 'Nightwalker', 'Wine Seller', 'Blacksmith', 'Ferryman', 'Storyteller', 'Tower Guard',
    'Shepherd', 'Crane Keeper', 'Rain Watcher',
  ],
};

/** The first of these language tags (BCP 47, or WeChat's `zh_CN`) that is spoken here; English otherwise. @param {readonly string[]} tags */
function wordsFor(tags) {
  for (const tag of tags) {
    const language = String(tag).toLowerCase().slice(0, 2);
    if (language === 'zh') return zh;
    if (language === 'en') return en;
  }
  return en;
}

module.exports = { wordsFor, zh, en };
