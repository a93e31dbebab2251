// Opens a Mini Program by hand: prints its problems and an address for a browser.

import { compile } from './compile.mjs';
import { format } from './places.mjs';
import { serve } from './serve.mjs';

const [folder = 'miniprogram', port = '0'] = process.argv.slice(2);
const compiled = compile(folder);
for (const problem of compiled.problems) console.error(format(problem));
const { url } = await serve(compiled, { port: Number(port) });
console.log(url);
