// Stands in for the server where it cannot be reached, with a page that says so. Whatever the server does answer is passed on as
// it is, a 404 too, and nothing of the game is kept: so no page is ever older than its server.

const CACHE = 'offline-{{version}}';
const PAGE = '/offline.html';

addEventListener('install', (event) => {
  const kept = caches.open(CACHE).then((cache) => cache.add(new Request(PAGE, { cache: 'reload' })));
  event.waitUntil(kept.then(() => self.skipWaiting()));
});

addEventListener('activate', (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

addEventListener('fetch', (event) => {
  if (event.request.mode === 'navigate') event.respondWith(fetch(event.request).catch(offline));
});

async function offline() {
  const { body, headers } = await caches.match(PAGE) ?? Response.error();
  return body ? new Response(body, { status: 503, headers }) : Response.error();
}
