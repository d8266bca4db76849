// Where the processes of the kill tests may die: at a seam of the library, or at a point that every client has (a commit, a
// write to the socket, data from it).
import { onSeam } from '../../dist/base/seams.js'
import { connectWebSocket } from '../../dist/transport/websocket.js'

/** Dies at the planned passage of a point; without a plan never. */
export function points(kill) {
  let seen = 0
  /** Counts the passages of a point and dies at the planned one. SIGKILL: no handler, no flush, no goodbye. */
  function pass(point) {
    if (kill?.point !== point) return
    seen += 1
    if (seen === kill.nth) process.kill(process.pid, 'SIGKILL')
  }
  onSeam(pass)

  /** A point at which everything else has had its turn: what should have waited for the commit has not waited. */
  async function passSlowly(point) {
    if (kill?.point !== point || seen + 1 !== kill.nth) return pass(point)
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate)
    pass(point)
  }

  /** The store as it is, with a point before and after each commit. */
  function withCommitPoints(store) {
    return new Proxy(store, {
      get(target, name) {
        if (name === 'commit') {
          return async (...input) => {
            pass('commit:before')
            await passSlowly('commit:slow')
            const result = await target.commit(...input)
            pass('commit:after')
            return result
          }
        }
        const member = target[name]
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
  }

  /** The socket as it is, with points around each write and before each read. */
  async function connectWithPoints(options) {
    const socket = await connectWebSocket(options)
    return new Proxy(socket, {
      get(target, name) {
        if (name === 'send') {
          return (bytes) => {
            pass('write:before')
            target.send(bytes)
            pass('write:after')
          }
        }
        const member = target[name]
        return typeof member === 'function' ? member.bind(target) : member
      },
      set(target, name, value) {
        target[name] =
          name === 'onData' && value !== undefined
            ? (bytes) => {
                pass('read:before')
                value(bytes)
                pass('read:after')
              }
            : value
        return true
      },
    })
  }

  /** An endpoint as the harness sends it, with points on its socket. */
  const endpointWithPoints = ({ url, rootKey, rootSerial }) => ({
    url,
    rootKey: Buffer.from(rootKey, 'base64'),
    rootSerial,
    connect: connectWithPoints,
  })

  return { withCommitPoints, endpointWithPoints }
}
