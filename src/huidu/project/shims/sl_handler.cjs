// Answers events of an API with the application that the entry file exports (Express, Koa).
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const { pathToFileURL } = require('url');

const ENTRY = process.env.SLS_ENTRY_FILE || 'sls.js';
const TEXT = /^(text\/|application\/(json|javascript|xml|x-www-form-urlencoded)|[^;]*\+(json|xml))/i;
// What concerns one connection only, and what is counted anew.
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);

// Modules of both kinds can be the entry; only the older kind is there at once.
function load() {
  const file = path.resolve(__dirname, ENTRY);
  try {
    return require(file);
  } catch (error) {
    if (!['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error.code)) throw error;
    return import(pathToFileURL(file).href);
  }
}

function applicationOf(exported) {
  const application = (exported && exported.default) || exported;
  if (typeof application !== 'function' && typeof application.callback !== 'function') {
    throw new Error(`${ENTRY} must export the application: module.exports = app`);
  }
  return application;
}

const loaded = load();
const application = loaded instanceof Promise ? loaded.then(applicationOf) : applicationOf(loaded);
// Who calls hears of it.
if (application instanceof Promise) application.catch(() => {});

let listening;

async function listen() {
  const app = await application;
  if (typeof app.slsInitialize === 'function') await app.slsInitialize();
  // A socket with a path needs no network.
  const socket = path.join(os.tmpdir(), `app-${crypto.randomBytes(8).toString('hex')}.sock`);
  process.once('exit', () => fs.rmSync(socket, { force: true }));
  const server = http.createServer(typeof app.callback === 'function' ? app.callback() : app);
  server.keepAliveTimeout = 0;
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => resolve(socket));
  });
}

function target(event) {
  const query = new URLSearchParams(event.queryString || {}).toString();
  // A % that is still in it begins what was not decoded.
  const plain = encodeURI(event.path || '/').replace(/[?#]/g, encodeURIComponent);
  return plain.replace(/%25/g, '%') + (query && `?${query}`);
}

function ask(socket, event) {
  const body = Buffer.from(event.body || '', event.isBase64Encoded ? 'base64' : 'utf8');
  const headers = {};
  for (const [name, value] of Object.entries(event.headers || {})) {
    if (!OF_CONNECTION.has(name.toLowerCase())) headers[name] = value;
  }
  if (body.length) headers['content-length'] = body.length;
  const options = { socketPath: socket, method: event.httpMethod || 'GET', path: target(event) };
  return new Promise((resolve, reject) => {
    const request = http.request({ ...options, headers, agent: false }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve([answer, Buffer.concat(chunks)]));
    });
    request.on('error', reject);
    request.end(body);
  });
}

exports.handler = async (event) => {
  if (!listening) {
    listening = listen();
    // What failed may go well by the next call: a database was away.
    listening.catch(() => { listening = undefined; });
  }
  const [answer, body] = await ask(await listening, event);
  const headers = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (!OF_CONNECTION.has(name)) headers[name] = value;
  }
  const plain = TEXT.test(headers['content-type'] || '') && !headers['content-encoding'];
  return {
    isBase64Encoded: !plain,
    statusCode: answer.statusCode,
    headers,
    body: body.toString(plain ? 'utf8' : 'base64'),
  };
};
