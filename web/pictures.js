// The drawings, within the bundle: none of them is a request of its own.

import cat from '../miniprogram/images/avatars/cat.svg';
import crane from '../miniprogram/images/avatars/crane.svg';
import fox from '../miniprogram/images/avatars/fox.svg';
import monkey from '../miniprogram/images/avatars/monkey.svg';
import ox from '../miniprogram/images/avatars/ox.svg';
import panda from '../miniprogram/images/avatars/panda.svg';
import robot from '../miniprogram/images/avatars/robot.svg';
import snake from '../miniprogram/images/avatars/snake.svg';
import tiger from '../miniprogram/images/avatars/tiger.svg';
import angry from '../miniprogram/images/faces/angry.svg';
import crying from '../miniprogram/images/faces/crying.svg';
import laughing from '../miniprogram/images/faces/laughing.svg';
import smirking from '../miniprogram/images/faces/smirking.svg';
import none from '../miniprogram/images/hands/none.svg';
import paper from '../miniprogram/images/hands/paper.svg';
import rock from '../miniprogram/images/hands/rock.svg';
import scissors from '../miniprogram/images/hands/scissors.svg';
import secret from '../miniprogram/images/hands/secret.svg';

/** Addresses for an <img>, by the names a scene uses. @type {Record<string, string>} */
export const avatars = { cat, crane, fox, monkey, ox, panda, robot, snake, tiger };
/** @type {Record<string, string>} */
export const faces = { angry, crying, laughing, smirking };
/** @type {Record<string, string>} */
export const hands = { none, paper, rock, scissors, secret };
