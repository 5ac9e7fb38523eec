/**
 * What carries frames between a Node.js worker and the platform: its end of the wire.
 */
'use strict';

const { writeSync } = require('fs');
const net = require('net');

const HEADER = 5, SIZE = 4, NONCE = 16;
const FIGURES = 16; // With each answer: bytes of memory, nanoseconds that it took.
const BUFFER = 256 * 1024;
const WORD = 2 ** 32;

/** Hands each frame to `take`, good until that returns; ends the process with the wire. */
class Channel {
  constructor(fd, take, leave) {
    this._fd = fd;
    this._take = take;
    this._head = Buffer.allocUnsafe(HEADER);
    this._got = 0;
    this._body = null;
    this._out = Buffer.allocUnsafeSlow(BUFFER);
    this.busy = false; // Whether something is not wholly written yet.
    const buffer = Buffer.allocUnsafeSlow(BUFFER);
    const callback = (size, filled) => {
      this._feed(filled, size);
      return true;
    };
    this._socket = new net.Socket({ fd, onread: { buffer, callback } });
    this._socket.on('error', leave);
    this._socket.on('end', leave);
  }

  /** Send one frame; `then` is called once it is out of our hands. */
  send(kind, text, then) {
    this._send(kind, 0, text, then);
  }

  /** Send the answer to a call; `then` is called once it is wholly written. */
  reply(kind, nonce, peak, took, text, then) {
    const out = this._out;
    out.write(nonce, HEADER, 'latin1');
    const at = HEADER + NONCE;
    out.writeUInt32BE(Math.floor(peak / WORD), at);
    out.writeUInt32BE(peak % WORD, at + 4);
    out.writeUInt32BE(Math.floor(took / WORD), at + 8);
    out.writeUInt32BE(Math.floor(took % WORD), at + 12);
    this._send(kind, NONCE + FIGURES, text, then);
  }

  /** Have the wire keep the process alive, or not, where nothing else does. */
  hold(held) {
    if (held) this._socket.ref();
    else this._socket.unref();
  }

  /** Send a frame whose body begins with what lies behind the header in our buffer. */
  _send(kind, figures, text, then) {
    let out = this._out;
    const before = HEADER + figures;
    let size = before;
    if (text.length * 3 <= BUFFER - before) {
      size += out.write(text, before, 'utf8');
    } else {
      size += Buffer.byteLength(text);
      out = Buffer.allocUnsafe(size);
      this._out.copy(out, 0, 0, before);
      out.write(text, before, 'utf8');
    }
    out[0] = kind;
    out.writeUInt32BE(size - HEADER, 1);
    const sent = this.busy ? 0 : this._write(out, size);
    if (sent === size) {
      if (then) then();
      return;
    }
    this.busy = true;
    this._socket.write(Buffer.from(out.subarray(sent, size)), () => {
      this.busy = this._socket.writableLength > 0;
      if (then) then();
    });
  }

  /** Write at once what there is room for: a stream would cost as much again. */
  _write(out, size) {
    try {
      return writeSync(this._fd, out, 0, size);
    } catch (error) {
      return 0; // There is no room, or nobody left: the stream will tell.
    }
  }

  _feed(data, size) {
    let at = 0;
    while (at < size) {
      if (this._body === null && this._got === 0 && size - at >= HEADER) {
        const ends = at + HEADER + data.readUInt32BE(at + 1);
        if (ends <= size) { // It came as a whole.
          const body = data.subarray(at + HEADER, ends);
          at = ends;
          this._take(body);
          continue;
        }
      }
      at += this._gather(data, at, size);
    }
  }

  /** Take in part of a frame; return how much it was. */
  _gather(data, at, size) {
    const into = this._body || this._head;
    const taken = data.copy(into, this._got, at, Math.min(size, at + into.length - this._got));
    this._got += taken;
    if (this._got < into.length) return taken;
    this._got = 0;
    if (this._body) {
      this._body = null;
      this._take(into);
    } else {
      this._body = Buffer.allocUnsafe(into.readUInt32BE(1));
    }
    return taken;
  }
}

module.exports = { Channel, NONCE, SIZE };
