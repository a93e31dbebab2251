// Plays Wulin with the client libraries people really use. README.md beside this file says how to run it.

import './suites/routes.mjs';
import './suites/solo.mjs';
import './suites/pairs.mjs';
import './suites/answers.mjs';
import './suites/mini_program_2016.mjs';
import './suites/staying.mjs';
import './suites/restart.mjs';
import './suites/examples.mjs';
