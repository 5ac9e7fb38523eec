/**
 * What the worker of Node.js functions says of a call: its result, or what went wrong.
 */
'use strict';

const util = require('util');

const [RESULT, ERROR] = [0xa5, 0xa6];
const MOST_RESULT = 6 * 1024 * 1024;
const MOST_MESSAGE = 4 * 1024;
const MOST_STACK = 32 * 1024;
const RESULT_TOO_LARGE = 407, USER_CODE_ERROR = 443;

/** Return the reply with a result, as kind and text. */
function words(result) {
  let text;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    return failure(USER_CODE_ERROR, `the result cannot be written as JSON: ${told(error)}`);
  }
  if (text === undefined) return [RESULT, 'null'];
  if (text.length * 3 <= MOST_RESULT) return [RESULT, text];
  const size = Buffer.byteLength(text);
  if (size <= MOST_RESULT) return [RESULT, text];
  const limit = `at most ${MOST_RESULT} are allowed`;
  return failure(RESULT_TOO_LARGE, `the result is too large: ${size} bytes, ${limit}`);
}

/** Return the reply that tells what the function threw, and whether it is the end of the process. */
function wrong(error, ends = false) {
  return failure(USER_CODE_ERROR, told(error), stack(error), ends);
}

function failure(status, message, trace = '', ends = false) {
  return [ERROR, JSON.stringify({ status, ends, ...said(message, trace) })];
}

/** Return what went wrong as it may be sent: not too long, and no halves of characters. */
function said(message, trace) {
  const whole = (text) => Buffer.from(text).toString();
  return { message: whole(message.slice(0, MOST_MESSAGE)), stack: whole(trace.slice(0, MOST_STACK)) };
}

/** Return a text, or throw where it is not UTF-8. */
function utf8(bytes) {
  const text = bytes.toString();
  return text.includes('\ufffd') ? new util.TextDecoder('utf-8', { fatal: true }).decode(bytes) : text;
}

function isError(value) {
  return value instanceof Error || util.types.isNativeError(value);
}

/** Return what was thrown as one reads it on top of a trace. */
function told(error) {
  try {
    if (typeof error === 'string') return error;
    return isError(error) ? String(error) : util.inspect(error);
  } catch (odd) {
    return 'an error that cannot be shown';
  }
}

/** Return the trace of an error without the lines that are ours or the loader's. */
function stack(error) {
  try {
    if (!isError(error) || typeof error.stack !== 'string') return '';
    const ours = (line) =>
      /^\s+at /.test(line) && (line.includes(__dirname) || /\(?node:internal\/|\(internal\//.test(line));
    return `${error.stack.split('\n').filter((line) => !ours(line)).join('\n')}\n`;
  } catch (odd) {
    return '';
  }
}

module.exports = { USER_CODE_ERROR, words, wrong, failure, said, utf8, told, stack };
