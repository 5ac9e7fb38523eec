/**
 * What runs inside an instance of a Node.js function: loads the handler, then answers calls.
 *
 * Started as `node node_worker.js FD`, where FD is one end of a socket pair, or with the word
 * `blank` behind it: then it says READY before it is told what it is for. Frames go over the
 * socket (a kind, four bytes of length, a body) and never over stdout or stderr, so that nothing
 * a function prints can be taken for an answer. Needs Node.js 14 and no package.
 */
'use strict';

const fs = require('fs');
const Module = require('module');
const net = require('net');
const path = require('path');
const { pathToFileURL } = require('url');
const util = require('util');
const { STDOUT, STDERR, print, outlet, prefixed } = require('./node_printing');
const {
  USER_CODE_ERROR, words, wrong, failure, said, json, utf8, told, stack,
} = require('./node_words');

const [READY, FAILED] = [0xa2, 0xa3];
const HEADER = 5, SIZE = 4, NONCE = 16;
const FIGURES = 16; // With each answer: bytes of memory, nanoseconds that it took.
const BUFFER = 256 * 1024;

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

/** The worker's end of the wire: hands each frame to `take`; ends the process with the wire. */
class Channel {
  constructor(fd, take) {
    this._take = take;
    this._head = Buffer.allocUnsafe(HEADER);
    this._got = 0;
    this._body = null;
    const buffer = Buffer.allocUnsafeSlow(BUFFER);
    const callback = (size, filled) => {
      this._feed(filled.subarray(0, size));
      return true;
    };
    this._socket = new net.Socket({ fd, onread: { buffer, callback } });
    this._socket.on('error', leave);
    this._socket.on('end', leave);
  }

  /** Send one frame; `then` is called once it is out of our hands. */
  send(kind, parts, then) {
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    const head = Buffer.allocUnsafe(HEADER);
    head[0] = kind;
    head.writeUInt32BE(size, 1);
    this._socket.write(Buffer.concat([head, ...parts], HEADER + size), then);
  }

  /** Have the wire keep the process alive, or not, where nothing else does. */
  hold(held) {
    if (held) this._socket.ref();
    else this._socket.unref();
  }

  _feed(data) {
    while (data.length > 0) {
      const into = this._body || this._head;
      const wanted = this._body ? this._body.length : HEADER;
      const taken = data.copy(into, this._got, 0, Math.min(data.length, wanted - this._got));
      this._got += taken;
      data = data.subarray(taken);
      if (this._got < wanted) return;
      this._got = 0;
      if (this._body) {
        this._body = null;
        this._take(into);
      } else {
        this._body = Buffer.allocUnsafe(into.readUInt32BE(1));
      }
    }
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
  }

  peak() {
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

/** What a handler is called with beside its event; what is no data does not show in JSON. */
class Context {
  constructor(constants, own, end) {
    Object.assign(this, constants, own);
    const until = Date.now() + this.time_limit_in_ms;
    const hidden = (value) => ({ value, enumerable: false, writable: true, configurable: true });
    Object.defineProperties(this, {
      callbackWaitsForEmptyEventLoop: hidden(waitsByDefault()),
      done: hidden((error, result) => end(error, result)),
      succeed: hidden((result) => end(null, result)),
      fail: hidden((error) => end(error === undefined || error === null ? 'failed' : error)),
      getRemainingTimeInMillis: hidden(() => Math.max(0, until - Date.now())),
    });
  }
}

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
    this._channel = new Channel(fd, (body) => this._take(body));
    process.on('uncaughtException', (error) => this._uncaught(error, 'uncaughtException'));
    process.on('unhandledRejection', (error) => this._uncaught(error, 'unhandledRejection'));
    process.on('beforeExit', () => this._idle());
  }

  get requestId() {
    return this._call ? this._call.id : this._last || '';
  }

  /** Say that it waits to be told what it is for. */
  wait() {
    this._channel.send(READY, [json({ digest: '' })]);
  }

  _take(body) {
    if (this._order === null) this._load(JSON.parse(body.toString()));
    else this._run(body);
  }

  async _load(order) {
    this._order = order;
    if (process.ppid !== order.parent) process.reallyExit(1); // The platform ended before.
    try {
      this._handler = await load(order);
    } catch (error) {
      this._unloadable(error);
    }
    if (!this._over) this._channel.send(READY, [json({ digest: order.digest })]);
  }

  _unloadable(error) {
    if (this._over) return;
    this._over = true;
    const [message, trace] =
      error instanceof Unloadable ? [error.message, error.trace] : [told(error), stack(error)];
    this._channel.send(FAILED, [json(said(message, trace))], leave);
  }

  _run(body) {
    const began = process.hrtime.bigint();
    const ends = NONCE + SIZE + body.readUInt32BE(NONCE);
    const own = JSON.parse(body.toString('utf8', NONCE + SIZE, ends));
    follow(own);
    const call = { nonce: body.subarray(0, NONCE), began, id: own.request_id, late: null };
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
    const figures = Buffer.allocUnsafe(FIGURES);
    figures.writeBigUInt64BE(BigInt(this._memory.peak()), 0);
    figures.writeBigUInt64BE(process.hrtime.bigint() - call.began, 8);
    this._channel.send(kind, [call.nonce, figures, text], then);
  }

  /** What nobody caught leaves the program in no state to go on: it answers, and ends. */
  _uncaught(error, kind) {
    if (process.listenerCount(kind) > 1) return; // The function has one of its own.
    const ending = () => process.reallyExit(1);
    if (this._handler === null) this._unloadable(error);
    else if (this._call !== null) this._answer(this._call, ...wrong(error), ending);
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
