/**
 * What runs inside an instance of a Node.js function: loads the handler, then answers calls.
 *
 * Started as `node node_worker.js FD`, where FD is one end of a socket pair, or with the word
 * `blank` behind it: then it says READY before it is told what it is for. Frames go over the
 * socket (a kind, four bytes of length, a body) and never over stdout or stderr, so that nothing
 * a function prints can be taken for an answer. The next call may be sent ahead of an answer: it
 * begins once that is wholly written. Needs Node.js 14 and no package.
 */
'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');
const { performance } = require('perf_hooks');
const { pathToFileURL } = require('url');
const util = require('util');
const { STDOUT, STDERR, print, outlet, prefixed, turn } = require('./node_printing');
const { Channel, NONCE, SIZE } = require('./node_wire');
const {
  USER_CODE_ERROR, words, wrong, failure, said, utf8, told, stack,
} = require('./node_words');

const [READY, FAILED] = [0xa2, 0xa3];
const AHEAD = 7; // So many calls may wait in the wire while one runs.
const QUICK_MS = 0.05, MOST_QUICK = 16; // In a quick call memory cannot grow by much, nor in so many.
const now = performance.now.bind(performance);

const BAD_EVENT = 400;
const ENDINGS = ['.js', '.cjs', '.mjs'];
const TRACE = ['traceparent', 'tracestate'];
const followed = new Set(); // What of it the environment has from the call before.
/** What functions require most, for a blank to have at hand. */
const COMMON = ['assert', 'buffer', 'child_process', 'crypto', 'dns', 'events', 'fs/promises',
  'http', 'https', 'os', 'querystring', 'readline', 'stream', 'string_decoder', 'timers', 'tls',
  'tty', 'zlib'];

/** The handler cannot be loaded; what is missing, and the stack where code was run. */
class Unloadable extends Error {
  constructor(message, trace = '') {
    super(message);
    this.trace = trace;
  }
}

/**
 * The most memory that this process ever held.
 *
 * `maxRSS` will not do: it begins with what the platform held when it started us. The true peak
 * takes a file to read, and is read only where pages came in since it was read last.
 */
class Memory {
  constructor() {
    this._faults = -1;
    this._peak = 0;
    this._quick = 0; // Calls in a row after which nobody looked.
  }

  /** Return the peak in bytes after a call that took so long. */
  peak(tookMs) {
    this._quick += 1;
    if (tookMs < QUICK_MS && this._quick < MOST_QUICK && this._peak > 0) return this._peak;
    this._quick = 0;
    const usage = process.resourceUsage();
    const faults = usage.minorPageFault + usage.majorPageFault;
    if (faults !== this._faults) {
      this._faults = faults;
      this._peak = Memory._read() || usage.maxRSS * 1024;
    }
    return this._peak;
  }

  static _read() {
    try {
      const found = /^VmHWM:\s*(\d+)/m.exec(fs.readFileSync('/proc/self/status', 'latin1'));
      return found ? Number(found[1]) * 1024 : 0;
    } catch (error) {
      return 0;
    }
  }
}

/**
 * What a handler is called with beside its event; what is no data does not show in JSON.
 *
 * That is made when it is asked for: of most calls it never is.
 */
class Context {
  #call; // What the rest is made from.

  constructor(constants, own, end) {
    Object.assign(this, constants, own);
    this.#call = { end, until: Date.now() + this.time_limit_in_ms };
  }

  static offer(name, make) {
    const keep = (context, value) => {
      const kept = { value, enumerable: false, writable: true, configurable: true };
      Object.defineProperty(context, name, kept);
      return value;
    };
    Object.defineProperty(Context.prototype, name, {
      configurable: true,
      get() { return keep(this, make(this.#call)); },
      set(value) { keep(this, value); },
    });
  }
}

Context.offer('callbackWaitsForEmptyEventLoop', () => waitsByDefault());
Context.offer('done', ({ end }) => (error, result) => end(error, result));
Context.offer('succeed', ({ end }) => (result) => end(null, result));
Context.offer('fail', ({ end }) => (error) =>
  end(error === undefined || error === null ? 'failed' : error));
Context.offer('getRemainingTimeInMillis', ({ until }) => () => Math.max(0, until - Date.now()));
delete Context.offer;

/** Tell whether an answer waits for what else goes on: only before Node.js 10, as in SCF. */
function waitsByDefault() {
  return /^Nodejs[1-9]\./.test(process.env.SCF_RUNTIME || '');
}

/** Answers calls, one at a time; what goes wrong outside of any belongs to the one under way. */
class Worker {
  constructor(fd) {
    this._memory = new Memory();
    this._handler = null;
    this._order = null;
    this._call = null;
    this._over = false;
    this._ahead = []; // What came before its turn.
    this._channel = new Channel(fd, (body) => this._take(body), leave);
    process.on('uncaughtException', (error) => this._uncaught(error, 'uncaughtException'));
    process.on('unhandledRejection', (error) => this._uncaught(error, 'unhandledRejection'));
    process.on('beforeExit', () => this._idle());
  }

  get requestId() {
    return this._call ? this._call.id : this._last || '';
  }

  /** Say that it waits to be told what it is for. */
  wait() {
    this._channel.send(READY, JSON.stringify({ digest: '' }));
  }

  _take(body) {
    if (this._order === null) this._load(JSON.parse(body.toString()));
    else if (this._call === null && !this._channel.busy && this._ahead.length === 0) this._run(body);
    else this._ahead.push(Buffer.from(body));
  }

  /** Begin with the call that was sent ahead, after what the event loop has to do by now. */
  _next() {
    if (this._ahead.length > 0) setImmediate(() => this._run(this._ahead.shift()));
  }

  async _load(order) {
    this._order = order;
    if (process.ppid !== order.parent) process.reallyExit(1); // The platform ended before.
    try {
      this._handler = await load(order);
    } catch (error) {
      this._unloadable(error);
    }
    if (this._over) return;
    this._channel.send(READY, JSON.stringify({ digest: order.digest, ahead: AHEAD }));
  }

  _unloadable(error) {
    if (this._over) return;
    this._over = true;
    const [message, trace] =
      error instanceof Unloadable ? [error.message, error.trace] : [told(error), stack(error)];
    this._channel.send(FAILED, JSON.stringify(said(message, trace)), leave);
  }

  _run(body) {
    const began = now();
    const ends = NONCE + SIZE + body.readUInt32BE(NONCE);
    const own = JSON.parse(body.toString('utf8', NONCE + SIZE, ends));
    follow(own);
    const nonce = body.toString('latin1', 0, NONCE);
    const call = { nonce, began, id: own.request_id, late: null, context: null, promised: false };
    this._call = call;
    this._last = call.id;
    let event;
    try {
      event = JSON.parse(utf8(body.subarray(ends)));
    } catch (error) {
      this._answer(call, ...failure(BAD_EVENT, `the event is not JSON: ${told(error)}`));
      return;
    }
    const end = (error, result) => this._callback(call, error, result);
    call.context = new Context(this._order.context, own, end);
    this._start(call, event, end);
  }

  _start(call, event, end) {
    const handler = this._handler;
    const failed = (error) => this._answer(call, ...wrong(error));
    const settled = (result) => this._answer(call, ...words(result));
    let result;
    try {
      result = handler(event, call.context, end);
      if (result && typeof result.then === 'function') {
        call.promised = true;
        result.then(settled, failed);
      } else if (result !== undefined && handler.length < 3) {
        settled(result);
      }
    } catch (error) {
      failed(error);
    }
    if (this._call === call) this._channel.hold(false); // So that it is seen when nothing is left.
  }

  /** Take the word of a callback: at once, or once nothing else goes on, as the handler wishes. */
  _callback(call, error, result) {
    if (call !== this._call || call.late !== null) return;
    const reply = error === undefined || error === null ? words(result) : wrong(error);
    if (call.context.callbackWaitsForEmptyEventLoop) call.late = reply;
    else this._answer(call, ...reply);
  }

  /** Nothing goes on any more: nobody will settle the call that is under way. */
  _idle() {
    const call = this._call;
    if (call === null) return;
    const never = 'the promise of the handler is never settled: nothing is left that could do it';
    const reply = call.promised ? failure(USER_CODE_ERROR, never) : words(undefined);
    this._answer(call, ...(call.late || reply));
  }

  _answer(call, kind, text, then) {
    if (call !== this._call) return;
    this._call = null;
    this._channel.hold(true);
    const took = now() - call.began;
    const over = then || (() => this._next());
    this._channel.reply(kind, call.nonce, this._memory.peak(took), took * 1e6, text, over);
    turn.begun += 1;
  }

  /** What nobody caught leaves the program in no state to go on: it answers, and ends. */
  _uncaught(error, kind) {
    if (process.listenerCount(kind) > 1) return; // The function has one of its own.
    const ending = () => process.reallyExit(1);
    if (this._handler === null) this._unloadable(error);
    else if (this._call !== null) this._answer(this._call, ...wrong(error, true), ending);
    else {
      print(STDERR, `${stack(error) || told(error)}\n`);
      ending();
    }
  }
}

/** Say in the environment too which trace the call is in; nothing else runs beside it here. */
function follow(own) {
  for (const name of TRACE) {
    if (name in own) {
      process.env[name.toUpperCase()] = own[name];
      followed.add(name);
    } else if (followed.delete(name)) {
      delete process.env[name.toUpperCase()];
    }
  }
}

/** End with the platform, whatever the function left behind. */
function leave() {
  process.reallyExit(0);
}

/** Load the handler's file as Node.js itself would, and return the function in it. */
async function load(order) {
  surround(order);
  const dot = order.handler.lastIndexOf('.');
  const [name, wanted] = [order.handler.slice(0, dot), order.handler.slice(dot + 1)];
  const ending = ENDINGS.find((one) => isFile(path.join(order.code, name + one)));
  if (ending === undefined) throw new Unloadable(`the package has no file ${name}.js`);
  const file = path.join(order.code, name + ending);
  process.argv = [process.argv[0], file];
  let found;
  try {
    found = isModule(file, order.code)
      ? await import(pathToFileURL(file).href)
      : Module.createRequire(path.join(order.code, 'package.json'))(file);
  } catch (error) {
    throw new Unloadable(`${name}${ending} cannot be loaded: ${told(error)}`, stack(error));
  }
  const inside = found && found.default;
  const handler = found && (found[wanted] || (inside && inside[wanted]));
  if (typeof handler !== 'function') {
    throw new Unloadable(`${name}${ending} exports no function ${wanted}`);
  }
  return handler;
}

/** Have the environment of the function, whatever this process was started with. */
function surround({ code, environment }) {
  const { HOME, TMPDIR, NODE_PATH } = process.env;
  const wanted = Object.assign(Object.create(null), { HOME, TMPDIR }, environment || process.env);
  for (const key of Object.keys(process.env)) if (!(key in wanted)) delete process.env[key];
  for (const key of Object.keys(wanted)) {
    if (wanted[key] !== undefined && process.env[key] !== wanted[key]) process.env[key] = wanted[key];
  }
  if (process.env.NODE_PATH !== NODE_PATH) Module._initPaths();
  try {
    process.chdir(code);
  } catch (error) {
    throw new Unloadable(`the package's folder cannot be entered: ${error.message}`);
  }
}

function isFile(file) {
  try {
    return fs.statSync(file).isFile();
  } catch (error) {
    return false;
  }
}

/** Tell whether a file is an ES module: by its ending, or by the nearest package.json. */
function isModule(file, code) {
  if (!file.endsWith('.js')) return file.endsWith('.mjs');
  for (let folder = path.dirname(file); folder.startsWith(code); folder = path.dirname(folder)) {
    let text;
    try {
      text = fs.readFileSync(path.join(folder, 'package.json'), 'utf8');
    } catch (error) {
      continue;
    }
    try {
      return JSON.parse(text).type === 'module';
    } catch (error) {
      throw new Unloadable(`package.json is not JSON: ${error.message}`);
    }
  }
  return false;
}

function main([fd, blank]) {
  process.argv.splice(2);
  outlet('stdout', STDOUT);
  outlet('stderr', STDERR);
  const worker = new Worker(Number(fd));
  prefixed(() => worker.requestId);
  if (blank === undefined) return;
  for (const name of COMMON) require(name);
  util.format('%o', { now: new Date().toISOString() }); // What the first line of a console takes.
  worker.wait();
}

main(process.argv.slice(2));
