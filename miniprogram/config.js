// @ts-check
// The one thing to edit: where your Wulin server is.

module.exports = {
  /** The domain of the server, without scheme and port: WeChat wants https and 443. */
  domain: 'game.example.com',
  /** The server's --base-path. */
  basePath: '/applet/websocket',
};
