// The types of what others use. `make test` holds them against the code.

/** What `connect_error` brings; `data` is what a server adds to its refusal. */
export interface ConnectError extends Error {
  data?: unknown;
}

/** The events of the client's own: no server can send them. */
export interface OwnEvents {
  connect: () => void;
  disconnect: (reason: DisconnectReason) => void;
  connect_error: (error: ConnectError) => void;
  reconnecting: (pause: { attempt: number; delay: number }) => void;
}

export type DisconnectReason =
  | 'transport close' | 'transport error' | 'ping timeout' | 'io server disconnect' | 'io client disconnect' | 'redial';

/** Events by name, such as `{ news: (text: string) => void }`. */
export type Events = { [event: string]: any };

/** The last argument of `emit`: `error` is null, or says `timeout`, `disconnected` or `queue full`. */
export type Acknowledgement = (error: Error | null, ...answer: any[]) => void;

export interface SocketOptions {
  /** For `io`: where on the server Socket.IO is served; `/socket.io`. */
  path?: string;
  /** For `io`: whether to connect at once; true. */
  autoConnect?: boolean;
  /** Who asks to be let in, or a function that tells it, at every connection. */
  auth?: object | ((tell: (auth?: object) => void) => void);
  /** Goes into the address, at every connection. */
  query?: Record<string, unknown>;
  /** The version of Engine.IO: 3 for a server of Socket.IO 2; 4. */
  EIO?: 3 | 4;
  /** How many messages may wait for a connection; 32. */
  queue?: number;
  /** How long an acknowledgement may take, in ms; 8000. */
  ackTimeout?: number;
  /** How long a connection may take until it can be used, in ms; 10 000. */
  openTimeout?: number;
  /** How long the server may take to show that it is still there after `wake`, in ms; 4000. */
  wakeTimeout?: number;
  /** Instead of `wx.connectSocket`. */
  connect?: (option: any) => any;
  /** Instead of `Math.random`. */
  random?: () => number;
}

/** `Heard`: what the server sends. `Said`: what it listens to, without the acknowledgements. */
export class Socket<Heard extends Events = Events, Said extends Events = Events> {
  /** `url`: where Socket.IO is served, with its path. Does nothing until `connect`. */
  constructor(url: string, options?: SocketOptions);

  /** The server's name for this connection; undefined while there is none. */
  id: string | undefined;
  auth: SocketOptions['auth'];
  query: Record<string, unknown>;
  /** Whether the server has let us in and the connection is not known to be lost. */
  get connected(): boolean;

  connect(): this;
  open(): this;
  disconnect(): this;
  close(): this;
  redial(): void;
  postpone(delay: number): void;
  sleep(): void;
  wake(): void;
  check(): void;

  on<Name extends keyof OwnEvents>(event: Name, listener: OwnEvents[Name]): this;
  on<Name extends keyof Heard & string>(event: Name, listener: (...args: Arguments<Heard[Name]>) => void): this;
  once<Name extends keyof OwnEvents>(event: Name, listener: OwnEvents[Name]): this;
  once<Name extends keyof Heard & string>(event: Name, listener: (...args: Arguments<Heard[Name]>) => void): this;
  off(event?: string, listener?: (...args: any[]) => void): this;

  /** False if it was refused, because too many messages wait already. */
  emit<Name extends keyof Said & string>(event: Name, ...args: WithAcknowledgement<Arguments<Said[Name]>>): boolean;
  /** Resolves with the first value of the acknowledgement. */
  emitWithAck<Name extends keyof Said & string>(event: Name, ...args: Arguments<Said[Name]>): Promise<any>;
  /** The same two, with so many ms for the acknowledgement. */
  timeout(ms: number): Pick<Socket<Heard, Said>, 'emit' | 'emitWithAck'>;
}

type Arguments<Event> =
  unknown extends Event ? any[] : Event extends (...args: infer All) => any ? All : never;
type WithAcknowledgement<Args extends any[]> = Args | [...args: Args, acknowledgement: Acknowledgement];

/** Connects to a server; `url` has no path, that is an option. */
export function io<Heard extends Events = Events, Said extends Events = Events>(
  url: string, options?: SocketOptions,
): Socket<Heard, Said>;
