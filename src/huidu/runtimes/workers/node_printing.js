/**
 * What a Node.js function prints: written at once, and by its console as SCF writes it.
 */
'use strict';

const { writeSync } = require('fs');
const { Writable } = require('stream');

const STDOUT = 1, STDERR = 2;
const NAP = new Int32Array(new SharedArrayBuffer(4));

/** After how many calls the one came that prints, and whether that was said. */
const turn = { begun: 0, said: 0 };

/**
 * Write to an output before anything else happens, so that it is out before the reply is.
 *
 * A child of the function may have made the pipe one that does not wait: then we do. The first
 * words of a call come with its mark: what a call prints that was sent ahead can be in the pipe
 * before the answer of the one before it was read.
 */
function print(fd, data) {
  let rest = Buffer.isBuffer(data) ? data : Buffer.from(data);
  if (turn.said !== turn.begun && rest.length > 0) {
    turn.said = turn.begun;
    const mark = `\0call${turn.begun.toString(16).padStart(8, '0')}\0`;
    rest = Buffer.concat([Buffer.from(mark), rest]);
  }
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') return; // The function has closed it.
      Atomics.wait(NAP, 0, 0, 1);
    }
  }
}

/** Put a stream that is never behind in the place of an output. */
function outlet(name, fd) {
  let stream = null;
  const make = () => {
    const write = (chunk, _encoding, then) => {
      print(fd, chunk);
      then();
    };
    const made = new Writable({ write, destroy: (error, then) => then(error) });
    return Object.assign(made, { fd, _type: 'pipe', _isStdio: true });
  };
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => {
      stream = stream || make();
      return stream;
    },
  });
}

/** Have the console write as SCF has it: time, request and message, parted by tabs. */
function prefixed(requestId) {
  const onto = (fd) => ({
    write: (text) => print(fd, `${new Date().toISOString()}\t${requestId()}\t${text}`),
  });
  const mine = new console.Console({
    stdout: onto(STDOUT),
    stderr: onto(STDERR),
    ignoreErrors: false,
  });
  for (const [name, method] of Object.entries(mine)) {
    if (typeof method === 'function') console[name] = method;
  }
}

module.exports = { STDOUT, STDERR, print, outlet, prefixed, turn };
